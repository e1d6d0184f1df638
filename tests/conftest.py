"""What tests of both packages start from."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import settings

from constitution_lang.ir.model import (
    ALWAYS,
    FORMAT,
    Attribute,
    AttributeKind,
    Bundle,
    Category,
    Condition,
    Orders,
    Origin,
    Outcome,
    PreferenceSampling,
    Principle,
    RevisionSampling,
    Rule,
    Tension,
)

# As in cai-run: before torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# How long an example takes is the machine's affair: no test asserts it.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

BuildBundle = Callable[..., Bundle]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--record` writes down what comes out as what is expected, for a person to read in the diff."""
    parser.addoption("--record", action="store_true", help="write the expected output of corpus documents anew")


@pytest.fixture
def record(request: pytest.FixtureRequest) -> bool:
    """Whether expected output is to be written and not compared."""
    return bool(request.config.getoption("--record"))


@pytest.fixture(scope="session")
def build_bundle() -> BuildBundle:
    """Make a Bundle by hand, without the compiler: `build_bundle(categories={"harm": 3}, principles={…}, …)`."""
    return _bundle


def _bundle(
    *,
    categories: Mapping[str, float],
    principles: Mapping[str, float | tuple[float, Condition]],
    attributes: Mapping[str, Sequence[str]] | None = None,
    tensions: Mapping[str, tuple[str, str, Sequence[tuple[Condition, Outcome]]]] | None = None,
    keys: Mapping[str, str] | None = None,
    rounds: int = 4,
    draw: int = 1,
    votes: int = 16,
    orders: Orders = Orders.BOTH,
    decided: float = 0.6,
    reasoning: bool = False,
    clamp: tuple[float, float] = (0.4, 0.6),
) -> Bundle:
    lines = iter(range(1, 10_000))

    def here() -> Origin:
        return Origin("test.const", next(lines), 1)

    def principle(id: str, weighed: float | tuple[float, Condition]) -> Principle:
        weight, applies = weighed if isinstance(weighed, tuple) else (weighed, ALWAYS)
        return Principle(
            id=id, category=id.partition(".")[0], title=id, applies=applies, weight=weight, statement=id, critique=id,
            revise=id, prefer=id, shares=(), formerly=(), source="", owner="", key=(keys or {}).get(id, id),
            origin=here(),
        )  # fmt: skip

    return Bundle(
        format=FORMAT,
        edition=2026,
        name="test",
        version="1.0.0",
        title="Test",
        owner="",
        attributes=tuple(
            Attribute(id, f"{id}?", AttributeKind.LEVELS, tuple(values), values[0], here())
            for id, values in sorted((attributes or {}).items())
        ),
        categories=tuple(Category(id, id, id, w, (), (), "", here()) for id, w in sorted(categories.items())),
        principles=tuple(principle(id, weighed) for id, weighed in sorted(principles.items())),
        tensions=tuple(
            Tension(id, (first, second), tuple(Rule(c, o, here()) for c, o in rules), "", "", here())
            for id, (first, second, rules) in sorted((tensions or {}).items())
        ),
        revision=RevisionSampling(rounds, draw, None),
        preference=PreferenceSampling(votes, orders, decided, reasoning, *clamp, None),
        exemplars=(),
        retired=(),
        prompts=(),
        sources=(),
        meaning_hash="",
        metadata_hash="",
    )
