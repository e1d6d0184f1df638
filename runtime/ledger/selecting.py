"""Which records of a run are meant, and in which order they are given."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from runtime.ledger.faults import RowError
from runtime.ledger.runs import Step, StepId
from runtime.records import Record

__all__ = ["ORDER", "Filed", "by_place", "ordered", "records_of", "selection", "step_id"]

R = TypeVar("R", bound=Record)
Reading = Callable[[], AbstractContextManager[sqlite3.Connection]]

ORDER = {step.value: place for place, step in enumerate(Step)}
"""The place of each step in a run."""


class Filed(NamedTuple):
    """A record as the table has it: under which step, round, kind and id, whatever these say, and its bytes."""

    step: str
    round: int
    kind: str
    id: str | None
    body: bytes


def by_place(place: tuple[str, int]) -> tuple[int, int]:
    """The order of steps and rounds as the tables have them; what is no step stands at the end."""
    return ORDER.get(place[0], len(ORDER)), place[1]


def step_id(step: Step | StepId) -> StepId:
    """A step without rounds, where none is named."""
    return step if isinstance(step, StepId) else StepId(step)


def selection(run_id: str, kind: type[Any], step: Step | StepId | None) -> dict[str, str | int | None]:
    """Values for a query by run, kind, step and round, where None means any."""
    name = step.step if isinstance(step, StepId) else step
    turn = step.round if isinstance(step, StepId) else None
    return {"run": run_id, "kind": kind.__name__, "step": name and name.value, "round": turn}


def ordered(rows: list[tuple[str, int, int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Number and body of rows of step, round, number and body: by step, by round, then as they were written."""
    return ((number, body) for _, _, number, body in sorted(rows, key=lambda row: (ORDER[row[0]], row[1], row[2])))


def records_of(kind: type[R], rows: Iterable[tuple[int, bytes]], reading: Reading, path: Path) -> Iterator[R]:
    """The records of numbers and bodies.

    Raises:
        RowError: one is none of this kind.
    """
    decode = msgspec.msgpack.Decoder(kind).decode
    for number, body in rows:
        try:
            record = decode(body)
        except msgspec.DecodeError as fault:
            raise _unreadable(number, fault, reading, path) from fault
        yield record


def _unreadable(number: int, fault: Exception, reading: Reading, path: Path) -> RowError:
    query = (
        "SELECT kind, step, (SELECT count(*) FROM record AS other WHERE other.run = record.run"
        " AND other.kind = record.kind AND other.step = record.step AND other.round = record.round"
        " AND other.number <= record.number) FROM record WHERE number = ?"
    )
    with reading() as connection:
        kind, step, row = connection.execute(query, (number,)).fetchone()
    return RowError(path, kind, step, row, fault)
