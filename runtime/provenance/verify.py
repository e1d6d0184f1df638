"""Everything that a run made and published, derived once more and compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from msgspec import Struct

from runtime.datasets.cards import CARD_ENDING, read_data_card
from runtime.datasets.errors import DataError
from runtime.ledger.faults import RowError
from runtime.ledger.runs import RunManifest, Step, StepId
from runtime.ledger.store import Ledger
from runtime.progress import Progress
from runtime.provenance.history import TRAININGS, History, read_history
from runtime.provenance.kept import KeptAnswers
from runtime.provenance.measured_checks import unmeasured
from runtime.provenance.misfits import Misfit
from runtime.provenance.models import checking_workers
from runtime.provenance.published import KINDS, data_sets, missing_sets, published_misfits, review_misfits
from runtime.provenance.rederive import rederive, rows_total
from runtime.provenance.replay import Replay
from runtime.provenance.step_checks import marked_by_another
from runtime.provenance.weights import checkpoint_misfits, weights_misfits
from runtime.records import Checkpoint, Label
from runtime.training.cards import CARD_FILE

__all__ = ["Target", "Verified", "find_target", "verify"]

LEDGER = "ledger.sqlite"
_ANSWERS_MAX = 1_000
"""Answers that are held at a time: those of a row are needed together, and those of the row before no more."""


class Verified(Struct, frozen=True, kw_only=True):
    """What was checked and what does not fit. `unchecked` says what could not be checked, and why."""

    misfits: tuple[Misfit, ...]
    runs: tuple[str, ...]
    rows: int
    data_sets: tuple[str, ...]
    checkpoints: tuple[str, ...]
    unchecked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """What is to be verified. Without a ledger, data and checkpoints are held against their cards alone."""

    ledger: Path | None
    data: tuple[tuple[Path, str], ...] = ()
    """Folder and name of each data set."""
    checkpoints: tuple[Path, ...] = ()
    whole: bool = False
    """Whether it is a run's folder, so that all that its ledger names has to be there."""


@dataclass
class _Account:
    rows: int = 0
    runs: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)


def find_target(path: Path) -> Target:
    """What a path stands for: a run's folder, a folder of data, a data file or a checkpoint.

    Raises:
        DataError: it is none of these.
    """
    if (path / LEDGER).is_file():
        data, folders = path / "data", sorted((path / "checkpoints").glob("*/" + CARD_FILE))
        sets = tuple((data, name) for name in data_sets(data))
        return Target(path / LEDGER, sets, tuple(p.parent for p in folders), whole=True)
    if (path / CARD_FILE).is_file():
        return Target(_beside(path.resolve().parent.parent), checkpoints=(path,))
    if path.is_dir() and data_sets(path):
        return Target(_beside(path.resolve().parent), tuple((path, name) for name in data_sets(path)))
    name = path.name.split(".")[0]
    if path.is_file() and name in KINDS:
        return Target(_beside(path.resolve().parent.parent), ((path.parent, name),))
    raise DataError(
        "nothing here can be verified", str(path),
        "Name a run's folder, a folder or file of its data (sft.jsonl, preference.parquet), or a checkpoint's folder.",
    )  # fmt: skip


def verify(targets: Sequence[Target], *, models: Sequence[Path], progress: Progress, first_only: bool) -> Verified:
    """Derive and compare. With `first_only` it ends at the first thing that does not fit."""
    account = _Account()
    distinct = dict.fromkeys(targets)
    found = (misfit for target in distinct for misfit in _readable(target, models, progress, account))
    misfits = tuple(islice(found, 1) if first_only else found)
    return Verified(
        misfits=misfits,
        runs=tuple(account.runs),
        rows=account.rows,
        data_sets=tuple(str(folder / name) for t in distinct for folder, name in t.data),
        checkpoints=tuple(str(folder) for t in distinct for folder in t.checkpoints),
        unchecked=tuple(dict.fromkeys(account.unchecked)),
    )


def _beside(folder: Path) -> Path | None:
    ledger = folder / LEDGER
    return ledger if ledger.is_file() else None


def _readable(target: Target, models: Sequence[Path], progress: Progress, account: _Account) -> Iterator[Misfit]:
    """The misfits of a target, of which a row that cannot be read at all is the last."""
    try:
        yield from _misfits(target, models, progress, account)
    except RowError as error:
        account.unchecked.append(f"what comes after the row that cannot be read, in {target.ledger}")
        yield Misfit(
            file=str(target.ledger), row=error.row, kind=error.kind, id=error.id, field="record",
            says=" ".join(error.fault.split()),
            should=f"a row of step {error.step} that can be read" if error.step else "a manifest that can be read",
        )  # fmt: skip


def _misfits(target: Target, models: Sequence[Path], progress: Progress, account: _Account) -> Iterator[Misfit]:
    if target.ledger is None:
        account.unchecked.append("rows: there is no ledger, so they are held against their card alone")
        for folder, name in target.data:
            yield from published_misfits(folder, name, None)
        for folder in target.checkpoints:
            yield from weights_misfits(folder)
        return
    with Ledger.open(target.ledger, read_only=True) as ledger:
        account.unchecked += _lost_names(ledger)
        latest = _latest_trained(ledger)
        by_set = {entry: _run_of(ledger, *entry, latest) for entry in target.data}
        trained = {folder: _trained_in(ledger, folder) for folder in target.checkpoints}
        runs = list(by_set.values())
        runs += [latest, *_latest_audit(ledger)] if target.whole else [found[0] for found in trained.values() if found]
        histories: dict[str, History] = {}
        for run in {r.id: r for r in runs}.values():
            histories[run.id] = history = read_history(ledger, run)
            yield from _ledger(history, models, progress, account)
        for (folder, name), run in by_set.items():
            yield from published_misfits(folder, name, histories[run.id])
        if target.whole:
            data = target.ledger.parent / "data"
            yield from missing_sets(data, histories[latest.id])
            yield from review_misfits(data, histories[by_set.get((data, "preference"), latest).id])
            yield from _lost(histories[latest.id], target.checkpoints)
        for folder, found in trained.items():
            yield from weights_misfits(folder)
            if found is None:
                account.unchecked.append(
                    f"{folder}: no run of the ledger trained it, so its card is held against nothing"
                )
                continue
            run, step = found
            if run.id not in histories:
                histories[run.id] = read_history(ledger, run)
                account.unchecked.append(
                    f"rows of the earlier run {run.id[:12]}: the cards of its checkpoints are held against them as "
                    f"they stand; cai-run verify {folder} derives them anew"
                )
            yield from checkpoint_misfits(histories[run.id], step, folder, models)


def _lost_names(ledger: Ledger) -> list[str]:
    """Of a ledger that was begun before it kept each constitution under which a run was begun."""
    if all(ledger.begun_under(run.id).whole for run in ledger.runs()):
        return []
    return ["name, version and bytes of constitutions on cards but a run's last: an older version wrote the ledger"]


def _latest_trained(ledger: Ledger) -> RunManifest:
    """The latest run that trained something, as an audit is a run of its own; the latest of all where none did."""
    trained = [run for run in ledger.runs() if ledger.count(run.id, Checkpoint)]
    return trained[-1] if trained else ledger.latest_run()


def _latest_audit(ledger: Ledger) -> list[RunManifest]:
    """The latest run with an audit, which may be a run of its own; none where nothing was audited."""
    return [run for run in ledger.runs() if ledger.count(run.id, Label, Step.AUDIT)][-1:]


def _run_of(ledger: Ledger, folder: Path, name: str, latest: RunManifest) -> RunManifest:
    """The run that published a data set: its card names it. A card that cannot be read is named later."""
    try:
        named = read_data_card(folder / (name + CARD_ENDING)).provenance.run
    except DataError:
        return latest
    return next((run for run in ledger.runs() if run.id == named), latest)


def _ledger(history: History, models: Sequence[Path], progress: Progress, account: _Account) -> Iterator[Misfit]:
    answers = KeptAnswers(history.ledger, held_max=_ANSWERS_MAX)
    workers, reasons = checking_workers(history, answers, models)
    account.unchecked += [*reasons, *unmeasured(history)]
    if other := marked_by_another(history):
        account.unchecked.append(f"the marks of steps: {other} of this package made them, and other ones may be right")
    account.runs.append(history.run)
    total = rows_total(history)
    account.rows += total
    task = progress.start(f"derive run {history.run[:12]} anew", total, "rows")
    try:
        yield from rederive(history, Replay(history.config, history.bundle, workers), task)
    finally:
        task.close()


def _trained_in(ledger: Ledger, folder: Path) -> tuple[RunManifest, Step] | None:
    """The last run whose checkpoint lies in a folder of this name, and the step that trained it."""
    name = folder.resolve().name
    for run in reversed(ledger.runs()):
        for step in TRAININGS:
            if any(Path(c.path).name == name for c in ledger.each(run.id, Checkpoint, StepId(step))):
                return run, step
    return None


def _lost(history: History, there: Sequence[Path]) -> Iterator[Misfit]:
    """Checkpoints of the run whose folders are gone."""
    root, names = history.ledger.path.parent / "checkpoints", {folder.name for folder in there}
    for checkpoint in history.checkpoints.values():
        if Path(checkpoint.path).name not in names:
            yield from weights_misfits(root / Path(checkpoint.path).name)
