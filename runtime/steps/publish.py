"""Data sets written out beside the ledger, from its rows alone, each with its card and its constitution."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import TypeVar

import msgspec

from constitution_lang.diagnostics.numbers import number_of
from constitution_lang.ir.codec import dumps
from runtime.datasets.cards import BUNDLE_ENDING, DataCard, write_data_card
from runtime.datasets.rows import write_lines, write_ordered, write_whole
from runtime.ledger.runs import StepId
from runtime.records import Comparison, Label, PreferenceRow, SftRow
from runtime.session import Session

__all__ = ["publish_preferences", "publish_review", "publish_sft", "review_bytes", "schema_metadata"]

R = TypeVar("R", SftRow, PreferenceRow)


def publish_sft(session: Session, step: StepId) -> None:
    """`data/sft.parquet` and `data/sft.jsonl`, with `data/sft.card.json` and `data/sft.bundle.json`."""
    _publish(session, "sft", SftRow, step)


def publish_preferences(session: Session, step: StepId) -> None:
    """`data/preference.parquet` and `data/preference.jsonl`, with card and compiled constitution."""
    _publish(session, "preference", PreferenceRow, step)


def publish_review(session: Session, pairs: Iterable[tuple[Comparison, Label]]) -> None:
    """`data/review.jsonl`: pairs that a rule keeps from being labelled, with their votes, for people to decide."""
    path = session.folder / "data" / "review.jsonl"
    count = write_lines(path, map(_review_line, pairs))
    if count:
        session.say(f"{number_of(count, 'pairs')} {'is' if count == 1 else 'are'} for people to decide: {path}")


def review_bytes(pairs: Iterable[tuple[Comparison, Label]]) -> bytes:
    """The bytes of `review.jsonl`."""
    return b"".join(map(_review_line, pairs))


def _review_line(pair: tuple[Comparison, Label]) -> bytes:
    comparison, label = pair
    return msgspec.json.encode({"comparison": comparison, "label": label}) + b"\n"


def schema_metadata(meaning_hash: str) -> dict[str, str]:
    """What the schema of a published Parquet file says: the meaning and nothing that leaves the rows alone."""
    return {"constitution.meaning_hash": meaning_hash}


def _publish(session: Session, name: str, kind: type[R], step: StepId) -> None:
    """The rows of a step. The card comes last, so that a card never speaks of files that are not there yet."""
    folder = session.folder / "data"
    metadata = schema_metadata(session.constitution)
    written = [
        write_ordered(folder / f"{name}.{end}", session.ledger.each_by_id(session.run, kind, step), kind, metadata)
        for end in ("parquet", "jsonl")
    ]
    files = {file.path.name: file.sha256 for file in written}
    # Beside each data set, not one for all: of two sets in a folder, one may be of an earlier run.
    bundle = dumps(session.bundle)
    write_whole(folder / (name + BUNDLE_ENDING), bundle)
    files[name + BUNDLE_ENDING] = sha256(bundle).hexdigest()
    manifest = next(run for run in session.ledger.runs() if run.id == session.run)
    card = DataCard(
        name=name,
        provenance=session.provenance,
        models=manifest.models,
        rows=written[0].rows,
        content=written[0].content,
        files=files,
    )
    write_data_card(folder, card)
