"""Training rows, what came of training on them, and what that was made under."""

from __future__ import annotations

from enum import StrEnum
from hashlib import sha256

from constitution_lang.ir.codec import dumps
from constitution_lang.ir.model import Bundle
from runtime.records.labels import LabelSource
from runtime.records.row import Conversation, Row

__all__ = ["Checkpoint", "Measure", "PreferenceRow", "Provenance", "SftRow", "SftSource", "TrainedKind", "TrainingStep"]


class SftSource(StrEnum):
    """What the target of an SFT row is."""

    REVISION = "revision"
    DEMONSTRATION = "demonstration"


class SftRow(Row, frozen=True):
    """A conversation and the answer to learn. `made_from` are ids of the rows behind it."""

    id: str
    prompt: str
    turns: Conversation
    completion: str
    source: SftSource
    principles: tuple[str, ...]
    made_from: tuple[str, ...]
    constitution: str


class PreferenceRow(Row, frozen=True):
    """A pair to learn from. `probability` is that `chosen` is better: at least a half."""

    id: str
    prompt: str
    turns: Conversation
    chosen: str
    rejected: str
    probability: float
    source: LabelSource
    principles: tuple[str, ...]
    comparison: str
    constitution: str


class Provenance(Row, frozen=True):
    """What something was made under: the constitution by name and hashes, the run, and the run's seed.

    `bundle_sha256` is of the compiled constitution's bytes, as `cai-compile build` writes them.
    """

    constitution: str
    version: str
    meaning_hash: str
    metadata_hash: str
    bundle_sha256: str
    run: str
    seed: int

    @staticmethod
    def of(bundle: Bundle, run: str, seed: int) -> Provenance:
        """That of a run under `bundle`."""
        return Provenance(
            constitution=bundle.name,
            version=bundle.version,
            meaning_hash=bundle.meaning_hash,
            metadata_hash=bundle.metadata_hash,
            bundle_sha256=sha256(dumps(bundle)).hexdigest(),
            run=run,
            seed=seed,
        )


class TrainedKind(StrEnum):
    """What a checkpoint is."""

    SL_CAI = "sl-cai"
    PREFERENCE_MODEL = "preference-model"
    DPO = "dpo"
    PPO = "ppo"
    RLOO = "rloo"
    GRPO = "grpo"


class TrainingStep(Row, frozen=True):
    """Metrics of one optimiser step (from 1), by name: loss, reward, kl and the like."""

    trainer: TrainedKind
    step: int
    metrics: tuple[tuple[str, float], ...]


class Checkpoint(Row, frozen=True):
    """A trained model. `path` is a folder relative to the run's; `weights` is the model identity of its weights."""

    kind: TrainedKind
    path: str
    weights: str
    constitution: str
    data: tuple[str, ...]


class Measure(Row, frozen=True):
    """One figure of the evaluation, with the ends of its 95% interval. `of` names a policy or the labeler."""

    of: str
    name: str
    value: float
    low: float
    high: float
    count: int
