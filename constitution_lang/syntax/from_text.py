"""From text to the syntax tree, block by block: a mistake in one block never hides the next."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import msgspec

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix
from constitution_lang.source import Source, Span
from constitution_lang.syntax import nodes as n
from constitution_lang.syntax.build import BlockBuilder
from constitution_lang.syntax.characters import same_length, strange_characters, undecodable
from constitution_lang.syntax.forms import BLOCKS, KEYWORDS
from constitution_lang.syntax.grammar import Failure, block_tree
from constitution_lang.syntax.hints import explain_failure, unknown_block
from constitution_lang.syntax.words import closest

__all__ = ["parse"]

_BLOCK_START = re.compile(r"\n(?=[^ \t\n#])")
"""Behind the line break that is put before a text: a pattern that begins with one character is searched for quickly."""
_STRAY = re.compile(r"^[ \t]+(?=[^ \t\n#])", re.MULTILINE)
_COMMENT = re.compile(r"#[^\n]*")
_WORD = re.compile(r"[\w-]+")
_ENTRY_START = re.compile(r"^  (?=[^ \t\n#])", re.MULTILINE)
_BARE_KEY = re.compile(r"^  [\w-]+:[ ]*\n\Z", re.MULTILINE)
_TABLE = re.compile(r"^  table\b[^\n]*\n(?:(?!  [^ ])[^\n]*\n)*\Z", re.MULTILINE)
_SECOND_WORD = re.compile(r"[\w-]+[ ]+([\w.-]+)")
_ERRORS_PER_BLOCK_MAX = 20


def parse(source: Source) -> tuple[n.FileTree, tuple[Diagnostic, ...]]:
    """Parse a file: the blocks that could be read, and what is wrong with the others."""
    unreadable = undecodable(source)
    if unreadable:
        return n.FileTree(source, (), ()), unreadable
    text = same_length(source.text)
    reader = _Reader(source.name, text)
    reader.read()
    strange = strange_characters(source)
    lines = {source.position(found.primary.span.start).line for found in strange}
    # What a strange character makes of its line is a consequence of it.
    others = [found for found in reader.diagnostics if source.position(found.primary.span.start).line not in lines]
    found = sorted((*strange, *others), key=lambda found: found.primary.span.start)
    tree = n.FileTree(
        source, tuple(reader.blocks), tuple(reader.comments), tuple(reader.broken), whole=not reader.left_out
    )
    return tree, tuple(found)


class _Piece(msgspec.Struct, frozen=True):
    """The text of one block, and where it begins in the file."""

    start: int
    text: str

    @property
    def keyword(self) -> str:
        found = _WORD.match(self.text)
        return found.group() if found else ""


def _misspelled(piece: _Piece) -> bool:
    """Whether it begins with nearly a keyword, and so is a block of its own and no line of prose."""
    return piece.keyword not in KEYWORDS and closest(piece.keyword, KEYWORDS) is not None


class _Reader:
    """Reads the blocks of one file."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._text = text
        self.blocks: list[n.Block] = []
        self.comments: list[n.Comment] = []
        self.broken: list[n.Name] = []
        self.left_out = False
        """Whether a stretch from column one on is in no block."""
        self.diagnostics: list[Diagnostic] = []

    def read(self) -> None:
        starts = [found.start() for found in _BLOCK_START.finditer(f"\n{self._text}")]
        self._before_first(starts[0] if starts else len(self._text))
        previous: _Piece | None = None
        for piece in self._pieces(starts):
            if piece.keyword in KEYWORDS:
                self._block(piece)
            elif previous is None or previous.keyword in KEYWORDS or (_misspelled(previous) and _misspelled(piece)):
                inside = previous is not None and self._ends_in_text(previous)
                self.diagnostics.append(unknown_block(self._file, piece.start, piece.text, inside_text=inside))
                self._broken(piece)
            previous = piece
        self.left_out = len(self.blocks) < len(starts)

    def _pieces(self, starts: list[int]) -> Iterator[_Piece]:
        for start, end in pairwise((*starts, len(self._text))):
            yield _Piece(start, self._text[start:end])

    def _ends_in_text(self, piece: _Piece) -> bool:
        return piece.text.rstrip("\n").rsplit("\n", 1)[-1].startswith("    ")

    def _before_first(self, end: int) -> None:
        for found in _COMMENT.finditer(self._text, 0, end):
            place = Span(self._file, found.start(), found.end())
            self.comments.append(n.Comment(found.group().rstrip(), place))
        stray = _STRAY.search(self._text, 0, end)
        if stray:
            span = Span(self._file, stray.start(), stray.end())
            help = "a file begins with a block at column one, such as `edition 2026`"
            fix = Fix(span, "", "begin at column one")
            self.diagnostics.append(codes.E104.at(span, "this line belongs to no block", help=help, fix=fix))

    def _block(self, piece: _Piece) -> None:
        """Read one block; take out the lines that can't be read, so as to find every mistake in it."""
        text, base = piece.text, piece.start
        mended = False
        for _ in range(_ERRORS_PER_BLOCK_MAX):
            tree = block_tree(text)
            if not isinstance(tree, Failure):
                break
            found = explain_failure(self._file, base, text, tree)
            self.diagnostics.append(found)
            mended = True
            shorter = _without_line(text, found.primary.span.start - base)
            if shorter is None and base == piece.start and piece.keyword != "sampling":
                # The header is at fault: read the lines below under one that is not.
                header = text.find("\n") if "\n" in text else len(text)
                shorter = BLOCKS[piece.keyword].header + text[header:]
                base += len(text) - len(shorter)
            if shorter is None or shorter == text:
                return self._broken(piece)
            text = shorter
        else:
            return self._broken(piece)
        builder = BlockBuilder(self._file, base, mended=mended)
        block = builder.block(tree)
        self.diagnostics.extend(builder.diagnostics)
        if mended or any(found.code == codes.E116.id for found in builder.diagnostics):
            return self._broken(piece)
        self.blocks.append(block)
        if "#" in text:
            self.comments.extend(builder.comments(text))
        return None

    def _broken(self, piece: _Piece) -> None:
        """Keep the name of a block that can't be used, so that nobody says there is none of that name."""
        found = _SECOND_WORD.match(piece.text)
        if found:
            span = Span(self._file, piece.start + found.start(1), piece.start + found.end(1))
            self.broken.append(n.Name(found.group(1), span))


def _without_line(text: str, offset: int) -> str | None:
    """The block with the line at `offset`, and what hangs below it, blank; None where it is the header.

    A key above it that is left without its text by this goes as well.
    """
    start = text.rfind("\n", 0, offset) + 1
    if start == 0:
        return None
    following = _ENTRY_START.search(text, offset + 1)
    end = following.start() if following else len(text)
    if _TABLE.search(text, 0, start) and text.startswith("    ", start):  # the other rows stay
        end = text.find("\n", offset) + 1 or len(text)
    key = _BARE_KEY.search(text, 0, start)
    if key and key.end() == start:
        start = key.start()
    return text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]
