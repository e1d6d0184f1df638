"""How a model's numbers are computed here: precision, the output layer, memory that runs out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from transformers import PreTrainedModel

__all__ = ["Dtype", "faster_dtype", "is_out_of_memory", "only_at"]

Dtype = Literal["float32", "bfloat16"]


def faster_dtype(device: torch.device) -> Dtype:
    """bfloat16 where the processor computes in it, by what it supports: a timing could differ when a run goes on."""
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        able = torch.cpu.get_capabilities()
        native = any(able.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return "bfloat16" if native else "float32"


@contextmanager
def only_at(model: PreTrainedModel, ends: torch.Tensor) -> Iterator[None]:
    """Let the output layer see one position of each row, and compute it in float32.

    In bfloat16 logits lie on a grid of an eighth, too coarse for a difference of two. What the model does to its
    logits afterwards is kept.
    """
    layer = model.get_output_embeddings()

    def gather(_: object, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        hidden = inputs[0]
        return (hidden[torch.arange(hidden.shape[0], device=hidden.device), ends][:, None], *inputs[1:])

    def precise(_: object, inputs: tuple[torch.Tensor, ...], logits: torch.Tensor) -> torch.Tensor:
        if logits.dtype is torch.float32:
            return logits
        bias = None if layer.bias is None else layer.bias.float()
        return torch.nn.functional.linear(inputs[0].float(), layer.weight.float(), bias)

    hooks = [layer.register_forward_pre_hook(gather), layer.register_forward_hook(precise)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a failure would not happen with a smaller batch."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # The allocator of main memory has no error class of its own.
    return "allocate memory" in str(error) or "not enough memory" in str(error)
