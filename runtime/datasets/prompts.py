"""Prompts in: from a data set's rows to records, each conversation once, with an account of every row."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from constitution_lang.diagnostics.numbers import number_of
from runtime.config import PromptSource
from runtime.datasets.conversations import CHOSEN, Form, RowConversation, extract, find_form
from runtime.datasets.errors import BadRow, DataError, RowError
from runtime.datasets.hh import join_turns, parse_hh
from runtime.datasets.reading import RawRow, read
from runtime.datasets.stored import Shelf, Stored
from runtime.records import PromptRecord, PromptUse, identify

__all__ = ["LoadReport", "PromptStream", "load_prompts", "select"]

_HERE = Path()
_SCALARS = (str, bool, int, float)
_EXCLUDED = -1


class LoadReport(Struct, frozen=True, kw_only=True):
    """What became of every row: `rows == prompts + not_selected + duplicates + excluded + len(skipped)`."""

    data: str
    rows: int
    prompts: int
    not_selected: int = 0
    """Left out by `limit` and `offset`."""
    duplicates: int = 0
    """Rows whose conversation stood in an earlier row."""
    conflicts: tuple[int, ...] = ()
    """Those duplicates whose columns or answer differ from the first's, which is kept."""
    excluded: int = 0
    """Rows whose conversation the caller ruled out."""
    skipped: tuple[BadRow, ...] = ()
    joined_turns: int = 0
    """Turns joined to the one before because the same speaker had both (hh form)."""
    columns: tuple[str, ...] = ()
    """Columns kept as values of attributes."""
    columns_ignored: tuple[str, ...] = ()
    """Columns that hold lists or objects and so are no values of attributes."""

    def __str__(self) -> str:
        parts = [f"{number_of(self.prompts, 'prompts')} from {number_of(self.rows, 'rows')}"]
        counted = {
            "merged as duplicates": self.duplicates,
            "excluded": self.excluded,
            "not selected": self.not_selected,
            "skipped as unreadable": len(self.skipped),
            "duplicates whose columns or answer differ from the first's, which is kept": len(self.conflicts),
        }
        parts += [f"{count} {what}" for what, count in counted.items() if count]
        if self.columns_ignored:
            parts.append(f"no values in columns {', '.join(self.columns_ignored)}: they hold lists or objects")
        return f"{self.data}: {', '.join(parts)}"


class PromptStream:
    """The distinct prompts of a data set in the order of its rows, one at a time. `report` is final at the end.

    Two numbers are held for each prompt, whatever the length of the texts.
    """

    def __init__(self, source: PromptSource, base: Path = _HERE, *, exclude: Collection[str] = ()) -> None:
        self._source = source
        self._exclude = exclude
        self._rows = read(source.data, base)
        # Id to a digest of what the row says beside its conversation, or _EXCLUDED: numbers, to be small.
        self._seen: dict[int, int] = {}
        self._count = self._duplicates = self._excluded = self._joined = 0
        self._conflicts: list[int] = []
        self._skipped: list[BadRow] = []
        self._columns: dict[str, None] = {}
        self._ignored: dict[str, None] = {}

    def __iter__(self) -> Iterator[PromptRecord]:
        for raw in self._rows:
            self._count += 1
            try:
                record = self._record(raw)
            except RowError as error:
                self._bad(raw.row, error)
                continue
            if record is not None:
                yield record
        self._require_some()

    def report(self, prompts: int | None = None) -> LoadReport:
        """The account so far, where `prompts` of the distinct ones were selected (all where not said)."""
        distinct = sum(told != _EXCLUDED for told in self._seen.values())
        selected = distinct if prompts is None else prompts
        return LoadReport(
            data=self._source.data,
            rows=self._count,
            prompts=selected,
            not_selected=distinct - selected,
            duplicates=self._duplicates,
            conflicts=tuple(self._conflicts),
            excluded=self._excluded,
            skipped=tuple(self._skipped),
            joined_turns=self._joined,
            columns=tuple(sorted(self._columns)),
            columns_ignored=tuple(sorted(self._ignored)),
        )

    def _record(self, raw: RawRow) -> PromptRecord | None:
        if isinstance(raw.values, RowError):
            raise raw.values
        form: Form
        form = find_form(raw.values, self._source.column) if self._source.form == "auto" else self._source.form
        found = extract(raw.values, form, self._source.column)
        columns = self._attribute_columns(raw.values, found.used)
        demonstration = found.demonstration
        if form == "hh" and self._source.kind is PromptUse.HELPFUL:
            demonstration = _chosen_reply(raw.values, found)
        self._joined += found.joined
        id = identify("prompt", found.turns)
        told = _EXCLUDED if id in self._exclude else int(identify("told", columns, demonstration)[:15], 16)
        if told == _EXCLUDED:
            self._excluded += 1
            self._seen[int(id, 16)] = _EXCLUDED
            return None
        known = len(self._seen)
        first = self._seen.setdefault(int(id, 16), told)
        if len(self._seen) == known:
            self._duplicates += 1
            if first != told:
                self._conflicts.append(raw.row)
            return None
        return PromptRecord(
            id=id,
            turns=found.turns,
            kind=self._source.kind,
            columns=columns,
            demonstration=demonstration,
            file=self._source.data,
            row=raw.row,
        )

    def _attribute_columns(self, values: Mapping[str, object], used: Collection[str]) -> tuple[tuple[str, str], ...]:
        columns = []
        for name, value in sorted(values.items()):
            if name in used or value is None or value == "":
                continue
            if isinstance(value, _SCALARS):
                self._columns[name] = None
                columns.append((name, value if isinstance(value, str) else msgspec.json.encode(value).decode()))
            else:
                self._ignored[name] = None
        return tuple(columns)

    def _bad(self, row: int, error: RowError) -> None:
        if self._source.on_bad_row == "error":
            raise DataError(error.message, f"{self._source.data}:{row}", error.remedy) from error
        self._skipped.append(BadRow(row=row, message=error.message))

    def _require_some(self) -> None:
        if self._count == 0:
            raise DataError("there are no rows", self._source.data, "Write at least one prompt, or name another file.")
        if len(self._skipped) == self._count:
            first = self._skipped[0]
            place = f"{self._source.data}:{first.row}"
            raise DataError(f"no row can be read; the first: {first.message}", place, "Mend the file, or name another.")


def load_prompts(
    source: PromptSource, base: Path = _HERE, *, seed: int = 0, exclude: Collection[str] = ()
) -> tuple[Sequence[PromptRecord], LoadReport]:
    """The prompts of a data set, each conversation once, and what became of every row. They are not held in memory.

    Their order, and which of them `limit` and `offset` select, follow from `seed` and each prompt's own text:
    not from the order of the file, so a row that is added or moved changes no other. `exclude` holds ids of prompts
    that must not come back, such as those to evaluate on.

    Raises:
        DataError: The data set is missing, empty or unreadable, or a row is bad and may not be skipped.
    """
    stream = PromptStream(source, base, exclude=exclude)
    prompts = select(stream, limit=source.limit, offset=source.offset, seed=seed)
    if not prompts:
        message = f"none of its prompts is left: {stream.report(0)}"
        raise DataError(message, source.data, "Lower the offset, or name a data set with other prompts.")
    return prompts, stream.report(len(prompts))


def select(
    prompts: Iterable[PromptRecord], *, limit: int | None, offset: int = 0, seed: int = 0
) -> Sequence[PromptRecord]:
    """`limit` prompts after the first `offset`, in the order of a hash of the seed and each prompt.

    A larger limit keeps what a smaller one selected, and adjoining offsets share nothing. All prompts lie in a file
    before they are put in order.
    """
    shelf = Shelf(PromptRecord)
    keyed = ((identify("select", seed, prompt.id), shelf.put(prompt)) for prompt in prompts)
    ordered = sorted(keyed) if limit is None else heapq.nsmallest(offset + limit, keyed)
    return Stored(shelf, (number for _, number in ordered[offset:]))


def _chosen_reply(values: Mapping[str, object], found: RowConversation) -> str | None:
    """The reply that people chose, where it is a single one that is not empty: a demonstration of a helpful answer."""
    chosen = values[CHOSEN]
    if not isinstance(chosen, str):
        return None
    rest = join_turns(parse_hh(chosen))[0][len(found.turns) :]
    return rest[0].text if len(rest) == 1 and rest[0].text.strip() else None
