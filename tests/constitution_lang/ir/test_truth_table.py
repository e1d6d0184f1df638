"""A table of few cases and a solver of many give the same answers."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from constitution_lang.ir.model import AllOf, AnyOf, Attribute, AttributeKind, Compare, Condition, Not, Origin
from constitution_lang.ir.space import Space

ATTRIBUTES = tuple(
    Attribute(id, f"What {id} is", AttributeKind.ONE_OF, values, values[1], Origin("a.const", 1, 1))
    for id, values in (("a", ("p", "q")), ("b", ("r", "s", "t")), ("c", ("u", "v", "w", "x")))
)


def _compare(attribute: Attribute) -> st.SearchStrategy[Condition]:
    values = st.lists(st.sampled_from(attribute.values), min_size=1, unique=True).map(tuple)
    return values.map(lambda chosen: Compare(attribute.id, chosen))


conditions = st.recursive(
    st.one_of(*map(_compare, ATTRIBUTES)),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda of: AllOf(tuple(of))),
        st.lists(inner, min_size=1, max_size=3).map(lambda of: AnyOf(tuple(of))),
        inner.map(Not),
    ),
    max_leaves=6,
)


@given(st.lists(conditions, min_size=1, max_size=4))
def test_both_ways_answer_alike(asked: list[Condition]) -> None:
    table, solver = Space(ATTRIBUTES), Space(ATTRIBUTES, cases_max=0)
    of_table, of_solver = ([space.literal(c) for c in asked] for space in (table, solver))
    assert table.possible(*of_table) == solver.possible(*of_solver)
    assert table.witness(*of_table) == solver.witness(*of_solver)
    some, rest = of_table[:1], of_table[1:]
    answers = [*table.truths(some, *rest)]
    assert len(answers) == len({*answers})
    assert {*answers} == {*solver.truths(of_solver[:1], *of_solver[1:])}
    if not table.possible(*of_table):
        blamed = table.blame(*dict.fromkeys(of_table))
        assert not table.possible(*blamed)
        assert all(table.possible(*(other for other in blamed if other != one)) for one in blamed)


@given(conditions)
def test_a_witness_has_defaults_first_and_then_the_first_value(condition: Condition) -> None:
    space = Space(ATTRIBUTES)
    literal = space.literal(condition)
    found = space.witness(literal)
    if found is None:
        assert not space.possible(literal)
        return
    given: dict[str, str] = {}
    for attribute in ATTRIBUTES:
        for value in (attribute.default, *attribute.values):
            if value == found[attribute.id]:
                break
            better = [Compare(id, (chosen,)) for id, chosen in {**given, attribute.id: value}.items()]
            assert attribute.id not in {c.attribute for c in _leaves(condition)} or not space.possible(
                literal, *map(space.literal, better)
            )
        given[attribute.id] = found[attribute.id]


def _leaves(condition: Condition) -> list[Compare]:
    match condition:
        case Compare():
            return [condition]
        case Not(operand):
            return _leaves(operand)
        case AllOf(operands) | AnyOf(operands):
            return [leaf for operand in operands for leaf in _leaves(operand)]


def test_a_variable_of_its_own_is_left_to_the_solver() -> None:
    space = Space(ATTRIBUTES)
    q, s = (space.literal(Compare(id, (value,))) for id, value in (("a", "q"), ("b", "s")))
    free = space.new()
    space.say(-free, q)
    assert space.possible(free, s)
    assert not space.possible(free, -q)
    assert space.possible(space.any_of((free, s)), -q)


def test_a_small_check_loads_no_solver() -> None:
    code = """
import sys
from pathlib import Path
from constitution_lang.compile import check_path
result = check_path(Path("constitutions/house-assistant/house-assistant.const"))
assert not result.failed
sys.exit("pysat" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
