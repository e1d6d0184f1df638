"""Lines that are indented otherwise than they should be, and what the lines of a block begin with."""

from __future__ import annotations

import re

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix, Label
from constitution_lang.source import Span
from constitution_lang.syntax.block_text import BlockText, typographic
from constitution_lang.syntax.forms import BlockForm, ValueKind
from constitution_lang.syntax.line_faults import meant_opening

__all__ = ["KEY", "begins_like", "begins_with", "explain_indentation", "is_row", "wrong_indentation_of_row"]

KEY = re.compile(r"([A-Za-z][\w-]*(?:[ ]+of)?)[ ]*:")
_BULLET = re.compile(r"(?:[-*\u2022]|\d+[.)])[ ]+")
_FIRST_WORD = re.compile(r"[\w-]+|\S")


def explain_indentation(  # noqa: PLR0911 - what the line looks like, most telling first
    block: BlockText, start: int, end: int
) -> Diagnostic:
    """A line below the header that is not indented by two, where no text is."""
    line = block.text[start:end]
    rest = line.lstrip()
    width = len(line) - len(rest)
    span = block.span(start, start + width)
    if line[:width].strip(" \t"):
        return typographic(span, line[:width].strip(" \t")[0], " ")
    begins_line = begins_like(block.form, rest)
    if not begins_line and is_row(block.form, line) and line[:width] == "    ":
        help = "write above it what its cells are, for instance `table severity, topic | expect`"
        return codes.E104.at(block.span(start, end), "this row stands below no `table`", help=help)
    if not begins_line and is_row(block.form, line):
        return wrong_indentation_of_row(span, line[:width])
    spaces = f"{width} space{'s' if width != 1 else ''}"
    above = block.text[:start].rstrip().rsplit("\n", 1)[-1]
    key_above = KEY.fullmatch(above.strip())
    word_above = " ".join(key_above.group(1).split()) if key_above else ""
    form_above = block.form.field(meant_opening(block.form, word_above) or word_above) if key_above else None
    prose_above = form_above is not None and form_above.kind is ValueKind.PROSE
    in_text = not begins_line and (above.startswith("    ") or prose_above)
    if "\t" in line[:width]:
        how = "four spaces" if in_text else "two spaces"
        fix = Fix(span, " " * (4 if in_text else 2), f"indent by {how}")
        return codes.E103.at(span, "this line is indented with a tab", help=f"use {how}", fix=fix)
    comment = _comment_in_text(block, start)
    if comment and not begins_line and width >= 4:
        help = "indent the comment by four spaces, which makes it a part of the text, or move it out of the text"
        ends = Label(comment, "this comment ends the text above it")
        return codes.E104.at(
            span, "this text stands below a comment, and so below no key", help=help, secondary=(ends,)
        )
    if begins_line or not (in_text or width >= 4):
        help = (
            f"indent by two spaces what belongs to the `{block.form.keyword}` block, and by four what belongs to a text"
        )
        return codes.E104.at(
            span, f"this line is indented by {spaces}", help=help, fix=Fix(span, "  ", "indent by two")
        )
    if width < 4:
        fix = Fix(span, "    ", "indent by four")
        return codes.E104.at(span, f"this line is indented by {spaces}", help="indent a text by four spaces", fix=fix)
    help = "a text stands below a key that ends in a colon; everything else is indented by two spaces"
    missing = _text_that_is_missing(block)
    if missing:
        fix = Fix(block.span(start, start), f"  {missing}:\n", f"write `{missing}:` above it")
        return codes.E104.at(span, "this text stands below no key", help=f"write `{missing}:` above it", fix=fix)
    return codes.E104.at(span, "this text stands below no key", help=help)


def _text_that_is_missing(block: BlockText) -> str | None:
    """The first key of a text that the block has to have, and has not."""
    keys = (form.key for form in block.form.fields if form.required and form.kind is ValueKind.PROSE)
    return next((key for key in keys if not re.search(rf"^[ \t]*{key}\b", block.text, re.MULTILINE)), None)


def _comment_in_text(block: BlockText, start: int) -> Span | None:
    """The comment right above a line, where the line above that belongs to a text."""
    place = None
    while start > 0:
        line_start = block.text.rfind("\n", 0, start - 1) + 1
        line = block.text[line_start : start - 1]
        if not line.lstrip().startswith("#") or line.startswith("    "):
            return place if line.startswith("    ") else None
        indent = len(line) - len(line.lstrip())
        place = block.span(line_start + indent, line_start + len(line.rstrip()))
        start = line_start
    return None


def begins_with(form: BlockForm, text: str) -> str | None:
    """What a line of a block begins with by its first word, indentation left out: a key, or the opening of a line."""
    key = KEY.match(text)
    if key and form.field(" ".join(key.group(1).split())):
        return " ".join(key.group(1).split())
    first = _FIRST_WORD.match(text)
    word = first.group() if first else ""
    return next((line.opening for line in form.lines if line.opening.split()[0] == word), None)


def begins_like(form: BlockForm, text: str) -> bool:
    """Whether a line begins with a key or an opening of the block, or with nearly one: such a line is no prose."""
    line = _BULLET.sub("", text)
    first = _FIRST_WORD.match(line)
    small = line[: first.end()].lower() + line[first.end() :] if first else line
    key = KEY.match(small)
    return begins_with(form, small) is not None or bool(key and meant_opening(form, " ".join(key.group(1).split())))


def is_row(form: BlockForm, line: str) -> bool:
    """Whether a line looks like a row of a table."""
    _, bar, expected = line.split("#", maxsplit=1)[0].partition("|")
    return form.keyword == "test" and bool(bar) and expected.strip() != "expect"


def wrong_indentation_of_row(span: Span, indent: str) -> Diagnostic:
    """A row of a table that is not indented by four spaces."""
    fix = Fix(span, "    ", "indent by four")
    if "\t" in indent:
        return codes.E103.at(span, "this row is indented with a tab", help="use four spaces", fix=fix)
    width = span.end - span.start
    message = f"this row is indented by {width} space{'s' if width != 1 else ''}"
    return codes.E104.at(span, message, help="indent the rows below `table` by four spaces", fix=fix)
