"""Direct preference optimisation: TRL's DPOTrainer with soft labels, on our own token ids."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from trl import DPOConfig as TrlDpoConfig
from trl import DPOTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference

from runtime.config import DpoConfig
from runtime.identity import data_hash
from runtime.records import Checkpoint, PreferenceRow, Provenance, TrainedKind
from runtime.training.arguments import StepLog, processes, run_trainer, trainer_arguments
from runtime.training.checkpoints import CardDraft, save_checkpoint
from runtime.training.encoding import EncodedPair, encode_pairs
from runtime.training.errors import TrainingError
from runtime.training.gathering import gathered
from runtime.training.losses import dpo_margin, soft_label_preference_loss
from runtime.training.models import load_causal, load_text_tokenizer, peft_config
from runtime.training.progress import OnStep, quiet, steps_total

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
    from runtime.prompting import ModelTokenizer

    if not rows:
        raise TrainingError("there are no pairs for DPO to learn from", "check how many pairs got a label")
    chat = ModelTokenizer(base)
    encoded, truncation = encode_pairs(chat, rows, config.tokens_max)
    tokenizer = load_text_tokenizer(base, chat)
    pad = tokenizer.pad_token_id
    steps = steps_total(config, len(rows), processes())
    log = StepLog(TrainedKind.DPO, on_step)
    with quiet(), tempfile.TemporaryDirectory() as work:
        arguments = TrlDpoConfig(
            **trainer_arguments(config, work=work, steps=steps, seed=seed),
            beta=config.beta,
            max_length=None,
            disable_dropout=True,
        )

        def make(callbacks: list[Any]) -> DPOTrainer:
            return SoftLabelDpoTrainer(
                model=load_causal(base, pad=pad, lora=config.lora is not None),
                # An adapter that is switched off is the reference already.
                ref_model=None if config.lora else load_causal(base, pad=pad, lora=False),
                args=arguments,
                data_collator=SoftLabelDpoCollator(pad_token_id=pad),
                train_dataset=dpo_dataset(encoded),
                processing_class=tokenizer,
                peft_config=peft_config(config.lora),
                callbacks=callbacks,
            )

        trainer = run_trainer(make, log)
        draft = CardDraft(
            kind=TrainedKind.DPO,
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
        model = gathered(trainer, partial(load_causal, pad=pad, lora=False), base)
        return save_checkpoint(model, tokenizer, draft, out)
