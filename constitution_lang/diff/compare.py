"""From two versions to their difference: every kind of change in its order, on one screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import structs

from constitution_lang.diff.attributes import attribute_changes
from constitution_lang.diff.case_tests import case_test_changes
from constitution_lang.diff.categories import category_changes
from constitution_lang.diff.counts import Movement
from constitution_lang.diff.every_case import all_cases
from constitution_lang.diff.identity import identity_changes
from constitution_lang.diff.metadata import Texts, cosmetic_change, metadata_changes
from constitution_lang.diff.mix import mix_changes
from constitution_lang.diff.model import Aspect, Change, Difference, Subject, SubjectKind, Version
from constitution_lang.diff.movement import movements, share_moves, situations
from constitution_lang.diff.pairing import pair
from constitution_lang.diff.principles import principle_changes
from constitution_lang.diff.space import Common
from constitution_lang.diff.tensions import tension_changes
from constitution_lang.diff.tests import test_changes
from constitution_lang.diff.versions import verdict
from constitution_lang.diff.wording import Wording
from constitution_lang.diff.words import LEAST, pairs_of
from constitution_lang.ir.model import Bundle

__all__ = ["diff"]

_KINDS = tuple(SubjectKind)


def diff(old: Bundle, new: Bundle, texts: Texts | None = None) -> Difference:
    """What changed from one version to the other, and what each change does. A pure function.

    `texts` are the files of both as they were parsed. Without them, a text that says the same in another layout cannot
    be told from one with another comment: a Bundle has only the hashes of its files.
    """
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
        *category_changes(pairing),
        *mix_changes(pairing),
        *metadata_changes(pairing),
        *test_changes(pairing),
        *case_test_changes(pairing),
    ]
    if not changes:
        cosmetic = cosmetic_change(old, new, texts)
        changes += [cosmetic] if cosmetic else []
    ordered = tuple(_named_apart(sorted(changes, key=_order)))
    witnesses = [w.witness for c in ordered if c.cases for w in c.cases.changes]
    grade = max((c.grade for c in ordered), default=None)
    return Difference(
        old=_version(old),
        new=_version(new),
        changes=ordered,
        verdict=verdict(old.version, new.version, grade),
        movement=_moving(movements(old, new, common, situations(common, witnesses)), ordered),
        shares=share_moves(pairing, common),
        cases=all_cases(by_case, common),
        renamed=pairing.renamed(),
        defaults=pairs_of({a.id: a.default for a in common.attributes}),
    )


def _moving(found: tuple[Movement, ...], changes: Iterable[Change]) -> tuple[Movement, ...]:
    """The stages in which draws move; where several weights changed and took back what each does, all of them."""
    moving = tuple(m for m in found if m.greatest.share > LEAST)
    weighed = sum(c.aspect is Aspect.WEIGHT for c in changes) > 1
    return moving or (found if weighed else ())


def _order(change: Change) -> tuple[int, int, str, str]:
    return -change.grade.rank, _KINDS.index(change.subject.kind), change.subject.id, change.aspect


def _named_apart(changes: Iterable[Change]) -> Iterator[Change]:
    """Subjects that share an id, as two tests of one title may, are counted. No fingerprint moves by it."""
    seen: dict[str, int] = {}
    for change in changes:
        many = seen[change.id] = seen.get(change.id, 0) + 1
        subject = Subject(change.subject.kind, f"{change.subject.id} ({many})") if many > 1 else change.subject
        yield structs.replace(change, subject=subject)


def _version(bundle: Bundle) -> Version:
    return Version(bundle.name, bundle.version, bundle.meaning_hash, bundle.metadata_hash)
