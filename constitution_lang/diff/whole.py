"""A constitution that only one version has: told as one change, so that no format and no check overlooks it."""

from __future__ import annotations

from constitution_lang.diff.model import (
    Aspect,
    Change,
    Difference,
    Grade,
    Growth,
    Subject,
    SubjectKind,
    Version,
    VersionVerdict,
    change,
)
from constitution_lang.diff.words import listed, pairs_of
from constitution_lang.ir.model import Bundle

__all__ = ["came", "gone"]

_NAMED = 6


def gone(old: Bundle, where: str) -> Difference:
    """All ids of a constitution are lost. `where` is what was looked through for it."""
    ids = listed([p.id for p in old.principles], at_most=_NAMED)
    made = change(
        Grade.IDENTITY, _subject(old), Aspect.REMOVED,
        f"{old.name} is gone: {where} has no constitution in its place, and none of its name", (old.origin, None),
        values=(f"{old.name} {old.version}: {ids}", ""),
        help="put it back; where another name and another file took its place in one change, name both files to see "
        "the difference; where it is given up for good, approve that",
    )  # fmt: skip
    return _alone(old, made, Version(old.name, "", "", ""), lone_is_old=True)


def came(new: Bundle, where: str) -> Difference:
    """Nothing was made with a constitution that is new, so nothing of it is stale."""
    many = len(new.principles)
    made = change(
        Grade.METADATA, _subject(new), Aspect.ADDED,
        f"{new.name} is new, with {many} principle{'' if many == 1 else 's'}: {where} has no constitution there, "
        "and none of its name",
        (None, new.origin), values=("", f"{new.name} {new.version}"),
    )  # fmt: skip
    return _alone(new, made, Version(new.name, "", "", ""), lone_is_old=False)


def _alone(bundle: Bundle, made: Change, missing: Version, *, lone_is_old: bool) -> Difference:
    known = Version(bundle.name, bundle.version, bundle.meaning_hash, bundle.metadata_hash)
    sides = (known, missing) if lone_is_old else (missing, known)
    defaults = pairs_of({a.id: a.default for a in bundle.attributes})
    free = VersionVerdict(Growth.NONE, bundle.version, holds=True, says=f"{bundle.version} stands alone")
    return Difference(*sides, (made,), free, defaults=defaults)


def _subject(bundle: Bundle) -> Subject:
    return Subject(SubjectKind.CONSTITUTION, bundle.name)
