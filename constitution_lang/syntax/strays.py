"""Lines at column one that begin no block: those that belong to the block above, and those that belong nowhere."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic
from constitution_lang.source import Span
from constitution_lang.syntax.block_rules import meant_opening
from constitution_lang.syntax.forms import BLOCKS, BlockForm, ValueKind
from constitution_lang.syntax.grammar import block_tree
from constitution_lang.syntax.habits import at_column_one
from constitution_lang.syntax.hints import begins_with, unknown_block
from constitution_lang.syntax.lalr import Tree

__all__ = ["Taken", "bare_text_key", "is_prose", "take", "without_conflicts"]

_HEADER_LIKE = re.compile(r"[\w-]+(?:[ ]+[\w.-]+)?[ ]*(?:[\"\u201c'{:]|$)")
_TITLED = re.compile(r"[\w-]+[ ]+(?:[\w.-]+[ ]*)?(?:[\"\u201c']|$)")
_ENTRY = re.compile(r"\n  (?=[^ \t\n#])")
_KEY = re.compile(r"(?:  )?([\w-]+)[ ]*:?[ ]*(?:#.*)?")
_OTHER_KEY = re.compile(r"([a-z][\w-]*)[ ]*:")
_LOWER = re.compile(r"[a-z][\w-]*")
_CONFLICT = re.compile(
    r"^(?P<first><{7}(?!<)[^\n]*)\n(?P<one>(?:.*\n)*?)(?P<rest>(?:\|{7}(?!\|)[^\n]*\n(?:.*\n)*?)?={7}\n(?:.*\n)*?>{7}(?!>)[^\n]*)",
    re.MULTILINE,
)


class Taken(msgspec.Struct, frozen=True):
    """A block with the lines at column one that belong to it, and how many such stretches these are.

    `found` is what is told of lines that belong nowhere, which are blank now. `unsure` says that lines of the block may
    stand behind the last stretch, below one at column one that nobody knows.
    """

    text: str
    count: int
    found: tuple[Diagnostic, ...]
    unsure: bool


def take(file: str, start: int, text: str, strays: Sequence[str], *, misspelled: Sequence[bool]) -> Taken:
    """The block that begins at `start`, with what belongs to it of the stretches behind it, each from column one on."""
    form = _form(text)
    found: list[Diagnostic] = []
    in_prose = False
    for count, stray in enumerate(strays):
        line = stray.split("\n", 1)[0].rstrip()
        at = start + len(text)
        last = text.rstrip().rsplit("\n", 1)[-1]
        inside = last.startswith("    ") or (in_prose and bool(found))
        if at_column_one(stray):
            found.append(unknown_block(file, at, stray, inside_text=inside))
            text += _blank(line) + stray[len(line) :]
            continue
        if _belongs(form, line, inside=inside):
            in_prose = False
        elif misspelled[count] and _TITLED.match(line):
            return Taken(text, count, tuple(found), unsure=False)
        elif is_prose(form, line) and ((in_prose and not found) or bare_text_key(form, last)):
            in_prose = True
        elif inside and (in_prose or not _HEADER_LIKE.match(line)):
            if not in_prose:
                found.append(unknown_block(file, at, stray, inside_text=True))
            in_prose = True
            text += _blank(line) + stray[len(line) :]
            continue
        else:
            return Taken(text, count, tuple(found), unsure=_ENTRY.search(stray) is not None)
        text += stray
    return Taken(text, len(strays), tuple(found), unsure=False)


def bare_text_key(form: BlockForm, line: str) -> str | None:
    """The key of a line that has a text below it, and nothing else in this line."""
    key = _KEY.fullmatch(line)
    field = form.field(key.group(1)) if key else None
    return field.key if field and field.kind is ValueKind.PROSE else None


def is_prose(form: BlockForm, line: str) -> bool:
    """Whether a line behind a key with nothing below it is more likely its text than another line of the block."""
    if begins_with(form, line) or line.startswith("//"):
        return False
    key = _OTHER_KEY.match(line)
    if key and any(other.field(key.group(1)) or other.opens(key.group(1)) for other in BLOCKS.values()):
        return False
    word = _LOWER.match(line)
    return not (word and meant_opening(form, word.group()))


def without_conflicts(file: str, text: str) -> tuple[str, list[Diagnostic]]:
    """A text that a merge could not put together with the first of the two versions, at the same places."""
    found = []
    for conflict in reversed([*_CONFLICT.finditer(text)]):
        habit = at_column_one(conflict["first"])
        assert habit
        span = Span(file, *conflict.span("first"))
        found.append(codes.E105.at(span, habit.message, help=habit.help))
        for part in ("first", "rest"):
            low, high = conflict.span(part)
            text = text[:low] + _blank(text[low:high]) + text[high:]
    return text, found


def _form(text: str) -> BlockForm:
    words = re.findall(r"[\w-]+", text.split("\n", 1)[0])
    return BLOCKS.get(" ".join(words[:2])) or BLOCKS[words[0]]


def _belongs(form: BlockForm, line: str, *, inside: bool) -> bool:
    """Whether a line would be one of the block, if it were indented."""
    opening = begins_with(form, line)
    if opening is None:
        return False
    return form.field(opening) is not None or not inside or isinstance(block_tree(f"{form.header}\n  {line}"), Tree)


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
