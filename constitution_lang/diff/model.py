"""What differs between two versions of a constitution, as values. `compare` finds it, `render` shows it.

What is counted of cases, shares and draws is in `counts`.
"""

from __future__ import annotations

from enum import Enum, StrEnum
from functools import total_ordering
from hashlib import sha256

from msgspec import Struct

from constitution_lang.diff.counts import CasePairs, Cases, Movement, ShareMove
from constitution_lang.ir.codec import canonical
from constitution_lang.ir.model import Origin, PromptKind

__all__ = [
    "Aspect",
    "Change",
    "Difference",
    "Grade",
    "Growth",
    "Mark",
    "PromptText",
    "Segment",
    "Stale",
    "Subject",
    "SubjectKind",
    "Version",
    "VersionVerdict",
    "Work",
    "change",
]  # fmt: skip

FINGERPRINT = 12
"""Hexadecimal digits of a fingerprint: the first ones of a SHA-256."""


@total_ordering
class Grade(Enum):
    """How much a change asks for, from the least to the most."""

    COSMETIC = "cosmetic"
    METADATA = "metadata"
    MIX = "mix"
    WORDING = "wording"
    BEHAVIOUR = "behaviour"
    IDENTITY = "identity"

    @property
    def rank(self) -> int:
        """From 0 for the least."""
        return tuple(Grade).index(self)

    def __lt__(self, other: Grade) -> bool:
        return self.rank < other.rank


class SubjectKind(StrEnum):
    """What a change is about. The value is the word that a constitution uses."""

    CONSTITUTION = "constitution"
    ATTRIBUTE = "attribute"
    CATEGORY = "category"
    PRINCIPLE = "principle"
    TENSION = "tension"
    RULE = "rule"
    SAMPLING = "sampling"
    EXEMPLAR = "example"
    TEMPLATE = "template"
    RETIRED = "retired"
    TEST = "test"


class Subject(Struct, frozen=True):
    """`id` is that of the new version, or of the old one where the new one has none; a stage's name for sampling."""

    kind: SubjectKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Aspect(StrEnum):
    """Which side of its subject a change is about. With the subject it names a change for people."""

    TEXT = "text"
    """Layout, comments, what tests say: nothing that a run sees."""
    METADATA = "metadata"
    REWRITTEN = "rewritten"
    """Written another way, and the same in every case."""
    BOUNDS = "bounds"
    """Declared shares, which are promises that the compiler checks."""
    RENAMED = "renamed"
    WEIGHT = "weight"
    SAMPLING = "sampling"
    """Rounds and draws."""
    WORDING = "wording"
    APPLIES = "applies"
    OUTCOME = "outcome"
    VALUES = "values"
    DEFAULT = "default"
    EVIDENCE = "evidence"
    """How votes become a label: orders, decided, reasoning, clamp."""
    ADDED = "added"
    RETIRED = "retired"
    REMOVED = "removed"
    REUSED = "reused"
    MOVED = "moved"
    REKEYED = "rekeyed"
    """The id that its draws are keyed by is another one."""


class Mark(StrEnum):
    """Where the words of a text stand: in both versions, in the old one or in the new one."""

    SAME = "same"
    OLD = "old"
    NEW = "new"


class Segment(Struct, frozen=True):
    """A run of words. All that are not new make the old text, all that are not old the new one."""

    mark: Mark
    text: str


class PromptText(Struct, frozen=True):
    """One difference of text, and all prompts that have it, of whatever kind and variant.

    `old` and `new` are prompt ids in the two versions, side by side. `segments` are of the passage that differs, and
    empty where only options or roles do, which `note` then says. Of a test `note` is the field.
    """

    kinds: tuple[PromptKind, ...]
    old: tuple[str, ...]
    new: tuple[str, ...]
    segments: tuple[Segment, ...]
    note: str = ""


class Work(StrEnum):
    """What a run makes, and would make anew."""

    TAGS = "tags"
    DRAWS = "draws"
    CRITIQUES = "critiques"
    REVISIONS = "revisions"
    VOTES = "votes"
    LABELS = "labels"
    MEASURES = "measures"
    """What an evaluation counts. No training sees it."""


class Stale(Struct, frozen=True):
    """Work that the change makes stale, and by which it is found.

    What is told of draws covers what follows from those that move. `principles` are ids of the new version, all where
    empty, as always with draws and tags; `attributes` those whose tags are asked anew. `prompts`
    are ids of new prompts whose text is not that of before. `cases`: only prompts of such cases, where a number is
    given. `share`: of the draws, where only some move (closed form, default case). `says` is the whole in words.
    """

    work: Work
    says: str
    principles: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    cases: int | None = None
    share: float | None = None


class Change(Struct, frozen=True):
    """One change. `says` is one terse sentence without a final full stop; `help` what to write instead, for a mistake.

    `old` and `new` are its places; None where that version has no such place. `before` and `after` are the two values
    as a person would write them. `fingerprint` is over subject, aspect, grade and these two, and nothing else: the same
    edit has it wherever it stands, and another edit has another one.
    """

    grade: Grade
    subject: Subject
    aspect: Aspect
    says: str
    old: Origin | None
    new: Origin | None
    before: str
    after: str
    fingerprint: str
    help: str = ""
    cases: Cases | None = None
    shares: tuple[ShareMove, ...] = ()
    prompts: tuple[PromptText, ...] = ()
    stale: tuple[Stale, ...] = ()

    @property
    def approvable(self) -> bool:
        """Whether it can be meant. For a lost id there is always something to write; not for a whole constitution."""
        return self.grade is not Grade.IDENTITY or self.subject.kind is SubjectKind.CONSTITUTION

    @property
    def id(self) -> str:
        """What people name it by: `principle harm.weapons applies` is `principle/harm.weapons/applies`."""
        return f"{self.subject.kind}/{self.subject.id}/{self.aspect}"


class Version(Struct, frozen=True):
    """One side. `label` is how the reader named it: a path, or a revision and a path.

    `folder` is what the files of its places are relative to, empty for the working directory, and `revision` the
    revision that they are of, empty for files on the disk. `version` is empty where this side has no such constitution.
    """

    name: str
    version: str
    meaning_hash: str
    metadata_hash: str
    label: str = ""
    folder: str = ""
    revision: str = ""

    @property
    def there(self) -> bool:
        """Whether it is a version at all: a constitution that is new or gone has one side only."""
        return bool(self.version)

    def place(self, origin: Origin) -> str:
        """Where something stands, as a person would look it up: `main:constitutions/house.const:17`."""
        revision = f"{self.revision}:" if self.revision else ""
        return f"{revision}{self.path(origin)}:{origin.line}"

    def path(self, origin: Origin) -> str:
        """The file of a place, without its revision. What the library holds has no folder."""
        inside = not self.folder or origin.file.startswith("<")
        return origin.file if inside else f"{self.folder}/{origin.file}"


class Growth(StrEnum):
    """By which part a version number has to grow."""

    NONE = "none"
    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"


class VersionVerdict(Struct, frozen=True):
    """Whether the version number grew with the changes. `least` is the lowest number that would be right."""

    needed: Growth
    least: str
    holds: bool
    says: str
    help: str = ""


class Difference(Struct, frozen=True):
    """All changes from one version to another, the highest grade first, then by subject.

    `cases` is about all of them together: the cases in which what applies, or what a tension decides, is not what it
    was; None where no case can change. `shares` are those that move in the default case. `renamed` are pairs of old and
    new ids of principles and categories that are the same thing in both versions under another name. `defaults` is the
    case in which every attribute of either version has its default.
    """

    old: Version
    new: Version
    changes: tuple[Change, ...]
    verdict: VersionVerdict
    movement: tuple[Movement, ...] = ()
    shares: tuple[ShareMove, ...] = ()
    cases: Cases | None = None
    renamed: tuple[tuple[str, str], ...] = ()
    defaults: CasePairs = ()

    @property
    def grade(self) -> Grade | None:
        """The highest grade; None where nothing changed."""
        return max((change.grade for change in self.changes), default=None)


def change(
    grade: Grade,
    subject: Subject,
    aspect: Aspect,
    says: str,
    places: tuple[Origin | None, Origin | None],
    *,
    values: tuple[str, str] = ("", ""),
    help: str = "",
    cases: Cases | None = None,
    shares: tuple[ShareMove, ...] = (),
    prompts: tuple[PromptText, ...] = (),
    stale: tuple[Stale, ...] = (),
) -> Change:
    """A change with its fingerprint. `places` and `values` are those of the old and the new version."""
    parts = (grade.value, subject.kind.value, subject.id, aspect.value, *values)
    digest = sha256(b"constitution change 1\n" + canonical(parts)).hexdigest()[:FINGERPRINT]
    return Change(
        grade, subject, aspect, says, *places, *values, digest,
        help=help, cases=cases, shares=shares, prompts=prompts, stale=stale,
    )  # fmt: skip
