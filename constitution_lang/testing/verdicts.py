"""Whether one expectation holds in one case, and what the constitution decides there.

Two sides meet in the pairs of one principle of each that both apply in the case. `A over B`, `weigh` and `abstain`
hold where at least one pair meets and every pair that meets is decided so, by the tension that governs it: one that
no tension speaks of, or that another rule decides otherwise, breaks the expectation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum
from typing import TypeAlias

from constitution_lang.ir.cases import Case, Decision, applicable, complete, decide, decisions
from constitution_lang.ir.groups import governing
from constitution_lang.ir.model import Abstain, Bundle, Outcome, Prefer, Stage, Tension, Weigh
from constitution_lang.sampling.weights import shares
from constitution_lang.syntax import nodes

__all__ = ["Verdict", "judge", "rule_words"]

_ROUNDING = 1e-9
_Pair: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`found` says what comes out instead, and is empty where the expectation holds.

    `decisions` are what decided it, `principles` the ids that were looked at, `shares` the actual ones by stage.
    """

    found: str
    decisions: tuple[Decision, ...] = ()
    principles: frozenset[str] = frozenset()
    shares: Mapping[Stage, float] | None = None

    @property
    def holds(self) -> bool:
        """Whether the expectation is met."""
        return not self.found


def judge(bundle: Bundle, case: Case, expect: nodes.Expect) -> Verdict:
    """What comes of an expectation. `bundle` may lack its prompts.

    Raises:
        CaseError: the case has an attribute or a value that is not declared.
    """
    whole = complete(bundle, case)
    match expect:
        case nodes.ExpectOver(winner, loser):
            sides, wanted = (winner.text, loser.text), _Wanted(prefer_first=True)
        case nodes.ExpectWeigh(weights):
            (first, one), (second, other) = weights
            sides, wanted = (first.text, second.text), _Wanted(weights=(one.value, other.value))
        case nodes.ExpectAbstain(both):
            sides, wanted = (both[0].text, both[1].text), _Wanted()
        case nodes.ExpectApplies(principle, applies):
            return _applying(bundle, whole, principle.text, applies=applies)
        case nodes.ExpectShare(target, bound):
            return _share(bundle, whole, target.text, bound)
        case nodes.ExpectDecides(rule, tension):
            return _deciding(bundle, whole, tension.text, int(rule.value))
    return _between(bundle, whole, sides, wanted)


def rule_words(decision: Decision) -> str:
    """`rule 2` or `otherwise`, of the tension."""
    last = decision.index == len(decision.tension.rules) - 1
    return f"{'`otherwise`' if last else f'rule {decision.index + 1}'} of `{decision.tension.id}`"


# --- two sides ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The outcome for two sides in their order; abstention where neither is given."""

    prefer_first: bool = False
    weights: tuple[float, float] | None = None

    def is_met(self, outcome: Outcome, own: int, tension: Tension) -> bool:
        """Whether the outcome is this one, where the first side stands on side `own` of the tension."""
        match outcome:
            case Prefer(side):
                return self.prefer_first and side == tension.sides[own]
            case Weigh(first, second):
                return self.weights == ((first, second) if own == 0 else (second, first))
            case Abstain():
                return not self.prefer_first and self.weights is None


def _between(bundle: Bundle, whole: Case, sides: tuple[str, str], wanted: _Wanted) -> Verdict:
    here = [p.id for p in applicable(bundle, whole)]
    first, second = (_members(here, side) for side in sides)
    for side, members in zip(sides, (first, second), strict=True):
        if not members:
            found = f"no principle of `{side}` applies" if _is_category(bundle, side) else _absent(side)
            return Verdict(found, principles=_named(sides))
    governed = governing(bundle)
    met: dict[tuple[str, int], list[_Pair]] = {}
    tensions: dict[str, Tension] = {}
    silent: list[_Pair] = []
    for pair in ((p, q) for p in first for q in second if p != q):
        own = 0 if pair in governed else 1
        tension = governed.get(pair if own == 0 else (pair[1], pair[0]))
        if tension is None:
            silent.append(pair)
        else:
            tensions[tension.id] = tension
            met.setdefault((tension.id, own), []).append(pair if own == 0 else (pair[1], pair[0]))
    told = [f"no tension decides between `{p}` and `{q}`" for p, q in silent[:1]]
    decided = []
    for (id, own), pairs in sorted(met.items()):
        decision = Decision(tensions[id], *decide(tensions[id], whole), tuple(sorted(pairs)))
        decided.append(decision)
        if not wanted.is_met(decision.rule.outcome, own, decision.tension):
            told.append(_outcome(decision) + ("" if len(met) == 1 and not silent else _for(decision)))
    principles = frozenset(id for decision in decided for pair in decision.pairs for id in pair)
    if not (met or silent):
        told = [f"no two principles of `{sides[0]}` and `{sides[1]}` meet"]
    return Verdict(", and ".join(told), tuple(decided), principles | _named(sides))


def _named(sides: tuple[str, ...]) -> frozenset[str]:
    """The principles that an expectation names, and so is about, also where they do not apply."""
    return frozenset(side for side in sides if "." in side)


def _members(ids: list[str], side: str) -> list[str]:
    """The side itself where it is a principle, else its principles."""
    return [id for id in ids if side in {id, id.partition(".")[0]}]


def _is_category(bundle: Bundle, id: str) -> bool:
    return any(category.id == id for category in bundle.categories)


def _absent(principle: str) -> str:
    return f"`{principle}` does not apply"


def _outcome(decision: Decision) -> str:
    sides = decision.tension.sides
    match decision.rule.outcome:
        case Prefer(side):
            return f"`{decision.tension.id}` prefers {side}"
        case Weigh(first, second):
            return f"`{decision.tension.id}` weighs {sides[0]} {first:g}, {sides[1]} {second:g}"
        case Abstain():
            return f"`{decision.tension.id}` abstains"


def _for(decision: Decision) -> str:
    first, second = decision.pairs[0]
    others = len(decision.pairs) - 1
    return f" for `{first}` and `{second}`" + (f" and {others} more pair{'s' * (others > 1)}" if others else "")


# --- one thing ----------------------------------------------------------------------------------


def _applying(bundle: Bundle, whole: Case, principle: str, *, applies: bool) -> Verdict:
    actual = principle in {p.id for p in applicable(bundle, whole)}
    found = "" if actual is applies else f"`{principle}` applies" if actual else _absent(principle)
    return Verdict(found, principles=frozenset({principle}))


def _share(bundle: Bundle, whole: Case, target: str, bound: nodes.ShareBound) -> Verdict:
    stages = (Stage(bound.stage.text),) if bound.stage else tuple(Stage)
    low, high = bound.low.value if bound.low else 0.0, bound.high.value if bound.high else 1.0
    by_stage = {stage: shares(bundle, stage, whole) for stage in stages}
    members = _members([p.id for p in bundle.principles], target)
    actual = {stage: fsum(by_stage[stage].get(id, 0.0) for id in members) for stage in stages}
    weighing = tuple(
        d
        for d in decisions(bundle, whole)
        if isinstance(d.rule.outcome, Weigh) and not (d.first | d.second).isdisjoint(members)
    )
    wrong = next((s for s in stages if not low - _ROUNDING <= actual[s] <= high + _ROUNDING), None)
    found = ""
    if wrong and actual[wrong]:
        found = f"its share is {_percent(actual[wrong])} in {wrong}"
    elif wrong:
        found = f"no principle of `{target}` applies" if _is_category(bundle, target) else _absent(target)
    drawn = frozenset(id for id in members if any(by_stage[stage].get(id) for stage in stages))
    return Verdict(found, weighing, drawn | _named((target,)), actual)


def _percent(share: float) -> str:
    """As many digits as tell two near shares apart, and no zeros at the end."""
    return f"{share * 100:.4g}%"


def _deciding(bundle: Bundle, whole: Case, id: str, rule: int) -> Verdict:
    decision = next((d for d in decisions(bundle, whole) if d.tension.id == id), None)
    if decision is None:
        return Verdict(f"`{id}` is not in play: its two sides have no principles that both apply and that it governs")
    principles = decision.first | decision.second
    found = "" if decision.index + 1 == rule else f"{rule_words(decision)} decides"
    return Verdict(found, (decision,), principles)
