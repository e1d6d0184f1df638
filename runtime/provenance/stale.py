"""What part of what a checkpoint was trained on would come out differently under another constitution."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from constitution_lang.diff.compare import diff
from constitution_lang.ir.model import Bundle
from runtime.datasets.errors import DataError
from runtime.ledger.faults import LedgerError
from runtime.ledger.runs import RunManifest
from runtime.ledger.store import Ledger
from runtime.progress import Progress
from runtime.provenance.effects import cases_moved, count, draws_moved, principles_stale, reasons
from runtime.provenance.history import History, keys_of, read_history
from runtime.provenance.kept import KeptAnswers
from runtime.provenance.rederive import rederive, rows_total
from runtime.provenance.redone import Fate, Redone, RowFate, redo
from runtime.provenance.replay import Replay, workers_of
from runtime.provenance.staleness import Counts, Stale, TrainedOn, VersionOf, Why
from runtime.records import LabelSource, TrainedKind
from runtime.training.cards import CARD_FILE, Card, read_card

__all__ = ["find_stale", "history_of_checkpoint", "redone_under"]


def find_stale(checkpoint: Path, card: Card, history: History, redone: Redone, notes: Iterable[str] = ()) -> Stale:
    """Count what becomes of every row behind a checkpoint."""
    old, new = history.bundle, redone.bundle
    difference = diff(old, new)
    if redone.refused:
        notes = (*notes, f"a run refuses these data before it asks anything: {redone.refused}")
    data = tuple(_chain(card.kind, history, redone))
    fates = _relevant(card.kind, history, redone)
    return Stale(
        checkpoint=str(checkpoint),
        kind=card.kind,
        run=history.run,
        before=_version(old),
        after=_version(new),
        trained_on=data,
        draws=tuple(draws_moved(history, redone)),
        principles=tuple(principles_stale(history, redone, fates)),
        cases=tuple(cases_moved(history, redone)),
        why=tuple(Why(change.grade.value, change.says) for change in difference.changes),
        notes=tuple(notes),
    )


def history_of_checkpoint(ledger: Ledger, folder: Path) -> tuple[Card, History]:
    """A checkpoint's card and the run that trained it.

    Raises:
        DataError: the folder has no card, or its run is not in this ledger.
    """
    try:
        card = read_card(folder)
    except (OSError, msgspec.DecodeError) as error:
        reason = error.strerror or error if isinstance(error, OSError) else error
        raise DataError(
            f"no checkpoint with a card that can be read: {str(reason).lower()}", str(folder / CARD_FILE),
            "Name the folder of a checkpoint, as checkpoints/sl-cai-… in a run's folder.",
        ) from error  # fmt: skip
    run = next((r for r in ledger.runs() if r.id == card.provenance.run), None)
    if run is None:
        raise DataError(
            f"the run {card.provenance.run} that trained it is not in the ledger {ledger.path}", str(folder),
            "Name the folder of the run that trained it with --run.",
        )  # fmt: skip
    return card, read_history(ledger, run)


def redone_under(history: History, bundle: Bundle, progress: Progress) -> tuple[Redone, tuple[str, ...]]:
    """The history's run under another constitution, by all answers that its ledger keeps; and what to note of it."""
    notes = []
    answers, links = KeptAnswers(history.ledger), dict[str, str | None]()
    misfits = _link(history, answers, links, progress)
    if misfits:
        notes.append(f"rows that do not fit the run's constitution: {misfits:,}; see cai-run verify")
    for run in history.ledger.runs():
        if run.id != history.run:
            try:
                _link_new(history, run, answers, links, progress)
            except LedgerError as error:
                notes.append(f"{error}; what only it asked counts as unknown")
    replay = Replay(history.config, bundle, workers_of(history, answers, links))
    task = progress.start("redo under the other constitution", len(history.train) + len(history.pairs), "prompts")
    try:
        return redo(history, replay, task), tuple(notes)
    finally:
        task.close()


def _link_new(
    history: History, run: RunManifest, answers: KeptAnswers, links: dict[str, str | None], progress: Progress
) -> None:
    """Another run's answers, where it has any that are not known yet."""
    other = read_history(history.ledger, run)
    if set(keys_of(other)) - set(links.values()):
        _link(other, answers, links, progress)


def _link(history: History, answers: KeptAnswers, links: dict[str, str | None], progress: Progress) -> int:
    """Note for every question of a run which kept answer it had. How many rows do not fit is the result."""
    answers.load(keys_of(history))
    replay = Replay(history.config, history.bundle, workers_of(history, answers, links))
    task = progress.start(f"read run {history.run[:12]}", rows_total(history), "rows")
    try:
        return sum(1 for _ in rederive(history, replay, task))
    finally:
        task.close()


# --- what it was trained on ---------------------------------------------------------------------


def _chain(kind: TrainedKind, history: History, redone: Redone) -> Iterator[TrainedOn]:
    """The data sets behind a checkpoint, its own first."""
    stands = history.config.pair.policy is not None
    if kind is TrainedKind.SL_CAI:
        yield _sft(redone, "itself")
        return
    if kind is TrainedKind.PREFERENCE_MODEL:
        yield _preferences(redone, "itself")
        if not stands:
            yield _sft(redone, "the SL-CAI policy, whose answers were compared")
        return
    if kind is TrainedKind.DPO:
        yield _preferences(redone, "itself")
    else:
        yield TrainedOn(name="prompts", through="itself", rows=Counts(same=len(history.train)))
        yield _preferences(redone, "the preference model, which rewarded it")
    yield _sft(redone, "the SL-CAI policy, which it began as")


def _sft(redone: Redone, through: str) -> TrainedOn:
    return TrainedOn(name="sft", through=through, rows=count(redone.sft), reasons=reasons(redone.sft))


def _preferences(redone: Redone, through: str) -> TrainedOn:
    rows = redone.preferences
    if redone.pairs_stand:
        return TrainedOn(name="preference", through=through, rows=count(rows), reasons=reasons(rows))
    actual = _without_pairs(rows)
    return TrainedOn(
        name="preference",
        through=through,
        rows=count(actual),
        reasons=reasons(actual),
        pairs_stand=False,
        if_pairs_stood=count(rows),
    )


def _without_pairs(rows: Sequence[RowFate]) -> list[RowFate]:
    """What can be said where the pairs are others: only pairs that people labelled stay."""
    why = "the policy that gives the answers would be another one"
    return [
        row
        if row.before is not None and row.before.source is LabelSource.HUMAN
        else RowFate(Fate.UNKNOWN, row.before, None, why)
        for row in rows
        if row.before is not None
    ]


def _relevant(kind: TrainedKind, history: History, redone: Redone) -> list[RowFate]:
    """The rows behind a checkpoint, those of what came before it too."""
    rows: list[RowFate] = []
    if kind is not TrainedKind.PREFERENCE_MODEL or history.config.pair.policy is None:
        rows += redone.sft
    if kind is not TrainedKind.SL_CAI:
        rows += redone.preferences if redone.pairs_stand else _without_pairs(redone.preferences)
    return rows


def _version(bundle: Bundle) -> VersionOf:
    return VersionOf(bundle.name, bundle.version, bundle.meaning_hash)
