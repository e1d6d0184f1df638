"""Records of a step that is not done yet: beside the ledger's file, until all of them are made."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path

import msgspec

from runtime.ledger.faults import faults_of
from runtime.records import Record

__all__ = ["staged"]

_ROWS_AT_ONCE = 1_000
_TABLES = count()


@contextmanager
def staged(connection: sqlite3.Connection, path: Path, records: Iterable[Record]) -> Iterator[str]:
    """The name of a temporary table with the columns number, kind, id and body, which holds the records.

    SQLite keeps it in a file of its own, which is gone with the connection. While records are made, no transaction is
    open.
    """
    table = f"temp.staged_{next(_TABLES)}"
    with faults_of(path):
        connection.execute(f"CREATE TABLE {table} (number INTEGER PRIMARY KEY, kind TEXT, id TEXT, body BLOB)")
    try:
        rest = iter(records)
        insert = f"INSERT INTO {table} (kind, id, body) VALUES (?, ?, ?)"  # noqa: S608 - a name of our own
        while some := [_row(record) for record in islice(rest, _ROWS_AT_ONCE)]:
            with faults_of(path):
                connection.execute("BEGIN")
                connection.executemany(insert, some)
                connection.execute("COMMIT")
        yield table
    finally:
        with faults_of(path):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            connection.execute(f"DROP TABLE {table}")


def _row(record: Record) -> tuple[str, str | None, bytes]:
    return type(record).__name__, getattr(record, "id", None), msgspec.msgpack.encode(record)
