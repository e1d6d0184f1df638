"""Changes that somebody meant: kept in the repository beside the constitution, each with its reason.

An approval names a constitution, a change of it and its fingerprint. The fingerprint is of what was edited, so the
approval holds wherever the text moves and whatever else changes, and no longer holds once the edit is another one.

A name is enough for as long as one constitution has it, and then a file can be called otherwise. Where two have it, an
approval names the file as well, and counts for that file alone.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct

from constitution_lang.diff.model import Change, Difference, Grade

__all__ = ["APPROVALS", "Approval", "ApprovalsError", "Place", "Review", "entry", "read", "review"]

APPROVALS = "approvals.toml"
"""The file's name, beside the constitution."""
_HEAD = """\
# Changes of the constitution that were meant, each with its reason. `cai-compile diff --approve` adds one.
# An approval whose change is released, or is another one by now, can go.
"""


class ApprovalsError(ValueError):
    """The file of approvals cannot be read, or an approval in it can be of two constitutions. The text says why."""


class Approval(Struct, frozen=True, forbid_unknown_fields=True):
    """`change` is `Change.id`; `since` the version that was changed; `by` and `date` (ISO 8601) who and when.

    A folder has one file of approvals for all its constitutions, so each says of which it is, by its name, and where
    several have that name by its `file` too, from the folder of the approvals.
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
    file: str = ""


class Place(Struct, frozen=True):
    """Where a constitution lies, from the folder of the approvals; empty for a Bundle, which may lie anywhere.

    `was` is where it lay in the old version, if that is a revision: an approval of a file that was moved still counts.
    `others` are the files of further constitutions whose approvals are kept in the same place, each with its name.
    `apart` says that the approvals lie in another folder, where anything may be kept: then each names its file.
    """

    file: str = ""
    was: str = ""
    others: tuple[tuple[str, str], ...] = ()
    apart: bool = False

    def has(self, file: str) -> bool:
        """Whether an approval that names this file, or none, is of the constitution that lies here."""
        moved = file == self.was and all(file != other for other, _ in self.others)
        return file in {"", self.file} or moved

    def called(self, name: str) -> list[str]:
        """The files of the others that have a name."""
        return list(dict.fromkeys(file for file, other in self.others if other == name))


class _File(Struct, forbid_unknown_fields=True):
    approved: tuple[Approval, ...] = ()


class Review(Struct, frozen=True):
    """A difference beside its approvals. `unused` are of changes that are not there, or are others by now."""

    difference: Difference
    approved: Mapping[str, Approval]
    """By fingerprint of the change."""
    unused: tuple[Approval, ...] = ()
    place: Place = Place()

    def is_of(self, approval: Approval, change: Change) -> bool:
        """Whether an approval is of this change."""
        same = (approval.change, approval.fingerprint) == (change.id, change.fingerprint)
        return same and _is_of(approval, self.difference) and self.place.has(approval.file)

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


def review(difference: Difference, approvals: Iterable[Approval], place: Place | None = None) -> Review:
    """Put approvals beside the changes. Those of others, or of other versions than the old one, say nothing.

    Raises:
        ApprovalsError: one can be of several constitutions.
    """
    place = place or Place()
    given = [a for a in approvals if _is_of(a, difference)]
    for approval in given:
        others = place.called(approval.constitution)
        if others and not approval.file:
            both = [place.file, *others] if place.file else others
            raise ApprovalsError(
                f"the approval of {approval.change} is of {approval.constitution}, and {' and '.join(both)} are called "
                f'that, here or in the old version: write into it which one is meant, such as `file = "{both[0]}"`'
            )
    by_key = {(a.change, a.fingerprint): a for a in given if place.has(a.file)}
    approved = {}
    for change in difference.changes:
        found = by_key.get((change.id, change.fingerprint))
        if found is not None and change.approvable:
            approved[change.fingerprint] = found
    elsewhere = {file for file, _ in place.others}
    used = [a for a in given if a.fingerprint in approved and place.has(a.file)]
    unused = tuple(a for a in given if a not in used and a.file not in elsewhere)
    return Review(difference, approved, unused, place)


def _is_of(approval: Approval, difference: Difference) -> bool:
    """Whether it names this constitution and the version that was changed."""
    names = {difference.old.name, difference.new.name}
    return approval.constitution in names and approval.since == difference.old.version


def entry(text: str, review: Review, change: Change, *, reason: str, by: str, date: str) -> str:
    """The file's text with one approval more; what stands there stays as it is."""
    difference, place = review.difference, review.place
    values = {
        "constitution": difference.new.name, "change": change.id, "fingerprint": change.fingerprint,
        "grade": change.grade.value, "says": change.says, "reason": reason, "since": difference.old.version,
        "by": by, "date": date,
    }  # fmt: skip
    if place.file and (place.apart or place.called(difference.new.name)):
        values["file"] = place.file
    lines = [f"{key} = {_quoted(value)}" for key, value in values.items()]
    start = text if text.strip() else _HEAD
    return start.rstrip("\n") + "\n\n[[approved]]\n" + "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A basic string of TOML: those of JSON are ones, but for the character DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
