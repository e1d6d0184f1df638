"""Figures with the ends of their 95% interval."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.records import Measure

__all__ = ["mean", "share"]

RESAMPLES = 2000


def mean(of: str, name: str, values: Sequence[float], *, seed: int = 0) -> Measure:
    """The mean, and the percentile bootstrap over `values` (Efron 1979), seeded."""
    import numpy as np

    if not values:
        return Measure(of=of, name=name, value=float("nan"), low=float("nan"), high=float("nan"), count=0)
    data = np.asarray(values, dtype=float)
    rng = np.random.default_rng(seed)
    means = data[rng.integers(0, len(data), size=(RESAMPLES, len(data)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Measure(of=of, name=name, value=float(data.mean()), low=float(low), high=float(high), count=len(data))


def share(of: str, name: str, hits: int, count: int) -> Measure:
    """A share, and its Wilson score interval (Wilson 1927): sound for few observations and near 0 or 1."""
    if count == 0:
        return Measure(of=of, name=name, value=float("nan"), low=0.0, high=1.0, count=0)
    z = 1.959963984540054
    p = hits / count
    middle = (p + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * ((p * (1 - p) / count + z * z / (4 * count * count)) ** 0.5)
    return Measure(of=of, name=name, value=p, low=max(0.0, middle - half), high=min(1.0, middle + half), count=count)
