"""The extremes of shares against looking at every case, on constitutions made at random."""

from __future__ import annotations

from math import fsum
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from constitution_lang.analysis.play import Play
from constitution_lang.analysis.search import Search
from constitution_lang.analysis.shares import Extreme, Shares
from constitution_lang.analysis.terms import FOLD_MAX
from constitution_lang.ir.cases import cases
from constitution_lang.ir.model import (
    ALWAYS,
    AllOf,
    AnyOf,
    Bundle,
    Compare,
    Condition,
    Not,
    Outcome,
    Prefer,
    Stage,
    Weigh,
)
from constitution_lang.sampling.weights import shares
from tests.conftest import BuildBundle

WEIGHTS = (0.1, 0.5, 1.0, 2.0, 3.0, 7.0)


def made(random: Random, build: BuildBundle, attributes: int) -> Bundle:
    """Some categories with some principles, and tensions between any of them, most of which weigh."""
    values = {f"a{i}": ("x", "y", "z")[: random.choice((2, 2, 3))] for i in range(attributes)}
    categories = {id: random.choice(WEIGHTS) for id in ("f", "g", "h", "i")[: random.randint(2, 4)]}
    principles = {
        f"{category}.p{n}": (random.choice(WEIGHTS), condition(random, values))
        for category in categories
        for n in range(random.randint(1, 4))
    }
    tensions = {}
    taken: set[frozenset[str]] = set()
    for i in range(random.randint(0, 6)):
        one, other = random.sample(sorted(categories), 2)
        sides = tuple(random.choice((c, *(p for p in principles if p.startswith(c + ".")))) for c in (one, other))
        if frozenset(sides) not in taken:
            taken.add(frozenset(sides))
            rules = [(condition(random, values), outcome(random, sides)) for _ in range(random.randint(0, 2))]
            tensions[f"t{i}"] = (*sides, [*rules, (ALWAYS, outcome(random, sides))])
    return build(attributes=values, categories=categories, principles=principles, tensions=tensions)


def condition(random: Random, values: dict[str, tuple[str, ...]], depth: int = 2) -> Condition:
    kind = random.choice(("always", "compare", "compare", "not", "all", "any")) if depth else "compare"
    if kind == "always":
        return ALWAYS
    if kind == "not":
        return Not(condition(random, values, depth - 1))
    if kind == "compare":
        attribute = random.choice(sorted(values))
        return Compare(attribute, tuple(v for v in values[attribute] if random.random() < 0.5))
    operands = tuple(condition(random, values, depth - 1) for _ in range(2))
    return AllOf(operands) if kind == "all" else AnyOf(operands)


def outcome(random: Random, sides: tuple[str, ...]) -> Outcome:
    if random.random() < 0.2:
        return Prefer(random.choice(sides))
    return Weigh(random.choice(WEIGHTS), random.choice(WEIGHTS))


def ranges(bundle: Bundle) -> dict[str, tuple[float, float]]:
    """Of every principle and category that some case draws, by looking at every case."""
    found: dict[str, list[float]] = {}
    for case in cases(bundle.attributes):
        here: dict[str, list[float]] = {}
        for id, share in shares(bundle, Stage.REVISION, case).items():
            here.setdefault(id, []).append(share)
            here.setdefault(id.partition(".")[0], []).append(share)
        for id, listed in here.items():
            found.setdefault(id, []).append(fsum(listed))
    return {id: (min(listed), max(listed)) for id, listed in found.items()}


def share_in(bundle: Bundle, target: str, case: dict[str, str]) -> float:
    found = shares(bundle, Stage.REVISION, case)
    return fsum(s for id, s in found.items() if target in {id, id.partition(".")[0]})


def targets(bundle: Bundle) -> tuple[str, ...]:
    return tuple(x.id for x in (*bundle.categories, *bundle.principles))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(min_value=0), attributes=st.integers(1, 6), fold_max=st.sampled_from((0, 20, FOLD_MAX)))
def test_extremes(seed: int, attributes: int, fold_max: int, build_bundle: BuildBundle) -> None:
    """With little or nothing folded, the walk over many diagrams has to come to the same."""
    bundle = made(Random(seed), build_bundle, attributes)  # noqa: S311
    answers, expected = Shares(Play(bundle), fold_max=fold_max), ranges(bundle)
    for target in targets(bundle):
        for found, at in ((answers.least(target), 0), (answers.greatest(target), 1)):
            assert (found is None) is (target not in expected)
            if found is not None:
                assert found.exact
                assert found.share == pytest.approx(expected[target][at], rel=1e-9)
                assert share_in(bundle, target, found.case) == found.share


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(min_value=0), fold_max=st.sampled_from((0, 20)), rounds_max=st.sampled_from((0, 1, 5)))
def test_a_search_that_is_given_up_still_bounds(
    seed: int, fold_max: int, rounds_max: int, build_bundle: BuildBundle
) -> None:
    bundle = made(Random(seed), build_bundle, 6)  # noqa: S311
    answers = Shares(Play(bundle), steps_max=0, fold_max=fold_max, steps_least=1, rounds_max=rounds_max)
    expected = ranges(bundle)
    for target in targets(bundle):
        least, greatest = answers.least(target), answers.greatest(target)
        if least is not None and greatest is not None:
            low, high = expected[target]
            assert least.bound - 1e-9 <= low <= least.share + 1e-9
            assert greatest.share - 1e-9 <= high <= greatest.bound + 1e-9


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(min_value=0), attributes=st.integers(1, 6))
def test_what_the_solver_learns(seed: int, attributes: int, build_bundle: BuildBundle) -> None:
    """The search by itself, on every target, each after what it learned of the others."""
    bundle = made(Random(seed), build_bundle, attributes)  # noqa: S311
    search, expected = Search(Play(bundle)), ranges(bundle)
    for target in targets(bundle):
        for at in (0, 1):
            found = search.extreme(target, greatest=at == 1)
            assert (found is None) is (target not in expected)
            if found is not None:
                case, exact = found
                assert exact
                assert share_in(bundle, target, case) == pytest.approx(expected[target][at], rel=1e-9)


def test_a_condition_without_a_diagram(build_bundle: BuildBundle) -> None:
    """Pairs that stand apart in every order: the walk cannot begin, and without the solver the answer says so."""
    ids = [f"a{i:02}" for i in range(60)]
    random = Random(1)  # noqa: S311
    pairs = [tuple(random.sample(ids, 2)) for _ in range(200)]
    apart = AllOf(tuple(AnyOf(tuple(Compare(id, ("y",)) for id in pair)) for pair in pairs))
    bundle = build_bundle(
        attributes=dict.fromkeys(ids, ("x", "y")),
        categories={"f": 1, "g": 1},
        principles={"f.p": (1, apart), "g.p": 1},
    )
    found = Shares(Play(bundle), rounds_max=0).least("g")
    assert found is not None
    assert not found.exact
    assert found.bound == 0
    assert found == Extreme(share_in(bundle, "g", found.case), 0.0, found.case)
    decided = Shares(Play(bundle)).least("g")
    assert decided is not None
    assert decided.exact
    assert decided.share == 0.5
