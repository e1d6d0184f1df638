"""What is stale about a checkpoint, as values."""

from __future__ import annotations

from msgspec import Struct

from constitution_lang.ir.model import Stage
from runtime.records import TrainedKind

__all__ = ["CaseMoved", "Counts", "Moved", "PrincipleStale", "Reason", "Stale", "TrainedOn", "VersionOf", "Why"]


class VersionOf(Struct, frozen=True):
    """A version of a constitution."""

    name: str
    version: str
    meaning_hash: str


class Counts(Struct, frozen=True, kw_only=True):
    """Rows by what becomes of them; see `Fate`. `votes` are those that labels of unknown rows lack."""

    same: int = 0
    retraced: int = 0
    changed: int = 0
    gone: int = 0
    new: int = 0
    unknown: int = 0
    votes: int = 0

    @property
    def total(self) -> int:
        """All rows of either version."""
        return self.same + self.retraced + self.changed + self.gone + self.new + self.unknown

    @property
    def stale(self) -> bool:
        """Whether a training would see, or might see, something else."""
        return bool(self.changed or self.gone or self.new or self.unknown)


class Reason(Struct, frozen=True):
    """Why rows are not the same, and how many."""

    why: str
    rows: int


class TrainedOn(Struct, frozen=True, kw_only=True):
    """One data set behind a checkpoint. `through` is the checkpoint that was trained on it, with its part in this one.

    `pairs_stand` is false where the policy that answered the prompts would be another one: then no pair is known, and
    `if_pairs_stood` is what its labels alone would be.
    """

    name: str
    through: str
    rows: Counts
    reasons: tuple[Reason, ...] = ()
    pairs_stand: bool = True
    if_pairs_stood: Counts | None = None


class Moved(Struct, frozen=True):
    """Draws of one stage: how many there were, how many principles of them are not drawn any more."""

    stage: Stage
    draws: int
    moved: int
    unknown: int
    """Of prompts whose case is not known."""


class PrincipleStale(Struct, frozen=True, kw_only=True):
    """One principle: its draws before and after, prompts with other words, and the rows that it had a part in.

    `drawn_unknown` of the draws before are of prompts whose case is not known, and so neither is what is drawn there.
    """

    id: str
    drawn_before: int
    drawn_after: int
    drawn_unknown: int
    prompts: tuple[str, ...]
    rows: Counts


class CaseMoved(Struct, frozen=True):
    """Something that is decided otherwise, and for how many prompts of the data."""

    says: str
    prompts: int


class Why(Struct, frozen=True):
    """A change of the constitution, as `cai-compile diff` has it."""

    grade: str
    says: str


class Stale(Struct, frozen=True, kw_only=True):
    """The whole answer."""

    checkpoint: str
    kind: TrainedKind
    run: str
    before: VersionOf
    after: VersionOf
    trained_on: tuple[TrainedOn, ...]
    draws: tuple[Moved, ...]
    principles: tuple[PrincipleStale, ...]
    cases: tuple[CaseMoved, ...]
    why: tuple[Why, ...]
    notes: tuple[str, ...] = ()

    @property
    def stale(self) -> bool:
        """Whether some training behind the checkpoint would see, or might see, something else."""
        return any(data.rows.stale for data in self.trained_on)
