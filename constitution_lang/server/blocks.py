"""A text in blocks, each parsed once: an edit costs what the blocks that it touches cost.

Each block is parsed as a text of its own under a name of its own, so that its places count from its
beginning and stay true wherever it moves. `Blocks.place` says where such a place is in the whole.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, count, pairwise

from constitution_lang.diagnostics.model import Diagnostic, Fix, Label
from constitution_lang.server.names import Use, uses
from constitution_lang.source import Source, Span
from constitution_lang.syntax.forms import KEYWORDS
from constitution_lang.syntax.from_text import parse
from constitution_lang.syntax.nodes import FileTree

__all__ = ["BlockText", "Blocks", "in_blocks", "moved"]

_HEADER = re.compile(rf"^(?:{'|'.join(KEYWORDS)})(?![\w-])", re.MULTILINE)
_MARK = "\0"
_numbers = count()
"""No name comes back, so that a finding kept for a block can't land in another."""


@dataclass(frozen=True)
class BlockText:
    """One block as it was parsed: from its keyword up to the next block's. `name` is unique in its file."""

    name: str
    tree: FileTree
    diagnostics: tuple[Diagnostic, ...]

    @property
    def text(self) -> str:
        """What is written."""
        return self.tree.source.text

    @cached_property
    def uses(self) -> tuple[Use, ...]:
        """The names in it."""
        return uses(self.tree)

    @cached_property
    def header(self) -> str:
        """Its first line."""
        return self.text.split("\n", 1)[0].rstrip()

    @property
    def keyword(self) -> str:
        """The word that it begins with; empty above the first block."""
        return self.header.split(None, 1)[0] if self.header else ""

    @cached_property
    def extent(self) -> int:
        """Its length without blank lines and comments at the end, which belong to what follows."""
        lines = self.text.split("\n")
        while len(lines) > 1 and (not lines[-1].strip() or lines[-1].startswith("#")):
            lines.pop()
        return len("\n".join(lines))


@dataclass(frozen=True, slots=True)
class Blocks:
    """All blocks of a file, and where each begins. `source` is the whole."""

    source: Source
    blocks: tuple[BlockText, ...]
    starts: tuple[int, ...]
    index: dict[str, int]

    def start(self, name: str) -> int | None:
        """Where the block of this name begins; None where the file has none."""
        number = self.index.get(name)
        return None if number is None else self.starts[number]

    def place(self, span: Span) -> Span | None:
        """A place inside a block as a place in the file; None where the block is not there (any more)."""
        start = self.start(span.file)
        return None if start is None else Span(self.source.name, start + span.start, start + span.end)

    def inside(self, span: Span) -> Span:
        """A place in the file as a place inside the block in which it begins."""
        number = max(bisect_right(self.starts, span.start) - 1, 0)
        start = self.starts[number]
        return Span(self.blocks[number].name, span.start - start, span.end - start)

    def at(self, offset: int) -> tuple[BlockText, int]:
        """The block at an offset, and the offset inside it."""
        number = max(bisect_right(self.starts, offset) - 1, 0)
        return self.blocks[number], offset - self.starts[number]


def in_blocks(source: Source, before: Blocks | None = None) -> Blocks:
    """The blocks of a text; those that `before` has as well are taken over."""
    old = before.blocks if before else ()
    text = source.text
    head, at = _same_head(text, old)
    tail, end = _same_tail(text, old[head:], at)
    bounds = [at, *(found.start() for found in _HEADER.finditer(text, at, end) if found.start() > at), end]
    middle: list[BlockText] = []
    spare = {block.text: block for block in old[head : len(old) - tail]}
    if end > at or not (head or tail):
        for low, high in pairwise(bounds):
            piece = text[low:high]
            middle.append(spare.pop(piece) if piece in spare else _parsed(source.name, piece))
    blocks = (*old[:head], *middle, *old[len(old) - tail :])
    starts = tuple(accumulate((len(block.text) for block in blocks[:-1]), initial=0))
    return Blocks(source, blocks, starts, {block.name: number for number, block in enumerate(blocks)})


def moved(found: Diagnostic, place: dict[str, Blocks]) -> Diagnostic | None:
    """A finding with its places in files; None where its main place is in no block of them."""

    def to_file(span: Span) -> Span | None:
        blocks = place.get(span.file.partition(_MARK)[0])
        return blocks.place(span) if blocks and _MARK in span.file else span

    primary = to_file(found.primary.span)
    if primary is None:
        return None
    secondary = tuple(Label(span, label.text) for label in found.secondary if (span := to_file(label.span)))
    at = to_file(found.fix.span) if found.fix else None
    fix = Fix(at, found.fix.text, found.fix.title) if found.fix and at else None
    return replace(found, primary=Label(primary, found.primary.text), secondary=secondary, fix=fix)


def _parsed(file: str, text: str) -> BlockText:
    name = f"{file}{_MARK}{next(_numbers)}"
    tree, found = parse(Source(name, text))
    return BlockText(name, tree, found)


def _same_head(text: str, old: tuple[BlockText, ...]) -> tuple[int, int]:
    """How many of the old blocks the text begins with, and where they end. The last one may have grown: it is left."""
    at = count = 0
    previous = 0
    for block in old:
        if not text.startswith(block.text, at):
            break
        previous, at, count = at, at + len(block.text), count + 1
    if count == len(old) and at == len(text):
        return count, at
    return (count - 1, previous) if count else (0, 0)


def _same_tail(text: str, old: tuple[BlockText, ...], low: int) -> tuple[int, int]:
    """How many of the old blocks the text ends with, and where the first of them begins."""
    end, count = len(text), 0
    for block in reversed(old):
        start = end - len(block.text)
        begins = start == 0 or (start > low and text[start - 1] == "\n") or start == low
        if start < low or not begins or not text.startswith(block.text, start) or not _HEADER.match(block.text):
            break
        end, count = start, count + 1
    return count, end
