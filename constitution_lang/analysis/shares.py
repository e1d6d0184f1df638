"""The least and the greatest share that a principle or a category has in any case in which it applies.

Best first: of the sets of cases that are still open, the one that promises most is split by the truth of a fact, until
a case at hand is as good as every promise. Facts that do not move a promise are never split, so the number of
combinations matters only where they really interact.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from math import prod
from typing import NamedTuple

from constitution_lang.analysis.parts import Parts
from constitution_lang.analysis.play import Play
from constitution_lang.ir.cases import cases
from constitution_lang.ir.model import Attribute, Stage
from constitution_lang.sampling import shares

__all__ = ["CASES_MAX", "ROUNDING", "SPLITS_MAX", "Extreme", "Shares"]

SPLITS_MAX = 64
"""After so many splits the search ends: the answer is then an interval and no number."""
ROUNDING = 1e-9
CASES_MAX = 4096
"""Up to so many cases the answer is exact all the same: then each of them is looked at."""
_LOOKED_AT = 12
"""So many facts are tried to find the one to split by."""


@dataclass(frozen=True, slots=True)
class Extreme:
    """The best share found and the case that has it. `bound` is what no case passes: the same, where `exact`."""

    share: float
    bound: float
    case: dict[str, str]

    @property
    def exact(self) -> bool:
        """Whether it is the extreme itself."""
        return abs(self.share - self.bound) <= ROUNDING


class Shares:
    """Answers about one bundle; what was asked is kept. Both stages draw alike, so an answer is for either."""

    def __init__(self, play: Play, splits_max: int = SPLITS_MAX) -> None:
        self._play = play
        self._parts = Parts(play)
        self._splits_max = splits_max
        self._kept: dict[tuple[str, bool], Extreme | None] = {}

    def least(self, target: str) -> Extreme | None:
        """Of a principle or a category; None where it never applies."""
        return self._extreme(target, greatest=False)

    def greatest(self, target: str) -> Extreme | None:
        """Of a principle or a category; None where it never applies."""
        return self._extreme(target, greatest=True)

    def _extreme(self, target: str, *, greatest: bool) -> Extreme | None:
        if (target, greatest) not in self._kept:
            found = self._search(target, greatest=greatest)
            if found is not None and not found.exact and prod(len(a.values) for a in self._attributes) <= CASES_MAX:
                found = self._counted(target, greatest=greatest)
            self._kept[target, greatest] = found
        return self._kept[target, greatest]

    @property
    def _attributes(self) -> tuple[Attribute, ...]:
        return self._play.bundle.attributes

    @cached_property
    def _table(self) -> list[tuple[dict[str, str], dict[str, float]]]:
        """Every case with the shares of what applies in it, principles and categories."""
        bundle = self._play.bundle
        rows = []
        for case in cases(self._attributes):
            found = dict(shares(bundle, Stage.REVISION, case))
            for principle, share in list(found.items()):
                category = bundle.principle(principle).category
                found[category] = found.get(category, 0.0) + share
            rows.append((case, found))
        return rows

    def _counted(self, target: str, *, greatest: bool) -> Extreme:
        """The extreme by looking at every case, where they are few and the search gave up."""
        having = [(found[target], case) for case, found in self._table if target in found]
        share, case = (max if greatest else min)(having, key=lambda row: row[0])
        return Extreme(share, share, case)

    def _search(self, target: str, *, greatest: bool) -> Extreme | None:
        space, applies = self._play.space, self._parts.applies(target)
        if not space.possible(applies):
            return None
        sign = 1.0 if greatest else -1.0
        order = count()

        def opened(*literals: int) -> _Open:
            known = _facts(space.implied(literals) | {*literals}, self._parts.facts)
            promised = self._parts.share(target, known)
            true = _facts(space.true(*literals), self._parts.facts)
            has = self._parts.share(target, true).low
            return _Open(-sign * (promised.high if greatest else promised.low), next(order), literals, known, true, has)

        best = opened(applies)
        queue, splits = [best], 0
        while queue and -queue[0].promise > sign * best.share + ROUNDING and splits < self._splits_max:
            splits += 1
            top = heapq.heappop(queue)
            fact = self._fact(target, top.known, sign)
            for literal in (fact, -fact):
                if space.possible(*top.literals, literal):
                    entry = opened(*top.literals, literal)
                    best = entry if sign * entry.share > sign * best.share else best
                    heapq.heappush(queue, entry)
        bound = max([sign * best.share, *(-entry.promise for entry in queue[:1])])
        case = space.witness(applies, *(fact if true else -fact for fact, true in best.true.items()))
        assert case is not None
        return Extreme(best.share, sign * bound, case)

    def _fact(self, target: str, known: dict[int, bool], sign: float) -> int:
        """The fact whose truth moves the promise most, either way."""
        unknown = [fact for fact in self._parts.facts if fact not in known]

        def promise(fact: int, *, true: bool) -> float:
            share = self._parts.share(target, {**known, fact: true})
            return share.high if sign > 0 else -share.low

        def worth(fact: int) -> tuple[float, float]:
            promises = promise(fact, true=True), promise(fact, true=False)
            return -max(promises), -min(promises)

        return max(unknown[:_LOOKED_AT], key=worth)


class _Open(NamedTuple):
    """Cases that are still open: those in which `literals` are true. `share` and `true` are of one of them."""

    promise: float
    order: int
    literals: tuple[int, ...]
    known: dict[int, bool]
    true: dict[int, bool]
    share: float


def _facts(literals: set[int], facts: tuple[int, ...]) -> dict[int, bool]:
    return {fact: fact in literals for fact in facts if fact in literals or -fact in literals}
