"""Labels, seen from the principles that voted and from the tensions that decided."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from constitution_lang.ir.model import Abstain, Bundle, Outcome, Prefer, Tension
from runtime.records import Comparison, ComparisonPurpose, Label, LabelOutcome, LabelSource, Vote
from runtime.report.data import Agreement, LabelCounts, PrincipleVotes, RuleUse

__all__ = ["BINS", "LabelTally", "is_decided", "is_flip", "outcome_text", "purposes_of"]

BINS = 20
"""Of the histogram of labels."""
_AGREEMENT_LABELS_MAX = 5000
"""Every pair of votes of a label is looked at, so this many labels have to do."""
_SHOWN_MAX = 5
_NUMBER = re.compile(r"\d[\d.,]*(?:e[+-]?\d+)?%?")


def is_decided(vote: Vote, decided: float) -> bool:
    """Whether the vote gives one of the responses at least `decided`."""
    return vote.probability is not None and max(vote.probability, 1 - vote.probability) >= decided


def is_flip(vote: Vote) -> bool:
    """Whether another response wins once the two change places."""
    return (vote.log_odds or 0.0) * (vote.log_odds_swapped or 0.0) < 0


def outcome_text(tension: Tension, outcome: Outcome) -> str:
    """A rule's outcome as the author would write it."""
    if isinstance(outcome, Prefer):
        return f"prefer {outcome.side}"
    if isinstance(outcome, Abstain):
        return "abstain"
    return f"weigh {tension.sides[0]} {outcome.first:g}, {tension.sides[1]} {outcome.second:g}"


@dataclass(slots=True)
class _Voice:
    votes: int = 0
    decided: int = 0
    both_orders: int = 0
    flips: int = 0
    bias: float = 0.0
    bias_size: float = 0.0
    left_out: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


def purposes_of(comparisons: Iterable[Comparison]) -> dict[str, ComparisonPurpose]:
    """What the pairs that are not for training are for, by their ids: far fewer than pairs."""
    return {c.id: c.purpose for c in comparisons if c.purpose is not ComparisonPurpose.TRAINING}


class LabelTally:
    """Counts over labels, added one by one. `purposes` are as `purposes_of` gives them."""

    def __init__(self, bundle: Bundle, purposes: Mapping[str, ComparisonPurpose]) -> None:
        self._bundle = bundle
        self._decided = bundle.preference.decided
        self._purposes = purposes
        self._outcomes: dict[tuple[ComparisonPurpose, LabelSource], Counter[LabelOutcome]] = {}
        self._voices: dict[str, _Voice] = {}
        self._fired: dict[tuple[str, int], Counter[str]] = {}
        self._left_out: Counter[str] = Counter()
        self._same: Counter[tuple[str, str]] = Counter()
        self._both: Counter[tuple[str, str]] = Counter()
        self.agreement_labels = 0
        self.histogram = [0] * BINS

    def add(self, label: Label) -> None:
        """Count one label."""
        purpose = self._purposes.get(label.comparison, ComparisonPurpose.TRAINING)
        self._outcomes.setdefault((purpose, label.source), Counter())[label.outcome] += 1
        if label.source is LabelSource.AI and purpose is ComparisonPurpose.TRAINING and label.probability is not None:
            self.histogram[min(int(label.probability * BINS), BINS - 1)] += 1
        for vote in label.votes:
            self._hear(vote)
        for fired in label.fired:
            self._fired.setdefault((fired.tension, fired.rule), Counter())[fired.effect] += 1
        for left in label.left_out:
            self._voices.setdefault(left.principle, _Voice()).left_out += 1
            self._left_out[left.tension] += 1
        if len(label.votes) > 1 and self.agreement_labels < _AGREEMENT_LABELS_MAX:
            self.agreement_labels += 1
            sides = sorted((v.principle, v.margin > 0) for v in label.votes if v.margin)
            for (first, first_a), (second, second_a) in combinations(sides, 2):
                self._both[first, second] += 1
                self._same[first, second] += first_a == second_a

    def _hear(self, vote: Vote) -> None:
        voice = self._voices.setdefault(vote.principle, _Voice())
        voice.votes += 1
        if vote.margin is None:
            # Figures inside a reason would make every reason one of its own.
            voice.reasons[_NUMBER.sub("…", vote.abstained or "no reason given")] += 1
            return
        voice.decided += is_decided(vote, self._decided)
        bias = vote.position_bias
        if bias is not None:
            voice.both_orders += 1
            voice.flips += is_flip(vote)
            voice.bias += bias
            voice.bias_size += abs(bias)

    def counts(self) -> tuple[LabelCounts, ...]:
        """Outcomes by purpose and source."""
        return tuple(
            LabelCounts(
                purpose=purpose, source=source, labelled=found[LabelOutcome.LABELLED],
                review=found[LabelOutcome.REVIEW], no_evidence=found[LabelOutcome.NO_EVIDENCE],
                equal=found[LabelOutcome.EQUAL],
            )
            for (purpose, source), found in sorted(
                self._outcomes.items(), key=lambda item: (list(ComparisonPurpose).index(item[0][0]), item[0][1])
            )
        )  # fmt: skip

    def votes(self) -> tuple[PrincipleVotes, ...]:
        """Every principle that voted, those of the bundle first and in its order."""
        order = dict.fromkeys([*(p.id for p in self._bundle.principles), *sorted(self._voices)])
        return tuple(_principle_votes(id, self._voices[id]) for id in order if id in self._voices)

    def agreements(self) -> tuple[Agreement, ...]:
        """Every two principles that spoke about the same pair."""
        return tuple(
            Agreement(first=first, second=second, same=self._same[first, second], both=both)
            for (first, second), both in sorted(self._both.items())
        )

    def rules(self) -> tuple[RuleUse, ...]:
        """Every rule of every tension, those that never fired too."""
        return tuple(
            RuleUse(
                tension=tension.id,
                sides=tension.sides,
                rule=number,
                outcome=outcome_text(tension, rule.outcome),
                count=self._fired.get((tension.id, number), Counter()).total(),
                effects=tuple(self._fired.get((tension.id, number), Counter()).most_common(_SHOWN_MAX)),
                left_out=self._left_out[tension.id] if number == 1 else 0,
                origin=rule.origin,
            )
            for tension in self._bundle.tensions
            for number, rule in enumerate(tension.rules, 1)
        )


def _principle_votes(id: str, voice: _Voice) -> PrincipleVotes:
    return PrincipleVotes(
        principle=id,
        votes=voice.votes,
        decided=voice.decided,
        abstained=voice.reasons.total(),
        reasons=tuple(voice.reasons.most_common(_SHOWN_MAX)),
        both_orders=voice.both_orders,
        flips=voice.flips,
        bias=voice.bias / voice.both_orders if voice.both_orders else None,
        bias_size=voice.bias_size / voice.both_orders if voice.both_orders else None,
        left_out=voice.left_out,
    )
