"""From two versions to their difference: every kind of change in its order, on one screen."""

from __future__ import annotations

from collections.abc import Iterable

from constitution_lang.analysis.diagram import DiagramError
from constitution_lang.diff.attributes import attribute_changes
from constitution_lang.diff.case_tests import case_test_changes
from constitution_lang.diff.counts import CaseChange, Cases, Direction
from constitution_lang.diff.identity import identity_changes
from constitution_lang.diff.metadata import cosmetic_change, metadata_changes
from constitution_lang.diff.mix import mix_changes, movements, share_moves
from constitution_lang.diff.model import Change, Difference, SubjectKind, Version
from constitution_lang.diff.pairing import pair
from constitution_lang.diff.principles import Found, principle_changes
from constitution_lang.diff.space import Common, together
from constitution_lang.diff.tensions import tension_changes
from constitution_lang.diff.tests import test_changes
from constitution_lang.diff.versions import verdict
from constitution_lang.diff.wording import Wording
from constitution_lang.diff.words import pairs_of
from constitution_lang.ir.model import Bundle

__all__ = ["diff"]

_KINDS = tuple(SubjectKind)


def diff(old: Bundle, new: Bundle) -> Difference:
    """What changed from one version to the other, and what each change does. A pure function."""
    pairing, common = pair(old, new), Common(old, new)
    by_case = [
        *identity_changes(pairing, common),
        *principle_changes(pairing, common),
        *tension_changes(pairing, common),
    ]
    wording = Wording(pairing)
    changes = [
        *(found.change for found in by_case),
        *attribute_changes(pairing, wording.tags()),
        *wording.changes(),
        *mix_changes(pairing),
        *metadata_changes(pairing),
        *test_changes(pairing),
        *case_test_changes(pairing),
    ]
    if not changes:
        cosmetic = cosmetic_change(old, new)
        changes += [cosmetic] if cosmetic else []
    ordered = tuple(sorted(changes, key=_order))
    witnesses = [w.witness for c in ordered if c.cases for w in c.cases.changes]
    grade = max((c.grade for c in ordered), default=None)
    return Difference(
        old=_version(old),
        new=_version(new),
        changes=ordered,
        verdict=verdict(old.version, new.version, grade),
        movement=movements(pairing, common, witnesses),
        shares=share_moves(pairing, common),
        cases=_all_cases(by_case, common),
        renamed=pairing.renamed(),
        defaults=pairs_of({a.id: a.default for a in common.attributes}),
    )


def _order(change: Change) -> tuple[int, int, str, str]:
    return -change.grade.rank, _KINDS.index(change.subject.kind), change.subject.id, change.aspect


def _version(bundle: Bundle) -> Version:
    return Version(bundle.name, bundle.version, bundle.meaning_hash, bundle.metadata_hash)


def _all_cases(by_case: Iterable[Found], common: Common) -> Cases | None:
    """Every case in which anything is told, by what the changes together make of it."""
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
    changes: tuple[CaseChange, ...] = told.changes
    return Cases(told.changed, told.total, together(c.direction for c in changes), changes, told.left_out)


_SAYS = {
    Direction.STRICTER: "stricter",
    Direction.LOOSER: "looser",
    Direction.MIXED: "stricter in one way, looser in another",
    Direction.SHIFTED: "one side gains on another",
}
