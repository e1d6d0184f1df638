"""A reviewer sees each test that came, went or expects something else; none of it makes anything stale."""

from __future__ import annotations

import pytest

from constitution_lang.diff import movement
from constitution_lang.diff.approvals import review
from constitution_lang.diff.compare import diff
from constitution_lang.diff.model import Aspect, Change, Difference, Grade, Growth
from constitution_lang.diff.render.findings import findings
from constitution_lang.diff.render.markdown import to_markdown
from constitution_lang.diff.render.sentences import movement_lines
from constitution_lang.diff.render.terminal import to_terminal
from constitution_lang.ir.codec import dumps, loads
from tests.constitution_lang.texts import WHOLE, bundle_of

TESTED = (
    WHOLE
    + """
test "grave harm"
  case severity grave, topic medical
  expect harm over autonomy
  expect harm.weapons at least 40% in revision

test "case by case"
  table severity, topic | expect
    none, general | weigh harm 2, autonomy 1
    minor, medical | harm.weapons applies; autonomy.choice applies
"""
)


def between(new: str, old: str = TESTED) -> Difference:
    return diff(bundle_of(old), bundle_of(new))


def only(new: str, old: str = TESTED) -> Change:
    [change] = between(new, old).changes
    assert change.grade is Grade.COSMETIC
    assert change.stale == ()
    return change


def test_a_test_that_is_gone_and_one_that_is_new() -> None:
    shorter = TESTED[: TESTED.index('\ntest "case by case"')]
    gone = only(shorter)
    assert (gone.id, gone.new) == ("test/case by case/removed", None)
    assert gone.says == 'the test "case by case" is gone, with 3 expectations'
    assert gone.old is not None
    assert gone.before.splitlines() == [
        "expect autonomy.choice applies where severity is minor and topic is medical",
        "expect harm.weapons applies where severity is minor and topic is medical",
        "expect weigh harm 2, autonomy 1 where severity is none and topic is general",
    ]
    new = only(TESTED, shorter)
    assert (new.aspect, new.old, new.after) == (Aspect.ADDED, None, gone.before)


@pytest.mark.parametrize(
    ("old", "new", "lost", "more"),
    [
        ("  expect harm over autonomy\n", "", "harm over autonomy", ""),
        ("at least 40%", "at least 1%", "at least 40%", "at least 1%"),
        ("; autonomy.choice applies", "", "autonomy.choice applies", ""),
        ("severity grave, topic medical", "severity grave", "topic is medical", "where severity is grave"),
        ("minor, medical", "minor, general", "topic is medical", "topic is general"),
    ],
)
def test_a_test_that_expects_less_or_otherwise(old: str, new: str, lost: str, more: str) -> None:
    change = only(TESTED.replace(old, new))
    assert change.aspect is Aspect.TEXT
    assert lost in change.before
    assert more in change.after
    assert bool(change.after) == bool(more)
    assert ("no longer expects" in change.says, "newly expects" in change.says) == (True, bool(more))
    assert only(TESTED, TESTED.replace(old, new)).after == change.before


def test_it_stands_at_the_expectation_and_not_at_the_test() -> None:
    change = only(TESTED.replace("at least 40%", "at least 1%"))
    line = next(n for n, text in enumerate(TESTED.splitlines(), 1) if "at least 40%" in text)
    assert change.new is not None
    assert change.new.line == line


def test_what_is_no_change_of_a_test() -> None:
    moved = TESTED.replace("  expect harm over autonomy\n", "") .replace(
        "at least 40% in revision\n", "at least 40% in revision\n  expect harm over autonomy\n"
    )  # fmt: skip
    [layout] = between(moved).changes
    assert layout.subject.kind == "constitution"
    renamed = TESTED.replace("harm.weapons", "harm.arms").replace(
        'principle harm.arms "No weapons"', 'principle harm.arms "No weapons"\n  formerly: harm.weapons'
    )
    assert [c.aspect for c in between(renamed).changes] == [Aspect.RENAMED]
    assert only(TESTED.replace('"grave harm"', '"the worst"')).says == (
        'the test "grave harm" is called "the worst" now'
    )


def test_no_hash_and_no_grade_depends_on_tests() -> None:
    with_tests, without = bundle_of(TESTED), bundle_of(WHOLE)
    assert with_tests.meaning_hash == without.meaning_hash
    assert with_tests.metadata_hash == without.metadata_hash
    assert loads(dumps(with_tests)) == with_tests
    found = diff(with_tests, without)
    assert {c.grade for c in found.changes} == {Grade.COSMETIC}
    assert found.verdict.needed is Growth.PATCH
    assert found.cases is None
    assert found.movement == ()


def test_every_rendering_shows_what_is_no_longer_expected() -> None:
    seen = review(between(TESTED.replace("  expect harm over autonomy\n", "")), ())
    for text in (to_terminal(seen), to_markdown([seen])):
        assert "- expect harm over autonomy where severity is grave and topic is medical" in text
    [change] = [f for f in findings(seen, {}) if f.code == "diff-cosmetic"]
    assert "no longer expects harm over autonomy" in change.message


def test_where_not_all_cases_were_looked_at_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    new = WHOLE.replace("weight: 3", "weight: 4")
    [*lines] = movement_lines(between(new, WHOLE).movement, ())
    assert not any("only" in line for line in lines)
    monkeypatch.setattr(movement, "SITUATIONS_MAX", 0)
    monkeypatch.setattr(movement, "CASES_MAX", 0)
    found = between(new, WHOLE)
    assert {(m.exact, m.looked_at) for m in found.movement} == {(False, 1)}
    assert "compared in 1 case only" in list(movement_lines(found.movement, found.defaults))[-1]
