"""What torch does on a GPU by itself, and which costs much where every pass has another shape."""

from __future__ import annotations

import os

import torch

__all__ = ["suit_changing_shapes"]

_SETTINGS = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF")


def suit_changing_shapes() -> None:
    """Prepare torch for caches that get longer with every token.

    On an H200 the first batch of a shape took 145 ms for a token, and a later one 30 (docs/benchmarks.md).
    """
    # cuDNN works out a plan for each new shape; torch's other kernels have none.
    torch.backends.cuda.enable_cudnn_sdp(enabled=False)
    _let_blocks_grow()


def _let_blocks_grow() -> None:
    """Have the allocator grow its blocks instead of asking for larger ones; where the user said nothing else."""
    begun = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    if begun or any(name in os.environ for name in _SETTINGS):
        return
    os.environ[_SETTINGS[0]] = "expandable_segments:True"
    try:
        torch.empty(1, device="cuda")
    finally:
        # Not for processes that are started from here: vLLM has an allocator of its own.
        del os.environ[_SETTINGS[0]]
