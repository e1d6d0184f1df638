from __future__ import annotations

import pytest

from constitution_lang.lower.prose import fold


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("One sentence.", "Another one."), "One sentence. Another one."),
        (("One  ", "", "", "Two", ""), "One\n\nTwo"),
        (("Do this:", "- a", "- b", "and so on", "for ever"), "Do this:\n- a\n- b\nand so on for ever"),
        (("1. a", "2) b", "10. c"), "1. a\n2) b\n10. c"),
        (("As in", "  code", "    deeper", "  code"), "As in\n  code\n    deeper\n  code"),
        (("- an item", "  that goes on"), "- an item\n  that goes on"),
        (("a -", "-b", "1.5 of", "2026. That"), "a - -b 1.5 of 2026. That"),
        ((), ""),
        (("", ""), ""),
    ],
)
def test_line_breaks(lines: tuple[str, ...], expected: str) -> None:
    assert fold(lines) == expected


def test_folding_again_changes_nothing() -> None:
    once = fold(("A", "b.", "", "- c", "  d", "e", "f"))
    assert fold(tuple(once.split("\n"))) == once
