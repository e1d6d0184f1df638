"""Exact functions of the case as decision diagrams: to count, to compare, and to show a case.

A node is a function from cases to values. It asks one attribute and has a node below for each of its values; a leaf
is a value. Attributes are asked in one order, equal nodes are one node, and a node whose nodes below are all the same
is that node. So two functions are equal exactly where their nodes are, and counts are Python's integers, of any size.

    diagram = Diagram(bundle.attributes, about=[old, new])
    changed = diagram.xor(diagram.of(old), diagram.of(new))
    diagram.count(changed)      # in how many cases the two conditions differ
    diagram.witness(changed)    # one of them, as near to the defaults as can be; None where there is none

Values other than true and false count as well: `choose` and `apply` make functions to any values, `counts` says how
often each is taken, `witness(node, value)` where.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import prod
from typing import NewType

from constitution_lang.analysis.ordering import near
from constitution_lang.ir.cases import Case, attributes_of
from constitution_lang.ir.model import AllOf, AnyOf, Attribute, Compare, Condition, Not

__all__ = ["NO", "NODES_MAX", "YES", "Diagram", "DiagramError", "Node"]

Node = NewType("Node", int)
"""A function of the case, in the diagram that made it."""

NO, YES = Node(0), Node(1)
"""The functions that are false and true in every case."""

NODES_MAX = 200_000
"""A diagram that grows larger is given up: some seconds, some hundred megabytes."""
_STEPS_A_NODE = 10
_ATTRIBUTES_MAX = 400
"""Walks go one call deeper for each attribute, and Python's stack has an end."""


class DiagramError(Exception):
    """The functions asked for have no diagram of a size that can be kept."""


class Diagram:
    """Functions of the cases of some attributes.

    Args:
        attributes: all of them; every one counts, whether or not a condition names it.
        about: conditions that will be asked of. Attributes that they name together are asked near each other, which
            keeps diagrams small. Any other condition may be asked of too.
        nodes_max: above so many nodes, `DiagramError`.
    """

    def __init__(
        self, attributes: Iterable[Attribute], about: Iterable[Condition] = (), *, nodes_max: int = NODES_MAX
    ) -> None:
        self.attributes = tuple(attributes)
        by_id = {a.id: a for a in self.attributes}
        named = [sorted(attributes_of(condition) & by_id.keys()) for condition in about]
        order = near(list(dict.fromkeys(id for edge in named for id in edge)), named)
        if len(order) > _ATTRIBUTES_MAX:
            raise DiagramError(f"{len(order)} attributes are named")
        self.order = tuple(by_id[id] for id in (*order, *(id for id in by_id if id not in set(order))))
        """The attributes in the order in which they are asked."""
        self._level_of = {a.id: at for at, a in enumerate(self.order)}
        self._sizes = [len(a.values) for a in self.order]
        bottom = len(self.order)
        self._nodes_max = nodes_max
        self._level = [bottom, bottom]
        self._below: list[tuple[Node, ...]] = [(), ()]
        self._value: list[Hashable] = [False, True]
        self._leaf: dict[tuple[type, Hashable], Node] = {(bool, False): NO, (bool, True): YES}
        self._made: dict[tuple[int, tuple[Node, ...]], Node] = {}
        self._of: dict[Condition, Node] = {}
        self._not: dict[Node, Node] = {NO: YES, YES: NO}
        self._walked: dict[Hashable, dict[tuple[Node, Node], Node]] = {}
        self._counted: dict[Node, dict[Hashable, int]] = {}

    # --- functions --------------------------------------------------------------------------------

    def of(self, condition: Condition) -> Node:
        """Where the condition holds. A value or attribute that the diagram does not have is never taken."""
        known = self._of.get(condition)
        if known is None:
            match condition:
                case Compare(attribute, values):
                    known = self.among(attribute, values)
                case AllOf(operands):
                    known = self.all_of(self.of(c) for c in operands)
                case AnyOf(operands):
                    known = self.any_of(self.of(c) for c in operands)
                case Not(operand):
                    known = self.not_(self.of(operand))
            self._of[condition] = known
        return known

    def among(self, attribute: str, values: Iterable[str]) -> Node:
        """Where an attribute has one of these values."""
        level, wanted = self._level_of.get(attribute), set(values)
        if level is None:
            return NO
        return self.node(level, tuple(YES if v in wanted else NO for v in self.order[level].values))

    def declared(self, attributes: Iterable[Attribute]) -> Node:
        """Where every value is one of those that these attributes have: the cases of one of two versions."""
        return self.all_of(self.among(a.id, a.values) for a in attributes if a.id in self._level_of)

    def constant(self, value: Hashable) -> Node:
        """The function that has this value in every case."""
        key = (type(value), value)
        known = self._leaf.get(key)
        if known is None:
            known = self._leaf[key] = self._add(len(self.order), ())
            self._value[known] = value
        return known

    def and_(self, one: Node, other: Node) -> Node:
        """Where both hold."""
        return self.walk("and", one, other, _short_and)

    def or_(self, one: Node, other: Node) -> Node:
        """Where one of them holds."""
        return self.walk("or", one, other, _short_or)

    def xor(self, one: Node, other: Node) -> Node:
        """Where two functions differ, whatever their values."""

        def short(a: Node, b: Node) -> Node | None:
            return NO if a == b else None if self._below[a] or self._below[b] else YES

        return self.walk("xor", one, other, short)

    def not_(self, node: Node) -> Node:
        """Where it does not hold."""
        known = self._not.get(node)
        if known is None:
            below = []
            for child in self._below[node]:  # no comprehension: that would be a second call for each level
                below.append(self.not_(child))  # noqa: PERF401
            known = self._not[node] = self.node(self._level[node], tuple(below))
            self._not[known] = node
        return known

    def all_of(self, nodes: Iterable[Node]) -> Node:
        """Where all of them hold."""
        found = YES
        for node in sorted(set(nodes), key=lambda n: (-self._level[n], n)):
            found = self.and_(found, node)
        return found

    def any_of(self, nodes: Iterable[Node]) -> Node:
        """Where one of them holds."""
        found = NO
        for node in sorted(set(nodes), key=lambda n: (-self._level[n], n)):
            found = self.or_(found, node)
        return found

    def choose(self, where: Node, then: Node, otherwise: Node) -> Node:
        """The function `then` where `where` holds, else `otherwise`."""
        if then == otherwise:
            return then
        open_ = self.constant(_OPEN)

        def filled(a: Node, b: Node) -> Node | None:
            return b if a == open_ else None if self._below[a] else a

        return self.walk(("choose", open_), self._within(where, then, open_), otherwise, filled)

    def within(self, where: Node, node: Node) -> Node:
        """The function where `where` holds, and None elsewhere."""
        return self._within(where, node, self.constant(None))

    def _within(self, where: Node, node: Node, elsewhere: Node) -> Node:
        def short(a: Node, b: Node) -> Node | None:
            return elsewhere if a == NO else b if a == YES else None

        return self.walk(("within", elsewhere), where, node, short)

    def apply(self, operation: Callable[[Hashable, Hashable], Hashable], one: Node, other: Node) -> Node:
        """The function `operation(one, other)` of the case. The operation has to be pure; results are kept under it."""

        def both(a: Node, b: Node) -> Node | None:
            if self._below[a] or self._below[b]:
                return None
            return self.constant(operation(self._value[a], self._value[b]))

        return self.walk(operation, one, other, both)

    # --- answers ----------------------------------------------------------------------------------

    def value(self, node: Node, case: Case) -> Hashable:
        """The function's value in a case, which has to have every attribute that matters."""
        return self._value[self.leaf(node, case)]

    def leaf(self, node: Node, case: Case) -> Node:
        """The leaf that the function comes to in a case."""
        while self._below[node]:
            attribute = self.order[self._level[node]]
            node = self._below[node][attribute.values.index(case[attribute.id])]
        return node

    def values(self, node: Node) -> tuple[Hashable, ...]:
        """Every value that the function takes in some case."""
        return tuple(self._value[n] for n in self.upwards([node]) if not self._below[n])

    def count(self, node: Node, value: Hashable = True) -> int:  # noqa: FBT002
        """The number of cases in which the function has this value."""
        return self.counts(node).get(value, 0)

    def counts(self, node: Node) -> Mapping[Hashable, int]:
        """For each value that the function takes the number of cases; they sum to the number of all."""
        above = prod(self._sizes[: self._level[node]])
        return {value: number * above for value, number in self._count(node).items()}

    def witness(self, node: Node, value: Hashable = True) -> dict[str, str] | None:  # noqa: FBT002
        """A whole case in which the function has this value; None where there is none.

        No other such case has fewer attributes away from their defaults.
        """
        leaf = self._leaf.get((type(value), value))
        far: dict[Node, int] = {}
        for n in self.upwards([node]):
            if not self._below[n]:
                if n == leaf:
                    far[n] = 0
                continue
            least = [far[c] + step for step, c in self._steps(n) if c in far]
            if least:
                far[n] = min(least)
        if node not in far:
            return None
        case = {a.id: a.default for a in self.attributes}
        while self._below[node]:
            attribute = self.order[self._level[node]]
            at = next(i for i, (step, c) in enumerate(self._steps(node)) if c in far and far[c] + step == far[node])
            case[attribute.id] = attribute.values[at]
            node = self._below[node][at]
        return case

    def _steps(self, node: Node) -> Iterator[tuple[int, Node]]:
        attribute = self.order[self._level[node]]
        for value, child in zip(attribute.values, self._below[node], strict=True):
            yield int(value != attribute.default), child

    @contextmanager
    def at_most(self, more: int) -> Iterator[None]:
        """Inside, more new nodes than this are too many, and the same holds of ten times as many steps in one walk."""
        kept = self._nodes_max
        self._nodes_max = min(kept, len(self._level) + more)
        try:
            yield
        finally:
            self._nodes_max = kept

    def __len__(self) -> int:
        """The number of all nodes made so far."""
        return len(self._level)

    # --- nodes ------------------------------------------------------------------------------------

    def below(self, node: Node) -> tuple[Node, ...]:
        """For each value of the attribute that the node asks the node below; nothing for a leaf."""
        return self._below[node]

    def level(self, node: Node) -> int:
        """Where in `order` the attribute stands that the node asks; the length of `order` for a leaf."""
        return self._level[node]

    def constant_of(self, leaf: Node) -> Hashable:
        """The value of a leaf."""
        return self._value[leaf]

    def upwards(self, nodes: Iterable[Node], known: Container[Node] = ()) -> list[Node]:
        """The nodes and all below them, each after those below it; what is known, and what is below that, left out."""
        found = {node for node in nodes if node not in known}
        waiting = list(found)
        while waiting:
            for child in self._below[waiting.pop()]:
                if child not in found and child not in known:
                    found.add(child)
                    waiting.append(child)
        return sorted(found, key=self._level.__getitem__, reverse=True)

    def size(self, node: Node) -> int:
        """The number of its nodes, leaves included."""
        return len(self.upwards([node]))

    def node(self, level: int, below: tuple[Node, ...]) -> Node:
        """The node that asks the attribute at `level` and has `below` for its values; the same one each time."""
        first = below[0]
        if below.count(first) == len(below):
            return first
        known = self._made.get((level, below))
        if known is None:
            known = self._made[level, below] = self._add(level, below)
        return known

    def _add(self, level: int, below: tuple[Node, ...]) -> Node:
        if len(self._level) >= self._nodes_max:
            raise DiagramError(f"more than {self._nodes_max} nodes")
        self._level.append(level)
        self._below.append(below)
        self._value.append(None)
        return Node(len(self._level) - 1)

    def walk(self, name: Hashable, one: Node, other: Node, short: Callable[[Node, Node], Node | None]) -> Node:
        """Both functions from the top, as far down as `short` has no answer. What was found is kept under the name."""
        known = self._walked.setdefault(name, {})
        level, below, node = self._level, self._below, self.node
        steps_max = len(known) + _STEPS_A_NODE * (self._nodes_max - len(level))

        def walk(a: Node, b: Node) -> Node:
            if len(known) >= steps_max:
                raise DiagramError(f"more than {steps_max} steps")
            found = short(a, b)
            if found is None:
                at_a, at_b = level[a], level[b]
                at = min(at_a, at_b)
                times = self._sizes[at]
                pairs = zip(
                    below[a] if at_a == at else (a,) * times, below[b] if at_b == at else (b,) * times, strict=True
                )
                made = []
                for pair in pairs:  # most of them are known, and a call costs more than a look
                    under = known.get(pair)
                    made.append(walk(*pair) if under is None else under)
                found = node(at, tuple(made))
            known[a, b] = found
            return found

        under = known.get((one, other))
        return walk(one, other) if under is None else under

    def _count(self, node: Node) -> dict[Hashable, int]:
        """Over the attributes from the node's own on."""
        for n in self.upwards([node], known=self._counted):
            if not self._below[n]:
                self._counted[n] = {self._value[n]: 1}
                continue
            level = self._level[n]
            found: dict[Hashable, int] = {}
            for child in self._below[n]:
                skipped = prod(self._sizes[level + 1 : self._level[child]])
                for value, number in self._counted[child].items():
                    found[value] = found.get(value, 0) + number * skipped
            self._counted[n] = found
        return self._counted[node]


_OPEN = object()


def _short_and(a: Node, b: Node) -> Node | None:
    if NO in {a, b}:
        return NO
    if a in {YES, b}:
        return b
    return a if b == YES else None


def _short_or(a: Node, b: Node) -> Node | None:
    if YES in {a, b}:
        return YES
    if a in {NO, b}:
        return b
    return a if b == NO else None
