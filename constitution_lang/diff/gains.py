"""Which of two sides gains where a tension decides otherwise than before."""

from __future__ import annotations

from math import inf

from constitution_lang.diff.counts import Direction
from constitution_lang.diff.space import Told
from constitution_lang.diff.words import outcome_words
from constitution_lang.ir.model import Abstain, Prefer, Weigh

__all__ = ["gain"]


def gain(sides: tuple[str, str], before: object, after: object) -> Told | None:
    """What is said of two outcomes, None where they are one."""
    one, other = sorted(sides)
    if _plainly(before) == _plainly(after):
        return None
    words = outcome_words(before, (one, other)), outcome_words(after, (one, other))
    if isinstance(after, Abstain):
        return (f"a dispute of {one} and {other} gets no label", Direction.STRICTER, *words)
    if isinstance(before, Abstain):
        return (f"a dispute of {one} and {other} gets a label", Direction.LOOSER, *words)
    was, now = _lean(before, one), _lean(after, one)
    if was == now:
        return (f"{one} and {other} weigh otherwise against the rest", Direction.SHIFTED, *words)
    gains, loses = (one, other) if now > was else (other, one)
    return (f"{gains} gains on {loses}", Direction.SHIFTED, *words)


def _plainly(decided: object) -> object:
    """To weigh both sides once is to say nothing."""
    return None if decided == Weigh(1.0, 1.0) else decided


def _lean(decided: object, side: str) -> float:
    """How far an outcome leans to a side: its weight over the other's."""
    if isinstance(decided, Prefer):
        return inf if decided.side == side else 0.0
    return decided.first / decided.second if isinstance(decided, Weigh) else 1.0
