"""The extreme of a share by a SAT solver that learns why no case comes near: for what no small diagram decides.

One over a share is X + Y * R, where R is the sum over the other categories of weight times mean multiplier (`parts`).
Each of X, Y and these means depends on few literals: which principles apply, and which factors tensions give. The
solver proposes a case. What of it makes it no better than the best one known is put to it as a clause, over thresholds
of X, Y and means that are literals too; that a threshold is reached follows from as few literals as will do. When no
case is left, the best one is the extreme. All numbers are fractions.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from fractions import Fraction

from constitution_lang.analysis.play import Play
from constitution_lang.ir.groups import group_of
from constitution_lang.ir.model import Tension, Weigh
from constitution_lang.ir.space import NEVER, TRUE, Space

__all__ = ["ROUNDS_MAX", "Search"]

ROUNDS_MAX = 6_000
"""Cases that the solver may propose for one extreme: some seconds up to half a minute."""

_ONE = Fraction(1)


@dataclass(frozen=True, slots=True, eq=False)
class _Factor:
    """What one tension multiplies groups by: values in order, and for each whether it is reached."""

    values: tuple[Fraction, ...]
    reached: tuple[int, ...]

    def at(self, true: AbstractSet[int]) -> int:
        return max(i for i, literal in enumerate(self.reached) if literal in true)


@dataclass(slots=True)
class _Known:
    """What is known of a part's factors (least and greatest index) and principles (None: not known)."""

    low: list[int]
    high: list[int]
    applies: list[bool | None]


@dataclass(slots=True)
class _Part:
    """A sum or mean over groups of products of factors, or with `own` divided by a group's; see `Search`.

    `members` are the own weights of each group's principles, `times` and `by` the factors of each, as indices.
    """

    space: Space
    factors: tuple[_Factor, ...]
    applies: tuple[int, ...]
    members: tuple[tuple[Fraction, ...], ...]
    times: tuple[tuple[int, ...], ...]
    by: tuple[tuple[int, ...], ...]
    is_mean: bool = False
    inverse: bool = False
    """One over it; then some principle applies."""
    scale: Fraction = _ONE
    levels: dict[int, list[tuple[Fraction, int]]] = field(default_factory=dict)

    def nothing(self) -> _Known:
        fixed: dict[int, bool] = {TRUE: True, NEVER: False}
        tops = [len(f.values) - 1 for f in self.factors]
        return _Known([0] * len(tops), tops, [fixed.get(literal) for literal in self.applies])

    def all_of(self, true: AbstractSet[int]) -> _Known:
        at = [f.at(true) for f in self.factors]
        return _Known(at, [*at], [literal in true for literal in self.applies])

    def bound(self, sign: int, known: _Known) -> Fraction:
        """What it is at least (1) or at most (-1)."""
        if self.inverse:
            return self.scale / self._inner(-sign, known)
        return self.scale * self._inner(sign, known)

    def _inner(self, sign: int, known: _Known) -> Fraction:
        near, far = (known.low, known.high) if sign > 0 else (known.high, known.low)
        applies = iter(known.applies)
        entries = []
        for weights, times, by in zip(self.members, self.times, self.by, strict=True):
            least, most = Fraction(0), Fraction(0)
            for weight in weights:
                here = next(applies)
                least += weight if here else 0
                most += 0 if here is False else weight
            value = _ONE
            for i in times:
                value *= self.factors[i].values[near[i]]
            for i in by:
                value /= self.factors[i].values[far[i]]
            entries.append((value, least, most))
        if not self.is_mean:
            return sum((v * (least if sign > 0 else most) for v, least, most in entries), Fraction(0))
        total = sum((least for _, least, _ in entries), Fraction(0))
        if not total and sign > 0 and not self.inverse:
            return Fraction(0)
        weighed = sum((v * least for v, least, _ in entries), Fraction(0))
        for value, least, most in sorted(entries, key=lambda entry: sign * entry[0]):
            if most > least and (not total or sign * value * total < sign * weighed):
                weighed += (most - least) * value
                total += most - least
        return weighed / total if total else Fraction(0)

    def reasons(self, sign: int, known: _Known, wanted: Fraction) -> list[int]:
        """As few true literals as will do for the part to be at least (1) or at most (-1) so much."""
        free = self.nothing()
        found = []
        for i, literal in enumerate(self.applies):
            kept = known.applies[i]
            known.applies[i] = free.applies[i]
            if sign * (self.bound(sign, known) - wanted) < 0:
                known.applies[i] = kept
                found.append(literal if kept else -literal)
        for ends, limits, step in ((known.low, free.low, -1), (known.high, free.high, 1)):
            for i, factor in enumerate(self.factors):
                kept_at = ends[i]
                ends[i] = limits[i]
                while ends[i] != kept_at and sign * (self.bound(sign, known) - wanted) < 0:
                    ends[i] -= step
                if ends[i] != limits[i]:
                    found.append(factor.reached[ends[i]] if step < 0 else -factor.reached[ends[i] + 1])
        return found

    def level(self, sign: int, wanted: Fraction, value: Fraction) -> tuple[Fraction, int]:
        """A threshold from `wanted` to `value`, and the literal that is true where it is reached."""
        kept = self.levels.setdefault(sign, [])
        at = bisect_left([sign * v for v, _ in kept], sign * wanted)
        if at < len(kept) and sign * kept[at][0] <= sign * value:
            return kept[at]
        literal = self.space.new()
        if at < len(kept):
            self.space.say(-kept[at][1], literal)
        if at > 0:
            self.space.say(-literal, kept[at - 1][1])
        kept.insert(at, (wanted, literal))
        return kept[at]


class Search:
    """Searches in one constitution, which use what earlier ones learned."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._space = play.space
        self._weight = {c.id: _number(c.weight) for c in play.bundle.categories}
        self._group = group_of(play.bundle)
        self._factors: dict[str, list[_Factor]] = {group: [] for group in play.groups}
        for tension in play.bundle.tensions:
            if any(isinstance(rule.outcome, Weigh) for rule in tension.rules):
                self._weigh(tension)
        categories = dict.fromkeys(play.category.values())
        self._means = {category: self._part(category, is_mean=True) for category in categories}

    def extreme(
        self, target: str, *, greatest: bool, rounds_max: int = ROUNDS_MAX
    ) -> tuple[dict[str, str], bool] | None:
        """The best case found, and whether none is better; None where the principle or category never applies."""
        play, space, sign = self._play, self._space, 1 if greatest else -1
        if target in self._group:
            own = play.bundle.principle(target)
            category, applies = own.category, space.literal(own.applies)
            inside, outside = self._of_principle(target)
        else:
            category = target
            applies = space.any_of(play.applies[g] for g, of in play.category.items() if of == category)
            inside = None
            outside = self._part(category, is_mean=True, inverse=True, scale=1 / self._weight[category])
        if not space.possible(applies):
            return None
        others = [(self._weight[c], part) for c, part in self._means.items() if c != category]
        parts = [*((inside,) if inside else ()), outside, *(part for _, part in others)]
        free = [part.bound(sign, part.nothing()) for part in parts]
        active = space.new()
        best: Fraction | None = None
        case: dict[str, str] = {}
        for _ in range(rounds_max):
            true = space.some(active, applies)
            if true is None:
                space.say(-active)
                return case, True
            values = [part.bound(sign, part.all_of(true)) for part in parts]
            inverse = _inverse(values, others, with_inside=inside is not None)
            if best is None or sign * inverse < sign * best:
                best, case = inverse, space.case(true)
            needed = _needed(values, free, best, others, sign, with_inside=inside is not None)
            clause = [-active]
            for part, value, need in zip(parts, values, needed, strict=True):
                if need is not None:
                    wanted, literal = part.level(sign, need, value)
                    space.say(literal, *(-reason for reason in part.reasons(sign, part.all_of(true), wanted)))
                    clause.append(-literal)
            space.say(*clause)
        space.say(-active)
        return case, False

    def _of_principle(self, principle: str) -> tuple[_Part, _Part]:
        """X, what stands beside it in its category; and Y, by what the other categories count."""
        group, own = self._group[principle], self._play.bundle.principle(principle)
        weight = _number(own.weight)
        outside = self._part(own.category, by=group, sums=True, scale=1 / (weight * self._weight[own.category]))
        return self._part(own.category, by=group, scale=1 / weight), outside

    def _part(
        self, category: str, *, by: str = "", sums: bool = False, is_mean: bool = False, inverse: bool = False,
        scale: Fraction = _ONE,
    ) -> _Part:  # fmt: skip
        groups = [group for group, of in self._play.category.items() if of == category]
        factors = tuple(dict.fromkeys(f for group in groups for f in self._factors[group]))
        divided = self._factors[by] if by else []
        times, under = [], []
        for group in groups:
            mine = [] if sums else self._factors[group]
            times.append(tuple(factors.index(f) for f in mine if f not in divided))
            under.append(tuple(factors.index(f) for f in divided if f not in mine))
        members = [self._play.groups[group] for group in groups]
        return _Part(
            self._space, factors, tuple(self._space.literal(p.applies) for m in members for p in m),
            tuple(tuple(_number(p.weight) for p in m) for m in members), tuple(times), tuple(under),
            is_mean, inverse, scale,
        )  # fmt: skip

    def _weigh(self, tension: Tension) -> None:
        space = self._space
        fires = space.fires(tension)
        for side in (0, 1):
            against: dict[str, list[int]] = {}
            for pair in self._play.pairs.get(tension.id, ()):
                against.setdefault(pair[side], []).append(self._play.applies[pair[1 - side]])
            made: dict[int, _Factor | None] = {}
            for group, others in against.items():
                met = space.any_of(others)
                if met not in made:
                    made[met] = self._factor(tension, fires, side, met)
                factor = made[met]
                if factor is not None:
                    self._factors[group].append(factor)

    def _factor(self, tension: Tension, fires: Sequence[int], side: int, met: int) -> _Factor | None:
        by: dict[Fraction, list[int]] = {_ONE: [-met]}
        for where, rule in zip(fires, tension.rules, strict=True):
            outcome = rule.outcome
            value = _number((outcome.first, outcome.second)[side]) if isinstance(outcome, Weigh) else _ONE
            by.setdefault(value, []).append(self._space.all_of((met, where)))
        there = {value: self._space.any_of(by[value]) for value in sorted(by)}
        there = {value: literal for value, literal in there.items() if self._space.possible(literal)}
        if [*there] == [_ONE]:
            return None
        literals = [*there.values()]
        reached = (TRUE, *(self._space.any_of(literals[i:]) for i in range(1, len(literals))))
        return _Factor(tuple(there), reached)


def _inverse(values: Sequence[Fraction], others: Sequence[tuple[Fraction, _Part]], *, with_inside: bool) -> Fraction:
    """One over the share: of a category 1 stands for X."""
    inside, (outside, *means) = (values[0], values[1:]) if with_inside else (_ONE, values)
    return inside + outside * sum((w * m for (w, _), m in zip(others, means, strict=True)), Fraction(0))


def _needed(
    values: Sequence[Fraction], free: Sequence[Fraction], best: Fraction, others: Sequence[tuple[Fraction, _Part]],
    sign: int, *, with_inside: bool,
) -> list[Fraction | None]:  # fmt: skip
    """How far each part has to be known for the whole to be no better than the best; None for not at all."""
    found: list[Fraction | None] = [*values]
    now = [*values]
    for i in sorted(range(len(now)), key=lambda i: abs(values[i] - free[i])):
        now[i] = free[i]
        freed = _inverse(now, others, with_inside=with_inside)
        if sign * freed >= sign * best:
            found[i] = None
            continue
        now[i] = values[i]
        kept = _inverse(now, others, with_inside=with_inside)
        # The whole is linear in each part.
        now[i] = values[i] + (free[i] - values[i]) * (best - kept) / (freed - kept)
        found[i] = now[i]
    return found


def _number(weight: float) -> Fraction:
    """The number as it was written."""
    return Fraction(repr(weight))
