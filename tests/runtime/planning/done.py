"""What a run really did, to be held against its plan."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runtime.cli import main
from runtime.ledger.runs import StepId
from runtime.ledger.store import Ledger
from runtime.opening import prepare
from runtime.planning.counts import answers, split
from runtime.planning.make import make_plan
from runtime.planning.model import Plan


@dataclass(frozen=True)
class Doings:
    """Calls by step, calls by step and principle, and the checkpoints that were made."""

    calls: dict[StepId, int]
    principles: dict[tuple[StepId, str], int]
    checkpoints: set[str]


def planned(file: Path) -> Plan:
    return make_plan(file, prepare(file, rehearse=False, say=lambda _: None))


def of_plan(plan: Plan) -> tuple[dict[StepId, int], dict[tuple[StepId, str], int], set[str]]:
    calls = {s.step: s.cost.calls for s in plan.stages if s.cost.calls}
    principles = {(s.step, p.principle): p.calls for s in plan.stages for p in s.principles if p.calls}
    return calls, principles, {t.step.step.value for t in plan.trainings if not t.taken_over}


def ran(file: Path) -> Doings:
    """Run it, and see what it asked."""
    folder = file.parent / "out"
    before, keys, trained = _tally(folder), _keys(folder), _checkpoints(folder)
    assert main(["run", str(file), "--quiet"]) == 0
    calls = {
        step: n - before.get((run, step), 0) for (run, step), n in _tally(folder).items() if run == _latest(folder)
    }
    principles = {}
    made = set(keys)
    with Ledger.open(folder / "ledger.sqlite", read_only=True) as ledger:
        run = ledger.latest_run().id
        for step in calls:
            records = ledger.records(run, step)
            found = split(records, lambda key, made=frozenset(made): key not in made)  # type: ignore[misc]
            principles |= {(step, id): new for id, (_, new) in found.items() if id and new}
            made |= {key for key, _ in answers(records)}
    return Doings({s: n for s, n in calls.items() if n}, principles, _checkpoints(folder) - trained)


def unchanged_by(file: Path, act: Callable[[], object]) -> bool:
    """Whether the run's folder holds the same bytes afterwards; SQLite's own files beside the ledger do not count."""
    before = _bytes(file.parent)
    act()
    return _bytes(file.parent) == before


def _bytes(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not p.name.endswith(("-wal", "-shm"))
    }


def _tally(folder: Path) -> dict[tuple[str, StepId], int]:
    found: dict[tuple[str, StepId], int] = {}
    if not (folder / "ledger.sqlite").is_file():
        return found
    with Ledger.open(folder / "ledger.sqlite", read_only=True) as ledger:
        for run in ledger.runs():
            for entry in ledger.tally(run.id):
                key = run.id, entry.step
                found[key] = found.get(key, 0) + entry.tally.generate.calls + entry.tally.choose.calls
    return found


def _keys(folder: Path) -> set[str]:
    if not (folder / "ledger.sqlite").is_file():
        return set()
    with sqlite3.connect(folder / "ledger.sqlite") as raw:
        return {key for (key,) in raw.execute("SELECT key FROM result")}


def _latest(folder: Path) -> str:
    with Ledger.open(folder / "ledger.sqlite", read_only=True) as ledger:
        return ledger.latest_run().id


def _checkpoints(folder: Path) -> set[str]:
    place = folder / "checkpoints"
    return {p.name for p in place.iterdir()} if place.is_dir() else set()
