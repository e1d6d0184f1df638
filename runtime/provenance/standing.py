"""Which rows a checkpoint stands for: those that it was trained on, and those of later runs that took it over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from runtime.identity import data_hash
from runtime.ledger.runs import RunManifest, Step, StepId
from runtime.ledger.store import Ledger
from runtime.provenance.history import History
from runtime.provenance.misfits import Misfit, difference, shown
from runtime.provenance.under import made_under
from runtime.records import Checkpoint, PreferenceRow, PromptRecord, Response, SftRow
from runtime.training.cards import Card, StandsFor
from runtime.training.seen import seen_pairs, seen_prompts, seen_texts

__all__ = ["card_misfit", "rows_of", "standing_misfits"]

Rows = Sequence[SftRow] | Sequence[PreferenceRow] | Sequence[PromptRecord]


def rows_of(ledger: Ledger, run: str, step: Step) -> Rows:
    """What a step of a run trains on, in its order."""
    if step is Step.SFT:
        return ledger.read(run, SftRow, Step.SFT)
    if step is not Step.POLICY:
        return ledger.read(run, PreferenceRow, Step.LABEL)
    prompts = {p.id: p for p in ledger.read(run, PromptRecord, Step.DATA)}
    answered = ledger.read(run, Response, StepId(Step.RESPOND))
    return [prompts[r.prompt] for r in answered if r.prompt in prompts]


def standing_misfits(history: History, step: Step, record: Checkpoint, card: Card, path: Path) -> Iterator[Misfit]:
    """The rows that the card and the record name against those of their runs.

    A checkpoint that was taken over was trained on other rows by id. They have to say the same to a training.
    """
    ledger = history.ledger
    runs = {run.id: run for run in ledger.runs()}
    now = rows_of(ledger, history.run, step)
    mine = data_hash([row.id for row in now])
    if card.rows != len(now):
        yield card_misfit(path, "rows", str(card.rows), str(len(now)))
    trained = card.data == (mine,)
    should = card.data if trained else (*card.data, mine)
    if record.data[:1] == card.data and record.data != should:
        yield card_misfit(
            ledger.path, "Checkpoint data", shown(record.data), f"{shown(should)}, the hashes of its rows"
        )
    if card.provenance.run not in runs:
        return  # named with what it was made under
    if card.provenance.run == history.run:
        if not trained:
            yield card_misfit(path, "data", ", ".join(card.data), f"{mine}, the hash of its rows")
        return
    if not trained:
        yield from _taken_over(history, step, card, path, now)
    for entry in card.stands_for:
        run = runs.get(entry.provenance.run)
        yield from _entry(history, step, entry, run, path)


def _taken_over(history: History, step: Step, card: Card, path: Path, now: Rows) -> Iterator[Misfit]:
    then = rows_of(history.ledger, card.provenance.run, step)
    should = data_hash([row.id for row in then])
    if card.data != (should,):
        yield card_misfit(
            path, "data", ", ".join(card.data), f"{should}, the hash of the rows of {card.provenance.run}"
        )
    elif _seen(step, then) != _seen(step, now):
        says = f"trained on other texts in run {card.provenance.run}"
        yield card_misfit(path, "data", says, f"the texts of the rows of run {history.run}")
    if all(entry.provenance.run != history.run for entry in card.stands_for):
        mine = data_hash([row.id for row in now])
        yield card_misfit(path, "stands_for", f"nothing of run {history.run}", f"{mine}, the hash of its rows")


def _entry(history: History, step: Step, entry: StandsFor, run: RunManifest | None, path: Path) -> Iterator[Misfit]:
    if run is None:
        yield card_misfit(path, "stands_for", entry.provenance.run, f"a run of the ledger, as {history.run}")
        return
    ids = [row.id for row in rows_of(history.ledger, run.id, step)]
    found = made_under(history.ledger, run).other(entry.provenance, history.seed)
    if found is not None:
        found = replace(found, field=f"provenance.{found.field}")
    else:
        should = StandsFor(provenance=entry.provenance, data=data_hash(ids), rows=len(ids))
        found = difference(entry, should, exact=True)
    if found is not None:
        yield card_misfit(path, f"stands_for {run.id[:12]}: {found.field}", found.says, found.should)


def _seen(step: Step, rows: Rows) -> str:
    """What training sees of the rows."""
    texts = [row for row in rows if isinstance(row, SftRow)]
    pairs = [row for row in rows if isinstance(row, PreferenceRow)]
    if step is Step.SFT:
        return seen_texts(texts)
    return (
        seen_prompts([row for row in rows if isinstance(row, PromptRecord)])
        if step is Step.POLICY
        else seen_pairs(pairs)
    )


def card_misfit(file: Path, field: str, says: str, should: str) -> Misfit:
    """What does not fit about a checkpoint."""
    return Misfit(file=str(file), row=0, kind="checkpoint", id="", field=field, says=shown(says), should=shown(should))
