"""A run's own steps, gone through without a model: every request that nobody has answered is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from runtime.config import DpoConfig, EngineConfig, PolicyConfig, PreferenceModelConfig, SftConfig
from runtime.engines.base import ChatTokenizer, Engine
from runtime.ledger.runs import Step, StepId
from runtime.planning.engine import PlanningEngine
from runtime.planning.overlay import Overlay
from runtime.records import (
    CaseRecord,
    Checkpoint,
    Conversation,
    PreferenceRow,
    PromptRecord,
    Record,
    SftRow,
    TrainedKind,
    identify,
)
from runtime.session import Session
from runtime.trainers import Job
from runtime.work import Worker

__all__ = ["Faces", "PlanningSession", "PlanningTrainers"]

W = TypeVar("W")


@dataclass
class Faces:
    """Engines that are opened for their identity and tokenizer alone; no weights are loaded.

    `checkpoints` is the folder of what the run trains, all from the model called `policy`. What is there has its own
    identity; what is only planned has one of its own too, and the tokenizer of `policy`.
    """

    config: EngineConfig
    opener: Callable[[EngineConfig, str], Engine]
    policy: str
    checkpoints: Path
    planned: dict[str, Checkpoint] = field(default_factory=dict)
    _open: dict[str, PlanningEngine] = field(default_factory=dict)

    def models(self) -> dict[str, str]:
        """For the identity of every engine that was opened, what it was opened for."""
        return {engine.model: model for model, engine in self._open.items()}

    def kin(self) -> dict[str, str]:
        """For the identity of every engine that was opened, that of one which is as fast."""
        return {engine.model: engine.kin for engine in self._open.values()}

    def open(self, _: EngineConfig, model: str) -> PlanningEngine:
        """What stands for the engine of a model."""
        if model not in self._open:
            self._open[model] = self._made(model)
        return self._open[model]

    def _made(self, model: str) -> PlanningEngine:
        here = self.config.model_copy(update={"spread": "here"})
        trained = Path(model).parent == self.checkpoints
        if trained and Path(model).name in self.planned:
            base = self.open(self.config, self.policy)
            return PlanningEngine(f"planned:{self.planned[Path(model).name].weights}", base.model, base.tokenizer)
        face = self.opener(here, model)
        kin = self.open(self.config, self.policy).model if trained else face.model
        return PlanningEngine(face.model, kin, face.tokenizer)


@dataclass
class PlanningTrainers:
    """Trainers that say what they would make: see `Trainers`."""

    faces: Faces

    def sft(self, config: SftConfig, rows: Sequence[SftRow], job: Job) -> Checkpoint:
        """See `Trainers`."""
        del config, rows
        return self._planned(TrainedKind.SL_CAI, job)

    def preference_model(self, config: PreferenceModelConfig, rows: Sequence[PreferenceRow], job: Job) -> Checkpoint:
        """See `Trainers`."""
        del config, rows
        return self._planned(TrainedKind.PREFERENCE_MODEL, job)

    def dpo(self, config: DpoConfig, rows: Sequence[PreferenceRow], job: Job) -> Checkpoint:
        """See `Trainers`."""
        del config, rows
        return self._planned(TrainedKind.DPO, job)

    def policy(
        self, config: PolicyConfig, prompts: Sequence[PromptRecord], preference_model: Path, job: Job
    ) -> Checkpoint:
        """See `Trainers`."""
        del prompts, preference_model
        return self._planned(TrainedKind(config.method), job)

    def score(self, preference_model: Path, answers: Sequence[tuple[Conversation, str]]) -> list[float]:
        """See `Trainers`."""
        del preference_model
        return [0.0] * len(answers)

    def _planned(self, kind: TrainedKind, job: Job) -> Checkpoint:
        made = Checkpoint(
            kind=kind,
            path=job.out.name,
            weights=identify("planned weights", job.out.name),
            constitution=job.provenance.meaning_hash,
            data=(),
        )
        self.faces.planned[job.out.name] = made
        return made


@dataclass
class PlanningSession(Session):
    """The session of a plan.

    `overlay` is its ledger. `tokens_expected` gives the length of answers that is expected in a step of an engine, and
    `cases_before` the cases of an earlier run: they stand for answers about cases that nobody has given yet.
    """

    overlay: Overlay = field(default_factory=lambda: Overlay(None))
    tokens_expected: Callable[[Step, PlanningEngine], float | None] = lambda _step, _engine: None
    cases_before: Mapping[str, CaseRecord] = field(default_factory=dict)
    guessed_cases: set[str] = field(default_factory=set)

    def ask(self, step: StepId, model: str, work: Callable[[Worker], Iterable[W]]) -> Iterator[W]:
        """Count what is not known."""
        engine = self.engines.get(model)
        assert isinstance(engine, PlanningEngine)
        self.overlay.asking = step
        engine.tokens_expected = self.tokens_expected(step.step, engine)
        yield from super().ask(step, model, work)

    def step(self, step: StepId, inputs: Sequence[object], make: Callable[[], Iterable[Record]]) -> str:
        """Go through a step; where cases are asked for, those of before stand in."""
        if step.step is Step.TAG:
            return super().step(step, inputs, lambda: map(self._guess, make()))
        return super().step(step, inputs, make)

    def has_checkpoint(self, out: Path) -> bool:
        """Whether a checkpoint is there, or planned already."""
        planned = self.trainers.faces.planned if isinstance(self.trainers, PlanningTrainers) else {}
        return out.name in planned or super().has_checkpoint(out)

    def tokenizer_of(self, base: Path) -> ChatTokenizer:
        """Also that of a base that is only planned, which is that of the policy."""
        planned = isinstance(self.trainers, PlanningTrainers) and base.name in self.trainers.faces.planned
        return self.engines.get(str(base)).tokenizer if planned else super().tokenizer_of(base)

    def _guess(self, record: Record) -> Record:
        if not isinstance(record, CaseRecord):
            return record
        attributes = {a.id: a for a in self.bundle.attributes}
        before = self.cases_before[record.prompt].mapping if record.prompt in self.cases_before else {}
        values = []
        for value in record.values:
            if value.key is None or value.key not in self.overlay.made_in:
                values.append(value)
                continue
            self.guessed_cases.add(record.prompt)
            attribute = attributes[value.attribute]
            known = before.get(attribute.id)
            values.append(replace(value, value=known if known in attribute.values else attribute.default))
        return replace(record, values=tuple(values))
