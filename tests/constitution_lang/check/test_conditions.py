"""A condition lowered to value sets is true in exactly the cases in which what was written is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from constitution_lang.ir.cases import cases, holds
from tests.constitution_lang.texts import WHOLE, bundle_of

LEVELS = ("none", "minor", "grave")
TOPICS = ("general", "medical")
OPERATORS = {
    "is": lambda i, at: i == at,
    "is not": lambda i, at: i != at,
    "<": lambda i, at: i < at,
    "<=": lambda i, at: i <= at,
    ">": lambda i, at: i > at,
    ">=": lambda i, at: i >= at,
}

Truth = frozenset[tuple[str, str]]
ALL: Truth = frozenset((level, topic) for level in LEVELS for topic in TOPICS)


def compare(operator: str, value: str) -> tuple[str, Truth]:
    truth = frozenset(c for c in ALL if OPERATORS[operator](LEVELS.index(c[0]), LEVELS.index(value)))
    return f"severity {operator} {value}", truth


def member(word: str, values: list[str]) -> tuple[str, Truth]:
    among = frozenset(c for c in ALL if c[1] in values)
    return f"topic {word} {', '.join(values)}", among if word == "is one of" else ALL - among


leaves = st.one_of(
    st.builds(compare, st.sampled_from(sorted(OPERATORS)), st.sampled_from(LEVELS)),
    st.builds(
        member,
        st.sampled_from(("is one of", "is not one of")),
        st.lists(st.sampled_from(TOPICS), min_size=1, unique=True),
    ),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(lambda one: (f"not ({one[0]})", ALL - one[1])),
        st.tuples(inner, inner).map(lambda two: (f"({two[0][0]}) and ({two[1][0]})", two[0][1] & two[1][1])),
        st.tuples(inner, inner).map(lambda two: (f"({two[0][0]}) or ({two[1][0]})", two[0][1] | two[1][1])),
    ),
    max_leaves=6,
)


@given(conditions)
def test_a_condition_means_what_it_says(written: tuple[str, Truth]) -> None:
    text, truth = written
    bundle = bundle_of(WHOLE + f'\nprinciple harm.x "X"\n  applies when {text}\n  statement:\n    Do.\n')
    applies = bundle.principle("harm.x").applies
    found = {(c["severity"], c["topic"]) for c in cases(bundle.attributes) if holds(applies, c)}
    assert found == truth
