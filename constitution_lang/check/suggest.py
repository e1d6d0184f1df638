"""The nearest of the names that would have been right."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["did_you_mean", "nearest"]


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that reads most like `word`, or None where none comes close."""
    names = sorted(set(candidates))
    close = get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return close[0]
    tails = [name for name in names if "." in name and name.rpartition(".")[2] == word.rpartition(".")[2]]
    return tails[0] if len(tails) == 1 else None


def did_you_mean(word: str, candidates: Iterable[str], otherwise: str) -> str:
    """A help line: the nearest candidate, or else `otherwise`."""
    near = nearest(word, candidates)
    return f"did you mean `{near}`?" if near else otherwise
