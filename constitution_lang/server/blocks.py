"""A text in blocks, each parsed once: an edit costs what the blocks that it touches cost.

Each block is parsed as a text of its own under a name of its own, so that its places count from its
beginning and stay true wherever it moves. `Blocks.place` says where such a place is in the whole.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, count, pairwise

from msgspec.structs import replace

from constitution_lang.check.uses import Meaning, Use, uses, uses_in_mended
from constitution_lang.diagnostics.model import Diagnostic, Label
from constitution_lang.source import Source, Span
from constitution_lang.syntax.forms import KEYWORDS
from constitution_lang.syntax.from_text import parse
from constitution_lang.syntax.headless import is_repeated
from constitution_lang.syntax.nodes import FileTree, PrincipleBlock

__all__ = ["BlockText", "Blocks", "in_blocks", "moved"]

_HEADER = re.compile(rf"^(?:{'|'.join(KEYWORDS)})(?![\w-])", re.MULTILINE)
_MARK = "\0"
_LINE_MAX = 2_000
"""Above that two first lines are not held against each other as one types."""
_numbers = count()
"""No name comes back, so that a finding kept for a block can't land in another."""


@dataclass(frozen=True)
class BlockText:
    """One block as it was parsed: from its keyword up to the next block's. `name` is unique in its file."""

    name: str
    text: str
    tree: FileTree
    diagnostics: tuple[Diagnostic, ...]

    @cached_property
    def uses(self) -> tuple[Use, ...]:
        """The names in it."""
        return uses(self.tree)

    @cached_property
    def names(self) -> tuple[frozenset[Meaning], tuple[Use, ...]]:
        """What is named in it, and what it declares; also in what can be read of it where it is broken."""
        all_ = (*self.uses, *uses_in_mended(self.tree))
        used = frozenset(use.meaning for use in all_ if not use.declares)
        return used, tuple(use for use in all_ if use.declares)

    @cached_property
    def header(self) -> str:
        """Its first line."""
        return self.text.split("\n", 1)[0].rstrip()

    @cached_property
    def opens(self) -> bool:
        """Whether it begins with a keyword, so that what stands above it can't change how it is read."""
        return bool(_HEADER.match(self.text))

    @cached_property
    def principle(self) -> PrincipleBlock | None:
        """The principle that it is, where it is one and nothing is wrong with how it is written."""
        match self.tree.blocks:
            case (PrincipleBlock() as principle,) if not (self.diagnostics or self.tree.broken):
                return principle
            case _:
                return None

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


@dataclass(frozen=True)
class Blocks:
    """All blocks of a file, and where each begins. `source` is the whole."""

    source: Source
    blocks: tuple[BlockText, ...]
    starts: tuple[int, ...]

    @cached_property
    def index(self) -> dict[str, int]:
        """The number of each block by its name."""
        return {block.name: number for number, block in enumerate(self.blocks)}

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
    old = before or Blocks(Source(source.name, ""), (), ())
    text = source.text
    head, at = _same_head(text, old)
    tail, end = _same_tail(text, old, head, at)
    bounds = [at, *(found.start() for found in _HEADER.finditer(text, at, end) if found.start() > at), end]
    bounds = [*_without_repeated(text, bounds)]
    middle: list[BlockText] = []
    spare = {block.text: block for block in old.blocks[head:tail]}
    if end > at or (not head and tail == len(old.blocks)):
        for low, high in pairwise(bounds):
            piece = text[low:high]
            middle.append(spare.pop(piece) if piece in spare else _parsed(source.name, piece))
    starts = accumulate((len(block.text) for block in middle[:-1]), initial=at) if middle else ()
    shift = len(text) - len(old.source.text)
    return Blocks(
        source,
        (*old.blocks[:head], *middle, *old.blocks[tail:]),
        (*old.starts[:head], *starts, *map(shift.__add__, old.starts[tail:])),
    )


def _without_repeated(text: str, bounds: list[int]) -> Iterator[int]:
    """The bounds without those between a first line and the same line again: that is told where both are seen."""
    yield from bounds[:1]
    for low, at, high in zip(bounds, bounds[1:], bounds[2:], strict=False):
        if "\n  " in text[low:at] or not is_repeated(text[low:at], text[at:high]):
            yield at
    yield from bounds[1:][-1:]


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
    fix = replace(found.fix, span=at) if found.fix and at else None
    return replace(found, primary=Label(primary, found.primary.text), secondary=secondary, fix=fix)


def _parsed(file: str, text: str) -> BlockText:
    name = f"{file}{_MARK}{next(_numbers)}"
    tree, found = parse(Source(name, text))
    return BlockText(name, text, tree, found)


def _same_head(text: str, old: Blocks) -> tuple[int, int]:
    """How many of the old blocks the text begins with, and where they end. The last one may have grown: it is left."""
    same = _prefix(old.source.text, text)
    if same == len(text) == len(old.source.text):
        return len(old.blocks), same
    count = max(bisect_right(old.starts, same) - 2, 0)
    return count, old.starts[count] if old.starts else 0


def _same_tail(text: str, old: Blocks, head: int, low: int) -> tuple[int, int]:
    """The first of the old blocks with which the text ends, none of the first `head` ones, and where it begins."""
    before = old.source.text
    shift = len(text) - len(before)
    same = _prefix(before[low:][::-1], text[low:][::-1])
    first = max(bisect_left(old.starts, len(before) - same), head)
    while first < len(old.blocks):
        start = old.starts[first] + shift
        begins = start <= low or text[start - 1] == "\n"
        if start >= low and begins and old.blocks[first].opens and not _repeats(old.blocks[first], text, start):
            return first, start
        first += 1
    return first, len(text)


def _repeats(block: BlockText, text: str, start: int) -> bool:
    """Whether the first line of a block is also the line above it, and so in one piece with it."""
    above = text[max(start - _LINE_MAX, 0) : start].rstrip()
    return above.endswith(block.header) and above.rsplit("\n", 1)[-1] == block.header


def _prefix(one: str, other: str) -> int:
    """How many characters two texts begin with that are the same; by halves, as stretches are compared at once."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
