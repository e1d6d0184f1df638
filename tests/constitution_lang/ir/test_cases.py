from __future__ import annotations

from collections.abc import Callable

import pytest

from constitution_lang.ir.cases import (
    CaseError,
    applicable,
    attributes_of,
    cases,
    complete,
    decide,
    decisions,
    holds,
    variants,
    yields,
)
from constitution_lang.ir.groups import governing
from constitution_lang.ir.model import ALWAYS, Abstain, AllOf, AnyOf, Bundle, Compare, Not, Prefer, Weigh

Build = Callable[..., Bundle]

GRAVE = Compare("severity", ("grave",))
MEDICAL = Compare("topic", ("medical",))
ATTRIBUTES = {"severity": ("none", "minor", "grave"), "topic": ("general", "medical")}


@pytest.fixture(scope="module")
def bundle(build_bundle: Build) -> Bundle:
    return build_bundle(
        attributes=ATTRIBUTES,
        categories={"autonomy": 1, "harm": 3, "truth": 1},
        principles={
            "autonomy.choice": 1,
            "autonomy.health": (1, MEDICAL),
            "harm.insults": 1,
            "harm.weapons": (2, GRAVE),
            "truth.plain": 1,
        },
        tensions={
            "a-safety": ("harm", "autonomy", [(GRAVE, Prefer("harm")), (ALWAYS, Weigh(2, 1))]),
            "b-weapons": ("autonomy", "harm.weapons", [(MEDICAL, Prefer("autonomy")), (ALWAYS, Abstain())]),
            "c-both": ("harm.weapons", "autonomy.health", [(ALWAYS, Prefer("harm.weapons"))]),
            "d-within": ("truth.plain", "truth", [(ALWAYS, Abstain())]),
        },
    )


@pytest.mark.parametrize(
    ("condition", "severity", "expected"),
    [
        (GRAVE, "grave", True),
        (GRAVE, "minor", False),
        (Not(GRAVE), "minor", True),
        (ALWAYS, "none", True),
        (AnyOf(()), "none", False),
        (AllOf((GRAVE, MEDICAL)), "grave", False),
        (AnyOf((GRAVE, MEDICAL)), "grave", True),
        (AnyOf((GRAVE, Not(MEDICAL))), "none", True),
    ],
)
def test_conditions(condition: AllOf, severity: str, expected: bool) -> None:  # noqa: FBT001
    assert holds(condition, {"severity": severity, "topic": "general"}) is expected


def test_what_is_missing_takes_its_default(bundle: Bundle) -> None:
    assert complete(bundle, {"topic": "medical"}) == {"severity": "none", "topic": "medical"}


def test_an_unknown_attribute_is_refused_with_those_there_are(bundle: Bundle) -> None:
    with pytest.raises(CaseError, match="no attribute is called 'mood'; declared are: severity, topic"):
        complete(bundle, {"mood": "bad"})


def test_an_unknown_value_is_refused_with_those_there_are(bundle: Bundle) -> None:
    with pytest.raises(CaseError, match="'severity' cannot be 'huge'; its values are: none, minor, grave"):
        applicable(bundle, {"severity": "huge"})


def test_principles_that_apply(bundle: Bundle) -> None:
    assert [p.id for p in applicable(bundle, {})] == ["autonomy.choice", "harm.insults", "truth.plain"]
    assert len(applicable(bundle, {"severity": "grave", "topic": "medical"})) == 5


def test_the_most_specific_tension_governs_a_pair(bundle: Bundle) -> None:
    assert {pair: t.id for pair, t in governing(bundle).items()} == {
        ("harm.insults", "autonomy.choice"): "a-safety",
        ("harm.insults", "autonomy.health"): "a-safety",
        ("autonomy.choice", "harm.weapons"): "b-weapons",
        ("harm.weapons", "autonomy.health"): "c-both",
    }


def test_a_principle_against_its_own_category_is_not_against_itself(build_bundle: Build) -> None:
    bundle = build_bundle(
        categories={"harm": 1},
        principles={"harm.a": 1, "harm.b": 1},
        tensions={"t": ("harm", "harm.a", [(ALWAYS, Abstain())])},
    )
    assert list(governing(bundle)) == [("harm.b", "harm.a")]


def test_of_two_equally_specific_tensions_the_first_by_id_governs(build_bundle: Build) -> None:
    bundle = build_bundle(
        categories={"a": 1, "b": 1},
        principles={"a.x": 1, "b.y": 1},
        tensions={"t2": ("a", "b.y", [(ALWAYS, Abstain())]), "t1": ("a.x", "b", [(ALWAYS, Prefer("b"))])},
    )
    assert [t.id for t in governing(bundle).values()] == ["t1"]


def test_the_first_rule_that_holds_decides(bundle: Bundle) -> None:
    safety = bundle.tensions[0]
    assert decide(safety, {"severity": "grave"}) == (0, safety.rules[0])
    assert decide(safety, {"severity": "none"}) == (1, safety.rules[1])


def test_decisions_are_of_tensions_with_both_sides_in_play(bundle: Bundle) -> None:
    assert [(d.tension.id, d.index) for d in decisions(bundle, {})] == [("a-safety", 1)]
    grave = decisions(bundle, {"severity": "grave", "topic": "medical"})
    assert [(d.tension.id, d.index) for d in grave] == [("a-safety", 0), ("b-weapons", 0), ("c-both", 0)]
    assert grave[0].first == {"harm.insults"}
    assert grave[0].second == {"autonomy.choice", "autonomy.health"}
    assert decisions(bundle, {"severity": "grave"}, ["harm.weapons"]) == ()


@pytest.mark.parametrize(
    ("principle", "case", "expected"),
    [
        ("autonomy.choice", {}, ()),
        ("autonomy.choice", {"severity": "grave"}, ("harm",)),
        ("harm.insults", {"severity": "grave"}, ()),
        ("harm.weapons", {"severity": "grave"}, ()),
        ("harm.weapons", {"severity": "grave", "topic": "medical"}, ("autonomy",)),
        ("autonomy.health", {"severity": "grave", "topic": "medical"}, ("harm", "harm.weapons")),
    ],
)
def test_what_a_principle_yields_to(
    bundle: Bundle, principle: str, case: dict[str, str], expected: tuple[str, ...]
) -> None:
    assert yields(bundle, bundle.principle(principle), case) == expected


def test_nothing_yields_to_a_side_that_does_not_apply(build_bundle: Build) -> None:
    bundle = build_bundle(
        attributes=ATTRIBUTES,
        categories={"a": 1, "b": 1},
        principles={"a.x": (1, GRAVE), "b.y": 1},
        tensions={"t": ("a", "b", [(ALWAYS, Prefer("a"))])},
    )
    assert yields(bundle, bundle.principle("b.y"), {}) == ()
    assert yields(bundle, bundle.principle("b.y"), {"severity": "grave"}) == ("a",)


def test_variants_are_all_that_yields_can_say(bundle: Bundle) -> None:
    for principle in bundle.principles:
        said = {yields(bundle, principle, case) for case in cases(bundle.attributes) if holds(principle.applies, case)}
        assert set(variants(bundle, principle)) == said | {()}
    assert variants(bundle, bundle.principle("autonomy.health")) == ((), ("harm", "harm.weapons"))


def test_every_case_is_listed_once(bundle: Bundle) -> None:
    listed = [tuple(case.items()) for case in cases(bundle.attributes)]
    assert len(listed) == len(set(listed)) == 6
    assert list(cases(())) == [{}]


def test_attributes_that_a_condition_names() -> None:
    assert attributes_of(AnyOf((Not(GRAVE), AllOf((MEDICAL, ALWAYS))))) == {"severity", "topic"}
