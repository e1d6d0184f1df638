"""What is offered where rules and tensions never decide, or where none is: applied, it mends the finding."""

from __future__ import annotations

from pathlib import Path

import pytest

from constitution_lang.compile import compile_text
from constitution_lang.diagnostics.model import Diagnostic
from constitution_lang.source import Source
from constitution_lang.syntax import to_text
from constitution_lang.syntax.from_text import parse

LINTS = Path(__file__).parents[2] / "corpus" / "lints"
DOCUMENTS = sorted(path for code in ("W501", "W505", "A501") for path in LINTS.glob(f"{code}-*.md"))
CODES = {"W501", "W505", "A501"}


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8").split("```const\n")[1].split("```")[0]


def found_in(text: str) -> list[Diagnostic]:
    return [found for found in compile_text(text).diagnostics if found.code in CODES]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_each_fix_mends_its_finding_and_breaks_nothing(document: Path) -> None:
    text = text_of(document)
    told = found_in(text)
    assert told
    for found in told:
        fix = found.fix
        assert fix
        assert not fix.sure
        after = text[: fix.span.start] + fix.text + text[fix.span.end :]
        compiled = compile_text(after)
        assert compiled.bundle
        assert found.message not in {other.message for other in compiled.diagnostics}
        assert len(found_in(after)) < len(told)
        tree, wrong = parse(Source("main.const", after))
        assert not wrong
        assert to_text.format(tree) == after


def test_what_a_test_counts_on_is_not_deleted() -> None:
    text = text_of(LINTS / "W505-tensions-that-others-decide-for.md")
    tested = f'{text}\ntest "it acts"\n  case severity minor\n  expect rule 2 of care\n'
    fixes = {found.message.split("`")[1]: found.fix for found in found_in(tested)}
    assert fixes["care"] is None
    assert fixes["truth"] is not None


def test_a_new_tension_has_a_name_of_its_own() -> None:
    text = text_of(LINTS / "A501-categories-that-meet.md").replace("tension care", "tension harm-honesty")
    [first, second] = found_in(text)
    assert first.fix
    assert "tension harm-honesty-2\n" in first.fix.text
    assert second.fix
    assert "tension autonomy-honesty\n" in second.fix.text
