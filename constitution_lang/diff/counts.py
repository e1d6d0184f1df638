"""What a change does to cases, shares and draws: counted, as values.

Shares and probabilities are fractions in [0, 1]. A case is its attributes and values as pairs, sorted by attribute.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from constitution_lang.ir.model import Stage

__all__ = ["CaseChange", "CasePairs", "Cases", "Direction", "Moved", "Movement", "ShareMove"]

CasePairs: TypeAlias = tuple[tuple[str, str], ...]
"""A whole case: attribute and value, sorted by attribute."""


class Direction(StrEnum):
    """Whether more binds. docs/diff.md defines it without a guess of which category means safety.

    Stricter: in some case a principle binds, or a pair is kept without a label, that did not before, and in no case
    the reverse. Looser is the mirror image, mixed is both. Shifted: one side of a tension gains on the other, and
    nothing gets stricter or looser. None: no case changes.
    """

    STRICTER = "stricter"
    LOOSER = "looser"
    MIXED = "mixed"
    SHIFTED = "shifted"
    NONE = "none"


class CaseChange(Struct, frozen=True):
    """Cases that change in one direction: `count` of them, exactly, and one of them.

    `says` is what happens there, as in "newly applies" or "harm now comes before autonomy". `direction` is stricter,
    looser or shifted. `before` and `after` are the outcomes of the two versions in the witness, in words.
    """

    says: str
    direction: Direction
    count: int | None
    witness: CasePairs
    before: str
    after: str


class Cases(Struct, frozen=True):
    """The cases that a change is about.

    `total` is the number of cases that are compared: the product over the attributes of either version of those
    values that both versions know (all values, where one version lacks the attribute). `shared` is false where this
    leaves something out, and `left_out` says what. `changes` are disjoint, and their counts add up to `changed`. A
    count is None where the rules are too entangled for an exact one to be kept (analysis.diagram.NODES_MAX).
    """

    changed: int | None
    total: int
    direction: Direction
    changes: tuple[CaseChange, ...]
    left_out: str = ""

    @property
    def shared(self) -> bool:
        """Whether every case of either version is a case of both."""
        return not self.left_out


class ShareMove(Struct, frozen=True):
    """Share of a first draw before and after, in one case. `target` is a principle or a category, by its new id."""

    stage: Stage
    target: str
    before: float
    after: float
    case: CasePairs


class Moved(Struct, frozen=True):
    """The share of draws of one stage that two versions do not have in common in one case.

    In closed form: where one principle is drawn, `sampling.movement.moved`; where all that apply are drawn, the share
    of them that only one version draws. Where some of them are drawn, it is that of first draws, and `first` is true.
    """

    share: float
    case: CasePairs
    first: bool


class Movement(Struct, frozen=True):
    """The draws of one stage that move: in the default case, and where the least and the most of them do.

    `default` is None where one version does not know that case. The least and the greatest are over all compared
    cases where `exact`, else over the `looked_at` ones that were looked at. Where `exact`, these stand for all: one
    for each way in which conditions come together.
    """

    stage: Stage
    default: Moved | None
    least: Moved
    greatest: Moved
    exact: bool
    looked_at: int
