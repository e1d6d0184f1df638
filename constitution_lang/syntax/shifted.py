"""First lines of blocks that do not begin at column one, or behind a mark of a list or of a heading.

Each is told, and read as if it stood where it should, so that what stands below it is no part of the block above.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix
from constitution_lang.source import Span
from constitution_lang.syntax.characters import OTHER_SPACES
from constitution_lang.syntax.forms import BLOCKS, KEYWORDS
from constitution_lang.syntax.grammar import parsed
from constitution_lang.syntax.indentation import begins_with
from constitution_lang.syntax.keywords import looks_like_header
from constitution_lang.syntax.words import with_article

__all__ = ["all_indented", "twice_as_deep", "without_shifts", "without_strange_spaces"]

_SHIFTED = re.compile(
    r"^(?P<mark>[ ]{1,8}|[ ]?\t|[-*\u2022][ ]+|\d{1,3}[.)][ ]+|#{1,6}[ ]+)(?P<line>(?P<keyword>"
    + "|".join(KEYWORDS)
    + r")(?![\w.-])[^\n]*)",
    re.MULTILINE,
)
_GLUED = re.compile(
    r"^(?:  )?(?P<first>[a-z][^\n#]*?)(?P<gap>[ ]+)(?P<line>(?:" + "|".join(KEYWORDS) + r") [^\n]*)$", re.MULTILINE
)
"""A first line behind the line above it. What is a line of its own, and so without a gap, is not looked at."""
_TITLE = re.compile(
    rf"^(?P<line>(?:{'|'.join(KEYWORDS)}) [^\n\"]*(?:\"[^\n\"]*)?)\n(?P<rest>[^\s\"][^\n\"]*\"|\"[^\n\"]*\")(?=[ ]*$)",
    re.MULTILINE,
)
"""A title that begins, or goes on, at column one of the next line."""
_FOUR = re.compile(r"[ ]{4}[^ ]")
_LINE_BELOW = re.compile(r"\n(?P<line>[^\n]*)")
_NOT_A_BREAK = re.compile(r"[^\n]")
_NO_TEXT = 3
"""What is indented by so much is in no text."""
_SPACES = "".join(sorted(OTHER_SPACES))
_STRANGE_INDENT = re.compile(rf"^[ ]{{0,3}}[{_SPACES}][ \t{_SPACES}]*(?=[^\s])", re.MULTILINE)
_BLOCK_START = re.compile(r"\n(?=[^ \t\n#])")
_NEXT = re.compile(r"(?:\n[ \t]*)*\n(?P<indent>[ \t]*)(?P<line>[^\s][^\n]*)")


def without_shifts(file: str, text: str) -> tuple[str, list[int], list[Diagnostic]]:
    """The text with spaces in the place of marks, where the blocks behind them begin, and what is said of that."""
    starts: list[int] = []
    found: list[Diagnostic] = []
    parts: list[str] = []
    done = 0
    for shifted in _SHIFTED.finditer(text):
        mark, keyword, line = shifted["mark"], shifted["keyword"], shifted["line"].rstrip()
        end = _end_of_shifted(text, shifted) if shifted.start() >= done and looks_like_header(line) else None
        if end:
            found.append(_told_whole(file, text, shifted, end))
            parts += [text[done : shifted.start()], _NOT_A_BREAK.sub(" ", text[shifted.start() : end])]
            done = end
            continue
        if shifted.start() < done or not (
            looks_like_header(line) and _has_its_lines(text, shifted.end(), keyword, mark)
        ):
            continue
        start, end = shifted.span("mark")
        starts.append(end)
        parts += [text[done:start], " " * (end - start)]
        done = end
        found.append(_told(Span(file, start, end), mark, keyword, line))
    whole = "".join([*parts, text[done:]])
    for title in _TITLE.finditer(whole):
        line = f"{title['line']} {title['rest']}"
        if not parsed(line):
            continue
        at = title.end("line")
        whole = f"{whole[:at]} {whole[at + 1 :]}"
        span, gap = Span(file, *title.span("rest")), Fix(Span(file, at, at + 1), " ", "write it on one line")
        found.append(codes.E106.at(span, "a line can't go on in the next one", help=f"write `{line}`", fix=gap))
    for glued in _GLUED.finditer(whole):
        line, first = glued["line"].rstrip(), glued["first"].strip()
        if not (parsed(line) and looks_like_header(line) and _is_line(first)):
            continue
        starts.append(glued.start("line"))
        keyword = Span(file, glued.start("line"), glued.start("line") + len(line.split(None, 1)[0]))
        gap = Fix(Span(file, *glued.span("gap")), "\n\n", "begin it at column one")
        message = f"{with_article(line.split(None, 1)[0])} block begins on a line of its own"
        found.append(codes.E104.at(keyword, message, help=f"write `{line}` on the next line, at column one", fix=gap))
    return whole, sorted(starts), found


def _end_of_shifted(text: str, shifted: re.Match[str]) -> int | None:
    """Where a block ends all of whose lines are indented by as much more as its first; None where they are not."""
    indent = shifted["mark"] + "  "
    following = _NEXT.match(text, shifted.end())
    if shifted["mark"].strip() or not following or following["indent"] != indent:
        return None
    if begins_with(BLOCKS[shifted["keyword"]], following["line"]) is None:
        return None
    end = shifted.end()
    for line in _LINE_BELOW.finditer(text, end):
        if line["line"].strip() and not line["line"].startswith(indent):
            break
        end = line.end() if line["line"].strip() else end
    return end


def _told_whole(file: str, text: str, shifted: re.Match[str], end: int) -> Diagnostic:
    mark, keyword = shifted["mark"], shifted["keyword"]
    right = "\n".join(line.removeprefix(mark) for line in text[shifted.start() : end].split("\n"))
    width = "a tab" if "\t" in mark else f"{len(mark)} space{'s' if len(mark) > 1 else ''}"
    return codes.E104.at(
        Span(file, *shifted.span("mark")),
        f"this {keyword} and its lines are indented by {width}",
        help="take that away from each of its lines: a block begins at column one",
        fix=Fix(Span(file, shifted.start(), end), right, "begin it at column one"),
    )


def _is_line(text: str) -> bool:
    """Whether it is a first line, or begins like a line of a block."""
    return parsed(text) is not None or any(begins_with(form, text) for form in BLOCKS.values())


def without_strange_spaces(file: str, text: str) -> tuple[str, list[Diagnostic]]:
    """The text with ordinary spaces in the place of others that its lines are indented with, and what is said of these.

    They look alike, and most often all lines of a block have them: that is one mistake.
    """
    right = _STRANGE_INDENT.sub(lambda one: " " * len(one.group()), text)
    blocks: list[list[re.Match[str]]] = []
    end = 0
    for found in _STRANGE_INDENT.finditer(text):
        if not blocks or _BLOCK_START.search(right, end, found.end()):
            blocks.append([])
        blocks[-1].append(found)
        end = found.end()
    return right, [_strange(file, right, lines) for lines in blocks]


def _width(line: str) -> int:
    """By how many spaces a line is indented; a blank one by none."""
    return len(line) - len(line.lstrip(" ")) if line.strip() else 0


def twice_as_deep(file: str, text: str) -> Diagnostic | None:
    """What is said of a file that is indented by four and by eight, as most editors do."""
    lines = text.split("\n")
    indents = Counter(_width(line) for line in lines if line.strip())
    deep = sum(indents[width] for width in indents if width >= 8)
    other = sum(indents[width] for width in indents if width in (1, 2, 3, 5, 6, 7))
    below = [line for above, line in pairwise(lines) if above[:1].isalpha() and line.startswith(" ")]
    twice = [line for line in below if _FOUR.match(line)]
    if not (indents[4] and deep) or 10 * other > indents[4] + deep or 10 * len(twice) < 9 * len(below):
        return None
    half = "\n".join(line[min(_width(line), 8) // 2 :] if _width(line) >= 4 else line for line in lines)
    at = text.index("\n    ") + 1
    return codes.E104.at(
        Span(file, at, at + 4),
        "this file is indented by four spaces and by eight",
        help="indent by two what belongs to a block, and by four what belongs to a text",
        fix=Fix(Span(file, 0, len(text)), half, "indent by two and by four"),
    )


def _strange(file: str, right: str, lines: list[re.Match[str]]) -> Diagnostic:
    first, end = lines[0], lines[-1].end()
    strange = next(char for char in first.group() if char in OTHER_SPACES)
    which = "this line is" if len(lines) == 1 else f"this line and {len(lines) - 1} more of its block are"
    return codes.E115.at(
        Span(file, *first.span()),
        f"{which} indented with U+{ord(strange):04X}, which only looks like a space",
        help="write ordinary spaces",
        fix=Fix(Span(file, first.start(), end), right[first.start() : end], "write ordinary spaces"),
    )


def _told(span: Span, mark: str, keyword: str, line: str) -> Diagnostic:
    gone = Fix(span, "", "begin it at column one")
    if not mark.strip():
        help = f"take away what stands before it: write `{line}`"
        return codes.E104.at(span, f"{with_article(keyword)} block begins at column one", help=help, fix=gone)
    if mark.startswith("#"):
        message = f"this is a comment, and the lines below it would be those of {with_article(keyword)} block"
    else:
        message = f"no block begins with `{mark.strip()}`"
    return codes.E105.at(span, message, help=f"leave it out: write `{line}`", fix=gone)


def _has_its_lines(text: str, end: int, keyword: str, mark: str) -> bool:
    """Whether what follows, where it belongs to a block, would belong to this one; behind a comment it has to."""
    following = _NEXT.match(text, end)
    indent = following["indent"] if following else ""
    if not following or not indent:
        return not (mark.startswith("#") or (len(mark) > _NO_TEXT and not mark.strip()))
    if indent != "  ":
        return False
    known = begins_with(BLOCKS[keyword], following["line"]) is not None
    return known or not (mark.startswith("#") or len(mark) > _NO_TEXT)


def all_indented(file: str, text: str) -> Diagnostic | None:
    """What is said of a file all of whose lines are indented, as a copy out of another text may be."""
    lines = [line for line in text.split("\n") if line.strip()]
    first = next((line for line in lines if not line.lstrip().startswith("#")), "")
    indent = first[: len(first) - len(first.lstrip(" \t"))]
    if not indent or parsed(first.strip()) is None or not all(line.startswith(indent) for line in lines):
        return None
    width = f"{len(indent)} space{'s' if len(indent) > 1 else ''}" if not indent.strip(" ") else "a tab"
    at = text.index(first)
    less = "\n".join(line.removeprefix(indent) if line.strip() else "" for line in text.split("\n"))
    return codes.E104.at(
        Span(file, at, at + len(indent)),
        f"every line of this file is indented by {width}",
        help="take that away from each of them: blocks begin at column one",
        fix=Fix(Span(file, 0, len(text)), less, "take it away from every line"),
    )
