"""Text with a name, and places in it.

A place is a `Span` (half-open character offsets into one file). People are shown a `Position`
(line and column, both counted from 1); `Source` converts between the two.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from functools import cached_property
from itertools import accumulate

import msgspec

__all__ = ["Loader", "Position", "Source", "Span", "Unread", "head_of"]

_BREAK = re.compile("\n")
_HEAD = re.compile(r"^constitution(?![^ \t\r\n])(?:[ \t]+(?P<name>[^\s\"]+))?", re.MULTILINE)


class Span(msgspec.Struct, frozen=True, gc=False):
    """Characters `start` up to but not including `end` of the file named `file`."""

    file: str
    start: int
    end: int

    def to(self, other: Span) -> Span:
        """The span from the beginning of this one to the end of `other`, in the same file."""
        return Span(self.file, self.start, other.end)


class Position(msgspec.Struct, frozen=True, order=True, gc=False):
    """A line and a column, both counted from 1, in characters."""

    line: int
    column: int


class Source(msgspec.Struct, frozen=True, dict=True):
    """One file's text. `name` is what people see: a path relative to the constitution's folder."""

    name: str
    text: str

    @cached_property
    def line_starts(self) -> list[int]:
        """Offsets at which lines begin; computed once."""
        return list(accumulate((len(line) + 1 for line in self.text.split("\n")[:-1]), initial=0))

    def named(self, name: str) -> Source:
        """The same text under another name."""
        return self if name == self.name else self._with_starts(Source(name, self.text), self.line_starts)

    def edited(self, start: int, end: int, new: str) -> Source:
        """This text with `new` in the place of a stretch; where its lines begin is not looked for again."""
        known = self.line_starts
        low, high = bisect_right(known, start), bisect_right(known, end)
        inside = [start + found.end() for found in _BREAK.finditer(new)]
        shift = start + len(new) - end
        starts = [*known[:low], *inside, *map(shift.__add__, known[high:])]
        return self._with_starts(Source(self.name, self.text[:start] + new + self.text[end:]), starts)

    @staticmethod
    def _with_starts(source: Source, starts: list[int]) -> Source:
        source.__dict__["line_starts"] = starts
        return source

    def position(self, offset: int) -> Position:
        """Line and column of a character offset."""
        starts = self.line_starts
        line = bisect_right(starts, offset)
        return Position(line, offset - starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """The text of line `number` (from 1), without its line break."""
        starts = self.line_starts
        end = starts[number] - 1 if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].rstrip("\r")

    def span(self, start: int, end: int) -> Span:
        """A span of this file."""
        return Span(self.name, start, end)


class Unread(msgspec.Struct, frozen=True):
    """A file that is there and is not read; `why` ends the sentence that begins with its name."""

    why: str
    outside: bool = False
    """A link leads out of the constitution's folder."""


Loader = Callable[[str], "Source | Unread | None"]
"""Gives the source of a name, or None where there is none. Passes never open files themselves."""


def head_of(text: str) -> re.Match[str] | None:
    """The beginning of the line that makes a text a constitution, and no module that one uses; None where none does.

    Its group `name` is what the constitution calls itself, None where nobody has written that yet.
    """
    return _HEAD.search(text)
