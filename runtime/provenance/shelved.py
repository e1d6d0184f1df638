"""The rows of a run by what they belong to, while they lie in a file: a run of any size can be gone through."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from runtime.datasets.stored import Shelf, Stored

__all__ = ["ShelvedGroups", "ShelvedMap", "grouped", "kept_by", "shelve"]

K = TypeVar("K")
R = TypeVar("R")


class ShelvedMap(Mapping[K, R]):
    """One row for each key, in the order in which the keys came first."""

    def __init__(self, shelf: Shelf[R], numbers: dict[K, int]) -> None:
        self._shelf = shelf
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[K]:
        return iter(self._numbers)

    def __contains__(self, key: object) -> bool:
        return key in self._numbers

    def __getitem__(self, key: K) -> R:
        return self._shelf.get(self._numbers[key])

    def pick(self, keys: Iterable[K]) -> Stored[R]:
        """The rows of those keys that are there, in the order of `keys`."""
        return Stored(self._shelf, (self._numbers[key] for key in keys if key in self._numbers))


class ShelvedGroups(Mapping[K, list[R]]):
    """The rows of each key in their order."""

    def __init__(self, shelf: Shelf[R], numbers: dict[K, array[int]]) -> None:
        self._shelf = shelf
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[K]:
        return iter(self._numbers)

    def __contains__(self, key: object) -> bool:
        return key in self._numbers

    def __getitem__(self, key: K) -> list[R]:
        return [self._shelf.get(number) for number in self._numbers[key]]


def shelve(kind: type[R], rows: Iterable[R]) -> Stored[R]:
    """The rows in their order."""
    shelf = Shelf(kind)
    return Stored(shelf, (shelf.put(row) for row in rows))


def kept_by(kind: type[R], rows: Iterable[R], key: Callable[[R], str]) -> ShelvedMap[str, R]:
    """The rows by a key of theirs. Where a key comes twice, the later row counts."""
    shelf = Shelf(kind)
    return ShelvedMap(shelf, {sys.intern(key(row)): shelf.put(row) for row in rows})


def grouped(kind: type[R], rows: Iterable[R], key: Callable[[R], K]) -> ShelvedGroups[K, R]:
    """The rows by a key that several share."""
    shelf = Shelf(kind)
    numbers: dict[K, array[int]] = {}
    for row in rows:
        numbers.setdefault(key(row), array("Q")).append(shelf.put(row))
    return ShelvedGroups(shelf, numbers)
