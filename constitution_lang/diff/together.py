"""Pairs that are decided as before and yet otherwise: by one tension together, or by several apart.

A tension multiplies a weight once, however many principles of its other side apply; two tensions multiply it twice.
In a label it takes the votes of a side together. So beside the outcome of each pair it matters which pairs have one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from constitution_lang.analysis.diagram import YES, Diagram, Node
from constitution_lang.analysis.outcomes import outcome
from constitution_lang.diff.counts import Direction
from constitution_lang.diff.governed import Governed, Pairs
from constitution_lang.diff.space import Common, Told
from constitution_lang.ir.model import Abstain, Prefer, Weigh

__all__ = ["Regrouped", "Regrouping"]

_OWN, _OTHER = "a", "b"
_Pair = tuple[str, str]
_Tensions = tuple[str, str]
"""The ids of the tensions that decide a pair before and after."""

_Applies = Callable[[str, int], Node]
"""Where a principle applies in the old version (0) or the new one (1)."""


@dataclass(frozen=True, slots=True)
class Regrouped:
    """Where, what is told of it, and the outcome that acts otherwise."""

    where: Node
    told: Told
    outcome: object


class Regrouping:
    """The pairs of two versions by the tensions that decide them."""

    def __init__(self, before: Pairs, after: Pairs) -> None:
        self._before, self._after = before, after
        self._pairs: dict[_Tensions, list[_Pair]] = {}
        self._partners: dict[str, dict[_Tensions, list[str]]] = {}
        for pair in sorted(before.keys() & after.keys()):
            ids = before[pair].tension.id, after[pair].tension.id
            self._pairs.setdefault(ids, []).append(pair)
            for own, other in (pair, pair[::-1]):
                self._partners.setdefault(own, {}).setdefault(ids, []).append(other)

    def found(
        self, common: Common, applies: _Applies | None, is_mine: Callable[[Governed, Governed], bool], votes: int
    ) -> Iterator[Regrouped]:
        """What acts otherwise though each pair is decided as before.

        Args:
            common: The compared cases.
            applies: None where the cases are counted without a look at who applies.
            is_mine: Whether a pair is told of here.
            votes: The most principles that vote on a pair of responses.
        """
        diagram = common.diagram
        for one, two in combinations(sorted(self._pairs), 2):
            if (one[0] == two[0]) == (one[1] == two[1]) or not (
                any(is_mine(self._before[p], self._after[p]) for ids in (one, two) for p in self._pairs[ids])
            ):
                continue
            places: dict[object, list[Node]] = {}
            for value, where in self._acting(diagram, applies, one, two, votes):
                places.setdefault(value, []).append(where)
            for value, nodes in places.items():
                yield Regrouped(diagram.any_of(nodes), _told(one, two), value)

    def _acting(
        self, diagram: Diagram, applies: _Applies | None, one: _Tensions, two: _Tensions, votes: int
    ) -> Iterator[tuple[object, Node]]:
        """Outcomes that act on a side as a whole, and where pairs of both kinds have one of them in both versions."""
        for own, partners in self._partners.items():
            if one in partners and two in partners:
                some, others = partners[one], partners[two]
                views = self._views(diagram, [_pair(own, some[0]), _pair(own, others[0])], own)
                play = _play(diagram, applies, [[own], some, others])
                for value in diagram.values(views[0]):
                    weighs = isinstance(value, Weigh) and value.first != 1
                    if weighs or (value == Prefer(_OTHER) and votes > 2):
                        yield value, diagram.and_(play, _all_are(diagram, views, value))
        if votes > 2:
            pairs = self._pairs[one], self._pairs[two]
            views = self._views(diagram, [pairs[0][0], pairs[1][0]], None)
            play = diagram.and_(*(_any_play(diagram, applies, kind) for kind in pairs))
            yield Abstain(), diagram.and_(play, _all_are(diagram, views, Abstain()))

    def _views(self, diagram: Diagram, pairs: Iterable[_Pair], own: str | None) -> list[Node]:
        """The outcome of each pair before and after, with `own` as one side: `Weigh` has its multiplier first."""
        found = []
        for pair in pairs:
            for governed in (self._before[pair], self._after[pair]):
                first = (pair[0] == own) == governed.straight
                found.append(outcome(diagram, governed.tension, (_OWN, _OTHER) if first else (_OTHER, _OWN)))
        return found


def _pair(one: str, other: str) -> _Pair:
    return min(one, other), max(one, other)


def _all_are(diagram: Diagram, views: Iterable[Node], value: Hashable) -> Node:
    found = YES
    for view in views:
        found = diagram.and_(found, diagram.apply(_equal, view, diagram.constant(value)))
    return found


def _play(diagram: Diagram, applies: _Applies | None, parts: list[list[str]]) -> Node:
    """Where one of each part applies, in one of the versions."""
    if applies is None:
        return YES
    versions = []
    for version in (0, 1):
        found = YES
        for ids in parts:
            found = diagram.and_(found, diagram.any_of(applies(id, version) for id in ids))
        versions.append(found)
    return diagram.any_of(versions)


def _any_play(diagram: Diagram, applies: _Applies | None, pairs: Iterable[_Pair]) -> Node:
    return diagram.any_of(_play(diagram, applies, [[first], [second]]) for first, second in pairs)


def _told(one: _Tensions, two: _Tensions) -> Told:
    before, after = (list(dict.fromkeys((one[at], two[at]))) for at in (0, 1))
    if len(before) == 1:
        says = f"{' and '.join(after)} decide apart what {before[0]} decided together"
    else:
        says = f"{after[0]} decides together what {' and '.join(before)} decided apart"
    return says, Direction.SHIFTED, f"by {' and '.join(before)}", f"by {' and '.join(after)}"


def _equal(one: Hashable, other: Hashable) -> Hashable:
    return one == other
