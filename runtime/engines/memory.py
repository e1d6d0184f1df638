"""Batches that do not fit into the memory are computed in halves."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

from runtime.engines.arithmetic import is_out_of_memory
from runtime.engines.base import EngineError

__all__ = ["give_back", "in_halves"]

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
