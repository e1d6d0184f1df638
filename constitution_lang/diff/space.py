"""The cases that two versions have in common, and which of them a change is about: exact, by decision diagram."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from math import prod

from msgspec import structs

from constitution_lang.analysis.diagram import YES, Diagram, DiagramError, Node
from constitution_lang.analysis.outcomes import conditions, united
from constitution_lang.diff.counts import CaseChange, Cases, Direction
from constitution_lang.diff.words import listed, pairs_of
from constitution_lang.ir.cases import cases
from constitution_lang.ir.model import AllOf, AnyOf, Attribute, AttributeKind, Bundle, Condition, Not

__all__ = ["CASES_MAX", "Common", "Told", "together"]

CASES_MAX = 4096
"""Up to so many cases each of them may be looked at."""

Told = tuple[str, Direction, str, str]
"""What is said of a case that changes: in words, its direction, and the outcomes before and after."""

_AS_BEFORE = "as before"


class Common:
    """The compared cases. Both conditions and cases of either version can be asked of.

    An attribute of both versions has the values that both know; an attribute of one version has its own values, and
    the other version does not look at it.
    """

    def __init__(self, old: Bundle, new: Bundle) -> None:
        self.old, self.new = old, new
        ours = united(old.attributes, new.attributes)
        known = {a.id: a.values for a in old.attributes}
        declared = {a.id: a.values for a in new.attributes}
        turned = _turned(old, new)
        self.declared: tuple[Mapping[str, Attribute], ...] = tuple(
            {a.id: structs.replace(a, kind=AttributeKind.ONE_OF) if a.id in turned else a
             for a in (*ours, *bundle.attributes)} for bundle in (old, new)
        )  # fmt: skip
        """Attributes by id as each version has them: a condition is written in the order of its own levels.

        Where the two have another order, it is written by the values: `>=` is not the same in both.
        """
        self.attributes: tuple[Attribute, ...] = ours
        """Of either version, with every value; the default is the new version's."""
        self.values = {
            a.id: tuple(v for v in a.values if v in known.get(a.id, a.values) and v in declared.get(a.id, a.values))
            for a in ours
        }
        """Of every attribute the values that are compared."""
        self.total = prod(len(values) for values in self.values.values())
        self.restarts = 0
        """How often a diagram grew too large and was given up: nodes of earlier ones mean nothing then."""
        self.entangled = False
        """Whether no diagram can be made at all."""
        self.diagram, self.within = Diagram(()), YES
        self._start()

    def _start(self) -> None:
        try:
            about = [part for c in (*conditions(self.old), *conditions(self.new)) for part in _parts(c)]
            self.diagram = Diagram(self.attributes, about=about)
            self.within = self.diagram.and_(
                self.diagram.declared(self.old.attributes), self.diagram.declared(self.new.attributes)
            )
        except DiagramError:
            self.entangled = True

    def restart(self) -> None:
        """Begin an empty diagram, since this one is full: what one change cannot count another one still can."""
        self.restarts += 1
        self._start()

    @property
    def left_out(self) -> str:
        """The values that one version only has, and that no compared case has; empty where there are none."""
        told = []
        for attribute in self.attributes:
            apart = [v for v in attribute.values if v not in self.values[attribute.id]]
            if apart:
                told.append(f"{attribute.id} {listed(apart, 'or')}")
        return "; ".join(told)

    def case(self, case: dict[str, str], bundle: Bundle) -> dict[str, str]:
        """What a version sees of a case."""
        return {a.id: case[a.id] for a in bundle.attributes}

    def default(self) -> dict[str, str] | None:
        """The new version's default case; None where the old one does not know it."""
        case = {a.id: a.default for a in self.attributes}
        return case if all(case[id] in values for id, values in self.values.items()) else None

    def of(self, condition: Condition) -> Node:
        """Where a condition of either version holds."""
        if self.entangled:
            raise DiagramError("no diagram")
        return self.diagram.of(condition)

    def among(self, told: Iterable[tuple[Node, Told]]) -> Cases:
        """The cases in which something is told; where several things are, they are told together."""
        diagram = self.diagram
        function = diagram.constant(())
        for where, what in told:
            one = diagram.choose(where, diagram.constant((what,)), diagram.constant(()))
            function = diagram.apply(_both, function, one)
        return self.cases(function)

    def cases(self, function: Node) -> Cases:
        """Of a function to tuples of what is told, the cases with a tuple that is not empty."""
        diagram = self.diagram
        inside = diagram.choose(self.within, function, diagram.constant(()))
        found = []
        for value, count in diagram.counts(inside).items():
            case = diagram.witness(inside, value)
            if isinstance(value, tuple) and value and case is not None:
                says, directions, before, after = zip(*value, strict=True)
                found.append(
                    CaseChange(
                        listed(dict.fromkeys(says)),
                        together(directions),
                        count,
                        pairs_of(case),
                        "; ".join(dict.fromkeys(before)),
                        "; ".join(dict.fromkeys(after)),
                    )
                )
        found.sort(key=lambda change: (-(change.count or 0), change.says, change.witness))
        direction = together(change.direction for change in found)
        return Cases(sum(c.count or 0 for c in found), self.total, direction, tuple(found), self.left_out)

    def uncounted(self) -> Cases:
        """For a change whose cases cannot be counted."""
        return Cases(None, self.total, Direction.MIXED, (), self.left_out)

    def every(self) -> Iterable[dict[str, str]]:
        """Every compared case, each whole."""
        narrow = (Attribute(a.id, a.question, a.kind, self.values[a.id], a.default, a.origin) for a in self.attributes)
        return cases(narrow)


def _turned(old: Bundle, new: Bundle) -> set[str]:
    """Attributes whose values come in another order than before."""
    known = {a.id: a.values for a in old.attributes}
    found = set()
    for attribute in new.attributes:
        before = [v for v in known.get(attribute.id, ()) if v in attribute.values]
        if before != [v for v in attribute.values if v in before]:
            found.add(attribute.id)
    return found


def together(directions: Iterable[Direction]) -> Direction:
    """Several directions as one."""
    found = set(directions) - {Direction.NONE}
    if Direction.MIXED in found or found >= {Direction.STRICTER, Direction.LOOSER}:
        return Direction.MIXED
    return next((d for d in (Direction.STRICTER, Direction.LOOSER, Direction.SHIFTED) if d in found), Direction.NONE)


def _parts(condition: Condition) -> Iterator[Condition]:
    """A condition and all that it is made of: what small parts name together should be asked near each other."""
    yield condition
    match condition:
        case AllOf(operands) | AnyOf(operands):
            for operand in operands:
                yield from _parts(operand)
        case Not(operand):
            yield from _parts(operand)


def _both(one: Hashable, other: Hashable) -> Hashable:
    assert isinstance(one, tuple)
    assert isinstance(other, tuple)
    return tuple(dict.fromkeys((*one, *other)))
