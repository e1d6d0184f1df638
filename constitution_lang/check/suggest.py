"""What to say of a name that is not declared: the nearest one that is, and the edit that puts it there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from constitution_lang.diagnostics.model import Fix
from constitution_lang.source import Span
from constitution_lang.syntax import words

__all__ = ["Hint", "did_you_mean", "nearest"]


class Hint(TypedDict):
    """The last two arguments of `Code.at`."""

    help: str
    fix: Fix | None


def did_you_mean(span: Span, word: str, candidates: Iterable[str], otherwise: str) -> Hint:
    """The nearest candidate in the place of `word`, which stands at `span`; `otherwise` where none is near."""
    best = nearest(word, candidates)
    return Hint(
        help=words.did_you_mean(best) or otherwise,
        fix=Fix(span, best, f"write `{best}`") if best else None,
    )


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The nearest candidate, also one that has the same last part; None where none is near."""
    names = sorted(set(candidates))
    last = word.rpartition(".")[2]
    same_end = [name for name in names if "." in name and name.rpartition(".")[2] == last]
    return words.closest(word, names) or (same_end[0] if len(same_end) == 1 else None)
