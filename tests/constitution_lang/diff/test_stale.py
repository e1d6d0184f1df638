"""What a change makes stale: not less than a run redoes, and not what no run would redo."""

from __future__ import annotations

import pytest
from msgspec import structs

from constitution_lang.diff.approvals import Approval, review
from constitution_lang.diff.compare import diff
from constitution_lang.diff.model import Aspect, Change, Grade, Work
from constitution_lang.diff.render.terminal import to_terminal
from constitution_lang.ir.model import ModelTest, Origin, Stage
from tests.constitution_lang.diff.test_changes import between, only
from tests.constitution_lang.texts import WHOLE, bundle_of

SAMPLING = "\nsampling revision\n  rounds: {}\n  draw: {}\n"
FOLLOWS = [Work.DRAWS, Work.CRITIQUES, Work.REVISIONS, Work.VOTES, Work.LABELS]


def works(change: Change) -> list[Work]:
    return sorted({stale.work for stale in change.stale}, key=list(Work).index)


def test_another_default_has_its_cases_and_what_follows() -> None:
    new = WHOLE.replace('"No weapons"\n', '"No weapons"\n  applies when severity >= minor and topic is medical\n')
    change = only(between(new, new.replace("default: none", "default: grave")))
    assert change.aspect is Aspect.DEFAULT
    assert change.cases is not None
    assert (change.cases.changed, change.cases.total) == (1, 2)
    assert dict(change.cases.changes[0].witness) == {"topic": "medical"}
    assert "in 1 of 2 cases (50.0%) of the other attributes" in change.says
    assert {Work.DRAWS, Work.VOTES, Work.LABELS} <= set(works(change))


def test_a_default_that_nothing_looks_at_makes_nothing_stale() -> None:
    change = only(between(WHOLE, WHOLE.replace("default: general", "default: medical")))
    assert change.stale == ()
    assert "what applies and what is decided stays the same" in change.says


@pytest.mark.parametrize(
    ("old", "new"), [("How bad is it?", "How bad is this?"), ("none < minor < grave", "none < minor < bad < grave")]
)
def test_what_follows_from_tags_is_stale_too(old: str, new: str) -> None:
    change = only(between(WHOLE, WHOLE.replace(old, new)))
    assert works(change) == [Work.TAGS, *FOLLOWS]
    unused = only(between(WHOLE, WHOLE.replace("What is it about?", "About what is it?")))
    assert works(unused) == [Work.TAGS]


def test_another_key_moves_the_draws() -> None:
    renamed = WHOLE.replace("principle autonomy.choice", "principle autonomy.own").replace(
        '"Their choice"\n', '"Their choice"\n  formerly: autonomy.choice\n'
    )
    lost = renamed.replace("  formerly: autonomy.choice\n", "")
    change = next(c for c in between(renamed, lost).changes if c.aspect is Aspect.REKEYED)
    assert works(change) == FOLLOWS


def test_more_draws_and_rounds_make_texts_stale() -> None:
    old, more = WHOLE + SAMPLING.format(4, 1), WHOLE + SAMPLING.format(4, 2)
    assert works(only(between(old, more))) == [Work.DRAWS, Work.CRITIQUES, Work.REVISIONS]
    rounds = only(between(old, WHOLE + SAMPLING.format(5, 1)))
    assert works(rounds) == [Work.CRITIQUES, Work.REVISIONS]
    assert {stale.says for stale in rounds.stale} == {"round 5 of every prompt is new"}
    votes = WHOLE + "\nsampling preference\n  draw: {}\n"
    assert works(only(between(votes.format(1), votes.format(2)))) == [Work.DRAWS, Work.VOTES, Work.LABELS]


def test_a_clamp_without_reasoning_changes_nothing() -> None:
    preference = WHOLE + "\nsampling preference\n  clamp: {}\n  reasoning: {}\n"
    without = [preference.format(clamp, "no") for clamp in ("40% to 60%", "30% to 70%")]
    change = only(between(*without))
    assert (change.grade, change.stale) == (Grade.METADATA, ())
    reasoned = [preference.format(clamp, "yes") for clamp in ("40% to 60%", "30% to 70%")]
    assert only(between(*reasoned)).grade is Grade.BEHAVIOUR


def test_weights_that_cancel_out_are_said_to() -> None:
    new = WHOLE.replace("weight: 3", "weight: 6").replace('"Own decisions"\n', '"Own decisions"\n  weight: 2\n')
    found = between(WHOLE, new)
    assert all("by this weight alone" in stale.says for change in found.changes for stale in change.stale)
    assert [(m.greatest.share, m.exact) for m in found.movement] == [(0, True)] * 2
    assert "0% of revision draws move in every case" in to_terminal(review(found, ()))


def test_a_weight_makes_stale_what_it_moves_in_any_case_and_stage() -> None:
    old = WHOLE.replace('"No weapons"\n', '"No weapons"\n  applies when severity is grave\n')
    drawn = old + "\nsampling preference\n  draw: 1\n"
    found = between(drawn, drawn.replace("weight: 3", "weight: 6"))
    change = only(found)
    assert {m.stage for m in found.movement} == set(Stage)
    [stale] = change.stale
    assert stale.share == max(m.greatest.share for m in found.movement) > 0
    assert "revision draws" in stale.says
    assert "preference draws" in stale.says
    assert "where severity is grave" in stale.says


def test_a_condition_over_turned_levels_is_shown_by_its_values() -> None:
    old = WHOLE.replace('"No weapons"\n', '"No weapons"\n  applies when severity >= minor\n')
    new = old.replace("none < minor < grave", "none < grave < minor")
    change = next(c for c in between(old, new).changes if c.aspect is Aspect.APPLIES)
    assert (change.before, change.after) == ("severity is not none", "severity is minor")


def test_an_approval_of_nothing_stands_apart_from_the_draws() -> None:
    approval = Approval(
        "house", "principle/harm.weapons/applies", "0" * 12, Grade.BEHAVIOUR, "", "", "1.0.0", "Ada", "2026-01-01"
    )
    shown = to_terminal(review(between(WHOLE, WHOLE.replace("weight: 3", "weight: 4")), (approval,))).splitlines()
    at = next(at for at, line in enumerate(shown) if "1 approval is of no change" in line)
    assert shown[at - 1] == "approvals"


def test_changes_of_one_title_have_ids_of_their_own() -> None:
    """Two releases of the Model Spec have tests of one title under one principle."""
    bundle = bundle_of(WHOLE)
    tests = tuple(
        ModelTest("it", "harm.weapons", None, text, f"No {text}.", f"Yes {text}.", Origin("house.const", line, 1))
        for line, text in enumerate(("alpha beta", "gamma delta"), 50)
    )
    found = diff(bundle, structs.replace(bundle, model_tests=tests))
    assert [c.id for c in found.changes] == ["test/harm.weapons/it/added", "test/harm.weapons/it (2)/added"]


def test_a_principle_in_another_category_is_counted_and_may_yield_otherwise() -> None:
    new = WHOLE.replace("principle autonomy.choice", "principle harm.choice").replace(
        '"Their choice"\n', '"Their choice"\n  formerly: autonomy.choice\n'
    )
    change = next(c for c in between(WHOLE, new).changes if c.aspect is Aspect.MOVED)
    assert "in every case" in change.says
    assert change.says.endswith("it stands for harm in care, and stood for autonomy in care")
    assert {Work.DRAWS, Work.CRITIQUES, Work.REVISIONS, Work.VOTES, Work.LABELS} <= set(works(change))


def test_weights_of_a_tension_in_the_same_ratio_change_nothing_where_nobody_stands_beside() -> None:
    change = only(between(WHOLE, WHOLE.replace("weigh harm 2, autonomy 1", "weigh harm 4, autonomy 2")))
    assert (change.grade, change.aspect, change.stale) == (Grade.METADATA, Aspect.REWRITTEN, ())
    third = (
        WHOLE + '\ncategory candour "Candour"\n\nprinciple candour.truth "Truth"\n  statement:\n    Say what is so.\n'
    )
    third += "\ntension c\n  between candour and harm\n  otherwise: prefer harm\n"
    third += "\ntension d\n  between candour and autonomy\n  otherwise: prefer candour\n"
    beside = only(between(third, third.replace("weigh harm 2, autonomy 1", "weigh harm 4, autonomy 2")))
    assert beside.grade is Grade.BEHAVIOUR
