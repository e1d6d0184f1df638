"""The preference model: TRL's RewardTrainer with soft labels, on our own token ids."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from trl import RewardConfig, RewardTrainer
from trl.trainer.reward_trainer import DataCollatorForPreference

from runtime.config import PreferenceModelConfig
from runtime.records import Checkpoint, PreferenceRow, Provenance, TrainedKind
from runtime.training.encoding import EncodedPair, encode_pairs
from runtime.training.losses import soft_label_preference_loss
from runtime.training.models import load_scorer, peft_config
from runtime.training.on_rows import Method, Ready, train_on_rows
from runtime.training.progress import OnStep
from runtime.training.scoring import score

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor

__all__ = ["SoftLabelCollator", "SoftLabelRewardTrainer", "reward_dataset", "score", "train_preference_model"]


def reward_dataset(rows: Sequence[EncodedPair]) -> Dataset:
    """Whole sequences of token ids, prompt and answer, and the soft labels."""
    from datasets import Dataset

    return Dataset.from_dict(
        {
            "chosen_ids": [[*row.prompt, *row.chosen] for row in rows],
            "rejected_ids": [[*row.prompt, *row.rejected] for row in rows],
            "probability": [row.probability for row in rows],
        }
    )


class SoftLabelCollator(DataCollatorForPreference):  # type: ignore[misc]  # the library is untyped here
    """TRL's collator, with the soft labels passed on."""

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Chosen rows first, then rejected ones, padded on the right; and `probability` (B,)."""
        batch: dict[str, Tensor] = super().torch_call(examples)
        batch["probability"] = torch.tensor([example["probability"] for example in examples], dtype=torch.float32)
        return batch


class SoftLabelRewardTrainer(RewardTrainer):  # type: ignore[misc]  # the library is untyped here
    """TRL's trainer with the loss exchanged for the soft-label one."""

    def _send_telemetry(self) -> None:
        """Nobody is told what is trained."""

    def compute_loss(
        self,
        model: Any,  # noqa: ANN401  # as the library has it
        inputs: dict[str, Tensor],
        return_outputs: bool = False,  # noqa: FBT001, FBT002
        num_items_in_batch: Tensor | None = None,  # noqa: ARG002
    ) -> Any:  # noqa: ANN401
        """The mean soft-label loss of the batch.

        The model reads its output at the last token that is not padding. Rows end in an end of turn, which is
        never the padding token (`load_text_tokenizer`), so that is the last real token.
        """
        outputs = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], use_cache=False)
        chosen, rejected = outputs.logits.squeeze(-1).float().chunk(2)
        delta, y = chosen - rejected, inputs["probability"]
        loss = soft_label_preference_loss(delta, y).mean()
        self._note(chosen.detach(), rejected.detach())
        return (loss, outputs) if return_outputs else loss

    def _note(self, chosen: Tensor, rejected: Tensor) -> None:
        delta = self.accelerator.gather_for_metrics(chosen - rejected)
        scores = self.accelerator.gather_for_metrics(torch.cat([chosen, rejected]))
        metrics = self._metrics["train" if self.model.training else "eval"]
        metrics["accuracy"].append(((delta > 0).float() + 0.5 * (delta == 0).float()).mean().item())
        metrics["margin"].append(delta.mean().item())
        metrics["probability"].append(torch.sigmoid(delta).mean().item())
        metrics["reward/mean"].append(scores.mean().item())


def train_preference_model(
    config: PreferenceModelConfig,
    rows: Sequence[PreferenceRow],
    base: Path,
    out: Path,
    *,
    seed: int,
    provenance: Provenance,
    on_step: OnStep,
) -> Checkpoint:
    """Train a scalar head and the model under it on soft labels; write the checkpoint to `out`.

    Raises:
        TrainingError: There are no rows, a row has no room for its answer, or the loss is not finite.
    """
    lora = config.lora is not None

    def trainer(ready: Ready[EncodedPair]) -> RewardTrainer:
        return SoftLabelRewardTrainer(
            model=load_scorer(base, pad=ready.pad, lora=lora, fresh_head=True),
            args=RewardConfig(**ready.arguments, max_length=None, disable_dropout=True),
            data_collator=SoftLabelCollator(pad_token_id=ready.pad),
            train_dataset=reward_dataset(ready.rows),
            processing_class=ready.tokenizer,
            peft_config=peft_config(config.lora, scorer=True),
            callbacks=ready.callbacks,
        )

    method = Method(
        kind=TrainedKind.PREFERENCE_MODEL,
        nothing=("there are no pairs to train a preference model on", "check how many pairs got a label"),
        encode=encode_pairs,
        trainer=trainer,
        load=partial(load_scorer, lora=False, fresh_head=False),
    )
    return train_on_rows(method, config, rows, base, out, seed=seed, provenance=provenance, on_step=on_step)
