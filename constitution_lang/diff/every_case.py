"""The cases in which anything changes: what several changes come to together."""

from __future__ import annotations

from collections.abc import Iterable

from constitution_lang.analysis.diagram import DiagramError
from constitution_lang.diff.counts import Cases, Direction
from constitution_lang.diff.principles import Found
from constitution_lang.diff.space import Common, together

__all__ = ["all_cases"]

_SAYS = {
    Direction.STRICTER: "stricter",
    Direction.LOOSER: "looser",
    Direction.MIXED: "stricter in one way, looser in another",
    Direction.SHIFTED: "one side gains on another",
}


def all_cases(by_case: Iterable[Found], common: Common) -> Cases | None:
    """Every case in which anything is told, by what the changes together make of it; None where there is none."""
    listed = list(by_case)
    if common.restarts or common.entangled:
        return common.uncounted()
    diagram = common.diagram
    try:
        where = {
            direction: diagram.any_of(node for f in listed for node, what in f.told if what[1] is direction)
            for direction in (Direction.STRICTER, Direction.LOOSER, Direction.SHIFTED)
        }
        stricter, looser, shifted = where.values()
        mixed = diagram.and_(stricter, looser)
        only = {
            Direction.STRICTER: diagram.and_(stricter, diagram.not_(looser)),
            Direction.LOOSER: diagram.and_(looser, diagram.not_(stricter)),
            Direction.MIXED: mixed,
            Direction.SHIFTED: diagram.and_(shifted, diagram.not_(diagram.or_(stricter, looser))),
        }
        told = common.among((node, (_SAYS[d], d, "", "")) for d, node in only.items())
    except DiagramError:
        return common.uncounted()
    if not told.changed:
        return None
    changes = told.changes
    return Cases(told.changed, told.total, together(c.direction for c in changes), changes, told.left_out)
