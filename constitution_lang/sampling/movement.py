"""How many draws a change of weights moves, known before anything is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import accumulate

__all__ = ["moved", "stay", "total_variation"]

_ROUNDING = 1e-12
"""What the sums of many weights may be off by."""


def stay(p: Mapping[str, float], q: Mapping[str, float]) -> float:
    """The share of first draws that are the same under the weights `p` and `q`, by principle key.

    Weights need not sum to 1; a key that is absent weighs nothing. With exponentials E, principle i is earliest
    under both where E_j > E_i * max(p_j / p_i, q_j / q_i) for every other j, which has the probability
    1 / sum over j of max(p_j / p_i, q_j / q_i). The first is the greater one for each j that lost against i, so that
    with the principles in the order of q / p these sums are one of p from the left and one of q from the right.
    """
    keys = sorted(p.keys() | q.keys())
    pairs = [(p.get(k, 0.0), q.get(k, 0.0)) for k in keys]
    if any(not (math.isfinite(x) and x >= 0) for pair in pairs for x in pair):
        raise ValueError("weights have to be finite and not negative")
    pairs = sorted((pair for pair in pairs if any(pair)), key=lambda pair: pair[1] / pair[0] if pair[0] else math.inf)
    left = accumulate(a for a, _ in pairs)
    right = [*accumulate((b for _, b in reversed(pairs)), initial=0.0)][-2::-1]
    return math.fsum(
        1 / (a / own_p + b / own_q)
        for (own_p, own_q), a, b in zip(pairs, left, right, strict=True)
        if own_p > 0 < own_q
    )


def moved(p: Mapping[str, float], q: Mapping[str, float]) -> float:
    """The share of first draws that change; 0 for less than rounding can tell. Both distributions empty: none do."""
    if not any(p.values()) and not any(q.values()):
        return 0.0
    share = 1 - stay(p, q)
    return share if share > _ROUNDING else 0.0


def total_variation(p: Mapping[str, float], q: Mapping[str, float]) -> float:
    """The least share of first draws that any scheme has to move; weights need not sum to 1."""
    total_p, total_q = math.fsum(p.values()), math.fsum(q.values())
    if total_p == 0 or total_q == 0:
        return float(total_p != total_q)
    return math.fsum(abs(p.get(k, 0.0) / total_p - q.get(k, 0.0) / total_q) for k in sorted(p.keys() | q.keys())) / 2
