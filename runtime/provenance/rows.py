"""Training rows held against the rows that they should be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from runtime.provenance.misfits import Difference, Misfit, difference
from runtime.records import PreferenceRow, SftRow

__all__ = ["row_misfits"]

T = TypeVar("T", SftRow, PreferenceRow)


def row_misfits(file: str, says: Sequence[T], should: Sequence[T]) -> Iterator[Misfit]:
    """Rows that differ, rows too many, rows that are missing. A row whose id differs is known by its prompt.

    Both are gone through more than once, and no more than their ids is held.
    """
    by_id = {row.id: n for n, row in enumerate(should)}
    known = {row.id for row in says}
    waiting: dict[str, list[T]] = {}
    for row in should:
        if row.id not in known:
            waiting.setdefault(row.prompt, []).append(row)
    seen: set[str] = set()
    for n, row in enumerate(says, 1):
        if row.id in seen:
            yield _misfit(file, n, row, Difference("row", "a row with the id of an earlier one", "each row once"))
            continue
        seen.add(row.id)
        meant = should[by_id[row.id]] if row.id in by_id else _next(waiting, row.prompt)
        if meant is None:
            yield _misfit(file, n, row, Difference("row", "a row", "no row: nothing that was made gives it"))
        elif found := difference(row, meant):
            yield _misfit(file, n, row, found)
    left = {row.id for rows in waiting.values() for row in rows}
    for n, row in enumerate(should, 1):
        if row.id in left:
            yield _misfit(file, n, row, Difference("row", "missing", f"a row for prompt {row.prompt}"))


def _next(waiting: dict[str, list[T]], prompt: str) -> T | None:
    rows = waiting.get(prompt)
    return rows.pop(0) if rows else None


def _misfit(file: str, n: int, row: SftRow | PreferenceRow, found: Difference) -> Misfit:
    return Misfit(
        file=file, row=n, kind=type(row).__name__, id=row.id, field=found.field, says=found.says, should=found.should
    )  # fmt: skip
