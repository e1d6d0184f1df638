"""Pairs, votes and labels."""

from __future__ import annotations

import math
from enum import StrEnum

import msgspec

from constitution_lang.ir.model import Origin
from runtime.records.row import Row

__all__ = [
    "CategoryEvidence",
    "Comparison",
    "ComparisonPurpose",
    "FiredRule",
    "Label",
    "LabelOutcome",
    "LabelSource",
    "LeftOut",
    "Vote",
]


class ComparisonPurpose(StrEnum):
    """What a pair is compared for."""

    TRAINING = "training"
    EVALUATION = "evaluation"
    AUDIT = "audit"
    """People's pairs, to measure the labeler."""


class Comparison(Row, frozen=True):
    """Two answers to one prompt. `a` and `b` are Response ids; `probability` is that A is better, once known."""

    id: str
    prompt: str
    purpose: ComparisonPurpose
    a: str
    b: str
    text_a: str
    text_b: str
    probability: float | None = None

    def swap(self) -> Comparison:
        """The same pair seen the other way round: its label turns with its sides."""
        turned = None if self.probability is None else 1 - self.probability
        return msgspec.structs.replace(
            self, a=self.b, b=self.a, text_a=self.text_b, text_b=self.text_a, probability=turned
        )


class Vote(Row, frozen=True):
    """What one principle says about one pair.

    `log_odds` is the log-odds for A where A was shown first; `log_odds_swapped` is the log-odds for the same A
    where it was shown second, None where one order was asked. `mass` is the smallest probability that the two
    options had together. `abstained` says why there is no answer; then the log-odds are None.
    """

    comparison: str
    principle: str
    log_odds: float | None
    log_odds_swapped: float | None = None
    mass: float = 0.0
    reasoning: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    abstained: str | None = None

    @property
    def margin(self) -> float | None:
        """Log-odds for A, averaged over the orders that were asked."""
        if self.log_odds is None:
            return None
        if self.log_odds_swapped is None:
            return self.log_odds
        return (self.log_odds + self.log_odds_swapped) / 2

    @property
    def position_bias(self) -> float | None:
        """Half of what the first place adds to the log-odds; None where one order was asked."""
        if self.log_odds is None or self.log_odds_swapped is None:
            return None
        return (self.log_odds - self.log_odds_swapped) / 2

    @property
    def probability(self) -> float | None:
        """That A is better, unclamped."""
        margin = self.margin
        if margin is None:
            return None
        return 1 / (1 + math.exp(-margin)) if margin > -700 else 0.0


class CategoryEvidence(Row, frozen=True):
    """What one category says. `probability` is None where no vote of it remains."""

    category: str
    probability: float | None
    weight: float
    votes: int


class FiredRule(Row, frozen=True):
    """The rule that decided a tension. `rule` is from 1; `effect` says what it did to the label."""

    tension: str
    rule: int
    outcome: str
    effect: str
    origin: Origin


class LeftOut(Row, frozen=True):
    """A vote that a tension kept out of the label. `side` is the one that came first and is decided."""

    principle: str
    tension: str
    side: str


class LabelOutcome(StrEnum):
    """Whether a pair got a label, and if not, why."""

    LABELLED = "labelled"
    REVIEW = "review"
    """Two sides are decided and disagree where a rule says abstain: for people to look at."""
    NO_EVIDENCE = "no evidence"
    """No readable vote."""
    EQUAL = "equal texts"


class LabelSource(StrEnum):
    """Who labelled."""

    AI = "ai"
    HUMAN = "human"


class Label(Row, frozen=True):
    """The soft label of a pair: the probability that A is better, with all that led to it."""

    comparison: str
    source: LabelSource
    outcome: LabelOutcome
    probability: float | None
    votes: tuple[Vote, ...] = ()
    categories: tuple[CategoryEvidence, ...] = ()
    fired: tuple[FiredRule, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
