"""The ledger's file: its tables, its version, and how it is created and opened."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from runtime.ledger.faults import LedgerError

__all__ = ["VERSION", "connect", "create", "hold_lock"]

VERSION = 3
"""Version of the tables. An older file is brought up to it when a run opens it; a newer one is refused."""

APPLICATION = 0x43414C47
"""Marks an SQLite file as a ledger."""

BUSY_SECONDS = 10.0

TABLES = """
CREATE TABLE result (            -- one answer for a key, forever
    key TEXT PRIMARY KEY,
    operation TEXT NOT NULL,
    body BLOB NOT NULL           -- MessagePack, since JSON knows no infinity
) STRICT;
CREATE TABLE run (
    id TEXT PRIMARY KEY,
    begun INTEGER NOT NULL,      -- a counter, not a time: the highest was begun last
    body BLOB NOT NULL
) STRICT;
CREATE TABLE step (              -- a step that is done; fingerprint says from what
    run TEXT NOT NULL REFERENCES run (id),
    step TEXT NOT NULL,
    round INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    PRIMARY KEY (run, step, round)
) STRICT, WITHOUT ROWID;
CREATE TABLE record (
    number INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES run (id),
    step TEXT NOT NULL,
    round INTEGER NOT NULL,
    kind TEXT NOT NULL,
    id TEXT,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX record_by_kind ON record (run, kind, step, round);
CREATE INDEX record_by_step ON record (run, step, round);
CREATE INDEX record_by_id ON record (run, id) WHERE id IS NOT NULL;
CREATE TABLE tally (
    run TEXT NOT NULL REFERENCES run (id),
    step TEXT NOT NULL,
    round INTEGER NOT NULL,
    model TEXT NOT NULL,
    operation TEXT NOT NULL,
    calls INTEGER NOT NULL,
    reused INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    new_tokens INTEGER NOT NULL,
    seconds REAL NOT NULL,
    PRIMARY KEY (run, step, round, model, operation)
) STRICT, WITHOUT ROWID;
"""

TRAINING = """
CREATE {temporary} TABLE training (
    run TEXT NOT NULL,
    step TEXT NOT NULL,
    model TEXT NOT NULL,
    steps INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    seconds REAL NOT NULL,
    PRIMARY KEY (run, step)
) STRICT, WITHOUT ROWID;
"""
"""Since version 2. A reader of an older file has an empty one of its own."""

CONSTITUTION = """
CREATE {temporary} TABLE constitution (  -- each under which a run was begun, of one meaning
    run TEXT NOT NULL,
    sha256 TEXT NOT NULL,                -- of the body; empty where the run was begun before this table was there
    body BLOB NOT NULL,                  -- as `cai-compile build` writes it
    PRIMARY KEY (run, sha256)
) STRICT, WITHOUT ROWID;
"""
"""Since version 3. In an older file nobody knows under which a run was begun before the last."""

_UNKNOWN = "INSERT INTO constitution SELECT id, '', x'' FROM run;"


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold the exclusive lock of the ledger at `path`; LedgerError where another run has it.

    The lock is the system's and goes when its process ends, however it ends.
    """
    import fcntl

    beside = path.with_name(path.name + ".lock")
    handle = os.open(beside, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 32).decode(errors="replace").strip()
            who = f" (process {holder})" if holder.isdigit() else ""
            raise LedgerError(
                f"Another run is using the ledger {path}{who}.",
                "Wait until it ends, or end it, and run again; or name another folder.",
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


def create(path: Path) -> None:
    """Make an empty ledger at `path`, whole or not at all. The lock is held by the caller."""
    building = path.with_name(path.name + ".new")
    for left in (building, building.with_name(building.name + "-wal"), building.with_name(building.name + "-shm")):
        left.unlink(missing_ok=True)
    with closing(sqlite3.connect(building, isolation_level=None)) as connection:
        if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
            raise LedgerError(f"The folder of {path} does not allow a ledger.", "Choose a folder on a local disk.")
        connection.executescript(
            f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; BEGIN; {TABLES}"
            f"{TRAINING.format(temporary='')} {CONSTITUTION.format(temporary='')} COMMIT;"
        )
    building.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Open the ledger at `path`, which exists; LedgerError where it is not one that this version reads."""
    mode = "ro" if read_only else "rw"
    wal = path.with_name(path.name + "-wal")
    if read_only and not wal.exists() and not os.access(path.parent, os.W_OK):
        mode = "ro&immutable=1"  # a finished ledger in a folder where SQLite cannot put its index of the WAL
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None
    )
    try:
        version = _version(path, connection)
        if version < VERSION:
            _migrate(connection, version, read_only=read_only)
        connection.execute("PRAGMA foreign_keys = ON")
        # FULL, so that what was reported done survives a loss of power too. A commit comes about once a second.
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection, version: int, *, read_only: bool) -> None:
    """From an older version. The lock is held by the caller, unless it reads only: then the tables are its own."""
    new = (TRAINING if version < 2 else "") + CONSTITUTION
    script = new.format(temporary="TEMPORARY" if read_only else "") + _UNKNOWN
    if read_only:
        connection.executescript(script)
    else:
        connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {VERSION}; COMMIT;")


def _version(path: Path, connection: sqlite3.Connection) -> int:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
        raise LedgerError(f"{path} is not a ledger.", "Name another folder, or move that file away.")
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if not 1 <= version <= VERSION:
        which = "a newer" if version > VERSION else "an older"
        raise LedgerError(
            f"The ledger {path} was written by {which} version of this program"
            f" (format {version}; this one reads 1 to {VERSION}).",
            "Use that version, or name another folder.",
        )
    return version
