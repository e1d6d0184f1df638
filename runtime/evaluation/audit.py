"""The labeler against people: agreement, and how far its answers follow the place instead of the text."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.evaluation.intervals import mean, share
from runtime.records import Label, Measure

__all__ = ["audit_measures"]


def audit_measures(labeler: str, labels: Sequence[Label], chosen_is_a: Sequence[bool], seed: int) -> list[Measure]:
    """Figures over pairs of which people chose one; `chosen_is_a` says which.

    Agreement counts labels that give people's choice more than a half; an exact half is a disagreement.
    A flip is a vote whose answer changes when the two texts change places.
    """
    decided = [(x, c) for x, c in zip(labels, chosen_is_a, strict=True) if x.probability is not None]
    agreed = sum((x.probability or 0.0) > 0.5 if c else (x.probability or 0.0) < 0.5 for x, c in decided)
    votes = [v for x in labels for v in x.votes if v.log_odds is not None]
    both = [v for v in votes if v.log_odds_swapped is not None]
    flips = sum((v.log_odds or 0.0) * (v.log_odds_swapped or 0.0) < 0 for v in both)
    first = [v for v in both if (v.log_odds or 0.0) > 0 > (v.log_odds_swapped or 0.0)]
    asked = [v for x in labels for v in x.votes]
    return [
        share(labeler, "agrees with people", agreed, len(decided)),
        share(labeler, "pairs without a label", len(labels) - len(decided), len(labels)),
        share(labeler, "answer flips with the order", flips, len(both)),
        share(labeler, "always picks the first", len(first), len(both)),
        share(labeler, "unreadable answers", len(asked) - len(votes), len(asked)),
        mean(labeler, "position bias, log-odds", [v.position_bias or 0.0 for v in both], seed=seed),
        mean(
            labeler,
            "probability of people's choice",
            [(x.probability or 0.0) if c else 1 - (x.probability or 0.0) for x, c in decided],
            seed=seed,
        ),
    ]
