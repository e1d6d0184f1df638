"""Loading what is trained: weights, padding, device, adapters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from runtime.config import LoraConfig
from runtime.training.errors import TrainingError

if TYPE_CHECKING:
    from peft import LoraConfig as PeftLoraConfig
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from runtime.prompting import ModelTokenizer

__all__ = [
    "computes_bfloat16", "has_gpu", "load_causal", "load_scorer", "load_text_tokenizer", "merged", "pad_token",
    "peft_config",
]  # fmt: skip


def has_gpu() -> bool:
    """Whether there is a GPU that computes in bfloat16."""
    return torch.cuda.is_available() and torch.cuda.is_bf16_supported()


def computes_bfloat16() -> bool:
    """Whether matrix products in bfloat16 are done in hardware; on a CPU they are then three times faster."""
    return has_gpu() or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001  # there is no public name


def pad_token(chat: ModelTokenizer, folder: Path) -> int:
    """The id to pad with, which is never an end of turn.

    Where the two are one (as SmolLM2 says), masks made by comparing ids blank the ends of turns, and
    scores are read at the wrong place.
    """
    if chat.pad == chat.end_of_turn:
        raise TrainingError(
            f"{folder} has no token to pad with that is not also an end of turn",
            "add a padding token to its tokenizer, and a row for it to its embeddings",
        )
    return chat.pad


def load_text_tokenizer(folder: Path, chat: ModelTokenizer) -> PreTrainedTokenizerBase:
    """The tokenizer that trainers pad with and that is saved beside the weights; it encodes no text for training."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.convert_ids_to_tokens(pad_token(chat, folder))
    return tokenizer


def load_causal(folder: Path, *, pad: int, lora: bool, device: str | None = None) -> PreTrainedModel:
    """The language model in `folder`.

    Weights that are trained are kept in float32, since one update is far below bfloat16's resolution; products
    are computed in bfloat16 by autocast. On a GPU the frozen weights under an adapter are kept in bfloat16.
    """
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=_dtype(lora=lora))
    model.config.pad_token_id = pad
    model.generation_config.pad_token_id = pad
    return model if device is None else model.to(device)


def load_scorer(folder: Path, *, pad: int, lora: bool, fresh_head: bool, device: str | None = None) -> PreTrainedModel:
    """A model with one scalar output per sequence.

    A fresh head starts at zero: before training no answer is better than another, and a score says what was
    learnt and nothing of the initialisation.
    """
    import transformers
    from transformers import AutoModelForSequenceClassification

    level = transformers.utils.logging.get_verbosity()
    if fresh_head:
        # That the head is new and the language model's head unused is the point, not a warning.
        transformers.utils.logging.set_verbosity_error()
    try:
        model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1, dtype=_dtype(lora=lora))
    finally:
        transformers.utils.logging.set_verbosity(level)
    if fresh_head:
        with torch.no_grad():
            model.score.weight.zero_()
    model.config.pad_token_id = pad
    return model if device is None else model.to(device)


def _dtype(*, lora: bool) -> torch.dtype:
    return torch.bfloat16 if lora and has_gpu() else torch.float32


def peft_config(lora: LoraConfig | None, *, scorer: bool = False) -> PeftLoraConfig | None:
    """The adapter's configuration, over all linear layers of the trunk; None for full training."""
    if lora is None:
        return None
    from peft import LoraConfig as PeftLoraConfig

    return PeftLoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules="all-linear",
        task_type="SEQ_CLS" if scorer else "CAUSAL_LM",
        modules_to_save=["score"] if scorer else None,
    )


def merged(model: Any) -> PreTrainedModel:  # noqa: ANN401  # a model, or an adapter around one
    """The model with its adapter folded into its weights, in float32 so that little is rounded away."""
    if hasattr(model, "merge_and_unload"):
        return model.float().merge_and_unload()
    return model
