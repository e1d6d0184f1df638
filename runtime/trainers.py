"""What a run needs of training, so that a rehearsal can go through the same steps without a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runtime.config import DpoConfig, PolicyConfig, PreferenceModelConfig, SftConfig, TrainConfig
from runtime.identity import data_hash
from runtime.records import (
    Checkpoint,
    Conversation,
    PreferenceRow,
    PromptRecord,
    Provenance,
    SftRow,
    TrainedKind,
    TrainingStep,
    identify,
)
from runtime.training.cards import CARD_FILE, Card, card_bytes, read_card
from runtime.training.progress import steps_total
from runtime.training.seen import seen_pairs, seen_prompts, seen_texts

__all__ = ["Job", "RehearsedTrainers", "Trainers", "TrlTrainers"]


@dataclass(frozen=True, slots=True)
class Job:
    """What every training has: where it starts and ends, its seed, and what its rows were made under."""

    base: Path
    out: Path
    seed: int
    provenance: Provenance
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

        return train_sft(config, rows, job.base, job.out, seed=job.seed, provenance=job.provenance, on_step=job.on_step)

    def preference_model(self, config: PreferenceModelConfig, rows: Sequence[PreferenceRow], job: Job) -> Checkpoint:
        """See `Trainers`."""
        from runtime.training.preference_model import train_preference_model

        return train_preference_model(
            config, rows, job.base, job.out, seed=job.seed, provenance=job.provenance, on_step=job.on_step
        )

    def dpo(self, config: DpoConfig, rows: Sequence[PreferenceRow], job: Job) -> Checkpoint:
        """See `Trainers`."""
        from runtime.training.dpo import train_dpo

        return train_dpo(config, rows, job.base, job.out, seed=job.seed, provenance=job.provenance, on_step=job.on_step)

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
            provenance=job.provenance,
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
        return self._walk(TrainedKind.SL_CAI, config, [row.id for row in rows], seen_texts(rows), job)

    def preference_model(self, config: PreferenceModelConfig, rows: Sequence[PreferenceRow], job: Job) -> Checkpoint:
        """See `Trainers`."""
        return self._walk(TrainedKind.PREFERENCE_MODEL, config, [row.id for row in rows], seen_pairs(rows), job)

    def dpo(self, config: DpoConfig, rows: Sequence[PreferenceRow], job: Job) -> Checkpoint:
        """See `Trainers`."""
        return self._walk(TrainedKind.DPO, config, [row.id for row in rows], seen_pairs(rows), job)

    def policy(
        self, config: PolicyConfig, prompts: Sequence[PromptRecord], preference_model: Path, job: Job
    ) -> Checkpoint:
        """See `Trainers`."""
        kind = TrainedKind(config.method)
        return self._walk(kind, config, [p.id for p in prompts], seen_prompts(prompts), job, scored_by=preference_model)

    def score(self, preference_model: Path, answers: Sequence[tuple[Conversation, str]]) -> list[float]:
        """Numbers that follow from the texts and mean nothing."""
        return [
            int(identify("rehearsed score", preference_model.name, turns, text)[:8], 16) / 2**31 - 1
            for turns, text in answers
        ]

    def _walk(
        self,
        kind: TrainedKind,
        config: TrainConfig | PolicyConfig,
        data: Sequence[str],
        seen: str,
        job: Job,
        *,
        scored_by: Path | None = None,
    ) -> Checkpoint:
        steps = steps_total(config, len(data))
        for step in range(1, steps + 1):
            job.on_step(TrainingStep(trainer=kind, step=step, metrics=()))
        weights = identify(
            "rehearsed weights",
            kind,
            config.model_dump(mode="json"),
            seen,
            job.base.name,
            scored_by and scored_by.name,
            job.seed,
        )
        card = Card(
            kind=kind,
            provenance=job.provenance,
            data=(data_hash(data),),
            rows=len(data),
            steps=steps,
            seed=job.seed,
            settings=config.model_dump(mode="json"),
            base=_rehearsed_identity(job.base),
            weights=weights,
            preference_model=None if scored_by is None else _rehearsed_identity(scored_by),
            rehearsed=True,
        )
        job.out.mkdir(parents=True, exist_ok=True)
        (job.out / CARD_FILE).write_bytes(card_bytes(card))
        return Checkpoint(
            kind=kind, path=job.out.name, weights=weights, constitution=job.provenance.meaning_hash, data=card.data
        )


def _rehearsed_identity(model: Path) -> str:
    """Of a checkpoint what its card says, else of the name, as the scripted engine has it."""
    if (model / CARD_FILE).is_file():
        return read_card(model).weights
    return identify("scripted model", model.name)
