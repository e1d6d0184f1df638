"""The least and the greatest share that a principle or a category has in any case in which it applies.

One over a share is a term over decision diagrams (`parts`). Where it is one diagram its least and greatest leaf are the
answer. Else the diagrams are walked together, attribute by attribute, always from where the term's bounds promise most,
until a case at hand is as good as every promise. What a short walk does not decide is left to a SAT solver (`search`).
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum, inf
from typing import TypeAlias

from constitution_lang.analysis.diagram import NO, NODES_MAX, DiagramError, Node
from constitution_lang.analysis.parts import Parts
from constitution_lang.analysis.play import Play
from constitution_lang.analysis.search import ROUNDS_MAX, Search
from constitution_lang.analysis.terms import FOLD_MAX, high, leaves, low
from constitution_lang.ir.model import ShareBound, Stage
from constitution_lang.sampling import shares

__all__ = ["ROUNDING", "STEPS_MAX", "Extreme", "Shares", "breaking"]

STEPS_MAX = 4_000
"""After so many steps, of all searches in a constitution, the next ones end early, and their answers are intervals."""
_STEPS_AT_ONCE = 500
_STEPS_LEAST = 20
"""A search after that still goes so far: most need no more."""
ROUNDING = 1e-9


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


def breaking(bound: ShareBound, least: Extreme | None, greatest: Extreme | None) -> tuple[Extreme, ...]:
    """Of the extremes of its target those that break a declared share; none where no case at hand does."""
    below = least is not None and least.share < bound.low - ROUNDING
    above = greatest is not None and greatest.share > bound.high + ROUNDING
    return tuple(extreme for extreme, breaks in ((least, below), (greatest, above)) if extreme and breaks)


class Shares:
    """Answers about one bundle; what was asked is kept. Both stages draw alike, so an answer is for either."""

    def __init__(
        self,
        play: Play,
        *,
        steps_max: int = STEPS_MAX,
        fold_max: int = FOLD_MAX,
        steps_least: int = _STEPS_LEAST,
        rounds_max: int = ROUNDS_MAX,
    ) -> None:
        self._play = play
        self._steps_left = steps_max
        self._fold_max = fold_max
        self._steps_least = steps_least
        self._rounds_max = rounds_max
        self._parts: Parts | None = None
        self._search: Search | None = None
        self._kept: dict[tuple[str, bool], Extreme | None] = {}

    def least(self, target: str) -> Extreme | None:
        """Of a principle or a category; None where it never applies."""
        return self._extreme(target, greatest=False)

    def greatest(self, target: str) -> Extreme | None:
        """Of a principle or a category; None where it never applies."""
        return self._extreme(target, greatest=True)

    def _extreme(self, target: str, *, greatest: bool) -> Extreme | None:
        if (target, greatest) not in self._kept:
            try:
                if self._parts is None or len(self._parts.diagram) > NODES_MAX // 2:
                    self._parts = Parts(self._play, self._fold_max)  # a diagram forgets nothing
                found = self._searched(self._parts, target, greatest=greatest)
            except DiagramError:
                found = self._unknown(target, greatest=greatest)
            if found is not None and not found.exact:
                found = self._learned(target, found, greatest=greatest)
            self._kept[target, greatest] = found
        return self._kept[target, greatest]

    def _searched(self, parts: Parts, target: str, *, greatest: bool) -> Extreme | None:
        if parts.applies(target) == NO:
            return None
        walk = _Walk(parts, target, greatest=greatest)
        case, bound = walk.best(min(_STEPS_AT_ONCE, max(self._steps_left, self._steps_least)))
        self._steps_left -= walk.steps
        share = self._share(target, case)
        bound = max(share, 1 / bound) if greatest else min(share, 1 / bound)
        return Extreme(share, bound, case)

    def _learned(self, target: str, known: Extreme, *, greatest: bool) -> Extreme:
        """What the solver finds, with the bound of the walk where it is given up too."""
        if self._search is None:
            self._search = Search(self._play)
        found = self._search.extreme(target, greatest=greatest, rounds_max=self._rounds_max)
        if found is None or not found[0]:
            return known
        case, exact = found
        share = self._share(target, case)
        if exact:
            case = self._nearest(target, case, share)
            return Extreme(share, share, case)
        better = share > known.share if greatest else share < known.share
        return Extreme(share, known.bound, case) if better else known

    def _nearest(self, target: str, case: dict[str, str], share: float) -> dict[str, str]:
        """The case with every attribute back at its default whose value makes no difference."""
        for attribute in self._play.bundle.attributes:
            if case[attribute.id] != attribute.default:
                tried = {**case, attribute.id: attribute.default}
                if self._share(target, tried) == share:
                    case = tried
        return case

    def _share(self, target: str, case: dict[str, str]) -> float:
        found = shares(self._play.bundle, Stage.REVISION, case)
        return fsum(share for id, share in found.items() if target in {id, id.partition(".")[0]})

    def _unknown(self, target: str, *, greatest: bool) -> Extreme | None:
        """Some case, and no bound."""
        literals = (p for p in self._play.bundle.principles if target in {p.id, p.category})
        space = self._play.space
        case = space.witness(space.any_of(space.literal(p.applies) for p in literals))
        return None if case is None else Extreme(self._share(target, case), float(greatest), case)


_State: TypeAlias = tuple[Node, ...]
"""For each leaf of the term the node that the walk has come to, and last whether the target applies."""


@dataclass(frozen=True, slots=True)
class _Path:
    """The values that a walk took, the last one first."""

    level: int
    value: str
    before: _Path | None


class _Walk:
    """The search for the least value of a term, which has the greatest share, or for its greatest value."""

    def __init__(self, parts: Parts, target: str, *, greatest: bool) -> None:
        self._parts = parts
        self._diagram = parts.diagram
        self._extremes = parts.extremes
        self._applies = parts.applies(target)
        self._term = parts.inverse(target)
        self._leaves = leaves(self._term)
        self._sign = 1 if greatest else -1
        self.steps = 0
        """How many sets of cases were split."""

    def best(self, steps_max: int) -> tuple[dict[str, str], float]:
        """A case, and what the term does not pass in any: its own value there, if the search came to an end."""
        own = self._own()
        start = []
        for leaf, levels in own.items():
            node = self._extremes.best(leaf, levels, greatest=self._grows(leaf)) if levels else leaf
            start.append(self._diagram.within(self._applies, node))
        case, bound = self._searched(start, steps_max)
        for leaf, levels in own.items():
            if levels:
                case |= self._extremes.attained(leaf, levels, case, greatest=self._grows(leaf))
        return self._nearest(case), bound

    def _own(self) -> dict[Node, frozenset[int]]:
        """Of each leaf the attributes that nothing else asks: each has there what is best for the term, by itself."""
        asked = {leaf: self._extremes.asks(leaf) for leaf in self._leaves}
        found = {}
        for leaf, signs in self._leaves.items():
            others = [self._extremes.asks(self._applies), *(levels for other, levels in asked.items() if other != leaf)]
            found[leaf] = asked[leaf].difference(*others) if len(signs) == 1 else frozenset()
        return found

    def _grows(self, leaf: Node) -> bool:
        """Whether the greatest value of a leaf is the best."""
        return self._leaves[leaf] == {-self._sign}

    def _searched(self, start: list[Node], steps_max: int) -> tuple[dict[str, str], float]:
        self._bounds = self._parts.bounds(start)
        first: _State = (*start, self._applies)
        count, seen = 0, set[_State]()
        queue: list[tuple[float, int, int, _State, _Path | None]] = [(self._promise(first), 0, 0, first, None)]
        while True:
            promise, _, _, state, path = heapq.heappop(queue)
            if all(not self._diagram.below(node) for node in state):
                break
            if state in seen:
                continue
            self.steps = len(seen)
            if self.steps >= steps_max:
                state, path = self._straight_down(state, path)
                break
            seen.add(state)
            for after, promised, taken in self._steps(state, path):
                count += 1
                # What is nearer to the end comes first among those that promise alike, and then what came first.
                heapq.heappush(queue, (max(promise, promised), -taken.level, count, after, taken))
        case = {a.id: a.default for a in self._diagram.attributes}
        while path is not None:
            case[self._diagram.order[path.level].id] = path.value
            path = path.before
        return case, self._sign * promise

    def _steps(self, state: _State, path: _Path | None) -> list[tuple[_State, float, _Path]]:
        """Where the next attribute leads, its default first; values that lead to the same place are one."""
        level = min(map(self._diagram.level, state))
        here = [i for i, node in enumerate(state) if self._diagram.level(node) == level]
        below = [self._diagram.below(state[i]) for i in here]
        attribute = self._diagram.order[level]
        found: dict[tuple[Node, ...], str] = {}
        for value in (attribute.default, *attribute.values):
            at = attribute.values.index(value)
            found.setdefault(tuple(nodes[at] for nodes in below), value)
        steps = []
        for nodes, value in found.items():
            child = list(state)
            for i, node in zip(here, nodes, strict=True):
                child[i] = node
            after = tuple(child)
            promised = self._promise(after)
            if promised < inf:
                steps.append((after, promised, _Path(level, value, path)))
        return steps

    def _straight_down(self, state: _State, path: _Path | None) -> tuple[_State, _Path | None]:
        """To the end, always where most is promised."""
        while any(self._diagram.below(node) for node in state):
            state, _, path = min(self._steps(state, path), key=lambda step: step[1])
        return state, path

    def _promise(self, state: _State) -> float:
        """What no case from here on comes below (with the sign turned for the greatest value); infinite for no case."""
        if state[-1] == NO or any(self._bounds[node][0] == inf for node in state[:-1]):
            return inf
        at = dict(zip(self._leaves, state[:-1], strict=True))
        return low(self._term, self._bounds, at) if self._sign > 0 else -high(self._term, self._bounds, at)

    def _nearest(self, case: dict[str, str]) -> dict[str, str]:
        """The case with every attribute back at its default whose value makes no difference."""
        worth = self._worth(case)
        for attribute in self._diagram.attributes:
            if case[attribute.id] != attribute.default:
                tried = {**case, attribute.id: attribute.default}
                if self._worth(tried) == worth:
                    case = tried
        return case

    def _worth(self, case: Mapping[str, str]) -> float:
        state = tuple(self._diagram.leaf(node, case) for node in (*self._leaves, self._applies))
        self._parts.bounds(state)
        return self._promise(state)
