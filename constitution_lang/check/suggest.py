"""The help line for a name that is not declared: the nearest one that is."""

from __future__ import annotations

from collections.abc import Iterable

from constitution_lang.syntax import words

__all__ = ["did_you_mean"]


def did_you_mean(word: str, candidates: Iterable[str], otherwise: str) -> str:
    """The nearest candidate, also one that has the same last part; else `otherwise`."""
    names = sorted(set(candidates))
    last = word.rpartition(".")[2]
    same_end = [name for name in names if "." in name and name.rpartition(".")[2] == last]
    best = words.closest(word, names) or (same_end[0] if len(same_end) == 1 else None)
    return words.did_you_mean(best) or otherwise
