"""A checkpoint's card: what it is, and all that it was made from. Reading one loads no training library."""

from __future__ import annotations

from pathlib import Path

import msgspec

from runtime.records import Provenance, TrainedKind

__all__ = ["CARD_FILE", "Card", "CardTruncation", "StandsFor", "card_bytes", "read_card", "with_standing"]

CARD_FILE = "card.json"


class CardTruncation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was cut to fit. `prompts` and `answers` are ids of the rows."""

    rule: str
    rows: int
    prompts: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()


class StandsFor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A later run whose rows say the same, so that it took the checkpoint over: `data` is the hash of its rows' ids."""

    provenance: Provenance
    data: str
    rows: int


class Card(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a checkpoint is and what it was made from.

    `base` and `preference_model` are model identities; `weights` is this model's own; `files` are the SHA-256
    of its weight files. `data` are hashes of the training rows, `seed` is the training's own. `provenance` and `data`
    are of the run that trained it; `stands_for` are the later runs that took it over. A rehearsed checkpoint has no
    weights: its identity only follows from what it would have been trained on.
    """

    kind: TrainedKind
    provenance: Provenance
    data: tuple[str, ...]
    rows: int
    steps: int
    seed: int
    settings: dict[str, object]
    base: str
    weights: str
    files: dict[str, str] = {}
    libraries: dict[str, str] = {}
    truncation: CardTruncation | None = None
    preference_model: str | None = None
    final: dict[str, float] = {}
    """Metrics of the last step."""
    rehearsed: bool = False
    stands_for: tuple[StandsFor, ...] = ()


def with_standing(card: Card, entry: StandsFor) -> Card:
    """The card of a checkpoint that a run took over; what was said of the same run before is replaced."""
    others = tuple(e for e in card.stands_for if e.provenance.run != entry.provenance.run)
    return msgspec.structs.replace(card, stands_for=(*others, entry))


def card_bytes(card: Card) -> bytes:
    """The card as its file holds it."""
    return msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n"


def read_card(folder: Path) -> Card:
    """The card of the checkpoint in `folder`.

    Raises:
        OSError: there is none.
        msgspec.DecodeError: it is not a card.
    """
    return msgspec.json.decode((folder / CARD_FILE).read_bytes(), type=Card)
