"""Direct preference optimisation: TRL's DPOTrainer with soft labels, on our own token ids."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from trl import DPOConfig as TrlDpoConfig
from trl import DPOTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference

from runtime.config import DpoConfig
from runtime.records import Checkpoint, PreferenceRow, Provenance, TrainedKind
from runtime.training.encoding import EncodedPair, encode_pairs
from runtime.training.losses import dpo_margin, soft_label_preference_loss
from runtime.training.models import load_causal, peft_config
from runtime.training.on_rows import Method, Ready, train_on_rows
from runtime.training.progress import OnStep

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor

__all__ = ["SoftLabelDpoCollator", "SoftLabelDpoTrainer", "dpo_dataset", "train_dpo"]


def dpo_dataset(rows: Sequence[EncodedPair]) -> Dataset:
    """Token ids of prompts and answers, and the soft labels."""
    from datasets import Dataset

    return Dataset.from_dict(
        {
            "prompt_ids": [list(row.prompt) for row in rows],
            "chosen_ids": [list(row.chosen) for row in rows],
            "rejected_ids": [list(row.rejected) for row in rows],
            "probability": [row.probability for row in rows],
        }
    )


class SoftLabelDpoCollator(DataCollatorForPreference):  # type: ignore[misc]  # the library is untyped here
    """TRL's collator, with the soft labels passed on."""

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Chosen rows first, then rejected ones, padded on the right; and `probability` (B,)."""
        batch: dict[str, Tensor] = super().torch_call(examples)
        batch["probability"] = torch.tensor([example["probability"] for example in examples], dtype=torch.float32)
        return batch


class SoftLabelDpoTrainer(DPOTrainer):  # type: ignore[misc]  # the library is untyped here
    """TRL's trainer with the loss exchanged for the soft-label one, and its tokenising left out."""

    def _send_telemetry(self) -> None:
        """Nobody is told what is trained."""

    def _prepare_dataset(self, dataset: Dataset, *_: object, **__: object) -> Dataset:
        """The rows are token ids already; TRL 1.16 has no other way to be told so."""
        return dataset

    def compute_loss(
        self,
        model: Any,  # noqa: ANN401  # as the library has it
        inputs: dict[str, Tensor],
        return_outputs: bool = False,  # noqa: FBT001, FBT002
        num_items_in_batch: Tensor | None = None,  # noqa: ARG002
    ) -> Any:  # noqa: ANN401
        """The mean soft-label loss of the batch, over the answers' tokens."""
        inputs = dict(inputs)
        y = inputs.pop("probability")
        labels = inputs["input_ids"].masked_fill(inputs["completion_mask"] == 0, -100)
        outputs = model(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            use_cache=False,
            labels=labels,
            fused_lm_head=True,
        )
        chosen, rejected = outputs.log_probs.float().sum(dim=1).chunk(2)
        reference = self.compute_ref_log_probs(self.ref_model or self.model, inputs)
        reference_chosen, reference_rejected = (side.float() for side in reference)
        delta = dpo_margin(chosen, rejected, reference_chosen, reference_rejected, self.beta)
        loss = soft_label_preference_loss(delta, y).mean()
        with torch.no_grad():
            self._note(delta, self.beta * (chosen - reference_chosen), self.beta * (rejected - reference_rejected))
        return (loss, outputs) if return_outputs else loss

    def _note(self, delta: Tensor, chosen: Tensor, rejected: Tensor) -> None:
        gather = self.accelerator.gather_for_metrics
        delta = gather(delta)
        metrics = self._metrics["train" if self.model.training else "eval"]
        metrics["accuracy"].append(((delta > 0).float() + 0.5 * (delta == 0).float()).mean().item())
        metrics["margin"].append(delta.mean().item())
        metrics["probability"].append(torch.sigmoid(delta).mean().item())
        metrics["reward/chosen"].append(gather(chosen).mean().item())
        metrics["reward/rejected"].append(gather(rejected).mean().item())


def train_dpo(
    config: DpoConfig,
    rows: Sequence[PreferenceRow],
    base: Path,
    out: Path,
    *,
    seed: int,
    provenance: Provenance,
    on_step: OnStep,
) -> Checkpoint:
    """Train the policy in `base` on pairs and write the checkpoint to `out`. `base` is the reference too.

    Raises:
        TrainingError: There are no rows, a row has no room for its answer, or the loss is not finite.
    """
    lora = config.lora is not None

    def trainer(ready: Ready[EncodedPair]) -> DPOTrainer:
        return SoftLabelDpoTrainer(
            model=load_causal(base, pad=ready.pad, lora=lora),
            # An adapter that is switched off is the reference already.
            ref_model=None if lora else load_causal(base, pad=ready.pad, lora=False),
            args=TrlDpoConfig(**ready.arguments, beta=config.beta, max_length=None, disable_dropout=True),
            data_collator=SoftLabelDpoCollator(pad_token_id=ready.pad),
            train_dataset=dpo_dataset(ready.rows),
            processing_class=ready.tokenizer,
            peft_config=peft_config(config.lora),
            callbacks=ready.callbacks,
        )

    method = Method(
        kind=TrainedKind.DPO,
        nothing=("there are no pairs for DPO to learn from", "check how many pairs got a label"),
        encode=encode_pairs,
        trainer=trainer,
        load=partial(load_causal, lora=False),
    )
    return train_on_rows(method, config, rows, base, out, seed=seed, provenance=provenance, on_step=on_step)
