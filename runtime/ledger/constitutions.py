"""Under which compiled constitutions a run was begun, as the ledger's table has them.

A run is known by what its constitution means. Under one meaning it may have other names, versions and layouts. What was
made under an earlier one says so, while the run's manifest is that of the last.
"""

from __future__ import annotations

import sqlite3
from hashlib import sha256
from typing import NamedTuple

from runtime.ledger.runs import RunManifest

__all__ = ["BegunUnder", "begun_under", "note"]


class BegunUnder(NamedTuple):
    """Compiled constitutions by the SHA-256 that each is kept under, in no order.

    Not `whole` where the run was begun before ledgers kept these: then there may have been others.
    """

    bodies: dict[str, bytes]
    whole: bool


def note(connection: sqlite3.Connection, run: RunManifest) -> None:
    """Note that a run begins under its constitution."""
    values = (run.id, sha256(run.bundle).hexdigest(), run.bundle)
    connection.execute("INSERT OR IGNORE INTO constitution (run, sha256, body) VALUES (?, ?, ?)", values)


def begun_under(connection: sqlite3.Connection, run: str) -> BegunUnder:
    """Those that a run was begun under."""
    found = connection.execute("SELECT sha256, body FROM constitution WHERE run = ?", (run,)).fetchall()
    return BegunUnder({digest: body for digest, body in found if digest}, all(digest for digest, _ in found))
