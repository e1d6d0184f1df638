"""What the search for an extreme share is made of: sums and means of products of factors, and why they are so much.

Their numbers are fractions. While reasons are looked for a part is computed hundreds of times, so all that it is made
of is brought to one denominator first: then its sums, products and comparisons are of integers, and as exact.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm, prod
from typing import TypeAlias

from constitution_lang.ir.space import NEVER, TRUE, Space

__all__ = ["Factor", "Known", "Part"]

_ONE = Fraction(1)
_Weights: TypeAlias = list[list[int]]
"""Of each group what the principles that apply weigh at least and at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """What one tension multiplies groups by: values in order, and for each whether it is reached."""

    values: tuple[Fraction, ...]
    reached: tuple[int, ...]

    def at(self, true: AbstractSet[int]) -> int:
        """The index of the value where these literals are true."""
        return max(i for i, literal in enumerate(self.reached) if literal in true)


@dataclass(slots=True)
class Known:
    """What is known of a part's factors (least and greatest index) and principles (None: not known)."""

    low: list[int]
    high: list[int]
    applies: list[bool | None]

    def ends(self, sign: int) -> tuple[list[int], list[int]]:
        """Of each factor the index where what grows with it is at least (1) or at most (-1), and the other one."""
        return (self.low, self.high) if sign > 0 else (self.high, self.low)


class _Whole:
    """The numbers of a part as integers: of `each` weight over `weight_of`, of a group's value over `value_of`."""

    def __init__(
        self,
        factors: Sequence[Factor],
        members: Sequence[Sequence[Fraction]],
        times: Sequence[Sequence[int]],
        by: Sequence[Sequence[int]],
    ) -> None:
        self.weight_of = lcm(*(weight.denominator for of in members for weight in of))
        self.each = [(group, _over(weight, self.weight_of)) for group, of in enumerate(members) for weight in of]
        self.groups = range(len(members))
        up = [_whole(factor.values) for factor in factors]
        divided = {i for under in by for i in under}
        down = {i: _whole([1 / value for value in factors[i].values]) for i in divided}
        over = [
            prod(up[i][0] for i in mine) * prod(down[i][0] for i in under)
            for mine, under in zip(times, by, strict=True)
        ]
        self.value_of = lcm(*over)
        self._tables = [
            (self.value_of // own, [(i, up[i][1]) for i in mine], [(i, down[i][1]) for i in under])
            for own, mine, under in zip(over, times, by, strict=True)
        ]
        self.users: list[list[int]] = [[] for _ in factors]
        for group, (mine, under) in enumerate(zip(times, by, strict=True)):
            for i in dict.fromkeys((*mine, *under)):
                self.users[i].append(group)

    def value(self, group: int, near: Sequence[int], far: Sequence[int]) -> int:
        """What a group's weights are multiplied by."""
        value, times, by = self._tables[group]
        for i, table in times:
            value *= table[near[i]]
        for i, table in by:
            value *= table[far[i]]
        return value

    def weights(self, applies: Iterable[bool | None]) -> _Weights:
        """What the principles weigh of which so much is known."""
        found = [[0, 0] for _ in self.groups]
        for (group, weight), here in zip(self.each, applies, strict=True):
            found[group][0] += weight if here else 0
            found[group][1] += 0 if here is False else weight
        return found


def _whole(values: Sequence[Fraction]) -> tuple[int, tuple[int, ...]]:
    """A common denominator, and what stands over it for each."""
    over = lcm(*(value.denominator for value in values))
    return over, tuple(_over(value, over) for value in values)


def _over(value: Fraction, denominator: int) -> int:
    return value.numerator * (denominator // value.denominator)


@dataclass(slots=True)
class Part:
    """A sum or mean over groups of products of factors, or with `own` divided by a group's; see `search.Search`.

    `members` are the own weights of each group's principles, `times` and `by` the factors of each, as indices.
    """

    space: Space
    factors: tuple[Factor, ...]
    applies: tuple[int, ...]
    members: tuple[tuple[Fraction, ...], ...]
    times: tuple[tuple[int, ...], ...]
    by: tuple[tuple[int, ...], ...]
    is_mean: bool = False
    inverse: bool = False
    """One over it; then some principle applies."""
    scale: Fraction = _ONE
    levels: dict[int, list[tuple[Fraction, int]]] = field(default_factory=dict)
    _whole: _Whole = field(init=False)

    def __post_init__(self) -> None:
        """Bring all numbers to integers."""
        self._whole = _Whole(self.factors, self.members, self.times, self.by)

    def nothing(self) -> Known:
        """What is known before any literal is."""
        fixed: dict[int, bool] = {TRUE: True, NEVER: False}
        tops = [len(f.values) - 1 for f in self.factors]
        return Known([0] * len(tops), tops, [fixed.get(literal) for literal in self.applies])

    def all_of(self, true: AbstractSet[int]) -> Known:
        """What is known where these literals are true and no others."""
        at = [f.at(true) for f in self.factors]
        return Known(at, [*at], [literal in true for literal in self.applies])

    def bound(self, sign: int, known: Known) -> Fraction:
        """What it is at least (1) or at most (-1)."""
        near, far = known.ends(self._inner(sign))
        values = [self._whole.value(group, near, far) for group in self._whole.groups]
        return Fraction(*self._bound(sign, values, self._whole.weights(known.applies)))

    def _inner(self, sign: int) -> int:
        return -sign if self.inverse else sign

    def _bound(self, sign: int, values: Sequence[int], weights: _Weights) -> tuple[int, int]:
        """What stands over what in the bound."""
        over, under = (
            self._mean(self._inner(sign), values, weights) if self.is_mean else self._sum(sign, values, weights)
        )
        if self.inverse:
            over, under = under, over
        return over * self.scale.numerator, under * self.scale.denominator

    def _sum(self, sign: int, values: Sequence[int], weights: _Weights) -> tuple[int, int]:
        at = 0 if self._inner(sign) > 0 else 1
        total = sum(value * weight[at] for value, weight in zip(values, weights, strict=True))
        return total, self._whole.value_of * self._whole.weight_of

    def _mean(self, sign: int, values: Sequence[int], weights: _Weights) -> tuple[int, int]:
        """Weight that may be left out counts as long as it moves the mean to the better side, the best value first."""
        total = sum(least for least, _ in weights)
        if not total and sign > 0 and not self.inverse:
            return 0, 1
        weighed = sum(value * least for value, (least, _) in zip(values, weights, strict=True))
        for value, (least, most) in sorted(zip(values, weights, strict=True), reverse=sign < 0):
            if most > least and (not total or sign * value * total < sign * weighed):
                weighed += (most - least) * value
                total += most - least
        return (weighed, total * self._whole.value_of) if total else (0, 1)

    def reasons(self, sign: int, known: Known, wanted: Fraction) -> list[int]:
        """As few true literals as will do for the part to be at least (1) or at most (-1) so much."""
        free, whole = self.nothing(), self._whole
        near, far = known.ends(self._inner(sign))
        values = [whole.value(group, near, far) for group in whole.groups]
        weights = whole.weights(known.applies)

        def falls_short() -> bool:
            over, under = self._bound(sign, values, weights)
            return sign * (over * wanted.denominator - wanted.numerator * under) < 0

        def put(ends: list[int], i: int, at: int) -> None:
            ends[i] = at
            for group in whole.users[i]:
                values[group] = whole.value(group, near, far)

        found = list(self._needed_principles(known, free, weights, falls_short))
        for ends, limits, step in ((known.low, free.low, 1), (known.high, free.high, -1)):
            for i, factor in enumerate(self.factors):
                kept = ends[i]
                if kept != limits[i]:
                    put(ends, i, limits[i])
                while ends[i] != kept and falls_short():
                    put(ends, i, ends[i] + step)
                if ends[i] != limits[i]:
                    found.append(factor.reached[ends[i]] if step > 0 else -factor.reached[ends[i] + 1])
        return found

    def _needed_principles(
        self, known: Known, free: Known, weights: _Weights, falls_short: Callable[[], bool]
    ) -> Iterator[int]:
        """Forget of each principle whether it applies, but of those without which the part falls short."""
        for i, literal in enumerate(self.applies):
            kept = known.applies[i]
            if kept is free.applies[i]:
                continue
            group, weight = self._whole.each[i]
            end, off = (0, -weight) if kept else (1, weight)
            weights[group][end] += off
            if falls_short():
                weights[group][end] -= off
                yield literal if kept else -literal

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
