"""The same draws for many prompts at once, in numpy. Memory beside the result does not grow with the prompts.

A time is a positive double, so its bits, read as an integer, are in the same order; the lowest of them carry the
principle's column. Then one minimum finds both, and a difference counts units in the last place. Times that are
nearer than the arithmetic can tell apart are ordered exactly, so that every machine makes the same plan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from constitution_lang.sampling.hash import MULTIPLIERS, SHIFTS, UNIFORM_BITS

__all__ = ["CHUNK", "Kernel"]

CHUNK = 16_384
"""Prompts at once: what is computed for one principle stays in the processor's second cache."""

_FIRST, _SECOND = (np.uint64(m) for m in MULTIPLIERS)
_S0, _S1, _S2 = (np.uint64(s) for s in SHIFTS)
_TO_FRACTION = np.uint64(64 - UNIFORM_BITS)
_ONE = np.uint64(0x3FF << 52)  # the bits of 1.0: with a fraction below, a double in [1, 2)
_BELOW_ONE = 1 - 2.0**-53
_NEVER = np.int64(0x7FF << 52)  # the bits of infinity
_ARITHMETIC_ULPS = 1024  # the logarithm and two roundings cost fewer than ten

Resolve = Callable[[int, int], Sequence[int]]
"""Columns drawn for a prompt (its position) in a round (from 0), exactly; padded with -1."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """Everything that the draws of all prompts share.

    `draw_keys` is (rounds, principles); `weights` has a row for each case; `resolve` ends ties exactly.
    """

    draw_keys: NDArray[np.uint64]
    weights: NDArray[np.float64]
    draw: int
    resolve: Resolve
    ulps: int = _ARITHMETIC_ULPS

    def run(self, keys: NDArray[np.uint64], case_of: NDArray[np.intp]) -> NDArray[np.int16]:
        """Columns drawn, (prompts, rounds, draw), -1 where no more apply."""
        out = np.empty((len(keys), len(self.draw_keys), self.draw), dtype=np.int16)
        # Prompts of one case side by side: their weights are then one number.
        order = np.argsort(case_of, kind="stable") if len(self.weights) > 1 else None
        for start in range(0, len(keys), CHUNK):
            at = slice(start, start + CHUNK) if order is None else order[start : start + CHUNK]
            self._fill(out, at, keys[at], case_of[at])
        return out

    def _fill(
        self,
        out: NDArray[np.int16],
        at: slice | NDArray[np.intp],
        keys: NDArray[np.uint64],
        case_of: NDArray[np.intp],
    ) -> None:
        one_case = case_of[0] == case_of[-1]  # sorted, so all between are the same
        rows = self.weights[case_of[:1]] if one_case else self.weights[np.unique(case_of)]
        columns = np.flatnonzero(rows.any(axis=0))
        out[at] = -1
        if not len(columns):
            return
        with np.errstate(divide="ignore"):
            scale = -1 / (self.weights[case_of[0]] if one_case else self.weights)
        bits = int(self.weights.shape[1]).bit_length()
        margin = self.ulps + (2 << bits)
        buffers = _Buffers(len(keys), len(columns), bits)
        for round, draw_keys in enumerate(self.draw_keys):
            for row, column in enumerate(columns):
                factor = scale[column] if one_case else scale[case_of, column]
                buffers.time(row, int(column), keys, draw_keys[column], factor)
            near = buffers.drawn_one(margin) if self.draw == 1 else buffers.drawn_many(self.draw, margin)
            found = buffers.columns(self.draw)
            positions = np.arange(at.start, at.start + len(keys)) if isinstance(at, slice) else at
            out[positions, round, : found.shape[1]] = found
            for position in positions[near]:
                out[position, round] = self.resolve(int(position), round)


class _Buffers:
    """Working memory of one chunk."""

    def __init__(self, prompts: int, principles: int, bits: int) -> None:
        self._h = np.empty(prompts, dtype=np.uint64)
        self._shifted = np.empty(prompts, dtype=np.uint64)
        self._mask = np.int64((1 << bits) - 1)
        self._times = np.empty((principles, prompts), dtype=np.int64)
        self._sorted = self._times[:0]

    def time(
        self,
        row: int,
        column: int,
        keys: NDArray[np.uint64],
        draw_key: np.uint64,
        factor: np.float64 | NDArray[np.float64],
    ) -> None:
        """Fill a row with the times of one principle, its column in their lowest bits."""
        h, shifted = self._h, self._shifted
        np.bitwise_xor(keys, draw_key, out=h)
        np.right_shift(h, _S0, out=shifted)
        np.bitwise_xor(h, shifted, out=h)
        np.multiply(h, _FIRST, out=h)
        np.right_shift(h, _S1, out=shifted)
        np.bitwise_xor(h, shifted, out=h)
        np.multiply(h, _SECOND, out=h)
        np.right_shift(h, _S2, out=shifted)
        np.bitwise_xor(h, shifted, out=h)
        # The upper bits become the fraction of a double in [1, 2): less this number it is u, exactly.
        np.right_shift(h, _TO_FRACTION, out=h)
        np.bitwise_or(h, _ONE, out=h)
        u = h.view(np.float64)
        np.subtract(u, _BELOW_ONE, out=u)
        np.log(u, out=u)
        np.multiply(u, factor, out=u)
        times = self._times[row]
        np.bitwise_and(u.view(np.int64), ~self._mask, out=times)
        np.bitwise_or(times, np.int64(column), out=times)

    def drawn_one(self, margin: int) -> NDArray[np.intp]:
        """Find the earliest of each prompt; give back the prompts in which it cannot be told from the second."""
        best = self._times[0].copy()
        second = np.full_like(best, np.iinfo(np.int64).max)
        later = np.empty_like(best)
        for times in self._times[1:]:
            np.maximum(best, times, out=later)
            np.minimum(second, later, out=second)
            np.minimum(best, times, out=best)
        self._sorted = best[np.newaxis]
        np.subtract(second, best, out=later)
        near = later <= margin
        near &= second < _NEVER
        return np.flatnonzero(near)

    def drawn_many(self, draw: int, margin: int) -> NDArray[np.intp]:
        """Sort the times of each prompt; give back the prompts in which an order that matters cannot be told."""
        ordered = np.sort(self._times.T, axis=1)
        self._sorted = ordered[:, :draw].T
        gaps = np.diff(ordered[:, : draw + 1], axis=1) <= margin
        gaps &= ordered[:, 1 : draw + 1] < _NEVER
        return np.flatnonzero(gaps.any(axis=1))

    def columns(self, draw: int) -> NDArray[np.int16]:
        """Columns found, (prompts, up to `draw`), -1 for times that never come."""
        found = (self._sorted[:draw] & self._mask).astype(np.int16)
        found[self._sorted[:draw] >= _NEVER] = -1
        return found.T
