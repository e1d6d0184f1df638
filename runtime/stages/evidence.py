"""From votes to a label: categories are averaged, tensions decide between them, categories are weighed.

Pure functions. A probability is held as its lean, twice the probability less one: A and B swapped turn its sign, and
nothing else, so the label of the swapped pair is exactly one less this one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from constitution_lang.ir.cases import Case, Decision, decisions
from constitution_lang.ir.model import Abstain, Bundle, Prefer, PreferenceSampling, Tension, Weigh
from runtime.records import CategoryEvidence, FiredRule, Label, LabelOutcome, LabelSource, LeftOut, Vote

__all__ = ["label_of"]

_GRID = 2.0**50
"""Leans are rounded to this many parts, so that 1 - y is exact in both directions."""

_DECIDED_TOLERANCE = 1e-12
"""A vote clamped to 60% reaches `decided: 60%`, whatever the last bit says."""


def label_of(bundle: Bundle, case: Case, comparison: str, votes: Sequence[Vote]) -> Label:
    """The soft label of a pair: the probability that A is better, with all that led to it.

    In a label a side is in play where one of its principles has a readable vote. An abstention is kept and adds no
    evidence.

    Args:
        bundle: the constitution.
        case: what the prompt is.
        comparison: the pair's id.
        votes: of this pair, one for each principle drawn.

    Raises:
        ValueError: a vote is about another pair or not a number, or a principle votes twice.
    """
    _check(comparison, votes)
    leans = {v.principle: _lean(v, bundle.preference) for v in votes if v.margin is not None}
    decided = decisions(bundle, case, leans)
    ballot = _Ballot(leans, _multipliers(decided, leans), 2 * bundle.preference.decided - 1 - _DECIDED_TOLERANCE)
    effects = {d.tension.id: _weighed(d) for d in decided if isinstance(d.rule.outcome, Weigh)}
    effects |= _preferences(ballot, [d for d in decided if isinstance(d.rule.outcome, Prefer)])
    disputes = [d for d in decided if isinstance(d.rule.outcome, Abstain)]
    effects |= {d.tension.id: _dispute(ballot, d) for d in disputes}
    categories = _categories(bundle, ballot, votes)
    lean = _mean((c.weight, 2 * c.probability - 1) for c in categories if c.probability is not None)
    if lean is None:
        outcome = LabelOutcome.NO_EVIDENCE
    elif any(_is_dispute(ballot, d) for d in disputes):
        outcome = LabelOutcome.REVIEW
    else:
        outcome = LabelOutcome.LABELLED
    return Label(
        comparison=comparison,
        source=LabelSource.AI,
        outcome=outcome,
        probability=_probability(lean) if lean is not None and outcome is LabelOutcome.LABELLED else None,
        votes=tuple(votes),
        categories=categories,
        fired=tuple(
            FiredRule(
                tension=d.tension.id,
                rule=d.index + 1,
                outcome=_wording(d.tension, d),
                effect=effects[d.tension.id],
                origin=d.rule.origin,
            )
            for d in decided
        ),
        left_out=tuple(
            LeftOut(principle=p, tension=d.tension.id, side=d.side)
            for p, by in sorted(ballot.left_out.items())
            for d in by
        ),
    )


# --- votes --------------------------------------------------------------------------------------


def _check(comparison: str, votes: Sequence[Vote]) -> None:
    seen: set[str] = set()
    for vote in votes:
        if vote.comparison != comparison:
            raise ValueError(f"a vote of {vote.principle!r} is about pair {vote.comparison}, not {comparison}")
        if vote.margin is not None and math.isnan(vote.margin):
            raise ValueError(f"the log-odds of {vote.principle!r} on pair {comparison} are not a number")
        if vote.principle in seen:
            raise ValueError(f"{vote.principle!r} votes twice on pair {comparison}")
        seen.add(vote.principle)


def _lean(vote: Vote, sampling: PreferenceSampling) -> float:
    margin = vote.margin
    assert margin is not None
    lean = math.tanh(margin / 2)
    if sampling.reasoning:
        lean = min(max(lean, 2 * sampling.clamp_low - 1), 2 * sampling.clamp_high - 1)
    return _round(lean)


def _round(lean: float) -> float:
    return round(lean * _GRID) / _GRID


def _probability(lean: float) -> float:
    return (1 + _round(lean)) / 2


def _mean(weighed: Iterable[tuple[float, float]]) -> float | None:
    """The weighted mean, None where nothing weighs; a sum with one rounding, so that order and sign do not count."""
    pairs = [(weight, value) for weight, value in weighed if weight > 0]
    if not pairs:
        return None
    return math.fsum(w * v for w, v in pairs) / math.fsum(w for w, _ in pairs)


# --- tensions -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Preference:
    """A decision to prefer, seen from the side that comes first: `over` maps each yielding principle to its betters."""

    tension: Tension
    side: str
    over: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Ballot:
    """Readable votes: lean and multiplier of each principle, and what keeps some of them out."""

    leans: Mapping[str, float]
    multipliers: Mapping[str, float]
    threshold: float
    left_out: dict[str, list[_Preference]] = field(default_factory=dict)

    def side(self, principles: Iterable[str]) -> float | None:
        """The lean of a side: of its votes that are not left out."""
        return _mean((self.multipliers[p], self.leans[p]) for p in principles if p not in self.left_out)

    def is_decided(self, lean: float | None) -> bool:
        """Whether the side gives one response at least what `decided` says."""
        return lean is not None and abs(lean) >= self.threshold


def _multipliers(decided: Iterable[Decision], leans: Mapping[str, float]) -> dict[str, float]:
    found = dict.fromkeys(leans, 1.0)
    for decision in decided:
        if isinstance(decision.rule.outcome, Weigh):
            for id in decision.first:
                found[id] *= decision.rule.outcome.first
            for id in decision.second:
                found[id] *= decision.rule.outcome.second
    return found


def _preferences(ballot: _Ballot, decided: Iterable[Decision]) -> dict[str, str]:
    """Leave out what yields, those that come first of all first. Gives the effect of each tension."""
    preferences = [_from_first_side(d) for d in decided]
    betters: dict[str, set[str]] = {}
    for preference in preferences:
        for yielding, over in preference.over.items():
            betters.setdefault(yielding, set()).update(over)
    above = {p: _ancestors(p, betters) for p in betters}
    for yielding in sorted(betters, key=lambda p: (len(above[p]), p)):
        for preference in preferences:
            # In a cycle nobody comes first; the compiler reports it, and here all its votes count.
            first = [p for p in preference.over.get(yielding, ()) if yielding not in above.get(p, ())]
            if ballot.is_decided(ballot.side(first)):
                ballot.left_out.setdefault(yielding, []).append(preference)
    circular = {p for p in betters if p in above[p]}
    return {p.tension.id: _preferred(ballot, p, circular) for p in preferences}


def _from_first_side(decision: Decision) -> _Preference:
    outcome = decision.rule.outcome
    assert isinstance(outcome, Prefer)
    turned = outcome.side == decision.tension.sides[1]
    over: dict[str, list[str]] = {}
    for first, second in decision.pairs:
        better, yielding = (second, first) if turned else (first, second)
        over.setdefault(yielding, []).append(better)
    return _Preference(decision.tension, outcome.side, {p: tuple(q) for p, q in over.items()})


def _ancestors(principle: str, betters: Mapping[str, set[str]]) -> frozenset[str]:
    """All that come before a principle, directly or through others. Fewer ancestors means earlier."""
    found: set[str] = set()
    waiting = [principle]
    while waiting:
        for better in betters.get(waiting.pop(), ()):
            if better not in found:
                found.add(better)
                waiting.append(better)
    return frozenset(found)


def _is_dispute(ballot: _Ballot, decision: Decision) -> bool:
    first, second = ballot.side(decision.first), ballot.side(decision.second)
    if first is None or second is None:
        return False
    disagree = first < 0 < second or second < 0 < first  # an even side, decided where 50% suffices, disagrees with none
    return ballot.is_decided(first) and ballot.is_decided(second) and disagree


# --- words --------------------------------------------------------------------------------------


def _wording(tension: Tension, decision: Decision) -> str:
    match decision.rule.outcome:
        case Prefer(side):
            return f"prefer {side}"
        case Weigh(first, second):
            return f"weigh {tension.sides[0]} {first:g}, {tension.sides[1]} {second:g}"
        case Abstain():
            return "abstain"


def _weighed(decision: Decision) -> str:
    listed = ", ".join(sorted(decision.first | decision.second))
    return f"weighed the votes of {listed}"


def _preferred(ballot: _Ballot, preference: _Preference, circular: set[str]) -> str:
    out = sorted(p for p, by in ballot.left_out.items() if preference in by)
    if out:
        return f"left out the votes of {', '.join(out)}"
    if circular.intersection(preference.over):
        return f"nothing: the preferences run in a circle through {', '.join(sorted(circular))}"
    if ballot.side({p for over in preference.over.values() for p in over}) is None:
        return f"nothing: the votes of {preference.side} are left out themselves"
    return f"nothing: {preference.side} is undecided"


def _dispute(ballot: _Ballot, decision: Decision) -> str:
    if _is_dispute(ballot, decision):
        return "no label: both sides are decided and disagree"
    for side, principles in zip(decision.tension.sides, (decision.first, decision.second), strict=True):
        lean = ballot.side(principles)
        if lean is None:
            return f"nothing: the votes of {side} are left out"
        if not ballot.is_decided(lean):
            return f"nothing: {side} is undecided"
    return "nothing: the two sides agree"


# --- categories ---------------------------------------------------------------------------------


def _categories(bundle: Bundle, ballot: _Ballot, votes: Sequence[Vote]) -> tuple[CategoryEvidence, ...]:
    """What each category says that was asked. Its weight grows with the mean multiplier of its votes."""
    asked: dict[str, list[str]] = {}
    for vote in votes:
        asked.setdefault(bundle.principle(vote.principle).category, []).append(vote.principle)
    found = []
    for category in bundle.categories:
        if category.id not in asked:
            continue
        remaining = sorted(p for p in asked[category.id] if p in ballot.leans and p not in ballot.left_out)
        lean = ballot.side(remaining)
        raised = math.fsum(ballot.multipliers[p] for p in remaining) / len(remaining) if remaining else 1.0
        found.append(
            CategoryEvidence(
                category=category.id,
                probability=None if lean is None else _probability(lean),
                weight=category.weight * raised,
                votes=len(remaining),
            )
        )
    return tuple(found)
