"""What acts otherwise though every pair of principles is decided as before."""

from __future__ import annotations

import pytest

from constitution_lang.diff.compare import diff
from constitution_lang.diff.model import Change, Grade, Work
from tests.constitution_lang.texts import bundle_of

BASE = """edition 2026
constitution house 1.0.0 "A house"

attribute topic "About?"
  one of: general, medical
  default: general

category harm "Harm"
  statement:
    Avoid harm.

principle harm.weapons "Weapons"
  statement:
    Give no help with weapons.

principle harm.respect "Respect"
  statement:
    Speak with respect.

category autonomy "Autonomy"
  statement:
    Let adults decide.

principle autonomy.choice "Choice"
  applies when topic is medical
  statement:
    Let adults decide about their own lives.

tension care
  between SIDES
  otherwise: OUTCOME

sampling preference
  draw: 3
"""
FINER = """
tension finer
  between harm.respect and autonomy
  otherwise: OUTCOME
"""


def change_of(outcome: str, *, old: str = "harm and autonomy", new: str | None = None, finer: bool = False) -> Change:
    def text(sides: str, more: str = "") -> str:
        first, second = sides.split(" and ")
        made = outcome.replace("FIRST", first).replace("SECOND", second)
        return BASE.replace("SIDES", sides).replace("OUTCOME", made) + more

    more = FINER.replace("OUTCOME", outcome.replace("FIRST", "harm.respect").replace("SECOND", "autonomy"))
    found = diff(bundle_of(text(old)), bundle_of(text(new or old, more if finer else "")))
    [change] = [c for c in found.changes if c.subject.kind == "tension"]
    assert change.cases is not None
    assert change.cases.total == 2
    return change


@pytest.mark.parametrize(
    ("outcome", "works"),
    [
        ("weigh FIRST 1, SECOND 2", {Work.DRAWS, Work.LABELS}),
        ("weigh FIRST 2, SECOND 1", set()),  # each of harm stands in one tension, as before
        ("prefer FIRST", {Work.CRITIQUES, Work.REVISIONS, Work.LABELS}),
        ("prefer SECOND", set()),  # each of harm yields to autonomy alone, as before
        ("abstain", {Work.LABELS}),
    ],
)
def test_a_finer_tension_with_the_same_rules(outcome: str, works: set[Work]) -> None:
    change = change_of(outcome, finer=True)
    assert change.grade is (Grade.BEHAVIOUR if works else Grade.METADATA)
    assert {stale.work for stale in change.stale} == works
    assert change.cases is not None
    assert change.cases.changed == (1 if works else 0)  # where the topic is medical
    if works:
        assert change.cases.changes[0].witness == (("topic", "medical"),)
        assert "care and finer decide apart what care decided together" in change.cases.changes[0].says


@pytest.mark.parametrize(
    ("outcome", "changes"), [("prefer SECOND", True), ("prefer FIRST", False), ("weigh FIRST 1, SECOND 2", False)]
)
def test_another_level_of_a_side_with_one_principle(outcome: str, changes: bool) -> None:  # noqa: FBT001
    change = change_of(outcome, new="harm and autonomy.choice")
    assert change.grade is (Grade.BEHAVIOUR if changes else Grade.METADATA)
    assert {stale.work for stale in change.stale} == ({Work.CRITIQUES, Work.REVISIONS} if changes else set())
    if changes:
        assert change.cases is not None
        assert "autonomy.choice comes first, and no longer autonomy" in change.cases.changes[0].says
        assert change.stale[0].principles == ("harm.respect", "harm.weapons")


def test_a_label_that_takes_two_votes_sees_no_group() -> None:
    old = BASE.replace("draw: 3", "draw: 2").replace("SIDES", "harm and autonomy").replace("OUTCOME", "abstain")
    [change] = diff(bundle_of(old), bundle_of(old + FINER.replace("OUTCOME", "abstain"))).changes
    assert change.grade is Grade.METADATA


@pytest.mark.parametrize(("draw", "labels"), [(1, False), (2, True)])
def test_the_weight_of_a_category_is_a_part_of_labels(draw: int, labels: bool) -> None:  # noqa: FBT001
    old = BASE.replace("draw: 3", f"draw: {draw}").replace("SIDES", "harm and autonomy").replace("OUTCOME", "abstain")
    new = old.replace('"Autonomy"\n', '"Autonomy"\n  weight: 3\n')
    [change] = diff(bundle_of(old), bundle_of(new)).changes
    assert change.grade is Grade.MIX
    assert (Work.LABELS in {stale.work for stale in change.stale}) is labels
    never = [text.replace('"Weapons"\n', '"Weapons"\n  applies when topic is general\n').replace(
        '"Respect"\n', '"Respect"\n  applies when topic is general\n') for text in (old, new)]  # fmt: skip
    [change] = diff(bundle_of(never[0]), bundle_of(never[1])).changes
    assert Work.LABELS not in {stale.work for stale in change.stale}, "the two categories never meet"


def test_an_approval_of_levels_in_one_order_does_not_hold_for_another() -> None:
    old = BASE.replace("one of: general, medical", "levels: general < medical < law")
    old = old.replace("topic is medical", "topic >= medical").replace("SIDES", "harm and autonomy")
    old = old.replace("OUTCOME", "abstain")
    prints = []
    for order in ("general < law < medical", "law < medical < general"):
        new = old.replace("general < medical < law", order)
        prints += [c.fingerprint for c in diff(bundle_of(old), bundle_of(new)).changes if c.aspect == "applies"]
    assert len(set(prints)) == len(prints) == 2
