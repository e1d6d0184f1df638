"""Rows that lie in a file and not in memory, so that as many as there are can be gone through in any order."""

from __future__ import annotations

import os
import tempfile
import weakref
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import Generic, TypeVar, overload

import msgspec

from runtime.datasets.errors import DataError
from runtime.records import PromptRecord

__all__ = ["ById", "Chained", "Shelf", "Stored", "by_id", "distinct"]

_ENCODER = msgspec.msgpack.Encoder()

R = TypeVar("R")


class Shelf(Generic[R]):
    """Records of one kind in a file without a name, which is gone with the last who holds the shelf.

    One number is held for each, whatever the length of its texts.
    """

    def __init__(self, kind: type[R]) -> None:
        self._decode = msgspec.msgpack.Decoder(kind).decode
        with _faults():
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the shelf
        self._begins = array("Q", [0])
        self._written = 0
        weakref.finalize(self, self._file.close)

    def __len__(self) -> int:
        return len(self._begins) - 1

    def put(self, row: R) -> int:
        """Keep a row; the number to get it by.

        Raises:
            DataError: There is no room for it.
        """
        body = _ENCODER.encode(row)
        with _faults():
            self._file.write(body)
        self._begins.append(self._begins[-1] + len(body))
        return len(self) - 1

    def get(self, number: int) -> R:
        """The row that was given this number."""
        begin, end = self._begins[number], self._begins[number + 1]
        with _faults():
            if end > self._written:
                self._file.flush()
                self._written = self._begins[-1]
            return self._decode(os.pread(self._file.fileno(), end - begin, begin))


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        remedy = "Make room there, or name another folder in the environment's TMPDIR."
        raise DataError(f"rows cannot be set aside: {reason}", tempfile.gettempdir(), remedy) from error


class _Rows(Sequence[R]):
    """Rows that are fetched whenever one is looked at."""

    def _at(self, index: int) -> R:
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> R: ...

    @overload
    def __getitem__(self, index: slice) -> list[R]: ...

    def __getitem__(self, index: int | slice) -> R | list[R]:
        places = range(len(self))[index]
        return self._at(places) if isinstance(places, int) else [self._at(n) for n in places]

    def __iter__(self) -> Iterator[R]:
        return (self._at(n) for n in range(len(self)))


class Stored(_Rows[R]):
    """The rows of a shelf with these numbers, in their order."""

    def __init__(self, shelf: Shelf[R], numbers: Iterable[int]) -> None:
        self._shelf = shelf
        self._numbers = array("Q", numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def _at(self, index: int) -> R:
        return self._shelf.get(self._numbers[index])


class Chained(_Rows[PromptRecord]):
    """Several sequences of prompts, one after the other."""

    def __init__(self, parts: Sequence[Sequence[PromptRecord]]) -> None:
        self._parts = parts
        self._ends = list(accumulate(map(len, parts)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def _at(self, index: int) -> PromptRecord:
        part = bisect_right(self._ends, index)
        return self._parts[part][index - (self._ends[part - 1] if part else 0)]


class _Picked(_Rows[PromptRecord]):
    def __init__(self, of: Sequence[PromptRecord], places: Iterable[int]) -> None:
        self._of = of
        self._places = array("Q", places)

    def __len__(self) -> int:
        return len(self._places)

    def _at(self, index: int) -> PromptRecord:
        return self._of[self._places[index]]


class ById(Mapping[str, PromptRecord]):
    """Prompts by their ids; a number is held for each."""

    def __init__(self, of: Sequence[PromptRecord], places: Mapping[str, int]) -> None:
        self._of = of
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __getitem__(self, id: str) -> PromptRecord:
        return self._of[self._places[id]]

    def pick(self, ids: Iterable[str]) -> Sequence[PromptRecord]:
        """The prompts of these ids, in their order."""
        return _Picked(self._of, (self._places[id] for id in ids))


def by_id(parts: Sequence[Sequence[PromptRecord]]) -> ById:
    """The prompts of all parts by their ids. Where an id stands twice, the later one counts."""
    whole = Chained(parts)
    return ById(whole, {prompt.id: place for place, prompt in enumerate(whole)})


def distinct(parts: Sequence[Sequence[PromptRecord]]) -> Sequence[PromptRecord]:
    """The same in the order in which their ids stand first."""
    whole = Chained(parts)
    return _Picked(whole, {prompt.id: place for place, prompt in enumerate(whole)}.values())
