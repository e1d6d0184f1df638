"""What can still be read of a line that can't be read as a whole: its condition or its outcome, its cells, its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from constitution_lang.diagnostics.model import Diagnostic
from constitution_lang.source import Span
from constitution_lang.syntax.forms import BLOCKS, BlockForm
from constitution_lang.syntax.grammar import block_tree
from constitution_lang.syntax.hints import explain_failure
from constitution_lang.syntax.indentation import begins_with, wrong_indentation_of_row
from constitution_lang.syntax.lalr import Token, Tree, replace_tokens
from constitution_lang.syntax.line_faults import are_values, meant_opening
from constitution_lang.syntax.nodes import UNREAD

__all__ = ["Reading", "parts_of_line", "table_by_rows"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*")
_COLUMNS = re.compile(r"[ ]*table\b(?P<columns>[^|#\n]*?)[ ]*(?:\bexpect\b[ ]*)?(?:\||#|$)", re.MULTILINE)
_FIRST = re.compile(r"[A-Za-z][\w-]*")
_TABLE = 'test "t"\n  table c | expect\n'


@dataclass
class Reading:
    """A block that is read in pieces. `text` begins at `base` in `file`."""

    file: str
    base: int
    text: str
    form: BlockForm = BLOCKS["edition"]
    found: list[Diagnostic] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)

    def below(self, chunk: str, start: int, *, headed: bool = True) -> tuple[str, int]:
        """A chunk of the block below a first line, and by how much its places are then less than they were."""
        header = self.form.header + ("\n" if headed else "")
        return header + chunk, start - len(header)

    def lose(self, line: str) -> None:
        """Note what a line would have been."""
        opening = begins_with(self.form, line.strip())
        if opening is None:
            first = _FIRST.match(line.strip())
            opening = meant_opening(self.form, first.group()) if first else ""
            if first and are_values(self.form, first.group()):
                self.lost.update(("levels", "one of"))
        if opening is not None:
            self.lost.add(opening)

    def placed(self, tree: Tree, by: int, low: int = 0, high: int | None = None) -> list[Tree]:
        """The lines of a block's tree with their places in this block.

        A token outside `low` to `high` stands for nothing that is written: it has no text, and lies at that end.
        """
        lines = [part for part in tree.children if isinstance(part, Tree)]
        end = len(self.text) if high is None else high

        def placed(token: Token) -> Token:
            inside = low <= token.start + by and token.end + by <= end
            at, stop = (min(max(place + by, low), end) for place in (token.start, token.end))
            return Token(token.type, token.text if inside else UNREAD, at, stop)

        replace_tokens(lines, placed)
        return lines

    def try_part(self, before: str, start: int, end: int, after: str) -> list[Tree]:
        """The lines that come of a part of this block between other words; none, and a finding, where it can't be read.

        Of a place of which something is said already nothing more is.
        """
        part = self.text[start:end]
        text = before + part + after
        tree = block_tree(text)
        shift = start - len(before)
        if isinstance(tree, Tree):
            return self.placed(tree, shift, start, end)
        found = explain_failure(self.file, self.base + shift, text, tree)
        self.say(found, Span(self.file, self.base + start, self.base + end))
        return []

    def say(self, found: Diagnostic, within: Span) -> None:
        """Keep a finding inside a place, unless one is there already."""
        at = found.primary.span
        told = any(one.primary.span.start <= at.end and at.start <= one.primary.span.end for one in self.found)
        if part_of(at, within) and not told:
            self.found.append(found)


def part_of(span: Span, whole: Span) -> bool:
    """Whether a place lies in another."""
    return whole.start <= span.start and span.end <= whole.end


def parts_of_line(reading: Reading, line: str, start: int) -> list[Tree]:
    """What can be read of a line that was written at `start` and that something is told of."""
    opening = begins_with(reading.form, line.strip())
    match reading.form.keyword, opening:
        case "tension", "when":
            return _rule(reading, line, start)
        case "test", "case":
            return _case(reading, line, start)
    return []


def _rule(reading: Reading, line: str, start: int) -> list[Tree]:
    """The condition or the outcome of a rule."""
    colon = line.find(":")
    if colon < 0:
        return []
    header = reading.form.header
    first = start + line.index("when") + len("when")
    end = start + len(line.split("#", 1)[0].rstrip())
    condition = reading.try_part(f"{header}\n  when", first, start + colon, ": abstain")
    outcome = reading.try_part(f"{header}\n  when x is x:", start + colon + 1, end, "")
    return condition or outcome


def _case(reading: Reading, line: str, start: int) -> list[Tree]:
    """The values of a case that can be read, each as a case; one without values, so that what is expected has one."""
    header = f"{reading.form.header}\n  case"
    at = start + line.index("case") + len("case")
    cases = []
    for low, high in _between(line.split("#", 1)[0], at - start, start, ","):
        cases += reading.try_part(header, low, high, "")
    return cases or reading.try_part(header, at, at, "")


def _between(line: str, first: int, start: int, sign: str) -> Iterator[tuple[int, int]]:
    """Where the parts of a line from `first` on lie, which a sign separates."""
    for part in line[first:].split(sign):
        yield start + first, start + first + len(part)
        first += len(part) + len(sign)


def table_by_rows(reading: Reading, chunk: str, start: int) -> Tree:
    """A table of which some row can't be read, or the first line."""
    lines = chunk.split("\n")
    head = _columns(reading, lines[0], start)
    rows = []
    at = start
    for number, line in enumerate(lines):
        words = line.strip(" \t")
        if number and words and not words.startswith("#"):
            rows += _row(reading, line, at)
        at += len(line) + 1
    return Tree("table", [*head, *rows])


def _columns(reading: Reading, line: str, start: int) -> list[Token]:
    """The words of a table's first line; columns without a name where one of them can't be read."""
    text, shift = reading.below(line, start)
    tree = block_tree(text)
    if isinstance(tree, Tree):
        return [token for table in reading.placed(tree, shift) for token in table.children]
    reading.found.append(explain_failure(reading.file, reading.base + shift, text, tree))
    reading.lost.add("table")
    first = start + line.index("table")
    keyword = Token("TABLE", "table", first, first + len("table"))
    written = _COLUMNS.match(line)
    low, high = written.span("columns") if written else (0, 0)
    columns = [_cell(line, start, one - start, end - start) for one, end in _between(line[:high], low, start, ",")]
    if any(not column.text for column in columns):
        columns = [Token("NAME", UNREAD, column.start, column.end) for column in columns]
    return [keyword, *columns]


def _cell(line: str, start: int, low: int, high: int) -> Token:
    """The name in a cell."""
    part = line[low:high]
    word = part.strip()
    at = low + len(part) - len(part.lstrip()) if word else low
    text = word if _NAME.fullmatch(word) else UNREAD
    return Token("NAME", text, start + at, start + at + len(word))


def _row(reading: Reading, line: str, start: int) -> list[Tree]:
    """A row; what can be read of it, and findings, where that is not all."""
    indent = len(line) - len(line.lstrip(" \t"))
    if line[:indent] != "    ":
        span = Span(reading.file, reading.base + start, reading.base + start + indent)
        reading.found.append(wrong_indentation_of_row(span, line[:indent]))
    meant = f"{_TABLE}    {line[indent:]}"
    shift = start + indent - len(_TABLE) - 4
    tree = block_tree(meant)
    if isinstance(tree, Tree):
        return _rows_in(reading.placed(tree, shift))
    reading.found.append(explain_failure(reading.file, reading.base + shift, meant, tree))
    written = line.split("#", 1)[0].rstrip()
    bar = written.find("|")
    if bar < 0:
        return []
    cells = []
    for low, high in _between(written[:bar], indent, start, ","):
        cells.append(_cell(line, start, low - start, high - start))
        if not cells[-1].text:
            reading.try_part(f"{_TABLE}    ", low, high, " | x applies")
    expected: list[Tree] = []
    for low, high in _between(written, bar + 1, start, ";"):
        for row in _rows_in(reading.try_part(f"{_TABLE}    x |", low, high, "")):
            expected += [part for part in row.children if isinstance(part, Tree)]
    return [Tree("row", [*cells, *expected])]


def _rows_in(tables: list[Tree]) -> list[Tree]:
    return [part for table in tables for part in table.children if isinstance(part, Tree)]
