"""Places as a client counts them (lines from 0, columns in units of an encoding) and as the compiler does (offsets)."""

from __future__ import annotations

from dataclasses import dataclass

from lsprotocol import types

from constitution_lang.source import Source

__all__ = ["Positions", "with_plain_breaks"]

_WIDTHS = {"utf-8": (0x7F, 0x7FF, 0xFFFF), "utf-16": (0xFFFF,), "utf-32": ()}
"""A character above each of these takes one unit more."""


def with_plain_breaks(text: str) -> str:
    """The text with a newline for every break that the protocol knows; no place of a client moves by it."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


@dataclass(frozen=True, slots=True)
class Positions:
    """Converts places of one text. A place past the end of its line or of the text is the end."""

    source: Source
    encoding: str = "utf-16"

    def offset(self, position: types.Position) -> int:
        """The character offset of a client's position."""
        starts = self.source.line_starts
        if position.line >= len(starts):
            return len(self.source.text)
        start = starts[max(position.line, 0)]
        line = self.source.line(max(position.line, 0) + 1)
        if self._narrow(line):
            return start + min(max(position.character, 0), len(line))
        units = 0
        for index, char in enumerate(line):
            if units >= position.character:
                return start + index
            units += self._width(char)
        return start + len(line)

    def position(self, offset: int) -> types.Position:
        """A client's position of a character offset."""
        offset = min(max(offset, 0), len(self.source.text))
        at = self.source.position(offset)
        before = self.source.line(at.line)[: at.column - 1]
        units = len(before) if self._narrow(before) else sum(map(self._width, before))
        return types.Position(at.line - 1, units)

    def range(self, start: int, end: int) -> types.Range:
        """A client's range of two character offsets."""
        return types.Range(self.position(start), self.position(end))

    def changed(self, change: types.TextDocumentContentChangeEvent) -> Source:
        """The text after a change; a range that runs backwards is taken as empty."""
        new = with_plain_breaks(change.text)
        if not isinstance(change, types.TextDocumentContentChangePartial):
            return Source(self.source.name, new)
        start, end = self.offset(change.range.start), self.offset(change.range.end)
        return self.source.edited(start, max(start, end), new)

    def _narrow(self, text: str) -> bool:
        return self.encoding == "utf-32" or text.isascii()

    def _width(self, char: str) -> int:
        return 1 + sum(ord(char) > bound for bound in _WIDTHS.get(self.encoding, _WIDTHS["utf-16"]))
