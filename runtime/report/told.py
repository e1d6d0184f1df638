"""What `explain` found out, before anybody lays it out as text or JSON."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from constitution_lang.ir.model import Origin, Principle, Stage
from runtime.records import Record, TrainedKind
from runtime.report.data import PrincipleVotes, Story

__all__ = ["ExplainError", "PlaceOf", "PrincipleTold", "RowTold", "StageDraws", "Told", "Trained"]


class ExplainError(Exception):
    """Nothing of that name; `remedy` says what can be asked for."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class PlaceOf(Struct, frozen=True):
    """A principle's title and where it stands."""

    title: str
    origin: Origin


class Trained(Struct, frozen=True):
    """A checkpoint that learnt from a row. `through` is the preference model, where it did so by its rewards."""

    kind: TrainedKind
    path: str
    weights: str
    data: tuple[str, ...]
    verified: bool
    """Whether the checkpoint's own hash of its data covers the row."""
    through: TrainedKind | None = None


class RowTold(Struct, frozen=True):
    """A row and what it came from. `story` holds only what led to the row."""

    run: str
    constitution: str
    kind: str
    row: Record
    story: Story
    principles: dict[str, PlaceOf]
    decided: float
    trained: tuple[Trained, ...]


class StageDraws(Struct, frozen=True):
    """How often a principle was drawn in one round of a stage, in any place and in the first."""

    stage: Stage
    round: int
    prompts: int
    """That drew at all in this round."""
    drawn: int
    first: int
    planned: float
    """Of first draws, averaged over the cases."""


class PrincipleTold(Struct, frozen=True):
    """What a principle decided."""

    run: str
    constitution: str
    principle: Principle
    draws: tuple[StageDraws, ...]
    revisions: dict[str, int]
    labels: int
    """With a vote of it and a probability."""
    probability_mean: float | None
    """That A is better, by its votes."""
    certainty_mean: float | None
    """Of the response that its votes favour."""
    votes: PrincipleVotes | None
    left_out_by: dict[str, int]
    examples: tuple[tuple[str, str], ...]
    """Kind and id of rows."""


Told: TypeAlias = RowTold | PrincipleTold
