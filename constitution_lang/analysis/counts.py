"""How many cases each rule of a tension decides, without listing them."""

from __future__ import annotations

from math import prod

from constitution_lang.analysis.diagram import NODES_MAX, Diagram, DiagramError
from constitution_lang.analysis.outcomes import firing
from constitution_lang.ir.model import Bundle, Tension

__all__ = ["decided", "size"]


def size(bundle: Bundle) -> int:
    """The number of cases."""
    return prod(len(a.values) for a in bundle.attributes)


def decided(bundle: Bundle, tension: Tension, nodes_max: int = NODES_MAX) -> tuple[int, ...] | None:
    """For each rule the number of cases in which it is the first that holds; None where counting is too much."""
    try:
        diagram = Diagram(bundle.attributes, (rule.condition for rule in tension.rules), nodes_max=nodes_max)
        return tuple(diagram.count(fires) for fires in firing(diagram, tension))
    except DiagramError:
        return None
