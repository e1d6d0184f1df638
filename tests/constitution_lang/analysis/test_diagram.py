"""Diagrams against looking at every case."""

from __future__ import annotations

from collections import Counter
from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constitution_lang.analysis.diagram import NO, YES, Diagram, DiagramError
from constitution_lang.analysis.outcomes import between, changes, conditions, outcome, united
from constitution_lang.ir.cases import cases, decide, decisions, holds
from constitution_lang.ir.model import (
    ALWAYS,
    Abstain,
    AllOf,
    AnyOf,
    Attribute,
    AttributeKind,
    Bundle,
    Compare,
    Condition,
    Not,
    Origin,
    Prefer,
    Tension,
    Weigh,
)
from tests.conftest import BuildBundle

HERE = Origin("test.const", 1, 1)


def attribute(id: str, *values: str, default: str = "") -> Attribute:
    return Attribute(id, f"{id}?", AttributeKind.LEVELS, values, default or values[0], HERE)


OLD = (attribute("a", "0", "1", "2"), attribute("b", "0", "1"), attribute("c", "0", "1", "2", default="1"))
NEW = (attribute("a", "0", "2", "3"), attribute("b", "0", "1", default="1"), attribute("d", "0", "1"))
ALL = united(OLD, NEW)


def conditions_over(attributes: tuple[Attribute, ...]) -> st.SearchStrategy[Condition]:
    leaf = st.sampled_from(attributes).flatmap(
        lambda a: st.sets(st.sampled_from(a.values)).map(lambda values: Compare(a.id, tuple(sorted(values))))
    )
    return st.recursive(
        st.one_of(st.just(ALWAYS), leaf, leaf),
        lambda inner: st.one_of(
            inner.map(Not),
            st.lists(inner, max_size=3).map(lambda listed: AllOf(tuple(listed))),
            st.lists(inner, max_size=3).map(lambda listed: AnyOf(tuple(listed))),
        ),
        max_leaves=8,
    )


def test_the_union_of_attributes() -> None:
    assert [(a.id, a.values, a.default) for a in ALL] == [
        ("a", ("0", "2", "3", "1"), "0"), ("b", ("0", "1"), "1"), ("c", ("0", "1", "2"), "1"), ("d", ("0", "1"), "0"),
    ]  # fmt: skip
    diagram = Diagram(ALL)
    assert diagram.count(YES) == 4 * 2 * 3 * 2
    assert diagram.count(diagram.declared(OLD)) == 3 * 2 * 3 * 2
    assert diagram.count(diagram.and_(diagram.declared(OLD), diagram.declared(NEW))) == 2 * 2 * 3 * 2


@settings(max_examples=300)
@given(one=conditions_over(ALL), other=conditions_over(ALL), ordered=st.booleans())
def test_conditions(one: Condition, other: Condition, ordered: bool) -> None:  # noqa: FBT001
    diagram = Diagram(ALL, about=[one, other] if ordered else [])
    a, b = diagram.of(one), diagram.of(other)
    every = list(cases(ALL))
    for node, truth in (
        (a, lambda case: holds(one, case)),
        (diagram.and_(a, b), lambda case: holds(one, case) and holds(other, case)),
        (diagram.or_(a, b), lambda case: holds(one, case) or holds(other, case)),
        (diagram.not_(a), lambda case: not holds(one, case)),
        (diagram.xor(a, b), lambda case: holds(one, case) != holds(other, case)),
        (diagram.choose(a, b, diagram.not_(b)), lambda case: holds(one, case) == holds(other, case)),
    ):
        having = [case for case in every if truth(case)]
        assert diagram.count(node) == len(having)
        assert all(diagram.value(node, case) is truth(case) for case in every)
        found = diagram.witness(node)
        assert (found in having) is bool(having)
        if found is not None:
            assert away(found) == min(map(away, having))
        assert (node == NO) is (not having)
        assert (node == YES) is (len(having) == len(every))
    assert (a == b) is all(holds(one, case) == holds(other, case) for case in every)


def away(case: dict[str, str]) -> int:
    return sum(case[a.id] != a.default for a in ALL)


@settings(max_examples=100)
@given(listed=st.lists(conditions_over(ALL), max_size=4))
def test_functions_to_numbers(listed: list[Condition]) -> None:
    diagram = Diagram(ALL, about=listed)
    zero, ones = (
        diagram.constant(0),
        [diagram.choose(diagram.of(c), diagram.constant(1), diagram.constant(0)) for c in listed],
    )
    total = reduce(lambda x, y: diagram.apply(add, x, y), ones, zero)
    expected = Counter(sum(holds(c, case) for c in listed) for case in cases(ALL))
    assert diagram.counts(total) == expected
    assert set(diagram.values(total)) == set(expected)
    for number in expected:
        case = diagram.witness(total, number)
        assert case is not None
        assert sum(holds(c, case) for c in listed) == number
    assert diagram.witness(total, 99) is None


def add(one: object, other: object) -> int:
    assert isinstance(one, int)
    assert isinstance(other, int)
    return one + other


SIDES = ("x", "y.p")
outcomes = st.one_of(
    st.sampled_from(SIDES).map(Prefer), st.builds(Weigh, st.sampled_from((1.0, 2.0)), st.just(3.0)), st.just(Abstain())
)


@st.composite
def made(draw: st.DrawFn, build: BuildBundle, attributes: tuple[Attribute, ...]) -> Bundle:
    sides = draw(st.sampled_from((SIDES, SIDES[::-1])))
    over = conditions_over(attributes)
    rules = draw(st.lists(st.tuples(over, outcomes), max_size=3))
    return build(
        attributes={a.id: a.values for a in attributes},
        categories={"x": 1, "y": 1},
        principles={"x.p": (1, draw(over)), "y.p": (1, draw(over)), "y.q": (1, draw(over))},
        tensions={"t": (*sides, [*rules, (ALWAYS, draw(outcomes))])},
    )


@settings(max_examples=100)
@given(data=st.data())
def test_two_versions(data: st.DataObject, build_bundle: BuildBundle) -> None:
    old, new = data.draw(made(build_bundle, OLD)), data.draw(made(build_bundle, NEW))
    diagram = Diagram(united(old.attributes, new.attributes), about=[*conditions(old), *conditions(new)])
    both = diagram.and_(diagram.declared(old.attributes), diagram.declared(new.attributes))
    shared = [case for case in cases(diagram.attributes) if diagram.value(both, case)]
    assert diagram.count(both) == len(shared) == 2 * 2 * 3 * 2
    for first, second in (("x.p", "y.p"), ("y.p", "x.p"), ("x.p", "y.q"), ("x.p", "gone.p")):
        nodes = [between(diagram, bundle, first, second) for bundle in (old, new)]
        expected: Counter[tuple[object, object]] = Counter()
        for case in shared:
            told = (decided(old, case, first, second), decided(new, case, first, second))
            assert told == tuple(diagram.value(node, case) for node in nodes)
            if told[0] != told[1]:
                expected[told] += 1
        found = changes(diagram, *nodes, both)
        assert {(c.before, c.after): c.cases for c in found} == expected
        for change in found:
            assert decided(old, change.case, first, second) == change.before
            assert decided(new, change.case, first, second) == change.after


def decided(bundle: Bundle, case: dict[str, str], first: str, second: str) -> object:
    own = {a.id: case[a.id] for a in bundle.attributes}
    for decision in decisions(bundle, own):
        for pair in (first, second), (second, first):
            if pair in decision.pairs:
                return called(decision.rule.outcome, decision.tension, pair)
    return None


def called(outcome: object, tension: Tension, pair: tuple[str, str]) -> object:
    if isinstance(outcome, Prefer):
        return Prefer(pair[tension.sides.index(outcome.side)])
    if isinstance(outcome, Weigh):
        return outcome if pair[0] < pair[1] else Weigh(outcome.second, outcome.first)
    return outcome


def test_a_tension_by_itself(build_bundle: BuildBundle) -> None:
    bundle = build_bundle(
        attributes={"a": ("x", "y")},
        categories={"h": 1, "c": 1},
        principles={"h.p": 1, "c.p": 1},
        tensions={"t": ("h", "c", [(Compare("a", ("y",)), Weigh(2, 1)), (ALWAYS, Prefer("c"))])},
    )
    diagram = Diagram(bundle.attributes)
    node = outcome(diagram, bundle.tensions[0])
    assert {diagram.value(node, case) for case in cases(bundle.attributes)} == {Weigh(1, 2), Prefer("c")}
    assert decide(bundle.tensions[0], {"a": "x"})[1].outcome == diagram.value(node, {"a": "x"})


def test_forty_attributes_of_eight_values() -> None:
    attributes = tuple(attribute(f"a{i:02}", *(f"v{n}" for n in range(8))) for i in range(40))
    # Partners stand far apart in the order of ids: asked in that order, this would take 2^20 nodes.
    pairs = [AnyOf((Not(Compare(f"a{i:02}", ("v1", "v2"))), Compare(f"a{i + 20:02}", ("v5",)))) for i in range(20)]
    diagram = Diagram(attributes, about=pairs)
    every = diagram.all_of(diagram.of(pair) for pair in pairs)
    assert diagram.count(every) == (6 * 8 + 2) ** 20
    assert diagram.size(every) < 100
    assert diagram.count(diagram.not_(every)) == 8**40 - 50**20
    case = diagram.witness(diagram.not_(every))
    assert case is not None
    assert sum(value != "v0" for value in case.values()) == 1


def test_what_is_too_large() -> None:
    attributes = tuple(attribute(f"a{i:02}", "x", "y") for i in range(40))
    same = [AnyOf((Compare(f"a{i:02}", ("y",)), Compare(f"a{i + 20:02}", ("y",)))) for i in range(20)]
    diagram = Diagram(attributes, nodes_max=1000)
    with pytest.raises(DiagramError, match="more than 1000 nodes"):
        diagram.all_of(map(diagram.of, same))
    many = tuple(attribute(f"a{i}", "x", "y") for i in range(500))
    assert Diagram(many).count(YES) == 2**500
    with pytest.raises(DiagramError, match="500 attributes"):
        Diagram(many, about=[AllOf(tuple(Compare(a.id, ("y",)) for a in many))])
