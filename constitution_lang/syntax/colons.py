"""What is wrong with a line of a key behind which no colon stands, and the line to write."""

from __future__ import annotations

import re

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix
from constitution_lang.source import Span
from constitution_lang.syntax.block_text import BlockText
from constitution_lang.syntax.forms import ValueKind
from constitution_lang.syntax.line_faults import unknown_line
from constitution_lang.syntax.values_meant import fits, names_meant, unquoted

__all__ = ["no_colon"]

_SECOND_WORD = re.compile(r"[ \t]+([\w-]+)")
_SIGN = re.compile(r"(?::=|=+>?|->|is(?![\w-]))[ ]*")
"""What stands in the place of a colon where people come from other languages."""

_NO_TEXT = re.compile(r"[^\w\s]+")
"""What somebody wrote in the place of a colon, and nothing else."""


def no_colon(block: BlockText, span: Span, word: str, written: str) -> Diagnostic:
    """The first word of a line that is no key with a colon, and none of the block's other lines."""
    low = span.end - block.base
    more = _SECOND_WORD.match(block.text, low)
    if more and block.form.field(f"{word} {more[1]}"):
        word, low, written = f"{word} {more[1]}", more.end(), written.removeprefix(more[1]).strip()
        span = Span(span.file, span.start, block.base + low)
    glued, equals, value = word.partition("=")
    if equals and block.form.field(glued):
        low, word, written = low - len(word) + len(glued), glued, f"={value} {written}".rstrip()
        span = Span(span.file, span.start, span.start + len(glued))
    form = block.form.field(word)
    if form is None:
        return unknown_line(block.form, word, span, written)
    message = f"a `:` is missing after `{word}`"
    sign = _SIGN.match(written) or _NO_TEXT.fullmatch(written)
    value = written[sign.end() :] if sign else written
    rest = block.span(low, low + len(block.text[low:].split("\n", 1)[0].split("#", 1)[0].rstrip()))
    if form.kind is ValueKind.PROSE:
        text = unquoted(value) or value
        below = ", and the text on the line below, indented by four spaces" if text else ""
        fix = Fix(rest, f":\n    {text}" if text else ":", "add the colon")
        return codes.E106.at(span, message, help=f"write `{word}:`{below}", fix=fix)
    right = fits(form, value)
    if not right:
        quoted = f'"{value}"' if form.kind is ValueKind.TEXT and value and '"' not in value else ""
        meant = names_meant(form, value) if value else None
        value = quoted or (meant.written if meant else form.example)
    fix = Fix(rest, f": {value}", f"write `{word}: {value}`", sure=right)
    return codes.E106.at(span, message, help=f"write `{word}: {value}`", fix=fix)
