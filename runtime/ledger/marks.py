"""The marks of steps that are done: each says from what."""

from __future__ import annotations

import sqlite3

from runtime.ledger.runs import StepId
from runtime.ledger.selecting import by_place

__all__ = ["fingerprints", "holder", "is_done", "mark"]

Place = tuple[str, str, int]
"""A run's id, a step and a round, as the tables have them."""


def mark(connection: sqlite3.Connection, place: Place, fingerprint: str) -> None:
    """Note that a step is done, and from what."""
    connection.execute(
        "INSERT OR REPLACE INTO step (run, step, round, fingerprint) VALUES (?, ?, ?, ?)", (*place, fingerprint)
    )


def is_done(connection: sqlite3.Connection, place: Place, fingerprint: str) -> bool:
    """Whether a step was finished, and from what `fingerprint` stands for."""
    query = "SELECT 1 FROM step WHERE run = ? AND step = ? AND round = ? AND fingerprint = ?"
    return connection.execute(query, (*place, fingerprint)).fetchone() is not None


def fingerprints(connection: sqlite3.Connection, run_id: str) -> dict[tuple[str, int], str]:
    """From what each step of a run was done, in the order of `Step` and by round."""
    found = connection.execute("SELECT step, round, fingerprint FROM step WHERE run = ?", (run_id,)).fetchall()
    marks = {(step, r): fingerprint for step, r, fingerprint in found}
    return {place: marks[place] for place in sorted(marks, key=by_place)}


def holder(connection: sqlite3.Connection, step: StepId, fingerprint: str) -> str | None:
    """A run that holds the step done from what `fingerprint` stands for; None where there is none."""
    query = "SELECT run FROM step WHERE step = ? AND round = ? AND fingerprint = ? LIMIT 1"
    row = connection.execute(query, (step.step.value, step.round, fingerprint)).fetchone()
    return None if row is None else str(row[0])
