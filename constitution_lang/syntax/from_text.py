"""From text to the syntax tree, block by block: a mistake in one block never hides the next."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise, takewhile

import msgspec
from msgspec.structs import replace

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix, Label
from constitution_lang.source import Source, Span
from constitution_lang.syntax import nodes as n
from constitution_lang.syntax.build import BlockBuilder
from constitution_lang.syntax.characters import OTHER_SPACES, same_length, strange_characters, undecodable
from constitution_lang.syntax.forms import KEYWORDS
from constitution_lang.syntax.grammar import parsed
from constitution_lang.syntax.lalr import replace_tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from constitution_lang.syntax.headless import Headless
    from constitution_lang.syntax.lalr import Tree

__all__ = ["parse"]

_BLOCK_START = re.compile(r"\n(?=[^ \t\n#])")
"""Behind the line break that is put before a text: a pattern that begins with one character is searched for quickly."""
_STRAY = re.compile(r"^[ \t]+(?=[^ \t\n#])", re.MULTILINE)
_CONFLICT = "<<<<<<<"
_COMMENT = re.compile(r"#[^\n]*")
_UNSEEN = "\t\u00a0\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_BLANK = re.compile(rf"^[ {_UNSEEN}]*[{_UNSEEN}][ ]*$", re.MULTILINE)
"""A line in which nothing stands, though it is not empty: it means as little as an empty one."""
_IN_A_TEXT = re.compile(rf"\n[ ]{{4,8}}(?:{'|'.join(KEYWORDS)})[ ]")
"""What may be a first line that became a part of the text above it."""
_COMMENTED_OUT = re.compile(rf"\n#+[ ]+(?:{'|'.join(KEYWORDS)})[ ]")
"""A comment that may be a first line, behind the mark of a heading: the one place where nothing else is wrong."""
_OF_OTHERS = (codes.E107.id, codes.E109.id)
"""What is told where the first line of the next block is missing."""
_WORD = re.compile(r"[\w-]+")
_TITLED = re.compile(r"[A-Za-z][\w.-]*[ ]+\"[^\"\n]*\"[ ]*(?:#|\n|\Z)")
_SECOND_WORD = re.compile(r"[\w-]+[ ]+([\w.-]+)")


def parse(source: Source) -> tuple[n.FileTree, tuple[Diagnostic, ...]]:
    """Parse a file: the blocks that could be read, and what is wrong with the others."""
    unreadable = undecodable(source)
    if unreadable:
        return n.FileTree(source, (), ()), unreadable
    text = same_length(source.text)
    conflicts: list[Diagnostic] = []
    if _CONFLICT in text:
        from constitution_lang.syntax.strays import without_conflicts

        text, conflicts = without_conflicts(source.name, text)
    if "\t" in text or not text.isascii():
        text = _BLANK.sub(lambda blank: " " * len(blank.group()), text)
    if not text.isascii() and not OTHER_SPACES.isdisjoint(text):
        from constitution_lang.syntax.shifted import without_strange_spaces

        text, strange_spaces = without_strange_spaces(source.name, text)
        conflicts += strange_spaces
    reader = _Reader(source.name, text)
    reader.read([])
    if reader.diagnostics or text.startswith("#") or _COMMENTED_OUT.search(text) or _IN_A_TEXT.search(text):
        from constitution_lang.syntax.shifted import all_indented, twice_as_deep, without_shifts

        whole = all_indented(source.name, text) or twice_as_deep(source.name, text)
        if whole:
            return n.FileTree(source, (), ()), (whole,)
        text, shifted, found_shifted = without_shifts(source.name, text)
        if found_shifted:
            conflicts += found_shifted
            reader = _Reader(source.name, text)
            reader.read(shifted)
    reader.diagnostics += conflicts
    strange = strange_characters(source)
    lines = {source.position(found.primary.span.start).line for found in strange}
    # What a strange character makes of its line is a consequence of it; where something else is wrong, its size is.
    wrong = {found.primary.span for found in reader.diagnostics if found.code != codes.E116.id}
    others = [
        found
        for found in reader.diagnostics
        if source.position(found.primary.span.start).line not in lines
        and (found.code != codes.E116.id or found.primary.span not in wrong)
    ]
    found = sorted((*strange, *others), key=lambda found: found.primary.span.start)
    mended, lost = tuple(reader.mended), tuple(reader.lost)
    tree = n.FileTree(
        source,
        tuple(reader.blocks),
        tuple(reader.comments),
        tuple(reader.broken),
        whole=not (reader.left_out or conflicts),
        mended=mended,
        lost=lost,
    )
    if not (tree.whole or found):
        raise AssertionError(f"a block of {source.name} is left out, and nothing is told")
    return tree, tuple(found)


class _Piece(msgspec.Struct, frozen=True):
    """The text of one block, where it begins in the file, and its first word."""

    start: int
    text: str
    keyword: str


def _misspelled(piece: _Piece) -> bool:
    """Whether it begins with nearly a keyword, and so is a block of its own and no line of prose."""
    from constitution_lang.syntax.keywords import keyword_meant

    return piece.keyword not in KEYWORDS and keyword_meant(piece.text) is not None


class _Reader:
    """Reads the blocks of one file."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._text = text
        self.blocks: list[n.Block] = []
        self.comments: list[n.Comment] = []
        self.mended: list[n.Block] = []
        self.lost: list[tuple[Span, frozenset[str]]] = []
        self.broken: list[n.Name] = []
        self.left_out = False
        """Whether a stretch from column one on is in no block."""
        self.diagnostics: list[Diagnostic] = []

    def read(self, shifted: list[int]) -> None:
        """Read all blocks; of those that are `shifted` it is known where they begin."""
        starts = [found.start() for found in _BLOCK_START.finditer(f"\n{self._text}")]
        if shifted:
            starts = sorted({*starts, *shifted})
        self._before_first(starts[0] if starts else len(self._text))
        previous: _Piece | None = None
        pieces = [*self._pieces(starts)]
        taken = 0
        for number, piece in enumerate(pieces, 1):
            if taken:
                taken -= 1
                continue
            if piece.keyword in KEYWORDS:
                if number < len(pieces) and pieces[number].keyword not in KEYWORDS:
                    taken = self._with_strays(piece, pieces[number:])
                elif number == len(pieces) or not self._twice(piece, pieces[number]):
                    self._block(piece)
            elif (
                previous is None
                or previous.keyword in KEYWORDS
                or (_misspelled(previous) and _misspelled(piece))
                or _TITLED.match(piece.text)
            ):
                from constitution_lang.syntax.hints import unknown_block

                inside = previous is not None and self._ends_in_text(previous)
                self.diagnostics.append(unknown_block(self._file, piece.start, piece.text, inside_text=inside))
                if not self._as_meant(piece):
                    self._broken(piece)
            previous = piece
        self.left_out = len(self.blocks) < len(starts)

    def _twice(self, piece: _Piece, following: _Piece) -> bool:
        """Tell a first line that is written twice; the second counts."""
        if piece.keyword != following.keyword or "\n  " in piece.text:
            return False
        from constitution_lang.syntax.headless import is_repeated, repeated_first_line

        if not is_repeated(piece.text, following.text):
            return False
        self.diagnostics.append(repeated_first_line(self._file, piece.start, piece.text, following.start))
        return True

    def _pieces(self, starts: list[int]) -> Iterator[_Piece]:
        for start, end in pairwise((*starts, len(self._text))):
            word = _WORD.match(self._text, start)
            yield _Piece(start, self._text[start:end], word.group() if word else "")

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
            word = _WORD.match(self._text, stray.end())
            begins = word is not None and word.group() in KEYWORDS
            fix = Fix(span, "", "begin at column one") if begins else None
            self.diagnostics.append(codes.E104.at(span, "this line belongs to no block", help=help, fix=fix))

    def _with_strays(self, piece: _Piece, behind: list[_Piece]) -> int:
        """Read one block with the lines at column one below it; how many of the pieces behind it belong to it."""
        from constitution_lang.syntax.strays import take

        strays = [*takewhile(lambda one: one.keyword not in KEYWORDS, behind)]
        texts = [one.text for one in strays]
        taken = take(self._file, piece.start, piece.text, texts, misspelled=lambda at: _misspelled(strays[at]))
        self.diagnostics.extend(taken.found)
        lost: frozenset[str] = frozenset({""} if taken.unsure else ())
        self._block(_Piece(piece.start, taken.text, piece.keyword), lost)
        return taken.count

    def _as_meant(self, piece: _Piece) -> bool:
        """Read a block whose keyword is misspelled with the one that was meant; whether it looks like such a block."""
        from constitution_lang.syntax.keywords import as_meant

        found = as_meant(piece.text)
        if found is None:
            return False
        meant, text = found
        told = len(self.diagnostics)
        longer = len(piece.keyword) - len(meant)
        self._block(_Piece(piece.start + longer, text, meant), longer=longer)
        self.diagnostics[told:] = [
            _moved(one, piece.start + longer, piece.start) if longer else one for one in self.diagnostics[told:]
        ]
        return True

    def _block(self, piece: _Piece, lost: frozenset[str] = frozenset(), longer: int | None = None) -> None:
        """Read one block, or what can be read of it; some lines of it may be `lost`.

        Where it is known by how much its keyword is `longer` than what stands for it in the text, it is told as wrong.
        """
        told_before = len(self.diagnostics)
        tree = parsed(piece.text)
        whole = tree is not None and longer is None
        if tree is None:
            tree, more_lost = self._mended(piece)
            lost = lost | more_lost
        if tree is None:
            return self._broken(piece)
        if longer:
            replace_tokens((tree,), lambda token: token if token.start else replace(token, start=-longer))
        builder = BlockBuilder(self._file, piece.start, lost)
        built = builder.block(tree)
        others = self._headless(piece, [*self.diagnostics[told_before:], *builder.diagnostics])
        if others:
            del self.diagnostics[told_before:]
            return self._with_others(piece, others, longer)
        block: n.Block | None = built
        told = {found.primary.span for found in self.diagnostics[told_before:]}
        self.diagnostics += [found for found in builder.diagnostics if found.primary.span not in told]
        if builder.beyond:
            from constitution_lang.syntax.without import without

            block = without(built, builder.beyond, builder.lost)
        if whole and block and not (builder.beyond or n.HEADER in builder.lost):
            self.blocks.append(block)
            if "#" in piece.text:
                self.comments.extend(builder.comments(piece.text))
        else:
            self._broken(piece)
            if block:
                self.mended.append(block)
        if block and builder.lost:
            self.lost.append((block.span, frozenset(builder.lost)))
        return None

    def _mended(self, piece: _Piece) -> tuple[Tree | None, frozenset[str]]:
        from constitution_lang.syntax.mending import mend

        mended = mend(self._file, piece.start, piece.text)
        self.diagnostics.extend(mended.found)
        return mended.tree, mended.lost

    def _headless(self, piece: _Piece, told: list[Diagnostic]) -> list[Headless]:
        """The lines of others in a block, where what is told of it may come from that."""
        if all(one.code not in _OF_OTHERS for one in told):
            return []
        from constitution_lang.syntax.headless import headless

        return headless(piece.text)

    def _with_others(self, piece: _Piece, others: list[Headless], longer: int | None) -> None:
        """Read a block without the lines that belong to others below it, and then those, which have no first line."""
        from constitution_lang.syntax.headless import missing_first_line

        own = piece.text[: others[0].start].rstrip() + "\n"
        self._block(_Piece(piece.start, own, piece.keyword), longer=longer)
        for lines in others:
            keyword, start = lines.form.keyword, piece.start + lines.start
            self.diagnostics.append(missing_first_line(self._file, piece.start, lines))
            told = len(self.diagnostics)
            text = f"{keyword}\n  {piece.text[lines.start : lines.end].rstrip()}\n"
            self._block(_Piece(start - len(f"{keyword}\n  "), text, keyword))
            self.diagnostics[told:] = [one for one in self.diagnostics[told:] if one.primary.span.start >= start]

    def _broken(self, piece: _Piece) -> None:
        """Keep the name of a block that can't be used, so that nobody says there is none of that name."""
        found = _SECOND_WORD.match(piece.text)
        if found:
            span = Span(self._file, piece.start + found.start(1), piece.start + found.end(1))
            self.broken.append(n.Name(found.group(1), span))


def _moved(finding: Diagnostic, wrong: int, right: int) -> Diagnostic:
    """A finding of which the places that begin at a `wrong` offset begin at the `right` one."""

    def moved(label: Label) -> Label:
        at = label.span
        return replace(label, span=Span(at.file, right, max(at.end, right))) if at.start == wrong else label

    return replace(finding, primary=moved(finding.primary), secondary=tuple(map(moved, finding.secondary)))
