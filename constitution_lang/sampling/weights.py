"""What a principle weighs in a case, and so its share of first draws."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from constitution_lang.ir.cases import Case, applicable, complete, decisions
from constitution_lang.ir.model import Bundle, Stage, Weigh

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["shares", "weights", "weights_matrix"]


def weights(bundle: Bundle, case: Case) -> dict[str, float]:
    """The effective weight of every principle that applies, by id, in the bundle's order.

    Own weight times category weight, over the own weights of those principles of the category that apply in this
    case; then, by tension id, times the multiplier of each `weigh` outcome whose other side is in play. This order
    of operations is part of the language: it fixes the last bit, and so the draws.
    """
    whole = complete(bundle, case)
    here = applicable(bundle, whole)
    category_weight = {c.id: c.weight for c in bundle.categories}
    own: dict[str, list[float]] = {}
    for p in here:
        own.setdefault(p.category, []).append(p.weight)
    total = {category: math.fsum(listed) for category, listed in own.items()}
    found = {p.id: p.weight * category_weight[p.category] / total[p.category] if p.weight else 0.0 for p in here}
    for decision in decisions(bundle, whole, found):
        outcome = decision.rule.outcome
        if isinstance(outcome, Weigh):
            # A principle may stand on both sides where one side is its own category: each counts once.
            for id in decision.first:
                found[id] *= outcome.first
            for id in decision.second:
                found[id] *= outcome.second
    return found


def shares(bundle: Bundle, stage: Stage, case: Case) -> dict[str, float]:  # noqa: ARG001
    """The probability of each principle that applies, by id, in a first draw of this stage.

    Empty where no principle that weighs anything applies. Both stages weigh alike; the stage is asked for because
    a share is declared for one.
    """
    found = weights(bundle, case)
    total = math.fsum(found.values())
    return {id: w / total for id, w in found.items()} if total > 0 else {}


def weights_matrix(bundle: Bundle, cases: Sequence[Case]) -> NDArray[np.float64]:
    """Effective weights, a row for each case and a column for each principle; 0 where it does not apply."""
    import numpy as np

    matrix = np.zeros((len(cases), len(bundle.principles)))
    for row, case in enumerate(cases):
        found = weights(bundle, case)
        matrix[row] = [found.get(p.id, 0.0) for p in bundle.principles]
    return matrix
