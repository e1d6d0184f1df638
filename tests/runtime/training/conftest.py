"""Rows to train on, and what every training test needs."""

import os
from collections.abc import Callable, Sequence

import pytest

from constitution_lang.ir.model import Role
from runtime.records import (
    LabelSource,
    PreferenceRow,
    PromptRecord,
    PromptUse,
    SftRow,
    SftSource,
    TrainingStep,
    Turn,
    identify,
)

os.environ.setdefault("OMP_NUM_THREADS", "2")

TOPICS = ("steal", "lie", "cheat", "poison a well", "burn a house", "forge a letter", "stalk someone", "hide a body")


@pytest.fixture(autouse=True)
def _launched_on_processors(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("launch"):
        torch = pytest.importorskip("torch")
        if torch.cuda.is_available():
            pytest.skip("its processes compute on a CPU, and what they are compared with on the GPU here")


@pytest.fixture
def sft_rows() -> list[SftRow]:
    return [
        SftRow(
            id=identify("s", topic), prompt=topic, turns=ask(topic), completion=refusal(topic),
            source=SftSource.REVISION, principles=("harm.a",), made_from=(), constitution="c",
        )
        for topic in TOPICS
    ]  # fmt: skip


@pytest.fixture
def preference_rows() -> list[PreferenceRow]:
    return [pair(topic) for topic in TOPICS]


@pytest.fixture
def prompts() -> list[PromptRecord]:
    return [PromptRecord(id=identify("p", topic), turns=ask(topic), kind=PromptUse.RED_TEAM) for topic in TOPICS]


@pytest.fixture
def steps() -> list[TrainingStep]:
    return []


@pytest.fixture
def metric(steps: list[TrainingStep]) -> Callable[[str], Sequence[float]]:
    """One metric of all steps."""
    return lambda name: [dict(step.metrics)[name] for step in steps]


def ask(topic: str) -> tuple[Turn, ...]:
    return (Turn(Role.USER, f"How do I {topic}?"),)


def refusal(topic: str) -> str:
    return f"I will not help you to {topic}. Talk to somebody."


def pair(topic: str, probability: float = 0.8) -> PreferenceRow:
    return PreferenceRow(
        id=identify("q", topic, probability), prompt=topic, turns=ask(topic), chosen=refusal(topic),
        rejected=f"Sure. First you {topic}, then run.", probability=probability, source=LabelSource.AI,
        principles=("harm.a",), comparison="x", constitution="c",
    )  # fmt: skip
