"""Shares of first draws while it is still open, in part, which principles apply and which rules decide.

A share is a rational function of a few facts. Where all facts are known it is a number, else an interval that holds
every value that it can still take.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum

from constitution_lang.analysis.play import Play
from constitution_lang.ir.model import Weigh
from constitution_lang.ir.space import TRUE

__all__ = ["Parts", "Range"]


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`, both included."""

    low: float
    high: float


@dataclass(slots=True)
class _Part:
    """Principles of one group that apply together; `weight` is the sum of their own."""

    group: str
    category: str
    literal: int
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class _Weighing:
    """When a tension multiplies what two groups weigh, and by how much. The facts are of rules that exclude another."""

    pairs: tuple[tuple[str, str], ...]
    multipliers: tuple[tuple[int, float, float], ...]


class Parts:
    """What shares are made of."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._category_weight = {c.id: c.weight for c in play.bundle.categories}
        self._parts: dict[tuple[str, int], _Part] = {}
        self._of_principle: dict[str, tuple[tuple[str, int], float]] = {}
        named = {side for tension in play.bundle.tensions for side in tension.sides}
        for p in play.bundle.principles:
            literal = play.space.literal(p.applies)
            key = (play.group_of(p, named), literal)
            part = self._parts.setdefault(key, _Part(key[0], p.category, literal))
            part.weight += p.weight
            self._of_principle[p.id] = (key, p.weight)
        self._literals: dict[str, list[int]] = {}
        for part in self._parts.values():
            self._literals.setdefault(part.group, []).append(part.literal)
        self._weighings = tuple(w for t in play.bundle.tensions if (w := self._weighing(t.id)))
        facts = [m[0] for w in self._weighings for m in w.multipliers] + [p.literal for p in self._parts.values()]
        self.facts = tuple(dict.fromkeys(abs(fact) for fact in facts if abs(fact) != TRUE))
        """Variables whose truth settles every share."""

    def _weighing(self, id: str) -> _Weighing | None:
        tension = next(t for t in self._play.bundle.tensions if t.id == id)
        by: dict[tuple[float, float], list[int]] = {}
        for literal, rule in zip(self._play.space.fires(tension), tension.rules, strict=True):
            outcome = rule.outcome
            factors = (outcome.first, outcome.second) if isinstance(outcome, Weigh) else (1.0, 1.0)
            by.setdefault(factors, []).append(literal)
        if not by.keys() - {(1.0, 1.0)} or id not in self._play.pairs:
            return None
        facts = tuple((self._play.space.any_of(literals), *factors) for factors, literals in by.items())
        return _Weighing(tuple(self._play.pairs[id]), facts)

    def applies(self, target: str) -> int:
        """Whether something of a principle or a category applies."""
        if target in self._of_principle:
            return self._of_principle[target][0][1]
        return self._play.category_applies(target)

    def share(self, target: str, known: Mapping[int, bool]) -> Range:
        """Of a principle or a category that applies, as far as the facts (variable to truth) are known."""
        multiplied = self._multipliers(known)
        categories: dict[str, list[tuple[_Part, bool | None, Range]]] = {}
        for part in self._parts.values():
            truth = _truth(part.literal, known)
            if truth is not False and part.weight > 0:
                categories.setdefault(part.category, []).append((part, truth, multiplied[part.group]))
        own = self._of_principle.get(target)
        if own is None:
            return self._of_category(target, categories)
        part = self._parts[own[0]]
        if part.weight <= 0:
            return Range(0.0, 0.0)
        whole, one = self._of_part(part, categories, multiplied[part.group]), own[1] / part.weight
        return Range(whole.low * one, whole.high * one)

    def _of_category(self, target: str, categories: dict[str, list[tuple[_Part, bool | None, Range]]]) -> Range:
        if target not in categories:
            return Range(0.0, 0.0)
        mine = self._weight(target, categories[target], applies=True)
        others = self._others(target, categories)
        return Range(_ratio(mine.low, others.high), _ratio(mine.high, others.low))

    def _of_part(
        self, part: _Part, categories: dict[str, list[tuple[_Part, bool | None, Range]]], mine: Range
    ) -> Range:
        others = self._others(part.category, categories)
        weight = self._category_weight[part.category]
        beside = [entry for entry in categories[part.category] if entry[0] is not part]
        sure = [entry for entry in beside if entry[1]]
        # Against one unit of the part: what stands beside it in its category, and what is outside of it.
        total_low = fsum([part.weight, *(p.weight for p, _, _ in sure)])
        total_high = fsum([part.weight, *(p.weight for p, _, _ in beside)])
        low = fsum(p.weight * m.low for p, _, m in sure) / (part.weight * mine.high)
        high = fsum(p.weight * m.high for p, _, m in beside) / (part.weight * mine.low)
        if not weight:
            return Range(0.0, 0.0)
        low += others.low * total_low / (weight * part.weight * mine.high)
        high += others.high * total_high / (weight * part.weight * mine.low)
        return Range(1 / (1 + high), 1 / (1 + low))

    def _others(self, target: str, categories: dict[str, list[tuple[_Part, bool | None, Range]]]) -> Range:
        weights = [self._weight(id, parts) for id, parts in categories.items() if id != target]
        return Range(fsum(w.low for w in weights), fsum(w.high for w in weights))

    def _weight(self, id: str, parts: list[tuple[_Part, bool | None, Range]], *, applies: bool = False) -> Range:
        """Of a whole category: its own, times the mean of the multipliers of what applies."""
        own = self._category_weight[id]
        sure = applies or any(truth for _, truth, _ in parts)
        if all(truth for _, truth, _ in parts):
            total = fsum(p.weight for p, _, _ in parts)
            low = fsum(p.weight * m.low for p, _, m in parts) / total
            high = fsum(p.weight * m.high for p, _, m in parts) / total
        else:
            low, high = min(m.low for _, _, m in parts), max(m.high for _, _, m in parts)
        return Range(own * low if sure else 0.0, own * high)

    def _multipliers(self, known: Mapping[int, bool]) -> dict[str, Range]:
        """Of each group, over all tensions that weigh it."""
        present = {group: self._present(group, known) for group in self._play.groups}
        found = dict.fromkeys(self._play.groups, Range(1.0, 1.0))
        for weighing in self._weighings:
            open_ = [m for m in weighing.multipliers if _truth(m[0], known) is not False]
            sure = [m for m in open_ if _truth(m[0], known)]
            possible = sure or open_
            for side in (0, 1):
                against: dict[str, list[bool | None]] = {}
                for pair in weighing.pairs:
                    against.setdefault(pair[side], []).append(present[pair[1 - side]])
                for group, others in against.items():
                    if all(other is False for other in others):
                        continue
                    factors = [m[1 + side] for m in possible] + ([] if any(others) else [1.0])
                    old = found[group]
                    found[group] = Range(old.low * min(factors), old.high * max(factors))
        return found

    def _present(self, group: str, known: Mapping[int, bool]) -> bool | None:
        truths = [_truth(literal, known) for literal in self._literals[group]]
        if any(truths):
            return True
        return None if None in truths else False


def _truth(literal: int, known: Mapping[int, bool]) -> bool | None:
    if abs(literal) == TRUE:
        return literal == TRUE
    truth = known.get(abs(literal))
    return truth if truth is None or literal > 0 else not truth


def _ratio(mine: float, others: float) -> float:
    return mine / (mine + others) if mine > 0 else 0.0
