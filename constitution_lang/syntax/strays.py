"""Lines at column one that begin no block: those that belong to the block above, and those that belong nowhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic
from constitution_lang.source import Span
from constitution_lang.syntax.forms import BLOCKS, BlockForm, ValueKind
from constitution_lang.syntax.grammar import block_tree, parsed
from constitution_lang.syntax.habits import at_column_one
from constitution_lang.syntax.hints import unknown_block
from constitution_lang.syntax.indentation import begins_like, begins_with
from constitution_lang.syntax.lalr import Tree
from constitution_lang.syntax.line_faults import meant_opening

__all__ = ["Taken", "bare_text_key", "is_prose", "take", "without_conflicts"]

_HEADER_LIKE = re.compile(r"[\w-]+(?:[ ]+[\w.-]+)?[ ]*(?:[\"\u201c'{:]|$)")
_TITLED = re.compile(r"[\w-]+[ ]+(?:[\w.-]+[ ]*)?(?:[\"\u201c']|$)")
_ENTRY = re.compile(r"\n  (?=[^ \t\n#])")
_KEY = re.compile(r"(?:  )?([\w-]+)[ ]*:?[ ]*(?:#.*)?")
_OTHER_KEY = re.compile(r"([a-z][\w-]*)[ ]*:")
_LOWER = re.compile(r"[a-z][\w-]*")
_MARK = re.compile(r"^([<|=>])\1{6}(?!\1)[^\n]*", re.MULTILINE)
_KEY_BELOW = re.compile(r"\A(?:[^\s]+[ ]*){1,6}\n  [a-z]")
"""A line right below a short first one, as in a block."""


class Taken(msgspec.Struct, frozen=True):
    """A block with the lines at column one that belong to it, and how many such stretches these are.

    `found` is what is told of lines that belong nowhere, which are blank now. `unsure` says that lines of the block may
    stand behind the last stretch, below one at column one that nobody knows.
    """

    text: str
    count: int
    found: tuple[Diagnostic, ...]
    unsure: bool


def take(file: str, start: int, text: str, strays: Sequence[str], *, misspelled: Callable[[int], bool]) -> Taken:
    """The block that begins at `start`, with what belongs to it of the stretches behind it, each from column one on."""
    form = _form(text)
    found: list[Diagnostic] = []
    parts = [text]
    at = start + len(text)
    last = _last_line(text)
    in_prose = False

    def taken(count: int, *, unsure: bool = False) -> Taken:
        return Taken("".join(parts), count, tuple(found), unsure)

    for count, stray in enumerate(strays):
        line = stray.split("\n", 1)[0].rstrip()
        inside = last.startswith("    ") or (in_prose and bool(found))
        blank = at_column_one(stray) is not None
        if blank:
            found.append(unknown_block(file, at, stray, inside_text=inside))
        elif _belongs(form, line, inside=inside) or _goes_on(form, last, line):
            in_prose = False
        elif misspelled(count) and (_TITLED.match(line) or _KEY_BELOW.search(stray)):
            return taken(count)
        elif is_prose(form, line) and ((in_prose and not found) or bare_text_key(form, last)):
            in_prose = True
        elif inside and (in_prose or not _HEADER_LIKE.match(line)):
            blank = True
            if not in_prose:
                found.append(unknown_block(file, at, stray, inside_text=True))
            in_prose = True
        else:
            return taken(count, unsure=_ENTRY.search(stray) is not None)
        stretch = _blank(line) + stray[len(line) :] if blank else stray
        parts.append(stretch)
        at += len(stray)
        last = _last_line(stretch) or last
    return taken(len(strays))


def _last_line(text: str) -> str:
    """The last line that is not blank."""
    return text.rstrip().rsplit("\n", 1)[-1]


def bare_text_key(form: BlockForm, line: str) -> str | None:
    """The key of a line that has a text below it, and nothing else in this line."""
    key = _KEY.fullmatch(line)
    field = form.field(key.group(1)) if key else None
    return field.key if field and field.kind is ValueKind.PROSE else None


def is_prose(form: BlockForm, line: str) -> bool:
    """Whether a line behind a key with nothing below it is more likely its text than another line of the block."""
    if begins_like(form, line) or line.startswith("//"):
        return False
    key = _OTHER_KEY.match(line)
    if key and any(other.field(key.group(1)) or other.opens(key.group(1)) for other in BLOCKS.values()):
        return False
    word = _LOWER.match(line)
    return not (word and meant_opening(form, word.group()))


def without_conflicts(file: str, text: str) -> tuple[str, list[Diagnostic]]:
    """A text that a merge could not put together with the first of the two versions, at the same places."""
    found: list[Diagnostic] = []
    parts: list[str] = []
    done = 0
    first: re.Match[str] | None = None
    second: re.Match[str] | None = None
    for mark in _MARK.finditer(text):
        sign = mark.group(1)
        if sign == "<":
            first, second = mark, None
        elif sign in "|=" and first:
            second = second or mark
        elif sign == ">" and first and second:
            habit = at_column_one(first.group())
            assert habit
            found.append(codes.E105.at(Span(file, *first.span()), habit.message, help=habit.help))
            other = text[second.start() : mark.end()]
            parts += [
                text[done : first.start()],
                _blank(first.group()),
                text[first.end() : second.start()],
                _blank(other),
            ]
            done, first, second = mark.end(), None, None
    return "".join([*parts, text[done:]]), found


def _form(text: str) -> BlockForm:
    words = re.findall(r"[\w-]+", text.split("\n", 1)[0])
    return BLOCKS.get(" ".join(words[:2])) or BLOCKS[words[0]]


def _goes_on(form: BlockForm, last: str, line: str) -> bool:
    """Whether a line is the rest of the last one, which is none without it."""
    if last.startswith("    "):
        return False
    above = f"{form.header}\n{last}" if last.startswith("  ") else last
    return parsed(above) is None and parsed(f"{above} {line}") is not None


def _belongs(form: BlockForm, line: str, *, inside: bool) -> bool:
    """Whether a line would be one of the block, if it were indented."""
    opening = begins_with(form, line)
    if opening is None:
        return False
    return form.field(opening) is not None or not inside or isinstance(block_tree(f"{form.header}\n  {line}"), Tree)


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
