"""Loading what is trained: weights, padding, device, adapters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from constitution_lang.ir.model import Role
from runtime.config import LoraConfig
from runtime.engines.base import ChatTokenizer
from runtime.records import Turn
from runtime.training.errors import TrainingError

if TYPE_CHECKING:
    from peft import LoraConfig as PeftLoraConfig
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["has_gpu", "load_causal", "load_scorer", "load_text_tokenizer", "merged", "peft_config", "stop_ids"]


def has_gpu() -> bool:
    """Whether there is a GPU that computes in bfloat16."""
    return torch.cuda.is_available() and torch.cuda.is_bf16_supported()


def load_text_tokenizer(folder: Path, chat: ChatTokenizer) -> PreTrainedTokenizerBase:
    """The tokenizer that trainers pad with and that is saved beside the weights; it encodes no text for training.

    Its padding token is never an end of turn: where the model says it is (SmolLM2 does), masks made by comparing
    ids would blank the ends of turns, and rewards would be read at the wrong place.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    _, answer = chat.encode_answer((Turn(Role.USER, "?"),), "!")
    ends = {tokenizer.eos_token_id, answer[-1]}
    candidates = [
        tokenizer.pad_token, "<|endoftext|>", "<pad>", "[PAD]", tokenizer.unk_token,
        *(t.content for _, t in sorted(tokenizer.added_tokens_decoder.items()) if t.special),
    ]  # fmt: skip
    vocabulary = tokenizer.get_vocab()
    for candidate in candidates:
        taken = candidate == tokenizer.bos_token and candidate != tokenizer.pad_token
        if candidate in vocabulary and vocabulary[candidate] not in ends and not taken:
            tokenizer.pad_token = candidate
            return tokenizer
    raise TrainingError(
        f"{folder} has no token to pad with that is not also an end of turn",
        "add a padding token to its tokenizer, and a row for it to its embeddings",
    )


def stop_ids(folder: Path, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """Ids that end a completion: the tokenizer's end of sequence and those of the generation configuration."""
    import json

    ends = {tokenizer.eos_token_id}
    path = folder / "generation_config.json"
    if path.exists():
        stated = json.loads(path.read_bytes()).get("eos_token_id")
        ends.update(stated if isinstance(stated, list) else [stated])
    return tuple(sorted(end for end in ends if end is not None))


def load_causal(folder: Path, *, pad: int, lora: bool, device: str | None = None) -> PreTrainedModel:
    """The language model in `folder`.

    Weights that are trained are kept in float32, and frozen ones under an adapter in bfloat16 where there is a
    GPU: a full update is far below bfloat16's resolution, and a CPU converts at every step what is not float32.
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
