"""In which order a diagram asks its attributes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

__all__ = ["near"]


def near(order: list[str], edges: Sequence[Sequence[str]]) -> list[str]:
    """The ids ordered so that those of an edge are near each other.

    Each edge's centre is the mean of its ids' places, and each id moves to the mean of its edges' centres, for as long
    as the edges get shorter: FORCE, of Aloul, Markov and Sakallah (GLSVLSI 2003).
    """
    edges = [edge for edge in dict.fromkeys(map(tuple, edges)) if len(edge) > 1]
    best, span = order, _length(order, edges)
    for _ in range(20 + len(order)):
        place = {id: float(at) for at, id in enumerate(order)}
        pulled: dict[str, list[float]] = {id: [] for id in order}
        for edge in edges:
            centre = sum(place[id] for id in edge) / len(edge)
            for id in edge:
                pulled[id].append(centre)
        order = sorted(order, key={id: fmean(pulled[id] or [place[id]]) for id in order}.__getitem__)
        now = _length(order, edges)
        if now >= span:
            return best
        best, span = order, now
    return best


def _length(order: list[str], edges: Sequence[Sequence[str]]) -> int:
    place = {id: at for at, id in enumerate(order)}
    return sum(max(place[id] for id in edge) - min(place[id] for id in edge) for edge in edges)
