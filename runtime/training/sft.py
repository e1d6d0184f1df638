"""Supervised fine-tuning on revisions: TRL's SFTTrainer, on our own token ids."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trl import SFTConfig as TrlSftConfig
from trl import SFTTrainer

from runtime.config import SftConfig
from runtime.identity import data_hash
from runtime.records import Checkpoint, Provenance, SftRow, TrainedKind
from runtime.training.arguments import StepLog, processes, run_trainer, trainer_arguments
from runtime.training.checkpoints import CardDraft, save_checkpoint
from runtime.training.encoding import EncodedSft, encode_sft
from runtime.training.errors import TrainingError
from runtime.training.gathering import gathered
from runtime.training.models import load_causal, load_text_tokenizer, peft_config
from runtime.training.progress import OnStep, quiet, steps_total

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["sft_dataset", "train_sft"]

IGNORED = -100
"""The label of a token that the loss leaves out."""


def sft_dataset(rows: Sequence[EncodedSft]) -> Dataset:
    """Token ids with labels on the answer's tokens only, its end of turn included."""
    from datasets import Dataset

    return Dataset.from_dict(
        {
            "input_ids": [[*row.prompt, *row.answer] for row in rows],
            "labels": [[*[IGNORED] * len(row.prompt), *row.answer] for row in rows],
        }
    )


class _SftTrainer(SFTTrainer):  # type: ignore[misc]  # the library is untyped here
    def _send_telemetry(self) -> None:
        """Nobody is told what is trained."""


def train_sft(
    config: SftConfig,
    rows: Sequence[SftRow],
    base: Path,
    out: Path,
    *,
    seed: int,
    provenance: Provenance,
    on_step: OnStep,
) -> Checkpoint:
    """Fine-tune the model in `base` on `rows` and write the checkpoint to `out`.

    Raises:
        TrainingError: There are no rows, a row has no room for its answer, or the loss is not finite.
    """
    from runtime.prompting import ModelTokenizer

    if not rows:
        raise TrainingError("there are no rows to fine-tune on", "check the prompts of the run file")
    chat = ModelTokenizer(base)
    encoded, truncation = encode_sft(chat, rows, config.tokens_max)
    tokenizer = load_text_tokenizer(base, chat)
    steps = steps_total(config, len(rows), processes())
    log = StepLog(TrainedKind.SL_CAI, on_step)
    with quiet(), tempfile.TemporaryDirectory() as work:
        arguments = TrlSftConfig(
            **trainer_arguments(config, work=work, steps=steps, seed=seed), max_length=None, packing=False
        )

        def make(callbacks: list[Any]) -> SFTTrainer:
            return _SftTrainer(
                model=load_causal(base, pad=tokenizer.pad_token_id, lora=config.lora is not None),
                args=arguments,
                train_dataset=sft_dataset(encoded),
                processing_class=tokenizer,
                peft_config=peft_config(config.lora),
                callbacks=callbacks,
            )

        trainer = run_trainer(make, log)
        draft = CardDraft(
            kind=TrainedKind.SL_CAI,
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
        model = gathered(trainer, partial(load_causal, pad=tokenizer.pad_token_id, lora=False), base)
        return save_checkpoint(model, tokenizer, draft, out)
