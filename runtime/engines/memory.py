"""Batches that do not fit into the memory are computed in halves."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

from runtime.engines.arithmetic import is_out_of_memory
from runtime.engines.base import EngineError

__all__ = ["give_back", "in_halves", "let_blocks_grow"]

_SETTINGS = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF")
T = TypeVar("T")


def in_halves(rows: Sequence[int], compute: Callable[[Sequence[int]], T]) -> Iterator[tuple[Sequence[int], T]]:
    """What `compute` gives for the rows; where memory does not suffice, for half of them at a time.

    Yields:
        The rows that were computed together, and what came of them.

    Raises:
        EngineError: One row alone does not fit.
    """
    try:
        results = compute(rows)
    except (RuntimeError, MemoryError) as e:
        if not is_out_of_memory(e):
            raise
        if len(rows) == 1:
            raise EngineError(
                "one prompt alone does not fit into the memory", "choose a smaller model, or leave out long prompts"
            ) from e
    else:
        yield rows, results
        return
    # Only here: while the error is handled, its frames still hold what did not fit.
    give_back()
    middle = len(rows) // 2
    yield from in_halves(rows[:middle], compute)
    yield from in_halves(rows[middle:], compute)


def give_back() -> None:
    """Return to the machine what nothing holds any longer."""
    gc.collect()
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()


def let_blocks_grow() -> None:
    """Let torch's allocator on a GPU grow its blocks: a cache gets longer with every token, and each length is new.

    Only before the GPU is first used, and where the user has not said how to allocate.
    """
    begun = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    if begun or any(name in os.environ for name in _SETTINGS):
        return
    os.environ[_SETTINGS[0]] = "expandable_segments:True"
    try:
        torch.empty(1, device="cuda")
    finally:
        # Not for processes that are started from here: vLLM has an allocator of its own.
        del os.environ[_SETTINGS[0]]
