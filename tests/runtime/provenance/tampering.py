"""A finished small run, and ways to spoil a copy of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from runtime import records
from runtime.ledger.runs import RunManifest, Step

Change = Callable[[Any], Any]


def change_record(folder: Path, kind: str, change: Change, *, step: str | None = None, nth: int = 0) -> Any:
    """Replace one record of the run's ledger by what `change` makes of it; the record as it was.

    `change` gives None for a record that it leaves alone; the `nth` that it changes is the one.
    """
    type_ = getattr(records, kind)
    with closing(sqlite3.connect(folder / "out" / "ledger.sqlite", isolation_level=None)) as connection:
        query = "SELECT number, body FROM record WHERE kind = ? AND (? IS NULL OR step = ?) ORDER BY number"
        for number, body in connection.execute(query, (kind, step, step)).fetchall():
            before = msgspec.msgpack.decode(body, type=type_)
            after = change(before)
            if after is None:
                continue
            if nth:
                nth -= 1
                continue
            connection.execute(
                "UPDATE record SET body = ?, id = ? WHERE number = ?",
                (msgspec.msgpack.encode(after), getattr(after, "id", None), number),
            )
            return before
    raise AssertionError(f"no {kind} to change")


def drop_record(folder: Path, kind: str, step: str) -> Any:
    """Delete the first record of a kind; the record."""
    type_ = getattr(records, kind)
    with closing(sqlite3.connect(folder / "out" / "ledger.sqlite", isolation_level=None)) as connection:
        query = "SELECT number, body FROM record WHERE kind = ? AND step = ? ORDER BY number LIMIT 1"
        number, body = connection.execute(query, (kind, step)).fetchone()
        connection.execute("DELETE FROM record WHERE number = ?", (number,))
    return msgspec.msgpack.decode(body, type=type_)


def double_record(folder: Path, kind: str, step: str, change: Change, *, number: int | None = None) -> Any:
    """Add what `change` makes of the first record of a kind, after all others or at `number`; the new record."""
    type_ = getattr(records, kind)
    with closing(sqlite3.connect(folder / "out" / "ledger.sqlite", isolation_level=None)) as connection:
        query = "SELECT run, round, body FROM record WHERE kind = ? AND step = ? ORDER BY number LIMIT 1"
        run, turn, body = connection.execute(query, (kind, step)).fetchone()
        made = change(msgspec.msgpack.decode(body, type=type_))
        connection.execute(
            "INSERT INTO record (number, run, step, round, kind, id, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (number, run, step, turn, kind, getattr(made, "id", None), msgspec.msgpack.encode(made)),
        )
    return made


def change_manifest(folder: Path, change: Change) -> None:
    """Replace the run's manifest."""
    with closing(sqlite3.connect(folder / "out" / "ledger.sqlite", isolation_level=None)) as connection:
        id, body = connection.execute("SELECT id, body FROM run ORDER BY begun DESC LIMIT 1").fetchone()
        after = change(msgspec.msgpack.decode(body, type=RunManifest))
        connection.execute("UPDATE run SET body = ? WHERE id = ?", (msgspec.msgpack.encode(after), id))


def stop_before(folder: Path, step: Step) -> None:
    """Take away what the run did from a step on, as if it had been stopped there."""
    order = list(Step)
    later = json.dumps([s.value for s in order[order.index(step) :]])
    with closing(sqlite3.connect(folder / "out" / "ledger.sqlite", isolation_level=None)) as connection:
        for table in ("record", "step"):
            query = f"DELETE FROM {table} WHERE step IN (SELECT value FROM json_each(?))"  # noqa: S608 - our own names
            connection.execute(query, (later,))


def drop_result(folder: Path, key: str) -> None:
    """Forget an answer."""
    with closing(sqlite3.connect(folder / "out" / "ledger.sqlite", isolation_level=None)) as connection:
        connection.execute("DELETE FROM result WHERE key = ?", (key,))


def change_result(folder: Path, key: str, change: Change) -> None:
    """Replace a kept answer, as plain values, by what `change` makes of it."""
    with closing(sqlite3.connect(folder / "out" / "ledger.sqlite", isolation_level=None)) as connection:
        (body,) = connection.execute("SELECT body FROM result WHERE key = ?", (key,)).fetchone()
        after = msgspec.msgpack.encode(change(msgspec.msgpack.decode(body)))
        connection.execute("UPDATE result SET body = ? WHERE key = ?", (after, key))


def tampered_vote(label: Any) -> Any:
    if not label.votes or label.votes[1].log_odds is None:
        return None
    votes = list(label.votes)
    votes[1] = replace(votes[1], log_odds=votes[1].log_odds + 1)
    return replace(label, votes=tuple(votes))


def spoil_record(folder: Path, kind: str, step: str, nth: int) -> None:
    """Make of a record, the `nth` from 1 in its step, what is none."""
    with closing(sqlite3.connect(folder / "out" / "ledger.sqlite", isolation_level=None)) as connection:
        (number,) = connection.execute(
            "SELECT number FROM record WHERE kind = ? AND step = ? ORDER BY round, number LIMIT 1 OFFSET ?",
            (kind, step, nth - 1),
        ).fetchone()
        connection.execute("UPDATE record SET body = ? WHERE number = ?", (msgspec.msgpack.encode(None), number))
