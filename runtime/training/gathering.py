"""A trained model in one piece, whichever way its weights were shared out between processes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.training.models import merged

if TYPE_CHECKING:
    from transformers import PreTrainedModel, Trainer

__all__ = ["gathered", "shares_out_weights"]


def shares_out_weights() -> bool:
    """Whether the launcher told accelerate to shard weights over processes (FSDP, DeepSpeed)."""
    return any(
        os.environ.get(name, "").lower() == "true" for name in ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED")
    )


def gathered(trainer: Trainer, load: Callable[[Path], PreTrainedModel], base: Path) -> PreTrainedModel:
    """The model that `trainer` trained, its adapter folded in, as one process can save it.

    Where weights are sharded, all processes have to call this, and only what the first one gets is whole. `load`
    loads a model of this kind from a folder, `base` is what the training began with.
    """
    trainer_: Any = trainer
    if not (trainer_.is_fsdp_enabled or trainer_.is_deepspeed_enabled):
        return merged(trainer_.model)
    accelerator = trainer_.accelerator
    state = accelerator.get_state_dict(trainer_.model_wrapped)
    model = accelerator.unwrap_model(trainer_.model_wrapped)
    if not accelerator.is_main_process:
        return model  # in pieces, and not saved
    with tempfile.TemporaryDirectory() as work:
        model.save_pretrained(work, state_dict=state)
        if not (Path(work) / "adapter_config.json").is_file():
            return load(Path(work))
        from peft import PeftModel

        return merged(PeftModel.from_pretrained(load(base), work))
