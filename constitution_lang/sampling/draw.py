"""The draws of one prompt, and the exact order of times that ends every tie."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Context, Decimal
from itertools import pairwise

from constitution_lang.ir.cases import Case
from constitution_lang.ir.model import Bundle, Principle, Stage
from constitution_lang.sampling.hash import draw_key, mix, prompt_key, uniform
from constitution_lang.sampling.weights import weights

__all__ = ["draws", "exact_order", "schedule"]

_NEAR = 1e-9
"""Times this near to each other, relatively, are compared exactly; floating point is far better than this."""

_EXACT = Context(prec=60)


def schedule(bundle: Bundle, stage: Stage, rounds: int | None = None, draw: int | None = None) -> tuple[int, int]:
    """Rounds, and principles drawn in each: those declared for the stage where they are None.

    The preference stage has a round for each pair of a prompt, and so one where nothing is said.

    Raises:
        ValueError: a number below 1.
    """
    if stage is Stage.REVISION:
        declared = bundle.revision.rounds, bundle.revision.draw
    else:
        declared = 1, bundle.preference.draw
    chosen = declared[0] if rounds is None else rounds, declared[1] if draw is None else draw
    if min(chosen) < 1:
        raise ValueError(f"rounds and draw have to be at least 1, not {chosen[0]} and {chosen[1]}")
    return chosen


def exact_order(times: Iterable[tuple[float, float, str]]) -> list[int]:
    """Positions of (u, weight, principle key) in order of -ln(u) / weight over the real numbers, ties by key."""
    ranked = [
        (-_EXACT.divide(Decimal(u).ln(_EXACT), Decimal(weight)), key, at) for at, (u, weight, key) in enumerate(times)
    ]
    return [at for _, _, at in sorted(ranked)]


def draws(
    bundle: Bundle,
    seed: int,
    stage: Stage,
    prompt: str,
    case: Case,
    *,
    rounds: int | None = None,
    draw: int | None = None,
) -> tuple[tuple[Principle, ...], ...]:
    """The principles drawn for one prompt, a tuple for each round, earliest first.

    Fewer than `draw` where fewer apply. `plan` gives the same for many prompts at once.
    """
    rounds, draw = schedule(bundle, stage, rounds, draw)
    weighing = [(bundle.principle(id), w) for id, w in weights(bundle, case).items() if w > 0]
    key = prompt_key(prompt)
    drawn = []
    for round in range(rounds):
        chances = [(uniform(mix(key ^ draw_key(seed, stage, round, p.key))), weight, p.key) for p, weight in weighing]
        drawn.append(tuple(weighing[at][0] for at in _order(chances)[:draw]))
    return tuple(drawn)


def _order(chances: list[tuple[float, float, str]]) -> list[int]:
    times = [-math.log(u) / weight for u, weight, _ in chances]
    order = sorted(range(len(times)), key=times.__getitem__)
    near = any(times[b] <= times[a] * (1 + _NEAR) for a, b in pairwise(order))
    return exact_order(chances) if near else order
