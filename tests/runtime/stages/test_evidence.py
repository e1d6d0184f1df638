from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from constitution_lang.ir.model import ALWAYS, Abstain, Bundle, Compare, Outcome, Prefer, Weigh
from runtime.records import Label, LabelOutcome, Vote
from runtime.stages.evidence import label_of

Build = Callable[..., Bundle]


def odds(probability: float) -> float:
    return math.log(probability / (1 - probability))


def votes(probabilities: Mapping[str, float | None]) -> list[Vote]:
    """A vote without position bias for each principle; None abstains."""
    return [
        Vote(comparison="pair", principle=p, log_odds=None, abstained="neither option")
        if y is None
        else Vote(comparison="pair", principle=p, log_odds=odds(y), log_odds_swapped=odds(y))
        for p, y in probabilities.items()
    ]


def label(bundle: Bundle, probabilities: Mapping[str, float | None], case: Mapping[str, str] | None = None) -> Label:
    return label_of(bundle, case or {}, "pair", votes(probabilities))


def two_sides(build: Build, outcome: Outcome, **settings: object) -> Bundle:
    return build(
        categories={"a": 1, "b": 3},
        principles={"a.x": 1, "a.y": 1, "b.x": 1, "b.y": 1},
        tensions={"t": ("a", "b", [(ALWAYS, outcome)])},
        **settings,
    )


def left_out(made: Label) -> list[str]:
    return [x.principle for x in made.left_out]


def evidence(made: Label) -> dict[str, tuple[float | None, float, int]]:
    return {c.category: (c.probability, c.weight, c.votes) for c in made.categories}


# --- without tensions ---------------------------------------------------------------------------


def test_categories_are_averaged_then_weighed(build_bundle: Build) -> None:
    bundle = build_bundle(categories={"a": 1, "b": 3}, principles={"a.x": 1, "a.y": 9, "b.x": 1})
    made = label(bundle, {"a.x": 0.9, "a.y": 0.5, "b.x": 0.2})
    assert made.outcome is LabelOutcome.LABELLED
    assert made.probability == pytest.approx((1 * 0.7 + 3 * 0.2) / 4)
    assert evidence(made) == {"a": (pytest.approx(0.7), 1, 2), "b": (pytest.approx(0.2), 3, 1)}
    assert made.fired == made.left_out == ()
    assert [v.principle for v in made.votes] == ["a.x", "a.y", "b.x"]


def test_both_orders_are_averaged_and_their_difference_kept(build_bundle: Build) -> None:
    bundle = build_bundle(categories={"a": 1}, principles={"a.x": 1})
    vote = Vote(comparison="pair", principle="a.x", log_odds=3.0, log_odds_swapped=1.0)
    made = label_of(bundle, {}, "pair", [vote])
    assert made.probability == pytest.approx(1 / (1 + math.exp(-2)))
    assert made.votes[0].position_bias == 1.0


def test_one_order_is_taken_as_it_is(build_bundle: Build) -> None:
    bundle = build_bundle(categories={"a": 1}, principles={"a.x": 1})
    made = label_of(bundle, {}, "pair", [Vote(comparison="pair", principle="a.x", log_odds=odds(0.8))])
    assert made.probability == pytest.approx(0.8)
    assert made.votes[0].position_bias is None


@pytest.mark.parametrize(("probability", "clamped"), [(0.99, 0.6), (0.01, 0.4), (0.55, 0.55)])
def test_with_reasoning_each_vote_is_clamped(build_bundle: Build, probability: float, clamped: float) -> None:
    bundle = build_bundle(categories={"a": 1}, principles={"a.x": 1}, reasoning=True)
    assert label(bundle, {"a.x": probability}).probability == pytest.approx(clamped)


def test_without_reasoning_nothing_is_clamped(build_bundle: Build) -> None:
    bundle = build_bundle(categories={"a": 1}, principles={"a.x": 1})
    assert label(bundle, {"a.x": 0.999}).probability == pytest.approx(0.999)


def test_an_abstention_is_kept_and_adds_nothing(build_bundle: Build) -> None:
    bundle = build_bundle(categories={"a": 1, "b": 3}, principles={"a.x": 1, "a.y": 1, "b.x": 1})
    made = label(bundle, {"a.x": 0.9, "a.y": None, "b.x": None})
    assert made.probability == pytest.approx(0.9)
    assert evidence(made) == {"a": (pytest.approx(0.9), 1, 1), "b": (None, 3, 0)}
    assert [v.abstained for v in made.votes] == [None, "neither option", "neither option"]


@pytest.mark.parametrize("given_votes", [{}, {"a.x": None}])
def test_no_readable_vote_is_no_label(build_bundle: Build, given_votes: dict[str, None]) -> None:
    made = label(build_bundle(categories={"a": 1}, principles={"a.x": 1}), given_votes)
    assert (made.outcome, made.probability) == (LabelOutcome.NO_EVIDENCE, None)


def test_a_category_that_weighs_nothing_says_nothing(build_bundle: Build) -> None:
    bundle = build_bundle(categories={"a": 0, "b": 1}, principles={"a.x": 1, "b.x": 1})
    assert label(bundle, {"a.x": 0.9, "b.x": 0.3}).probability == pytest.approx(0.3)
    assert label(bundle, {"a.x": 0.9}).outcome is LabelOutcome.NO_EVIDENCE


# --- the table of outcomes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "expected", "effect"),
    [
        (0.9, 0.2, 0.9, "left out the votes of b.x, b.y"),
        (0.1, 0.8, 0.1, "left out the votes of b.x, b.y"),
        (0.6, 0.2, 0.6, "left out the votes of b.x, b.y"),
        (0.4, 0.2, 0.4, "left out the votes of b.x, b.y"),
        (0.59, 0.2, (0.59 + 3 * 0.2) / 4, "nothing: a is undecided"),
        (0.41, 0.2, (0.41 + 3 * 0.2) / 4, "nothing: a is undecided"),
    ],
)
def test_prefer(build_bundle: Build, a: float, b: float, expected: float, effect: str) -> None:
    made = label(two_sides(build_bundle, Prefer("a")), {"a.x": a, "a.y": a, "b.x": b, "b.y": b})
    assert made.outcome is LabelOutcome.LABELLED
    assert made.probability == pytest.approx(expected)
    assert left_out(made) == ([] if "undecided" in effect else ["b.x", "b.y"])
    assert {(x.tension, x.side) for x in made.left_out} <= {("t", "a")}
    assert [(f.tension, f.rule, f.outcome, f.effect) for f in made.fired] == [("t", 1, "prefer a", effect)]


def test_a_side_is_decided_by_its_mean(build_bundle: Build) -> None:
    bundle = two_sides(build_bundle, Prefer("b"))
    assert left_out(label(bundle, {"a.x": 0.5, "b.x": 0.95, "b.y": 0.05})) == []
    assert left_out(label(bundle, {"a.x": 0.5, "b.x": 0.95, "b.y": 0.35})) == ["a.x"]


def test_weigh(build_bundle: Build) -> None:
    made = label(two_sides(build_bundle, Weigh(2, 0.5)), {"a.x": 0.9, "a.y": 0.7, "b.x": 0.2})
    assert made.probability == pytest.approx((1 * 2 * 0.8 + 3 * 0.5 * 0.2) / (2 + 1.5))
    assert evidence(made) == {"a": (pytest.approx(0.8), 2, 2), "b": (pytest.approx(0.2), 1.5, 1)}
    assert [(f.outcome, f.effect) for f in made.fired] == [
        ("weigh a 2, b 0.5", "weighed the votes of a.x, a.y, b.x")
    ]  # fmt: skip


def test_weighing_one_principle_weighs_its_vote_and_its_category(build_bundle: Build) -> None:
    bundle = build_bundle(
        categories={"a": 1, "b": 1},
        principles={"a.x": 1, "a.y": 1, "b.x": 1},
        tensions={"t": ("a.x", "b", [(ALWAYS, Weigh(3, 1))])},
    )
    made = label(bundle, {"a.x": 0.9, "a.y": 0.5, "b.x": 0.2})
    assert evidence(made)["a"] == (pytest.approx((3 * 0.9 + 0.5) / 4), 2, 2)
    assert made.probability == pytest.approx((2 * 0.8 + 0.2) / 3)


@pytest.mark.parametrize(
    ("a", "b", "outcome", "effect"),
    [
        (0.9, 0.2, LabelOutcome.REVIEW, "no label: both sides are decided and disagree"),
        (0.4, 0.6, LabelOutcome.REVIEW, "no label: both sides are decided and disagree"),
        (0.9, 0.8, LabelOutcome.LABELLED, "nothing: the two sides agree"),
        (0.1, 0.2, LabelOutcome.LABELLED, "nothing: the two sides agree"),
        (0.55, 0.2, LabelOutcome.LABELLED, "nothing: a is undecided"),
        (0.9, 0.45, LabelOutcome.LABELLED, "nothing: b is undecided"),
    ],
)
def test_abstain(build_bundle: Build, a: float, b: float, outcome: LabelOutcome, effect: str) -> None:
    made = label(two_sides(build_bundle, Abstain()), {"a.x": a, "b.x": b})
    assert made.outcome is outcome
    assert [(f.outcome, f.effect) for f in made.fired] == [("abstain", effect)]
    if outcome is LabelOutcome.REVIEW:
        assert made.probability is None
        assert len(made.votes) == 2
        assert evidence(made) == {"a": (pytest.approx(a), 1, 1), "b": (pytest.approx(b), 3, 1)}
    else:
        assert made.probability == pytest.approx((a + 3 * b) / 4)


def test_an_even_side_disagrees_with_none(build_bundle: Build) -> None:
    bundle = two_sides(build_bundle, Abstain(), decided=0.5)
    for b in (0.9, 0.1):
        assert label(bundle, {"a.x": 0.5, "b.x": b}).outcome is LabelOutcome.LABELLED


@pytest.mark.parametrize("outcome", [Prefer("a"), Weigh(2, 1), Abstain()])
def test_a_tension_is_silent_where_one_side_has_no_vote(build_bundle: Build, outcome: Outcome) -> None:
    made = label(two_sides(build_bundle, outcome), {"a.x": 0.9, "b.x": None})
    assert made.fired == ()
    assert made.probability == pytest.approx(0.9)


def test_the_rule_that_fired_is_named_with_its_place(build_bundle: Build) -> None:
    grave = Compare("severity", ("grave",))
    bundle = build_bundle(
        attributes={"severity": ("none", "grave")},
        categories={"a": 1, "b": 1},
        principles={"a.x": 1, "b.x": 1},
        tensions={"t": ("a", "b", [(grave, Prefer("a")), (ALWAYS, Abstain())])},
    )
    rules = bundle.tensions[0].rules
    for case, index in (({"severity": "grave"}, 0), ({}, 1)):
        (fired,) = label(bundle, {"a.x": 0.9, "b.x": 0.2}, case).fired
        assert (fired.rule, fired.origin) == (index + 1, rules[index].origin)


# --- several tensions ---------------------------------------------------------------------------


def three(build: Build, **tensions: tuple[str, str, Outcome]) -> Bundle:
    return build(
        categories={"a": 1, "b": 1, "c": 1},
        principles={f"{c}.{p}": 1 for c in "abc" for p in "xy"},
        tensions={id: (first, second, [(ALWAYS, o)]) for id, (first, second, o) in tensions.items()},
    )


def test_a_side_that_is_left_out_leaves_nothing_out(build_bundle: Build) -> None:
    """Whatever the tensions are called: those that come first of all are resolved first."""
    for ab, bc in (("t1", "t2"), ("t2", "t1")):
        bundle = three(build_bundle, **{ab: ("a", "b", Prefer("a")), bc: ("c", "b", Prefer("b"))})
        made = label(bundle, {"a.x": 0.9, "b.x": 0.1, "c.x": 0.3})
        assert left_out(made) == ["b.x"]
        assert made.probability == pytest.approx((0.9 + 0.3) / 2)
        assert {f.tension: f.effect for f in made.fired}[bc] == "nothing: the votes of b are left out themselves"


def test_an_undecided_first_side_lets_the_second_leave_out_the_third(build_bundle: Build) -> None:
    bundle = three(build_bundle, t1=("a", "b", Prefer("a")), t2=("b", "c", Prefer("b")))
    made = label(bundle, {"a.x": 0.55, "b.x": 0.1, "c.x": 0.9})
    assert left_out(made) == ["c.x"]


def test_a_vote_left_out_twice_names_both_tensions(build_bundle: Build) -> None:
    bundle = three(build_bundle, t1=("a", "c", Prefer("a")), t2=("b", "c", Prefer("b")))
    made = label(bundle, {"a.x": 0.9, "b.x": 0.1, "c.x": 0.9})
    assert [(x.principle, x.tension, x.side) for x in made.left_out] == [("c.x", "t1", "a"), ("c.x", "t2", "b")]


def test_a_dispute_with_a_side_that_is_left_out_is_none(build_bundle: Build) -> None:
    bundle = three(build_bundle, t1=("a", "b", Prefer("a")), t2=("b", "c", Abstain()))
    made = label(bundle, {"a.x": 0.9, "b.x": 0.1, "c.x": 0.9})
    assert made.outcome is LabelOutcome.LABELLED
    assert {f.tension: f.effect for f in made.fired}["t2"] == "nothing: the votes of b are left out"


def test_a_principle_that_outranks_the_category_above_it(build_bundle: Build) -> None:
    """b.x comes before a.x, although a comes before b: a.y leaves out b, and then b.x leaves nothing out."""
    bundle = three(build_bundle, t1=("a", "b", Prefer("a")), t2=("a.x", "b.x", Prefer("b.x")))
    assert left_out(label(bundle, {"a.x": 0.9, "b.x": 0.1})) == ["a.x"]
    assert left_out(label(bundle, {"a.x": 0.9, "a.y": 0.9, "b.x": 0.1})) == ["b.x"]
    # a.x is left out, and a.y alone is undecided, so b.y stays.
    assert left_out(label(bundle, {"a.x": 0.9, "a.y": 0.5, "b.x": 0.1, "b.y": 0.1})) == ["a.x"]


def test_preferences_in_a_circle_leave_nothing_out(build_bundle: Build) -> None:
    bundle = three(build_bundle, t1=("a", "b", Prefer("a")), t2=("b", "c", Prefer("b")), t3=("a", "c", Prefer("c")))
    made = label(bundle, {"a.x": 0.9, "b.x": 0.1, "c.x": 0.9})
    assert left_out(made) == []
    assert {f.effect for f in made.fired} == {"nothing: the preferences run in a circle through a.x, b.x, c.x"}


# --- wrong use ----------------------------------------------------------------------------------


def test_votes_have_to_be_of_this_pair_once_each_and_numbers(build_bundle: Build) -> None:
    bundle = build_bundle(categories={"a": 1}, principles={"a.x": 1})
    (vote,) = votes({"a.x": 0.9})
    with pytest.raises(ValueError, match="is about pair pair, not other"):
        label_of(bundle, {}, "other", [vote])
    with pytest.raises(ValueError, match=r"'a\.x' votes twice"):
        label_of(bundle, {}, "pair", [vote, vote])
    with pytest.raises(ValueError, match="are not a number"):
        label_of(bundle, {}, "pair", [Vote(comparison="pair", principle="a.x", log_odds=math.nan)])


@pytest.mark.parametrize(("log_odds", "expected"), [(math.inf, 1), (-math.inf, 0), (1e6, 1), (-1e6, 0)])
def test_certainty_is_not_an_error(build_bundle: Build, log_odds: float, expected: int) -> None:
    bundle = build_bundle(categories={"a": 1}, principles={"a.x": 1})
    made = label_of(bundle, {}, "pair", [Vote(comparison="pair", principle="a.x", log_odds=log_odds)])
    assert made.probability == expected


# --- properties ---------------------------------------------------------------------------------

sides = st.sampled_from(["a", "b", "c", "a.x", "b.x", "c.y"])
finite = st.floats(-40, 40)
many = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def bundles_and_votes(draw: st.DrawFn) -> tuple[dict[str, object], list[Vote]]:
    tensions = {}
    for i in range(draw(st.integers(0, 4))):
        first, second = draw(st.lists(sides, min_size=2, max_size=2, unique=True))
        multiplier = st.floats(0.1, 10)
        outcome = draw(
            st.one_of(
                st.sampled_from([Prefer(first), Prefer(second), Abstain()]), st.builds(Weigh, multiplier, multiplier)
            )
        )
        tensions[f"t{i}"] = (first, second, [(ALWAYS, outcome)])
    arguments = {
        "categories": {c: draw(st.floats(0.1, 9)) for c in "abc"},
        "principles": {f"{c}.{p}": 1 for c in "abc" for p in "xy"},
        "tensions": tensions,
        "decided": draw(st.sampled_from([0.5, 0.6, 0.9])),
        "reasoning": draw(st.booleans()),
    }
    cast = []
    for c in "abc":
        for p in "xy":
            match draw(st.sampled_from(["none", "abstained", "one", "both"])):
                case "abstained":
                    cast.append(Vote(comparison="pair", principle=f"{c}.{p}", log_odds=None, abstained="no"))
                case "one":
                    cast.append(Vote(comparison="pair", principle=f"{c}.{p}", log_odds=draw(finite)))
                case "both":
                    cast.append(
                        Vote(
                            comparison="pair",
                            principle=f"{c}.{p}",
                            log_odds=draw(finite),
                            log_odds_swapped=draw(finite),
                        )
                    )
                case _:
                    pass
    return arguments, cast


def swapped(vote: Vote) -> Vote:
    """The same answers seen from B: what was first is second, and every log-odds turns its sign."""
    if vote.log_odds is None:
        return vote
    if vote.log_odds_swapped is None:
        return Vote(comparison="pair", principle=vote.principle, log_odds=-vote.log_odds)
    return Vote(
        comparison="pair",
        principle=vote.principle,
        log_odds=-vote.log_odds_swapped,
        log_odds_swapped=-vote.log_odds,
    )


@many
@given(made=bundles_and_votes(), order=st.randoms(use_true_random=False))
def test_swapping_a_and_b_gives_exactly_one_less(
    build_bundle: Build, made: tuple[dict[str, object], list[Vote]], order: object
) -> None:
    arguments, cast = made
    bundle = build_bundle(**arguments)
    straight = label_of(bundle, {}, "pair", cast)
    turned_votes = [swapped(v) for v in cast]
    order.shuffle(turned_votes)  # type: ignore[attr-defined]
    turned = label_of(bundle, {}, "pair", turned_votes)
    assert turned.outcome is straight.outcome
    assert turned.left_out == straight.left_out
    assert turned.fired == straight.fired
    if straight.probability is None:
        assert turned.probability is None
    else:
        assert turned.probability == 1 - straight.probability
        assert straight.probability == 1 - turned.probability
    for one, other in zip(straight.categories, turned.categories, strict=True):
        assert one.probability == (None if other.probability is None else 1 - other.probability)


@many
@given(made=bundles_and_votes())
def test_a_label_lies_among_its_evidence(build_bundle: Build, made: tuple[dict[str, object], list[Vote]]) -> None:
    arguments, cast = made
    bundle = build_bundle(**arguments)
    label = label_of(bundle, {}, "pair", cast)
    readable = [v for v in cast if v.abstained is None]
    assert (label.outcome is LabelOutcome.NO_EVIDENCE) == (not readable)  # something always comes first and remains
    kept = [c.probability for c in label.categories if c.probability is not None]
    assert sum(c.votes for c in label.categories) == len(readable) - len({x.principle for x in label.left_out})
    if label.probability is not None:
        assert min(kept) - 1e-12 <= label.probability <= max(kept) + 1e-12
        if arguments["reasoning"]:
            assert 0.4 - 1e-12 <= label.probability <= 0.6 + 1e-12
    for x in label.left_out:
        assert bundle.principle(x.principle).category in {c.category for c in label.categories}
