"""A training on rows, from ids of tokens to a checkpoint: what TRL's trainers have in common."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from runtime.config import TrainConfig
from runtime.engines.base import ChatTokenizer
from runtime.identity import data_hash
from runtime.records import Checkpoint, PreferenceRow, Provenance, SftRow, TrainedKind
from runtime.training.arguments import StepLog, processes, run_trainer, trainer_arguments
from runtime.training.checkpoints import CardDraft, save_checkpoint
from runtime.training.encoding import Truncation
from runtime.training.errors import TrainingError
from runtime.training.gathering import gathered
from runtime.training.models import load_text_tokenizer
from runtime.training.progress import OnStep, quiet, steps_total

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer

__all__ = ["Method", "Ready", "train_on_rows"]

R = TypeVar("R", bound=SftRow | PreferenceRow)
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Ready(Generic[E]):
    """What a trainer is made from: the rows as token ids, and what every trainer is told.

    `arguments` are those of TRL's configuration, to which each trainer adds its own.
    """

    rows: Sequence[E]
    tokenizer: PreTrainedTokenizerBase
    arguments: dict[str, Any]
    callbacks: list[Any]

    @property
    def pad(self) -> int:
        """The id that pads."""
        return int(self.tokenizer.pad_token_id)


@dataclass(frozen=True, slots=True)
class Method(Generic[R, E]):
    """In what one training differs from another.

    `encode` takes the tokenizer, the rows and the most tokens of one; `load` the folder of such a model, whole, and
    `pad`. `nothing` is what is wrong where there are no rows, and what to do then.
    """

    kind: TrainedKind
    nothing: tuple[str, str]
    encode: Callable[[ChatTokenizer, Sequence[R], int], tuple[list[E], Truncation]]
    trainer: Callable[[Ready[E]], Trainer]
    load: Callable[..., PreTrainedModel]


def train_on_rows(
    method: Method[R, E],
    config: TrainConfig,
    rows: Sequence[R],
    base: Path,
    out: Path,
    *,
    seed: int,
    provenance: Provenance,
    on_step: OnStep,
) -> Checkpoint:
    """Train the model in `base` on `rows` and write the checkpoint to `out`.

    Raises:
        TrainingError: There are no rows, a row has no room for its answer, or the loss is not finite.
    """
    from runtime.prompting import ModelTokenizer

    if not rows:
        raise TrainingError(*method.nothing)
    chat = ModelTokenizer(base)
    encoded, truncation = method.encode(chat, rows, config.tokens_max)
    tokenizer = load_text_tokenizer(base, chat)
    steps = steps_total(config, len(rows), processes())
    log = StepLog(method.kind, on_step)
    with quiet(), tempfile.TemporaryDirectory() as work:
        arguments = trainer_arguments(
            work=work, steps=steps, seed=seed, learning_rate=config.learning_rate, batch_rows=config.batch_rows,
            accumulate=config.accumulate,
        )  # fmt: skip
        trainer = run_trainer(lambda callbacks: method.trainer(Ready(encoded, tokenizer, arguments, callbacks)), log)
        draft = CardDraft(
            kind=method.kind,
            provenance=provenance,
            data=(data_hash([row.id for row in rows]),),
            rows=len(rows),
            steps=steps,
            seed=seed,
            settings=config.model_dump(mode="json"),
            base=base,
            truncation=truncation,
            final=log.final,
        )
        model = gathered(trainer, partial(method.load, pad=tokenizer.pad_token_id), base)
        return save_checkpoint(model, tokenizer, draft, out)
