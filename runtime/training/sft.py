"""Supervised fine-tuning on revisions: TRL's SFTTrainer, on our own token ids."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from trl import SFTConfig as TrlSftConfig
from trl import SFTTrainer

from runtime.config import SftConfig
from runtime.records import Checkpoint, Provenance, SftRow, TrainedKind
from runtime.training.encoding import EncodedSft, encode_sft
from runtime.training.models import load_causal, peft_config
from runtime.training.on_rows import Method, Ready, train_on_rows
from runtime.training.progress import OnStep

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
    lora = config.lora is not None

    def trainer(ready: Ready[EncodedSft]) -> SFTTrainer:
        return _SftTrainer(
            model=load_causal(base, pad=ready.pad, lora=lora),
            args=TrlSftConfig(**ready.arguments, max_length=None, packing=False),
            train_dataset=sft_dataset(ready.rows),
            processing_class=ready.tokenizer,
            peft_config=peft_config(config.lora),
            callbacks=ready.callbacks,
        )

    method = Method(
        kind=TrainedKind.SL_CAI,
        nothing=("there are no rows to fine-tune on", "check the prompts of the run file"),
        encode=encode_sft,
        trainer=trainer,
        load=partial(load_causal, lora=False),
    )
    return train_on_rows(method, config, rows, base, out, seed=seed, provenance=provenance, on_step=on_step)
