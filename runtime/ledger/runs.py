"""What the ledger keeps besides results: runs, their steps, and what each step cost."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from runtime.records import Each, PromptRecord, identify

__all__ = [
    "Operation", "RunManifest", "Speed", "Step", "StepId", "StepTally", "Tally", "TrainingSpeed", "TrainingTally",
    "Usage", "Written", "run_id",
]  # fmt: skip


class Step(StrEnum):
    """The steps of a run, in the order in which their records are read back."""

    DATA = "data"
    TAG = "tag"
    RESPOND = "respond"
    CRITIQUE = "critique"
    REVISE = "revise"
    SFT = "sft"
    PAIR = "pair"
    LABEL = "label"
    PREFERENCE_MODEL = "preference_model"
    DPO = "dpo"
    POLICY = "policy"
    EVALUATE = "evaluate"
    AUDIT = "audit"


class StepId(Struct, frozen=True):
    """A step, or one round of it (from 0). Round -1 is a step without rounds."""

    step: Step
    round: int = -1

    def __str__(self) -> str:
        return self.step.value if self.round < 0 else f"{self.step.value} {self.round}"


class RunManifest(Struct, frozen=True, kw_only=True):
    """What was run. `started` (seconds since 1970) is the only time that is kept, and is part of no id.

    `models` are pairs of a role and a model's identity, `versions` pairs of a package and its version.
    """

    id: str
    constitution: str
    version: str
    meaning_hash: str
    metadata_hash: str
    bundle: bytes
    config: bytes
    models: tuple[tuple[str, str], ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    started: float = 0.0


def run_id(
    meaning_hash: str,
    metadata_hash: str,
    config: bytes,
    models: tuple[tuple[str, str], ...],
    *,
    prompts: Iterable[PromptRecord],
    people: Iterable[tuple[str, float | None]],
    only_audit: bool,
) -> str:
    """The id of a run: of all that it begins with.

    `prompts` stand in the order of their ids; `people` are comparisons that people labelled, with what they said.
    """
    return identify(
        "run", only_audit, meaning_hash, metadata_hash, config.decode(), models, Each(prompts), list(people)
    )


class Operation(StrEnum):
    """The two things that an engine does."""

    GENERATE = "generate"
    CHOOSE = "choose"


class Usage(Struct, frozen=True, kw_only=True):
    """What was asked of an engine. `reused` requests were answered without asking it, and count nowhere else."""

    calls: int = 0
    reused: int = 0
    prompt_tokens: int = 0
    new_tokens: int = 0
    seconds: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            calls=self.calls + other.calls,
            reused=self.reused + other.reused,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            new_tokens=self.new_tokens + other.new_tokens,
            seconds=self.seconds + other.seconds,
        )


class Tally(Struct, frozen=True, kw_only=True):
    """What was asked of one model."""

    model: str
    generate: Usage = Usage()
    choose: Usage = Usage()


class StepTally(Struct, frozen=True):
    """What one step asked of one model."""

    step: StepId
    tally: Tally


class Speed(Struct, frozen=True, kw_only=True):
    """How fast a model has been, over all runs of the ledger. Rates are per second."""

    model: str
    operation: Operation
    calls: int
    seconds: float
    call_rate: float
    prompt_token_rate: float
    new_token_rate: float


class Written(Struct, frozen=True, kw_only=True):
    """How much a model has written in one step, over all runs of the ledger."""

    step: Step
    model: str
    calls: int
    new_tokens: int


class TrainingTally(Struct, frozen=True, kw_only=True):
    """What a training cost. `model` is the identity of the weights that it, or its base, began as.

    `tokens` are those of the rows that it saw (`runtime.training.volume`).
    """

    step: StepId
    model: str
    steps: int
    tokens: int
    seconds: float


class TrainingSpeed(Struct, frozen=True, kw_only=True):
    """How fast a model has been trained in one step, over all runs of the ledger. The rate is per second."""

    step: Step
    model: str
    seconds: float
    token_rate: float
