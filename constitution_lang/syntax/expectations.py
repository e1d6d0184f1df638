"""The nodes of `test` blocks: cases, tables of cases, expectations, and tests that need a model.

`nodes` gives them out with all the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import msgspec

from constitution_lang.source import Span
from constitution_lang.syntax.leaves import Field, Name, Number, Percent, ShareBound, Text

__all__ = [
    "CaseLine", "Expect", "ExpectAbstain", "ExpectApplies", "ExpectDecides", "ExpectOver", "ExpectShare",
    "ExpectWeigh", "ModelCase", "Table", "TableRow", "TestBlock",
]  # fmt: skip


class CaseLine(msgspec.Struct, frozen=True, gc=False):
    """`case severity grave, topic medical`: attribute and value pairs; the rest take their default."""

    values: tuple[tuple[Name, Name], ...]
    span: Span


class ExpectOver(msgspec.Struct, frozen=True, gc=False):
    """`expect harm over autonomy`."""

    winner: Name
    loser: Name
    span: Span


class ExpectWeigh(msgspec.Struct, frozen=True, gc=False):
    """`expect weigh harm 2, autonomy 1`."""

    sides: tuple[tuple[Name, Number], ...]
    span: Span


class ExpectAbstain(msgspec.Struct, frozen=True, gc=False):
    """`expect abstain between harm and autonomy`."""

    sides: tuple[Name, Name]
    span: Span


class ExpectApplies(msgspec.Struct, frozen=True, gc=False):
    """`expect harm.weapons applies` or `expect harm.weapons does not apply`."""

    principle: Name
    applies: bool
    span: Span


class ExpectShare(msgspec.Struct, frozen=True, gc=False):
    """`expect harm.weapons at least 5% in revision`."""

    target: Name
    bound: ShareBound
    span: Span


class ExpectDecides(msgspec.Struct, frozen=True, gc=False):
    """`expect rule 2 of safety-over-autonomy`; rules are counted from 1, `otherwise` is the last."""

    rule: Number
    tension: Name
    span: Span


Expect: TypeAlias = ExpectOver | ExpectWeigh | ExpectAbstain | ExpectApplies | ExpectShare | ExpectDecides


class TableRow(msgspec.Struct, frozen=True, gc=False):
    """`grave, weapons | harm over autonomy; harm.weapons applies`: a value for each column, and what is expected."""

    cells: tuple[Name, ...]
    expected: tuple[Expect, ...]
    span: Span


class Table(msgspec.Struct, frozen=True, gc=False):
    """`table severity, topic | expect` with a row for each case below it. `span` is that of its first line."""

    columns: tuple[Name, ...]
    rows: tuple[TableRow, ...]
    span: Span

    def cases(self) -> Iterator[tuple[CaseLine, tuple[Expect, ...]]]:
        """Each row as the case that it is. A row with too few or too many cells pairs as far as it goes."""
        for row in self.rows:
            place = row.cells[0].span.to(row.cells[-1].span)
            yield CaseLine(tuple(zip(self.columns, row.cells, strict=False)), place), row.expected


class ModelCase(msgspec.Struct, frozen=True, gc=False):
    """`under harm.weapons at least 70%`, with `prompt:`, `better:` and `worse:` below it: a pair for a model."""

    principle: Name
    at_least: Percent | None
    fields: tuple[Field, ...]
    span: Span


class TestBlock(msgspec.Struct, frozen=True, gc=False):
    """`test "title"`: each `case` line with the expectations that follow it, tables, and pairs for a model."""

    __test__ = False  # pytest must not collect it

    title: Text
    cases: tuple[tuple[CaseLine, tuple[Expect, ...]], ...]
    span: Span
    tables: tuple[Table, ...] = ()
    models: tuple[ModelCase, ...] = ()

    def all_cases(self) -> Iterator[tuple[CaseLine, tuple[Expect, ...]]]:
        """Every case with its expectations, those of `case` lines and those of tables, in the order of the file."""
        found = [*self.cases, *(case for table in self.tables for case in table.cases())]
        yield from sorted(found, key=lambda case: case[0].span.start)
