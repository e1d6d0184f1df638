"""Words for people: lists in a sentence, and the nearest of the words that would have been right."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["closest", "did_you_mean", "listed"]


def listed(words: Iterable[str], last: str = "or") -> str:
    """`a`, `b` or `c`, each in backquotes unless it is a phrase with its own."""
    *most, final = (word if "`" in word or word.startswith(("a ", "the ")) else f"`{word}`" for word in words)
    return f"{', '.join(most)} {last} {final}" if most else final


def closest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `word` was most likely meant to be, None where none is near."""
    by_lower = {candidate.lower(): candidate for candidate in candidates}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def did_you_mean(best: str | None) -> str | None:
    """The help line for the nearest word, None where there is none."""
    return f"did you mean `{best}`?" if best else None
