"""A plan, as values: what a run would take over, what it would ask and train, why, and what that costs."""

from __future__ import annotations

from msgspec import Struct

from constitution_lang.diff.model import Difference
from runtime.ledger.runs import StepId

__all__ = ["Bound", "Cost", "Plan", "PrincipleWork", "Rate", "Reason", "StageWork", "TrainingWork"]


class Cost(Struct, frozen=True, kw_only=True):
    """What is asked of models. Tokens read are exact where the texts are known, tokens written are expected."""

    calls: int = 0
    prompt_tokens: int = 0
    new_tokens: int = 0
    seconds: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            calls=self.calls + other.calls,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            new_tokens=self.new_tokens + other.new_tokens,
            seconds=self.seconds + other.seconds,
        )


class Reason(Struct, frozen=True, kw_only=True):
    """Why something is redone: a change of the constitution, by its grade and id, or what comes before it."""

    says: str
    grade: str | None = None
    change: str | None = None


class PrincipleWork(Struct, frozen=True, kw_only=True):
    """What is asked under one principle in a step. `kept` answers are known already."""

    principle: str
    kept: int
    calls: int
    why: tuple[Reason, ...] = ()


class StageWork(Struct, frozen=True, kw_only=True):
    """One step, or one round of it.

    `taken_over` says that nothing of it has to be looked at again. `kept` answers are known; `cost.calls` are not.
    `moved` of `draws` are not those of the run before; None where it has no such step.
    """

    step: StepId
    taken_over: bool
    kept: int
    cost: Cost
    principles: tuple[PrincipleWork, ...] = ()
    why: tuple[Reason, ...] = ()
    draws: int = 0
    moved: int | None = None


class TrainingWork(Struct, frozen=True, kw_only=True):
    """One training. Where `taken_over`, its checkpoint is there and was made from the same texts."""

    step: StepId
    taken_over: bool
    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0
    why: tuple[Reason, ...] = ()


class Rate(Struct, frozen=True, kw_only=True):
    """A speed that the plan goes by, in tokens a second. `source` says where it comes from.

    `of` is what goes at this speed: `written`, `chosen` (tokens read to choose), or the step of a training.
    """

    model: str
    of: str
    token_rate: float
    measured: bool
    source: str


class Bound(Struct, frozen=True, kw_only=True):
    """The most calls of a run, since the cases of `prompts` are open. Their tokens hang on whose words are drawn."""

    calls: int
    prompts: int


class Plan(Struct, frozen=True, kw_only=True):
    """The whole. `since` says what the ledger is compared with; None where there was no run before.

    `at_most` is there where cases have to be asked for: the rest is what a run does where they come out as before.
    """

    file: str
    constitution: str
    version: str
    since: str | None
    difference: Difference | None
    stages: tuple[StageWork, ...]
    trainings: tuple[TrainingWork, ...]
    rates: tuple[Rate, ...]
    notes: tuple[str, ...]
    at_most: Bound | None = None

    @property
    def asked(self) -> Cost:
        """All that is asked of models."""
        return sum((stage.cost for stage in self.stages), Cost())

    @property
    def seconds(self) -> float:
        """All the time, trainings included."""
        return self.asked.seconds + sum(t.seconds for t in self.trainings)
