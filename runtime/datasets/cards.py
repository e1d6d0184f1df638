"""The card of a published data set: what it was made under, and hashes by which anybody can check it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from runtime.datasets.errors import DataError
from runtime.datasets.rows import write_whole
from runtime.records import Provenance

__all__ = ["BUNDLE_ENDING", "CARD_ENDING", "DataCard", "card_of", "read_data_card", "write_data_card"]

CARD_ENDING = ".card.json"
BUNDLE_ENDING = ".bundle.json"


class DataCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the files `NAME.*` of a data set are.

    `models` are pairs of a role and a model's identity. `content` is the hash of the rows, the same in every format;
    `files` are the SHA-256 of each file's bytes, by name, the compiled constitution's among them.
    """

    name: str
    provenance: Provenance
    models: tuple[tuple[str, str], ...]
    rows: int
    content: str
    files: dict[str, str]


def card_of(path: Path) -> Path:
    """Where the card of a data file stands: that of `data/sft.jsonl` is `data/sft.card.json`."""
    return path.with_name(path.name.split(".")[0] + CARD_ENDING)


def write_data_card(folder: Path, card: DataCard) -> Path:
    """Write the card beside the files that it is about, whole or not at all."""
    path = folder / (card.name + CARD_ENDING)
    write_whole(path, msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n")
    return path


def read_data_card(path: Path) -> DataCard:
    """The card in a file.

    Raises:
        DataError: there is none, or it is not one.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=DataCard)
    except (OSError, msgspec.DecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"not a card of a data set: {reason}", str(path), "Run `cai-run run` again: it publishes the data anew."
        ) from error
