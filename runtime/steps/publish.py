"""Data sets written out beside the ledger, from its rows alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import msgspec

from runtime.datasets.rows import write_rows
from runtime.records import Comparison, Label, PreferenceRow, SftRow
from runtime.session import Session

__all__ = ["publish_preferences", "publish_review", "publish_sft"]


def publish_sft(session: Session, rows: Sequence[SftRow]) -> None:
    """`data/sft.parquet` and `data/sft.jsonl`."""
    for ending in ("parquet", "jsonl"):
        write_rows(session.folder / "data" / f"sft.{ending}", rows, SftRow)


def publish_preferences(session: Session, rows: Sequence[PreferenceRow]) -> None:
    """`data/preference.parquet` and `data/preference.jsonl`."""
    for ending in ("parquet", "jsonl"):
        write_rows(session.folder / "data" / f"preference.{ending}", rows, PreferenceRow)


def publish_review(session: Session, pairs: Iterable[tuple[Comparison, Label]]) -> None:
    """`data/review.jsonl`: pairs that a rule keeps from being labelled, with their votes, for people to decide."""
    lines = [msgspec.json.encode({"comparison": c, "label": x}) + b"\n" for c, x in pairs]
    path = session.folder / "data" / "review.jsonl"
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(b"".join(lines))
    unfinished.replace(path)
    if lines:
        session.say(f"{len(lines)} pairs are for people to decide: {path}")
