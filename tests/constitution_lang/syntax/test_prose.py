"""Texts below a key, read at once, against the same read line by line."""

import re

from hypothesis import assume, example, given
from hypothesis import strategies as st

from constitution_lang.source import Span
from constitution_lang.syntax.build_parts import PartBuilder
from constitution_lang.syntax.lalr import Token
from constitution_lang.syntax.tables import tables

BASE = 7
LINES = st.lists(
    st.sampled_from(("", " ", "  ", "   ", "    ", "     ", "# c", "   # c", "    # t"))
    | st.text("a b\t#\u00a0\u2003é", max_size=6).map("    ".__add__),
    max_size=7,
)


def line_by_line(token: Token) -> tuple[tuple[str, ...], Span, tuple[int, int] | None]:
    """The lines of a text, from where to where it goes, and what of it can't hold a comment."""
    written = token.text.split("\n")[1:]
    at = token.start + 1
    while written and (not written[0].strip() or not written[0].startswith("    ")):
        at += len(written[0]) + 1
        written = written[1:]
    while written and not written[-1].strip():
        written = written[:-1]
    if not written:
        return (), Span("f", BASE + token.start, BASE + token.end), None
    end = at + sum(len(line) + 1 for line in written[:-1]) + len(written[-1].rstrip())
    return tuple(line[4:].rstrip() for line in written), Span("f", BASE + at + 4, BASE + end), (at, token.end)


@given(LINES)
@example(["    a", "  ", "    ", "      b ", ""])
@example(["# c", "   # c", "     ", "    a\u00a0", "    b\t"])
def test_a_text_is_its_lines(written: list[str]) -> None:
    found = re.match(tables().terminals["PROSE"], "\n" + "\n".join((*written, "  weight: 2")))
    assume(found)
    assert found
    token = Token("PROSE", found.group(), 3, 3 + found.end())
    lines, span, opaque = line_by_line(token)
    builder = PartBuilder("f", BASE)
    prose = builder._prose(token)
    assert (prose.lines, prose.span) == (lines, span)
    assert builder._opaque == ([opaque] if opaque else [])
