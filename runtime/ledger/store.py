"""The ledger: one answer for a key, forever, and the records of every run.

One SQLite file. One run at a time writes to it; any number of readers may look on. Every method that writes is
one transaction: killed at any moment, the file holds all of it or nothing.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Self, TypeVar, get_args

import msgspec

from runtime.engines.base import Choice, Completion
from runtime.ledger import constitutions, costs, marks, results
from runtime.ledger.faults import LedgerError, RowError, faults_of
from runtime.ledger.runs import (
    RunManifest,
    Speed,
    Step,
    StepId,
    StepTally,
    Tally,
    TrainingSpeed,
    TrainingTally,
    Written,
)
from runtime.ledger.schema import connect, create, hold_lock
from runtime.ledger.selecting import ORDER, Filed, by_place, ordered, records_of, selection, step_id
from runtime.ledger.staging import staged
from runtime.records import Record

__all__ = ["Ledger", "LedgerError"]

R = TypeVar("R", bound=Record)

_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(Record)}
_PREFIX_MIN = 6
_LISTED_MAX = 8
_ROWS_AT_ONCE = 1_000


class Ledger:
    """An open ledger. `with Ledger.open(path) as ledger: …`."""

    def __init__(self, path: Path, connection: sqlite3.Connection, held: ExitStack) -> None:
        self.path = path
        self._connection = connection
        self._held = held

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Ledger:
        """Open the ledger at `path`. For a run it is created where missing, and locked until it is closed."""
        with faults_of(path), ExitStack() as stack:
            if read_only:
                if not path.is_file():
                    raise LedgerError(
                        f"There is no ledger at {path}.", "Run `cai-run` first, or name the run's folder."
                    )
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(hold_lock(path))
                if not path.exists():
                    create(path)
            connection = connect(path, read_only=read_only)
            stack.callback(connection.close)
            return cls(path, connection, stack.pop_all())

    def close(self) -> None:
        """Close the file and give up the lock."""
        with faults_of(self.path):
            self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with faults_of(self.path):
            yield self._connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with faults_of(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite may have rolled back by itself
                    self._connection.execute("ROLLBACK")
                raise

    # --- results --------------------------------------------------------------------------------

    def lookup(self, keys: Sequence[str]) -> dict[str, Completion | Choice]:
        """The results that are kept for `keys`; keys without one are left out."""
        with self._reading() as connection:
            return results.lookup(connection, self.path, keys)

    def keep(self, answers: Sequence[tuple[str, Completion | Choice]]) -> dict[str, Completion | Choice]:
        """Keep results, and return what is now kept for their keys: where a key had a result, that one stays."""
        with self._writing() as connection:
            added = results.add(connection, answers)
        if added == len(answers):
            return dict(answers)
        return self.lookup([key for key, _ in answers])

    # --- runs and their records -----------------------------------------------------------------

    def begin(self, run: RunManifest) -> None:
        """Note that a run begins or goes on; the manifest given last stands."""
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO run (id, begun, body) VALUES (?, (SELECT coalesce(max(begun), 0) + 1 FROM run), ?)"
                " ON CONFLICT (id) DO UPDATE SET begun = excluded.begun, body = excluded.body",
                (run.id, msgspec.msgpack.encode(run)),
            )
            constitutions.note(connection, run)

    def begun_under(self, run_id: str) -> constitutions.BegunUnder:
        """The compiled constitutions that a run was begun under: one meaning, by other names, versions or layouts."""
        with self._reading() as connection:
            return constitutions.begun_under(connection, run_id)

    def runs(self) -> list[RunManifest]:
        """All runs, the one begun last at the end."""
        with self._reading() as connection:
            rows = connection.execute("SELECT id, body FROM run ORDER BY begun").fetchall()
            return [_manifest(self.path, n, id, body) for n, (id, body) in enumerate(rows, 1)]

    def latest_run(self) -> RunManifest:
        """The run begun last; LedgerError where there is none."""
        with self._reading() as connection:
            query = "SELECT (SELECT count(*) FROM run), id, body FROM run ORDER BY begun DESC LIMIT 1"
            row = connection.execute(query).fetchone()
            if row is None:
                raise LedgerError(f"The ledger {self.path} holds no run.", "Run `cai-run` first.")
            return _manifest(self.path, *row)

    def finish(
        self, run_id: str, step: Step | StepId, fingerprint: str | Callable[[], str], records: Iterable[Record]
    ) -> None:
        """Replace the records of a step, and mark it as done from what `fingerprint` stands for.

        Records are taken one by one, so that they need not be held all at once, and what makes them may read the ledger
        and write to it. They lie in a table of the connection's own until the last is made. A `fingerprint` that
        hangs on them is asked for then.
        """
        which = step_id(step)
        place = (run_id, which.step.value, which.round)
        with staged(self._connection, self.path, records) as table:
            done = fingerprint if isinstance(fingerprint, str) else fingerprint()
            with self._writing() as connection:
                self._require_run(run_id)
                connection.execute("DELETE FROM record WHERE run = ? AND step = ? AND round = ?", place)
                connection.execute(
                    "INSERT INTO record (run, step, round, kind, id, body)"  # noqa: S608 - a name of our own
                    f" SELECT ?, ?, ?, kind, id, body FROM {table} ORDER BY number",
                    place,
                )
                marks.mark(connection, place, done)

    def is_done(self, run_id: str, step: Step | StepId, fingerprint: str) -> bool:
        """Whether the step was finished, and from what `fingerprint` stands for."""
        which = step_id(step)
        with self._reading() as connection:
            return marks.is_done(connection, (run_id, which.step.value, which.round), fingerprint)

    def steps(self, run_id: str) -> list[StepId]:
        """The steps of a run that are done, in the order of `Step` and by round."""
        return [StepId(Step(step), r) for step, r in self.fingerprints(run_id) if step in ORDER]

    def fingerprints(self, run_id: str) -> dict[tuple[str, int], str]:
        """From what each step of a run was done, by step and round as the table has them."""
        with self._reading() as connection:
            return marks.fingerprints(connection, run_id)

    def adopt(self, run_id: str, step: Step | StepId, fingerprint: str) -> bool:
        """Whether the step is done from what `fingerprint` stands for, here or in a run whose records it then takes."""
        if self.is_done(run_id, step, fingerprint):
            return True
        which = step_id(step)
        place = (which.step.value, which.round)
        with self._writing() as connection:
            self._require_run(run_id)
            holder = marks.holder(connection, which, fingerprint)
            if holder is None:
                return False
            connection.execute("DELETE FROM record WHERE run = ? AND step = ? AND round = ?", (run_id, *place))
            connection.execute(
                "INSERT INTO record (run, step, round, kind, id, body) SELECT ?, step, round, kind, id, body"
                " FROM record WHERE run = ? AND step = ? AND round = ? ORDER BY number",
                (run_id, holder, *place),
            )
            marks.mark(connection, (run_id, *place), fingerprint)
        return True

    def read(self, run_id: str, kind: type[R], step: Step | StepId | None = None) -> list[R]:
        """A run's records of one kind: by step (in the order of `Step`), by round, then in the order written.

        A `Step` means all its rounds, a `StepId` just that one.
        """
        query = (
            "SELECT step, round, number, body FROM record"
            " WHERE run = :run AND kind = :kind"
            " AND (:step IS NULL OR step = :step) AND (:round IS NULL OR round = :round)"
        )
        with self._reading() as connection:
            rows = connection.execute(query, selection(run_id, kind, step)).fetchall()
        return list(self._records_of(kind, ordered(rows)))

    def naming(self, run_id: str, kind: type[R], ids: Iterable[str]) -> list[R]:
        """Of what `read` gives, the records that hold any of `ids` anywhere; the others are not decoded."""
        query = (
            "SELECT step, round, number, body FROM record WHERE run = ? AND kind = ?"
            " AND EXISTS (SELECT 1 FROM json_each(?) WHERE instr(body, CAST(value AS BLOB)))"
        )
        values = (run_id, kind.__name__, msgspec.json.encode(list(ids)).decode())
        with self._reading() as connection:
            rows = connection.execute(query, values).fetchall()
        return list(self._records_of(kind, ordered(rows)))

    def each(self, run_id: str, kind: type[R], step: Step | StepId | None = None) -> Iterator[R]:
        """What `read` gives, one by one, so that not all are held at once."""
        query = (
            "SELECT DISTINCT step, round FROM record WHERE run = :run AND kind = :kind"
            " AND (:step IS NULL OR step = :step) AND (:round IS NULL OR round = :round)"
        )
        with self._reading() as connection:
            places = connection.execute(query, selection(run_id, kind, step)).fetchall()
        for place in sorted(places, key=lambda at: (ORDER[at[0]], at[1])):
            yield from self._each(run_id, kind, place)

    def _each(self, run_id: str, kind: type[R], place: tuple[str, int]) -> Iterator[R]:
        query = (
            "SELECT number, body FROM record WHERE run = ? AND kind = ? AND step = ? AND round = ? AND number > ?"
            " ORDER BY number LIMIT ?"
        )
        return self._records_of(kind, self._paged(query, (run_id, kind.__name__, *place)))

    def _records_of(self, kind: type[R], rows: Iterable[tuple[int, bytes]]) -> Iterator[R]:
        return records_of(kind, rows, self._reading, self.path)

    def _paged(self, query: str, values: tuple[str | int, ...]) -> Iterator[Any]:
        """The rows of a query that begins with their number, and ends with one to go on from and a limit."""
        last = -(2**63)  # so that a row at any number is seen
        while True:
            # A query for each part, so that none is open while the caller works, who may write.
            with self._reading() as connection:
                rows = connection.execute(query, (*values, last, _ROWS_AT_ONCE)).fetchall()
            yield from rows
            if len(rows) < _ROWS_AT_ONCE:
                return
            last = rows[-1][0]

    def holder(self, step: StepId, fingerprint: str) -> str | None:
        """A run that holds the step done from what `fingerprint` stands for; None where there is none."""
        with self._reading() as connection:
            return marks.holder(connection, step, fingerprint)

    def each_by_id(self, run_id: str, kind: type[R], step: StepId) -> Iterator[R]:
        """The records of one kind of a step in the order of their ids, one by one."""
        place = (run_id, kind.__name__, step.step.value, step.round)
        with self._reading() as connection:
            query = (
                "SELECT number FROM record WHERE run = ? AND kind = ? AND step = ? AND round = ? ORDER BY id, number"
            )
            numbers = array("q", (number for (number,) in connection.execute(query, place)))
        for first in range(0, len(numbers), _ROWS_AT_ONCE):
            some = numbers[first : first + _ROWS_AT_ONCE].tolist()
            with self._reading() as connection:
                query = "SELECT number, body FROM record WHERE number IN (SELECT value FROM json_each(?))"
                bodies = dict(connection.execute(query, (msgspec.json.encode(some).decode(),)).fetchall())
            yield from self._records_of(kind, ((number, bodies[number]) for number in some))

    def records(self, run_id: str, step: StepId) -> Iterator[Record]:
        """All records of a step, in the order written, one by one."""
        query = (
            "SELECT number, kind, body FROM record WHERE run = ? AND step = ? AND round = ? AND number > ?"
            " ORDER BY number LIMIT ?"
        )
        for number, kind, body in self._paged(query, (run_id, step.step.value, step.round)):
            yield from self._records_of(_KINDS[kind], [(number, body)])

    def filed(self, run_id: str) -> Iterator[Filed]:
        """All records of a run as the table has them, by step and round, one by one."""
        with self._reading() as connection:
            places = connection.execute("SELECT DISTINCT step, round FROM record WHERE run = ?", (run_id,)).fetchall()
        query = (
            "SELECT number, kind, id, body FROM record WHERE run = ? AND step = ? AND round = ? AND number > ?"
            " ORDER BY number LIMIT ?"
        )
        for step, r in sorted(places, key=by_place):
            for _, kind, id, body in self._paged(query, (run_id, step, r)):
                yield Filed(step, r, kind, id, body)

    def count(self, run_id: str, kind: type[R], step: Step | StepId | None = None) -> int:
        """How many records `read` would give."""
        query = (
            "SELECT count(*) FROM record"
            " WHERE run = :run AND kind = :kind"
            " AND (:step IS NULL OR step = :step) AND (:round IS NULL OR round = :round)"
        )
        with self._reading() as connection:
            return int(connection.execute(query, selection(run_id, kind, step)).fetchone()[0])

    def find(self, run_id: str, row_id: str) -> Record | None:
        """The record with this id, or with the one id that begins so (6 digits or more); None where there is none.

        LedgerError where several ids begin so. Where steps keep the same id twice, the one written last.
        """
        query = "SELECT id, kind, body FROM record WHERE run = ? AND id = ?"
        values = [run_id, row_id]
        if len(row_id) >= _PREFIX_MIN:
            query = "SELECT id, kind, body FROM record WHERE run = ? AND id >= ? AND id < ?"
            values.append(row_id + chr(0x10FFFF))
        with self._reading() as connection:
            rows = connection.execute(query + " ORDER BY id, number", values).fetchall()
            if not rows:
                return None
            last = {id: (kind, body) for id, kind, body in rows}
            if row_id not in last and len(last) > 1:
                listed = [f"{id} ({kind})" for id, (kind, _) in islice(last.items(), _LISTED_MAX)]
                more = f" and {len(last) - _LISTED_MAX} more" if len(last) > _LISTED_MAX else ""
                raise LedgerError(
                    f"{len(last)} rows begin with {row_id}: {', '.join(listed)}{more}.", "Give more digits of the id."
                )
            kind, body = last.get(row_id) or next(iter(last.values()))
            found: Record = msgspec.msgpack.decode(body, type=_KINDS[kind])
            return found

    # --- what it cost ---------------------------------------------------------------------------

    def add_tally(self, run_id: str, step: Step | StepId, tally: Tally) -> None:
        """Add what a step asked of a model to what it asked before."""
        with self._writing() as connection:
            self._require_run(run_id)
            costs.add_tally(connection, run_id, step_id(step), tally)

    def tally(self, run_id: str) -> list[StepTally]:
        """What each step of a run asked of each model, in the order of `Step`."""
        with self._reading() as connection:
            return costs.tallies(connection, run_id)

    def speeds(self) -> list[Speed]:
        """How fast each model has been, over all runs."""
        with self._reading() as connection:
            return costs.speeds(connection)

    def written(self) -> list[Written]:
        """How much each model has written in each step, over all runs."""
        with self._reading() as connection:
            return costs.written(connection)

    def add_training(self, run_id: str, tally: TrainingTally) -> None:
        """Note what a training cost; what an earlier one of this run and step cost is forgotten."""
        with self._writing() as connection:
            self._require_run(run_id)
            costs.add_training(connection, run_id, tally)

    def trainings(self, run_id: str) -> list[TrainingTally]:
        """What the trainings of a run cost, in the order of `Step`."""
        with self._reading() as connection:
            return costs.trainings(connection, run_id)

    def training_speeds(self) -> list[TrainingSpeed]:
        """How fast each model has been trained in each step, over all runs."""
        with self._reading() as connection:
            return costs.training_speeds(connection)

    def _require_run(self, run_id: str) -> None:
        if self._connection.execute("SELECT 1 FROM run WHERE id = ?", (run_id,)).fetchone() is None:
            raise LedgerError(f"The ledger {self.path} knows no run {run_id}.", "Begin the run first.")


def _manifest(path: Path, number: int, id: str, body: bytes) -> RunManifest:
    try:
        return msgspec.msgpack.decode(body, type=RunManifest)
    except msgspec.DecodeError as fault:
        raise RowError(path, "run", "", number, fault, id=id) from fault
