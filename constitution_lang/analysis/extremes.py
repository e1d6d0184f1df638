"""Of functions with values in an order, the greatest and the least that some of the attributes can make."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

from constitution_lang.analysis.diagram import Diagram, Node

__all__ = ["Extremes"]


class Extremes:
    """Those of one diagram's functions; what was found is kept."""

    def __init__(self, diagram: Diagram) -> None:
        self._diagram = diagram
        self._asked: dict[Node, frozenset[int]] = {}
        self._projected: dict[tuple[frozenset[int], bool], dict[Node, Node]] = {}

    def asks(self, node: Node) -> frozenset[int]:
        """The levels of the attributes that make a difference to the function."""
        diagram = self._diagram
        known = self._asked.get(node)
        if known is None:
            bottom = len(diagram.order)
            known = self._asked[node] = frozenset({diagram.level(n) for n in diagram.upwards([node])} - {bottom})
        return known

    def best(self, node: Node, over: frozenset[int], *, greatest: bool) -> Node:
        """The greatest or the least value that the attributes at these levels can make, for each case of the others.

        The values have to be in order; None counts only where there is nothing else.
        """
        diagram = self._diagram
        known = self._projected.setdefault((over, greatest), {})
        better: Callable[..., Hashable] = max if greatest else min

        def short(a: Node, b: Node) -> Node | None:
            if a == b:
                return a
            if diagram.below(a) or diagram.below(b):
                return None
            values = [v for v in (diagram.constant_of(a), diagram.constant_of(b)) if v is not None]
            return diagram.constant(better(values))

        for n in diagram.upwards([node], known=known):
            below = [known[child] for child in diagram.below(n)]
            if not below or diagram.level(n) not in over:
                known[n] = diagram.node(diagram.level(n), tuple(below)) if below else n
                continue
            found, *others = dict.fromkeys(below)
            for other in others:
                found = diagram.walk(("best", greatest), found, other, short)
            known[n] = found
        return known[node]

    def attained(self, node: Node, over: frozenset[int], case: Mapping[str, str], *, greatest: bool) -> dict[str, str]:
        """Values of the attributes at these levels that make what `best` says, where the others are as in the case."""
        diagram = self._diagram
        self.best(node, over, greatest=greatest)
        known = self._projected[over, greatest]
        found: dict[str, str] = {}
        while diagram.below(node):
            attribute = diagram.order[diagram.level(node)]
            if diagram.level(node) in over:
                wanted = diagram.leaf(known[node], case)
                values = (attribute.default, *attribute.values)
                found[attribute.id] = next(
                    value
                    for value in values
                    if diagram.leaf(known[diagram.below(node)[attribute.values.index(value)]], case) == wanted
                )
            value = found.get(attribute.id, case[attribute.id])
            node = diagram.below(node)[attribute.values.index(value)]
        return found
