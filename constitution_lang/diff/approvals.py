"""Changes that somebody meant: kept in the repository beside the constitution, each with its reason.

An approval names a constitution, a change of it and its fingerprint. The fingerprint is of what was edited, so the
approval holds wherever the text moves and whatever else changes, and no longer holds once the edit is another one.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct

from constitution_lang.diff.model import Change, Difference, Grade

__all__ = ["APPROVALS", "Approval", "ApprovalsError", "Review", "entry", "read", "review"]

APPROVALS = "approvals.toml"
"""The file's name, beside the constitution."""
_HEAD = """\
# Changes of the constitution that were meant, each with its reason. `cai-compile diff --approve` adds one.
# An approval whose change is released, or is another one by now, can go.
"""


class ApprovalsError(ValueError):
    """The file of approvals cannot be read. The text says why."""


class Approval(Struct, frozen=True, forbid_unknown_fields=True):
    """`change` is `Change.id`; `since` the version that was changed; `by` and `date` (ISO 8601) who and when.

    A folder has one file of approvals for all its constitutions, so each says of which it is, by its name.
    """

    constitution: str
    change: str
    fingerprint: str
    grade: Grade
    says: str
    reason: str
    since: str
    by: str
    date: str


class _File(Struct, forbid_unknown_fields=True):
    approved: tuple[Approval, ...] = ()


class Review(Struct, frozen=True):
    """A difference beside its approvals. `unused` are of changes that are not there, or are others by now."""

    difference: Difference
    approved: Mapping[str, Approval]
    """By fingerprint of the change."""
    unused: tuple[Approval, ...] = ()

    def is_of(self, approval: Approval, change: Change) -> bool:
        """Whether an approval is of this change."""
        names = {self.difference.old.name, self.difference.new.name}
        same = (approval.change, approval.fingerprint) == (change.id, change.fingerprint)
        return same and approval.constitution in names and approval.since == self.difference.old.version

    def open(self, grade: Grade) -> tuple[Change, ...]:
        """The changes of this grade or above that nobody approved."""
        return tuple(c for c in self.difference.changes if c.grade >= grade and c.fingerprint not in self.approved)

    def errors(self) -> tuple[Change, ...]:
        """Mistakes with an id. They are mended, not approved, but for a whole constitution that is given up."""
        return self.open(Grade.IDENTITY)


def read(text: str) -> tuple[Approval, ...]:
    """The approvals of a file.

    Raises:
        ApprovalsError: it is no TOML, or has other fields.
    """
    try:
        return msgspec.convert(tomllib.loads(text), _File).approved
    except tomllib.TOMLDecodeError as error:
        raise ApprovalsError(f"it is no TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise ApprovalsError(str(error)) from error


def review(difference: Difference, approvals: Iterable[Approval]) -> Review:
    """Put approvals beside the changes. Those of others, or of other versions than the old one, say nothing."""
    names = {difference.old.name, difference.new.name}
    given = [a for a in approvals if a.constitution in names and a.since == difference.old.version]
    by_key = {(a.change, a.fingerprint): a for a in given}
    approved = {}
    for change in difference.changes:
        found = by_key.get((change.id, change.fingerprint))
        if found is not None and change.approvable:
            approved[change.fingerprint] = found
    return Review(difference, approved, tuple(a for a in given if a.fingerprint not in approved))


def entry(text: str, difference: Difference, change: Change, *, reason: str, by: str, date: str) -> str:
    """The file's text with one approval more; what stands there stays as it is."""
    values = {
        "constitution": difference.new.name, "change": change.id, "fingerprint": change.fingerprint,
        "grade": change.grade.value, "says": change.says, "reason": reason, "since": difference.old.version,
        "by": by, "date": date,
    }  # fmt: skip
    lines = [f"{key} = {_quoted(value)}" for key, value in values.items()]
    start = text if text.strip() else _HEAD
    return start.rstrip("\n") + "\n\n[[approved]]\n" + "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A basic string of TOML: those of JSON are ones, but for the character DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
