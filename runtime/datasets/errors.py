"""What can be wrong with a data set, always with its place and what to do."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["BadRow", "DataError", "RowError"]


class RowError(Exception):
    """One row is not what it should be. Who reads the file knows the place and adds it."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class DataError(Exception):
    """A data set that cannot be read. `place` is `FILE` or `FILE:ROW`, `remedy` says what to do."""

    def __init__(self, message: str, place: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.place}: {self.message}\n  help: {self.remedy}"


class BadRow(Struct, frozen=True, kw_only=True):
    """A row that was skipped because the run file says so, and why."""

    row: int
    message: str

    def __str__(self) -> str:
        return f"row {self.row}: {self.message}"
