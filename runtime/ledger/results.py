"""Kept answers: one for a key, forever."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import msgspec

from runtime.engines.base import Choice, Completion
from runtime.ledger.faults import AnswerError
from runtime.ledger.runs import Operation

__all__ = ["add", "lookup"]

_KEYS_AT_ONCE = 10_000


def lookup(connection: sqlite3.Connection, path: Path, keys: Sequence[str]) -> dict[str, Completion | Choice]:
    """The results that are kept for `keys`; keys without one are left out."""
    found: dict[str, Completion | Choice] = {}
    rest = iter(keys)
    while some := list(islice(rest, _KEYS_AT_ONCE)):
        query = "SELECT key, operation, body FROM result WHERE key IN (SELECT value FROM json_each(?))"
        for key, operation, body in connection.execute(query, (msgspec.json.encode(some).decode(),)):
            try:
                found[key] = msgspec.msgpack.decode(body, type=_result_type(operation))
            except msgspec.DecodeError as fault:
                raise AnswerError(path, key, operation, fault) from fault
    return found


def add(connection: sqlite3.Connection, results: Sequence[tuple[str, Completion | Choice]]) -> int:
    """Keep the results whose keys have none yet; returns how many these were."""
    rows = [(key, _operation_of(value), msgspec.msgpack.encode(value)) for key, value in results]
    before = connection.total_changes
    connection.executemany("INSERT OR IGNORE INTO result (key, operation, body) VALUES (?, ?, ?)", rows)
    return connection.total_changes - before


def _operation_of(value: Completion | Choice) -> str:
    return (Operation.GENERATE if isinstance(value, Completion) else Operation.CHOOSE).value


def _result_type(operation: str) -> type[Completion | Choice]:
    return Completion if operation == Operation.GENERATE else Choice
