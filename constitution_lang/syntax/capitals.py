"""Words of the language in capitals, as those who write titles write them."""

from __future__ import annotations

import re

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix
from constitution_lang.source import Span
from constitution_lang.syntax.forms import BlockForm
from constitution_lang.syntax.grammar import literals

__all__ = ["in_small_letters", "tell_capitals"]

_WORD = re.compile(r"(?<![\w.-])[A-Za-z]+(?![\w.-])")


def in_small_letters(form: BlockForm, line: str) -> str:
    """A line with its words of the language as the language has them; names stay as they are."""
    openings = (*(field.key for field in form.fields), *(line.opening for line in form.lines))
    words = {*literals().values(), *(word for opening in openings for word in opening.split())}

    def small(found: re.Match[str]) -> str:
        lower = found.group().lower()
        return lower if lower in words else found.group()

    return _WORD.sub(small, line)


def tell_capitals(file: str, base: int, line: str, small: str) -> Diagnostic:
    """A finding about a line that begins at `base`, of which `small` is right."""
    indent = len(line) - len(line.lstrip())
    changed = [at for at, (one, other) in enumerate(zip(line, small, strict=True)) if one != other]
    word = _WORD.match(line, max(at.start() for at in _WORD.finditer(line) if at.start() <= changed[0]))
    assert word
    return codes.E106.at(
        Span(file, base + word.start(), base + word.end()),
        f"the language has no `{word.group()}`: its words are in small letters",
        help=f"write `{small.strip()}`",
        fix=Fix(Span(file, base + indent, base + len(line)), small[indent:], "write it in small letters"),
    )
