"""What the solver says is what looking at every case says, on small constitutions made at random."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from itertools import combinations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from constitution_lang.analysis.circles import Step, circles
from constitution_lang.analysis.counts import decided, size
from constitution_lang.analysis.pairs import differences, gathered, meetings, undrawable
from constitution_lang.analysis.play import Play
from constitution_lang.analysis.rules import fates, idle
from constitution_lang.ir.cases import applicable, cases, decide, decisions, holds, variants, yields
from constitution_lang.ir.groups import governing
from constitution_lang.ir.model import (
    ALWAYS,
    Abstain,
    AllOf,
    AnyOf,
    Bundle,
    Compare,
    Condition,
    Not,
    Outcome,
    Prefer,
    Tension,
    Weigh,
)
from tests.conftest import BuildBundle

ATTRIBUTES = {"one": ("a", "b", "c"), "two": ("a", "b"), "three": ("a", "b")}
CATEGORIES = ("x", "y", "z")
PRINCIPLES = ("x.p", "x.q", "y.p", "y.q", "z.p")
SIDES = (*CATEGORIES, *PRINCIPLES)

leaves = st.sampled_from(sorted(ATTRIBUTES)).flatmap(
    lambda name: st.sets(st.sampled_from(ATTRIBUTES[name])).map(lambda values: Compare(name, tuple(sorted(values))))
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    st.one_of(st.just(ALWAYS), leaves, leaves),
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, max_size=3).map(lambda listed: AllOf(tuple(listed))),
        st.lists(inner, max_size=3).map(lambda listed: AnyOf(tuple(listed))),
    ),
    max_leaves=4,
)
numbers = st.sampled_from((0.5, 1.0, 2.0, 3.0))


def outcomes(sides: tuple[str, str]) -> st.SearchStrategy[Outcome]:
    return st.one_of(st.sampled_from(sides).map(Prefer), st.builds(Weigh, numbers, numbers), st.just(Abstain()))


def apart(sides: tuple[str, str]) -> bool:
    return not (sides[0] + ".").startswith(sides[1] + ".") and not (sides[1] + ".").startswith(sides[0] + ".")


@st.composite
def made(draw: st.DrawFn, build: BuildBundle) -> Bundle:
    pairs = st.tuples(st.sampled_from(SIDES), st.sampled_from(SIDES)).filter(apart)
    chosen = draw(st.lists(pairs, max_size=5, unique_by=frozenset))
    tensions = {}
    for i, pair in enumerate(chosen):
        rules = draw(st.lists(st.tuples(conditions, outcomes(pair)), max_size=3))
        tensions[f"t{i}"] = (*pair, [*rules, (ALWAYS, draw(outcomes(pair)))])
    return build(
        attributes=ATTRIBUTES,
        categories={id: draw(numbers) for id in CATEGORIES},
        principles={id: (draw(numbers), draw(conditions)) for id in PRINCIPLES},
        tensions=tensions,
    )


quick = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@quick
@given(data=st.data())
def test_rules(data: st.DataObject, build_bundle: BuildBundle) -> None:
    bundle = data.draw(made(build_bundle))
    play, space = Play(bundle), list(cases(bundle.attributes))
    acting = {(d.tension.id, d.index) for case in space for d in decisions(bundle, case)}
    for tension in bundle.tensions:
        first = [decide(tension, case)[0] for case in space]
        assert decided(bundle, tension) == tuple(first.count(i) for i in range(len(tension.rules)))
        for fate in fates(play, tension):
            assert (fate.case is not None) is (fate.index in first)
            assert fate.acts is ((tension.id, fate.index) in acting)
            deciding = _deciding(bundle, tension, space)
            if fate.acts:
                assert (fate.by, fate.instead) == ((), ())
            else:
                reached = [case for case in space if decide(tension, case)[0] == fate.index]
                assert set(fate.instead) == {id for case in reached for id in deciding(case)}
            if not fate.acts and fate.case is not None:
                assert bool(deciding(fate.case)) is any(map(deciding, reached))
                played = [case for case in space if tension.id in deciding(case)]
                here = [case for case in played if holds(tension.rules[fate.index].condition, case)]
                before = [tension.rules[i].condition for i in fate.by]
                assert bool(fate.by) is bool(here)
                assert all(any(holds(c, case) for c in before) for case in here)
                assert fate.holds in (here or [fate.case])
                for left_out in fate.by:
                    others = [tension.rules[i].condition for i in fate.by if i != left_out]
                    assert not all(any(holds(c, case) for c in others) for case in here)
            if fate.case is not None:
                assert decide(tension, fate.case)[0] == fate.index
                assert not fate.acts or (tension.id, fate.index) in {
                    (d.tension.id, d.index) for d in decisions(bundle, fate.case)
                }
                continue
            holding = [case for case in space if holds(tension.rules[fate.index].condition, case)]
            assert (fate.holds is not None) is bool(holding)
            if fate.holds is not None:
                assert fate.holds in holding
            by = [tension.rules[i].condition for i in fate.by]
            assert all(any(holds(c, case) for c in by) for case in holding)
            assert all(i < fate.index for i in fate.by)
            for left_out in fate.by:
                others = [tension.rules[i].condition for i in fate.by if i != left_out]
                assert not all(any(holds(c, case) for c in others) for case in holding)
    assert size(bundle) == len(space)


def _deciding(bundle: Bundle, tension: Tension, space: list[dict[str, str]]) -> Callable[[dict[str, str]], set[str]]:
    """In a case the tensions that decide between two principles of the sides of `tension`, by the text of the language.

    Of all tensions that two principles fall under, the one that names most of the two itself decides.
    """

    def under(one: str, other: str, by: Tension) -> bool:
        return any(
            one in (a, *(p.id for p in bundle.principles if p.category == a))
            and other in (b, *(p.id for p in bundle.principles if p.category == b))
            for a, b in (by.sides, by.sides[::-1])
        )

    def special(by: Tension) -> tuple[int, list[int]]:
        return sum("." in side for side in by.sides), [-ord(c) for c in by.id]

    known = {}
    for case in space:
        here = [p.id for p in bundle.principles if holds(p.applies, case)]
        known[tuple(case.items())] = {
            max((by for by in bundle.tensions if under(one, other, by)), key=special).id
            for one, other in combinations(here, 2)
            if under(one, other, tension)
        }
    return lambda case: known[tuple(case.items())]


@quick
@given(data=st.data())
def test_tensions_that_never_act(data: st.DataObject, build_bundle: BuildBundle) -> None:
    bundle = data.draw(made(build_bundle))
    play, space = Play(bundle), list(cases(bundle.attributes))
    for tension in bundle.tensions:
        deciding = _deciding(bundle, tension, space)
        all_ = {id for case in space for id in deciding(case)}
        fate = idle(play, tension)
        assert (fate is None) is (tension.id in all_)
        if fate is not None:
            assert set(fate.instead) == all_
            assert (fate.case is not None) is bool(all_)
            assert fate.case is None or deciding(fate.case)
            assert fate.empty == ()


@quick
@given(data=st.data())
def test_meetings_that_are_told_together_are_in_one_case(data: st.DataObject, build_bundle: BuildBundle) -> None:
    bundle = data.draw(made(build_bundle))
    play = Play(bundle)
    met = list(meetings(play))
    told = gathered(play, met)
    assert sorted(m.categories for together in told for m in together) == sorted(m.categories for m in met)
    governed = {frozenset(pair) for pair in governing(bundle)}
    for together in told:
        assert len({m.categories[0] for m in together}) == 1
        for meeting in together:
            here = {p.id: p.category for p in bundle.principles if holds(p.applies, together[0].case)}
            assert tuple(here[id] for id in meeting.principles) == meeting.categories
            assert frozenset(meeting.principles) not in governed


def _before(bundle: Bundle, case: dict[str, str], but: Collection[str] = ()) -> set[tuple[str, str]]:
    found = set()
    for decision in decisions(bundle, case):
        if isinstance(decision.rule.outcome, Prefer) and decision.tension.id not in but:
            first_wins = decision.rule.outcome.side == decision.tension.sides[0]
            found |= {pair if first_wins else pair[::-1] for pair in decision.pairs}
    return found


def _circular(before: set[tuple[str, str]]) -> bool:
    while True:
        kept = {(high, low) for high, low in before if low in {h for h, _ in before}}
        if kept == before:
            return bool(before)
        before = kept


def _in_circles(before: set[tuple[str, str]], pairs: Iterable[tuple[str, str]], step: Step) -> bool:
    """Whether one of the pairs, in the order that is preferred, is on a way from the step's winner round to it."""

    def reached(edges: set[tuple[str, str]]) -> set[str]:
        found = {id for id in (p for pair in edges for p in pair) if step.high in (id, id.partition(".")[0])}
        while more := {low for high, low in edges if high in found} - found:
            found |= more
        return found

    round_ = reached(before) & reached({pair[::-1] for pair in before})
    return any(pair in before and round_.issuperset(pair) for one in pairs for pair in (one, one[::-1]))


@quick
@given(data=st.data())
def test_circles(data: st.DataObject, build_bundle: BuildBundle) -> None:
    bundle = data.draw(made(build_bundle))
    found, all_ = circles(Play(bundle))
    assert all_
    assert bool(found) is any(_circular(_before(bundle, case)) for case in cases(bundle.attributes))
    for circle in found:
        assert _circular(_before(bundle, circle.case))
        for step, after in zip(circle.steps, (*circle.steps[1:], circle.steps[0]), strict=True):
            assert step.low == after.high
            assert decide(step.tension, circle.case)[1].outcome == Prefer(step.winner)
            assert step.loser != step.winner
    told = [frozenset((s.tension.id, s.winner) for s in c.steps) for c in found]
    assert len(told) == len(set(told))
    for case in cases(bundle.attributes):
        outcomes = {t.id: decide(t, case)[1].outcome for t in bundle.tensions}
        here = {(id, outcome.side) for id, outcome in outcomes.items() if isinstance(outcome, Prefer)}
        known = {id for circle in told if circle <= here for id, _ in circle}
        assert not _circular(_before(bundle, case, known))  # what is left has no circle of its own
    for circle in found:
        own = {step.tension.id for step in circle.steps}
        beside = {
            d.tension.id
            for d in decisions(bundle, circle.case)
            if d.tension.id not in own and _in_circles(_before(bundle, circle.case), d.pairs, circle.steps[0])
        }
        assert set(circle.beside) == beside


@quick
@given(data=st.data())
def test_pairs(data: st.DataObject, build_bundle: BuildBundle) -> None:
    bundle = data.draw(made(build_bundle))
    play, space = Play(bundle), list(cases(bundle.attributes))
    governed = {frozenset(pair) for pair in governing(bundle)}

    def open_in(case: dict[str, str]) -> set[tuple[str, str]]:
        here = applicable(bundle, case)
        return {
            (p.category, q.category)
            for p in here
            for q in here
            if p.category < q.category and frozenset((p.id, q.id)) not in governed
        }

    found = {meeting.categories: meeting for meeting in meetings(play)}
    assert found.keys() == {pair for case in space for pair in open_in(case)}
    for pair, meeting in found.items():
        assert pair in open_in(meeting.case)
        assert {p.id for p in applicable(bundle, meeting.case)} >= set(meeting.principles)
        assert frozenset(meeting.principles) not in governed
    drawn = {p.id for case in space for p in applicable(bundle, case)}
    assert set(undrawable(play)) == {p.id for p in bundle.principles} - drawn


@quick
@given(data=st.data())
def test_differences(data: st.DataObject, build_bundle: BuildBundle) -> None:
    bundle = data.draw(made(build_bundle))
    found = list(differences(Play(bundle)))
    for difference in found:
        narrow, wide = difference.narrow, difference.wide
        assert decide(narrow, difference.case)[0] == difference.rules[0]
        assert decide(wide, difference.case)[0] == difference.rules[1]
        assert narrow.id in {d.tension.id for d in decisions(bundle, difference.case)}
    told = {(d.narrow.id, d.wide.id) for d in found}
    for narrow in bundle.tensions:
        for wide in bundle.tensions:
            inside = all(a == b or a.startswith(b + ".") for a, b in zip(narrow.sides, wide.sides, strict=True))
            if not inside or narrow.id == wide.id or (narrow.id, wide.id) in told:
                continue
            for case in cases(bundle.attributes):
                if narrow.id in {d.tension.id for d in decisions(bundle, case)}:
                    special, general = decide(narrow, case)[1].outcome, decide(wide, case)[1].outcome
                    wins = [narrow.sides.index(special.side)] if isinstance(special, Prefer) else []
                    assert wins == ([wide.sides.index(general.side)] if isinstance(general, Prefer) else [])
                    assert isinstance(special, Abstain) is isinstance(general, Abstain)


@quick
@given(data=st.data())
def test_variants(data: st.DataObject, build_bundle: BuildBundle) -> None:
    bundle = data.draw(made(build_bundle))
    for principle in bundle.principles:
        said = {yields(bundle, principle, case) for case in cases(bundle.attributes) if holds(principle.applies, case)}
        assert set(variants(bundle, principle)) == said | {()}
        assert len(variants(bundle, principle, 1)) == min(2, len(said | {()}))


@quick
@given(data=st.data())
def test_groups_decide_as_their_principles(data: st.DataObject, build_bundle: BuildBundle) -> None:
    bundle = data.draw(made(build_bundle))
    governed = governing(bundle)
    for case in cases(bundle.attributes):
        here = {p.id for p in applicable(bundle, case)}
        pairs = [(pair, tension) for pair, tension in governed.items() if here.issuperset(pair)]
        assert {(pair, d.tension.id) for d in decisions(bundle, case) for pair in d.pairs} == {
            (pair, tension.id) for pair, tension in pairs
        }
        for principle in bundle.principles:
            over = {
                tension.sides[1 - own]
                for pair, tension in governed.items()
                for own in (0, 1)
                if pair[own] == principle.id and pair[1 - own] in here
                if decide(tension, case)[1].outcome == Prefer(tension.sides[1 - own])
            }
            assert yields(bundle, principle, case) == tuple(sorted(over))
