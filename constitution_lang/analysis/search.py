"""The extreme of a share by a SAT solver that learns why no case comes near: for what no small diagram decides.

One over a share is X + Y * R, where R is the sum over the other categories of weight times mean multiplier (`parts`).
Each of X, Y and these means depends on few literals: which principles apply, and which factors tensions give. The
solver proposes a case. What of it makes it no better than the best one known is put to it as a clause, over thresholds
of X, Y and means that are literals too; that a threshold is reached follows from as few literals as will do. When no
case is left, the best one is the extreme. All numbers are fractions.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from constitution_lang.analysis.play import Play
from constitution_lang.analysis.search_parts import Factor, Part
from constitution_lang.ir.groups import group_of
from constitution_lang.ir.model import Tension, Weigh
from constitution_lang.ir.space import TRUE

__all__ = ["ROUNDS_MAX", "Search"]

ROUNDS_MAX = 6_000
"""Cases that the solver may propose for one extreme: some seconds up to half a minute."""

_ONE = Fraction(1)


class Search:
    """Searches in one constitution, which use what earlier ones learned."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._space = play.space
        self._weight = {c.id: _number(c.weight) for c in play.bundle.categories}
        self._group = group_of(play.bundle)
        self._factors: dict[str, list[Factor]] = {group: [] for group in play.groups}
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

    def _of_principle(self, principle: str) -> tuple[Part, Part]:
        """X, what stands beside it in its category; and Y, by what the other categories count."""
        group, own = self._group[principle], self._play.bundle.principle(principle)
        weight = _number(own.weight)
        outside = self._part(own.category, by=group, sums=True, scale=1 / (weight * self._weight[own.category]))
        return self._part(own.category, by=group, scale=1 / weight), outside

    def _part(
        self, category: str, *, by: str = "", sums: bool = False, is_mean: bool = False, inverse: bool = False,
        scale: Fraction = _ONE,
    ) -> Part:  # fmt: skip
        groups = [group for group, of in self._play.category.items() if of == category]
        factors = tuple(dict.fromkeys(f for group in groups for f in self._factors[group]))
        divided = self._factors[by] if by else []
        times, under = [], []
        for group in groups:
            mine = [] if sums else self._factors[group]
            times.append(tuple(factors.index(f) for f in mine if f not in divided))
            under.append(tuple(factors.index(f) for f in divided if f not in mine))
        members = [self._play.groups[group] for group in groups]
        return Part(
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
            made: dict[int, Factor | None] = {}
            for group, others in against.items():
                met = space.any_of(others)
                if met not in made:
                    made[met] = self._factor(tension, fires, side, met)
                factor = made[met]
                if factor is not None:
                    self._factors[group].append(factor)

    def _factor(self, tension: Tension, fires: Sequence[int], side: int, met: int) -> Factor | None:
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
        return Factor(tuple(there), reached)


def _inverse(values: Sequence[Fraction], others: Sequence[tuple[Fraction, Part]], *, with_inside: bool) -> Fraction:
    """One over the share: of a category 1 stands for X."""
    inside, (outside, *means) = (values[0], values[1:]) if with_inside else (_ONE, values)
    return inside + outside * sum((w * m for (w, _), m in zip(others, means, strict=True)), Fraction(0))


def _needed(
    values: Sequence[Fraction], free: Sequence[Fraction], best: Fraction, others: Sequence[tuple[Fraction, Part]],
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
