"""The ledger's one exception, and how SQLite's and the system's errors become it."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

__all__ = ["AnswerError", "LedgerError", "RowError", "faults_of"]


class LedgerError(Exception):
    """The ledger cannot be read or written; `remedy` says what the user can do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class RowError(LedgerError):
    """A record cannot be read: the `row`-th of its kind in its step, from 1. A run's manifest is of no step."""

    def __init__(self, path: Path, kind: str, step: str, row: int, fault: Exception, *, id: str = "") -> None:
        where = f" of step {step}" if step else ""
        super().__init__(
            f"The ledger {path} holds a row that this version cannot read: {kind} {id or row}{where} ({fault}).",
            "Use the version that wrote it, or name another folder and run again.",
        )
        self.kind, self.step, self.row, self.fault, self.id = kind, step, row, str(fault), id


class AnswerError(LedgerError):
    """A kept answer cannot be read."""

    def __init__(self, path: Path, key: str, operation: str, fault: Exception) -> None:
        super().__init__(
            f"The ledger {path} holds an answer that this version cannot read: {key}, to {operation} ({fault}).",
            "Use the version that wrote it, or name another folder and run again.",
        )
        self.key, self.operation, self.fault = key, operation, str(fault)


_FULL_REMEDY = "Make room and start the run again: it goes on where it stopped; all that was reported done is kept."
_CORRUPT_REMEDY = "Restore the file from a copy, or move it away and run again."
# Primary result codes; extended codes carry them in their low byte.
_MEANINGS: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_FULL: ("The disk is full: the ledger {path} cannot grow.", _FULL_REMEDY),
    sqlite3.SQLITE_CORRUPT: ("The ledger {path} is damaged ({detail}).", _CORRUPT_REMEDY),
    sqlite3.SQLITE_NOTADB: ("{path} is not a ledger.", "Name another folder, or move that file away."),
    sqlite3.SQLITE_BUSY: (
        "The ledger {path} is locked by another program.",
        "Wait until that program is done with it, or end it, and run again.",
    ),
    sqlite3.SQLITE_READONLY: ("The ledger {path} cannot be written to.", "Make the file and its folder writable."),
    sqlite3.SQLITE_PERM: ("The ledger {path} may not be opened.", "Make the file and its folder readable."),
    sqlite3.SQLITE_CANTOPEN: (
        "The ledger {path} cannot be opened.",
        "Check that its folder exists and can be written to.",
    ),
    sqlite3.SQLITE_IOERR: (
        "Reading or writing the ledger {path} failed ({detail}).",
        "Check the disk and the room left on it, and run again: all that was reported done is kept.",
    ),
}


def _translate_sqlite(fault: sqlite3.Error, path: Path) -> LedgerError:
    code = getattr(fault, "sqlite_errorcode", 0) & 0xFF
    message, remedy = _MEANINGS.get(
        code, ("The ledger {path} cannot be used ({detail}).", "Move the file away and run again, or report this.")
    )
    return LedgerError(message.format(path=path, detail=fault), remedy)


def _translate_system(fault: OSError, path: Path) -> LedgerError:
    if fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return LedgerError(f"The disk is full: the ledger {path} cannot grow.", _FULL_REMEDY)
    reason = fault.strerror or str(fault)
    return LedgerError(
        f"The ledger {path} cannot be opened: {reason}.", "Check the path, and that its folder can be written to."
    )


@contextmanager
def faults_of(path: Path) -> Iterator[None]:
    """Turn what goes wrong with the ledger at `path` into a LedgerError."""
    try:
        yield
    except sqlite3.Error as fault:
        raise _translate_sqlite(fault, path) from fault
    except OSError as fault:
        raise _translate_system(fault, path) from fault
    except (msgspec.DecodeError, msgspec.ValidationError) as fault:
        raise LedgerError(
            f"The ledger {path} holds a row that this version cannot read ({fault}).",
            "Use the version that wrote it, or name another folder and run again.",
        ) from fault
