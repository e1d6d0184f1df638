"""What a run needs of training, so that a rehearsal can go through the same steps without a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from runtime.config import DpoConfig, PolicyConfig, PreferenceModelConfig, SftConfig
from runtime.identity import data_hash
from runtime.records import (
    Checkpoint,
    Conversation,
    PreferenceRow,
    PromptRecord,
    SftRow,
    TrainedKind,
    TrainingStep,
    identify,
)
from runtime.training.progress import steps_total

__all__ = ["Job", "RehearsedTrainers", "Trainers", "TrlTrainers"]


@dataclass(frozen=True, slots=True)
class Job:
    """What every training has: where it starts and ends, its seed, and the constitution's meaning hash."""

    base: Path
    out: Path
    seed: int
    constitution: str
    on_step: Callable[[TrainingStep], None]


class Trainers(Protocol):
    """Each method writes a self-contained checkpoint to `job.out`, whole or not at all."""

    def sft(self, config: SftConfig, rows: Sequence[SftRow], job: Job) -> Checkpoint:
        """The SL-CAI policy."""
        ...

    def preference_model(self, config: PreferenceModelConfig, rows: Sequence[PreferenceRow], job: Job) -> Checkpoint:
        """The preference model."""
        ...

    def dpo(self, config: DpoConfig, rows: Sequence[PreferenceRow], job: Job) -> Checkpoint:
        """A policy trained on the pairs directly; the job's base is also its reference."""
        ...

    def policy(
        self, config: PolicyConfig, prompts: Sequence[PromptRecord], preference_model: Path, job: Job
    ) -> Checkpoint:
        """A policy trained against the preference model."""
        ...

    def score(self, preference_model: Path, answers: Sequence[tuple[Conversation, str]]) -> list[float]:
        """The preference model's reward of each answer."""
        ...


class TrlTrainers:
    """The real ones. Importing them takes seconds, so it happens when the first is called."""

    def sft(self, config: SftConfig, rows: Sequence[SftRow], job: Job) -> Checkpoint:
        """See `Trainers`."""
        from runtime.training.sft import train_sft

        return train_sft(
            config, rows, job.base, job.out, seed=job.seed, constitution=job.constitution, on_step=job.on_step
        )

    def preference_model(self, config: PreferenceModelConfig, rows: Sequence[PreferenceRow], job: Job) -> Checkpoint:
        """See `Trainers`."""
        from runtime.training.preference_model import train_preference_model

        return train_preference_model(
            config, rows, job.base, job.out, seed=job.seed, constitution=job.constitution, on_step=job.on_step
        )

    def dpo(self, config: DpoConfig, rows: Sequence[PreferenceRow], job: Job) -> Checkpoint:
        """See `Trainers`."""
        from runtime.training.dpo import train_dpo

        return train_dpo(
            config, rows, job.base, job.out, seed=job.seed, constitution=job.constitution, on_step=job.on_step
        )

    def policy(
        self, config: PolicyConfig, prompts: Sequence[PromptRecord], preference_model: Path, job: Job
    ) -> Checkpoint:
        """See `Trainers`."""
        from runtime.training.policy import train_policy

        return train_policy(
            config,
            prompts,
            job.base,
            preference_model,
            job.out,
            seed=job.seed,
            constitution=job.constitution,
            on_step=job.on_step,
        )

    def score(self, preference_model: Path, answers: Sequence[tuple[Conversation, str]]) -> list[float]:
        """See `Trainers`."""
        from runtime.training.scoring import score

        return score(preference_model, answers)


class RehearsedTrainers:
    """Walks through the steps and trains nothing. A checkpoint of its is a folder with a card that says so."""

    def sft(self, config: SftConfig, rows: Sequence[SftRow], job: Job) -> Checkpoint:
        """See `Trainers`."""
        return self._walk(TrainedKind.SL_CAI, config, [row.id for row in rows], job)

    def preference_model(self, config: PreferenceModelConfig, rows: Sequence[PreferenceRow], job: Job) -> Checkpoint:
        """See `Trainers`."""
        return self._walk(TrainedKind.PREFERENCE_MODEL, config, [row.id for row in rows], job)

    def dpo(self, config: DpoConfig, rows: Sequence[PreferenceRow], job: Job) -> Checkpoint:
        """See `Trainers`."""
        return self._walk(TrainedKind.DPO, config, [row.id for row in rows], job)

    def policy(
        self, config: PolicyConfig, prompts: Sequence[PromptRecord], preference_model: Path, job: Job
    ) -> Checkpoint:
        """See `Trainers`."""
        return self._walk(TrainedKind(config.method), config, [preference_model.name, *(p.id for p in prompts)], job)

    def score(self, preference_model: Path, answers: Sequence[tuple[Conversation, str]]) -> list[float]:
        """Numbers that follow from the texts and mean nothing."""
        return [
            int(identify("rehearsed score", preference_model.name, turns, text)[:8], 16) / 2**31 - 1
            for turns, text in answers
        ]

    def _walk(
        self,
        kind: TrainedKind,
        config: SftConfig | PreferenceModelConfig | DpoConfig | PolicyConfig,
        data: Sequence[str],
        job: Job,
    ) -> Checkpoint:
        for step in range(1, steps_total(config, len(data)) + 1):
            job.on_step(TrainingStep(trainer=kind, step=step, metrics=()))
        checkpoint = Checkpoint(
            kind=kind,
            path=job.out.name,
            weights=identify("rehearsed weights", kind, config.model_dump(mode="json"), data, job.base.name, job.seed),
            constitution=job.constitution,
            data=(data_hash(data),),
        )
        job.out.mkdir(parents=True, exist_ok=True)
        card = {"rehearsed": True, "checkpoint": msgspec.to_builtins(checkpoint)}
        (job.out / "card.json").write_bytes(msgspec.json.format(msgspec.json.encode(card, order="sorted"), indent=2))
        return checkpoint
