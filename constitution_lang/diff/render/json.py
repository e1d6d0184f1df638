"""A difference for programs. The schema is this module's types, with a version; docs/diff.md describes it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from constitution_lang.diff.approvals import Approval, Review
from constitution_lang.diff.counts import Cases, Movement, ShareMove
from constitution_lang.diff.model import Change, Grade, Version, VersionVerdict

__all__ = ["SCHEMA", "to_json"]

SCHEMA = 2
"""Grows with every change that a reader of an earlier one could stumble over."""


class _ChangeRow(Struct, frozen=True):
    """A change under its id, and who approved it."""

    id: str
    change: Change
    approved: Approval | None


class _DifferenceRow(Struct, frozen=True):
    """One constitution. `grade` is the highest of its changes."""

    old: Version
    new: Version
    grade: Grade | None
    changes: tuple[_ChangeRow, ...]
    version: VersionVerdict
    shares: tuple[ShareMove, ...]
    movement: tuple[Movement, ...]
    cases: Cases | None
    renamed: tuple[tuple[str, str], ...]
    unused_approvals: tuple[Approval, ...]


class _File(Struct, frozen=True):
    schema: int
    differences: tuple[_DifferenceRow, ...]


def to_json(reviews: Sequence[Review]) -> str:
    """All differences, one for each constitution that was compared."""
    encoded = msgspec.json.encode(_File(SCHEMA, tuple(_row(review) for review in reviews)))
    return msgspec.json.format(encoded).decode() + "\n"


def _row(review: Review) -> _DifferenceRow:
    found = review.difference
    return _DifferenceRow(
        found.old,
        found.new,
        found.grade,
        tuple(_ChangeRow(c.id, c, review.approved.get(c.fingerprint)) for c in found.changes),
        found.verdict,
        found.shares,
        found.movement,
        found.cases,
        found.renamed,
        review.unused,
    )
