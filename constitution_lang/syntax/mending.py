"""What can still be read of a block in which something can't be: every line, row and part of a line is read by itself.

So each mistake of a block is told, and what is right in it stays, for the checks that look at it. Only blocks that
cannot be read as a whole come here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby, pairwise, takewhile

import msgspec
from msgspec.structs import replace

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix
from constitution_lang.source import Span
from constitution_lang.syntax.capitals import in_small_letters, tell_capitals
from constitution_lang.syntax.forms import BLOCKS, BlockForm, form_of
from constitution_lang.syntax.grammar import block_tree
from constitution_lang.syntax.hints import explain_failure
from constitution_lang.syntax.indentation import begins_like, begins_with, is_row
from constitution_lang.syntax.lalr import Token, Tree
from constitution_lang.syntax.line_faults import unknown_line
from constitution_lang.syntax.mending_lines import Reading, parts_of_line, table_by_rows
from constitution_lang.syntax.mending_texts import not_indented, takes_text, text_without_indent, text_without_key
from constitution_lang.syntax.mending_wrapped import (
    completes,
    glued,
    goes_on,
    header_goes_on,
    tell_glued,
    title_moved_up,
    unwrapped,
    version_moved_up,
)
from constitution_lang.syntax.nodes import HEADER, TITLE
from constitution_lang.syntax.repair import repair, rephrase, rephrase_header
from constitution_lang.syntax.strays import is_prose
from constitution_lang.syntax.values_meant import sign_of_a_text

__all__ = ["Mended", "mend"]

_ENTRY_START = re.compile(r"^(?:  )?(?=[^ \t\n#])", re.MULTILINE)
"""Two spaces; or none, where what stands at column one belongs to the block (`strays`)."""
_OTHERWISE_INDENTED = re.compile(r"^(?:[ ]*\t[ \t]*|[ ]|[ ]{3})(?=[^ \t\n#])", re.MULTILINE)
_OUTCOMES = ("prefer ", "weigh ", "abstain")
_WORDS = re.compile(r"([\w-]+)(?:[ ]+([\w.-]+))?")
_NAMED = re.compile(r"[\w-]+[ ]+[\w.-]+")
_TITLED = re.compile(r'test[ ]+"[^"\n]*"')
_BARE_KEY = re.compile(r"  [\w-]+:\s*")
_EDITS_MAX = 4
"""So many things of one first line are told of."""
_LINES_MAX = 20
"""So many lines of one text are told of."""


class Mended(msgspec.Struct, frozen=True):
    """The tree of what can be read, None where that is nothing; what is wrong with the rest; and what that was.

    `lost` are the keys and openings of lines that could not be read in full, `""` where that can't be told.
    """

    tree: Tree | None
    found: tuple[Diagnostic, ...]
    lost: frozenset[str]


def mend(file: str, start: int, text: str) -> Mended:
    """Read what can be read of a block that begins at `start`. Places in its tree count from there."""
    ways = (title_moved_up, version_moved_up, header_goes_on)
    moved = next((found for way in ways if (found := way(file, start, text))), None)
    text = moved[0] if moved else text
    bounds = [found.start() for found in _ENTRY_START.finditer(text, 1)]
    first_end = text.find("\n") if "\n" in text else len(text)
    reading = Reading(file, start, text, found=[moved[1]] if moved else [])
    words = _WORDS.match(text)
    at = glued(BLOCKS[words[1]], text[:first_end]) if words else None
    header, form = _header(reading, first_end if at is None else len(text[:at].rstrip()))
    if form is None:
        return Mended(None, tuple(reading.found), frozenset(reading.lost))
    reading.form = form
    block = _Block(reading)
    second = bounds[0] if bounds else len(text)
    if at is None:
        block.below_header(first_end, second)
    else:
        reading.found.append(tell_glued(reading, text[:first_end], 0, at))
        block.entry(at, f"  {text[at:second]}", at - 2)
    entries = [*block.joined([*bounds, len(text)])]
    for indented, group in groupby(entries, lambda entry: text[entry[0]] == " "):
        run = [*group]
        if not indented:
            reading.found.append(not_indented(reading, run))
        for low, high in run:
            chunk, start = (text[low:high], low) if indented else (f"  {text[low:high]}", low - 2)
            key, chunk = text_without_indent(reading, chunk, start, told=not indented)
            if key:
                reading.lost.add(key)
            else:
                block.entry(low, chunk, start)
    failure = None if reading.found else block_tree(text)
    if failure and not isinstance(failure, Tree):  # no piece has a mistake, but the whole does
        reading.found.append(explain_failure(file, reading.base, text, failure))
    tree = Tree(header.data, [*header.children, *block.entries]) if header else None
    return Mended(tree, tuple(reading.found), frozenset(reading.lost))


def _header(reading: Reading, end: int) -> tuple[Tree | None, BlockForm | None]:
    """The tree of the first line, or of what stands for it, and the form of the block; None where that is not known."""
    line = reading.text[:end]
    words = _WORDS.match(line)
    assert words
    keyword, second = words.groups()
    tree = block_tree(line)
    if isinstance(tree, Tree):
        return tree, form_of(keyword, second)
    found, repaired = repair(reading.file, reading.base, line, at_most=_EDITS_MAX)
    rephrased = rephrase_header(found[0], reading.base, line) if len(found) != 1 or not repaired else None
    if rephrased:
        first, repaired = rephrased
        found = [first]
    reading.found += found
    form = BLOCKS[keyword]
    if repaired:
        return repaired, form_of(keyword, repaired.children[1].text)
    reading.lost.add(TITLE)
    if not (form.fields or form.lines or keyword == "sampling"):
        return None, form
    named = (_TITLED if keyword == "test" else _NAMED).match(line)
    if keyword in {"tension", "example"} or (keyword == "principle" and "." not in (second or "")):
        named = None  # whatever follows may be more of the name
    whole = block_tree(named.group()) if named else None
    if isinstance(whole, Tree):
        return whole, form_of(keyword, second)
    reading.lost.add(HEADER)
    if keyword == "sampling":
        return None, None
    return _stand_in(form.header, line, second or keyword), form


def _stand_in(header: str, line: str, name: str) -> Tree:
    """The tree of another first line without its title, all of whose words are placed at one word of this line."""
    tree = block_tree(header)
    assert isinstance(tree, Tree)
    at = line.find(name)
    keyword, *words = (Token(one.type, one.text, at, at + len(name)) for one in tree.children)
    if words[0].type == "NAME":
        words[0] = Token("NAME", name, at, at + len(name))
    words = [words[0], *(word for word in words[1:] if word.type != "TEXT")]
    return Tree(tree.data, [Token(keyword.type, keyword.text, 0, len(keyword.text)), *words])


class _Block:
    """The lines below the header."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self.entries: list[Tree] = []

    def joined(self, bounds: list[int]) -> Iterator[tuple[int, int]]:
        """Where each entry begins and ends: a row that is indented by two belongs to the table above it."""
        form = self._reading.form
        low = -1
        in_table = in_text = False
        for start, end in pairwise(bounds):
            line = self._reading.text[start : self._reading.text.find("\n", start, end) + 1 or end].strip()
            opening = begins_with(form, line)
            above = self._reading.text[low:start] if low >= 0 else ""
            in_text = (in_text or (not in_table and takes_text(form, above, line))) and is_prose(form, line)
            wrapped = bool(above) and (goes_on(form, above, line) or completes(self._reading, above, start))
            if not (in_text or wrapped or (in_table and opening is None and is_row(form, line))):
                if low >= 0:
                    yield low, start
                low, in_table = start, opening == "table"
        if low >= 0:
            yield low, bounds[-1]

    def below_header(self, start: int, end: int) -> None:
        """Lines below the header that are not indented by two."""
        if self._reading.text[start:end].strip():
            self.entry(start, self._reading.text[start:end], start, headed=False)

    def entry(self, at: int, chunk: str, start: int, *, headed: bool = True) -> None:
        """One line and what hangs below it. `chunk` was written at `start`, or is what was meant there."""
        reading = self._reading
        told = 0
        while chunk.strip():
            text, shift = reading.below(chunk, start, headed=headed)
            tree = block_tree(text)
            if isinstance(tree, Tree):
                self.entries += reading.placed(tree, shift)
                return
            if headed and reading.form.keyword == "test" and begins_with(reading.form, chunk.strip()) == "table":
                self.entries.append(table_by_rows(reading, chunk, start))
                return
            wrapped = unwrapped(reading, chunk, start) if headed and not told else None
            if wrapped:
                tree, shift, one = wrapped
                reading.found.append(one)
                self.entries += reading.placed(tree, shift)
                return
            found = explain_failure(reading.file, reading.base + shift, text, tree)
            offset = found.primary.span.start - reading.base - start
            line = max(chunk.rfind("\n", 0, max(offset, 0)) + 1, 0)
            if headed and line == 0:
                self._first_line(found, chunk, start)
                return
            told += 1
            meant = chunk[line:].lstrip(" \t")
            opening = begins_with(reading.form, meant)
            if (opening or begins_like(reading.form, meant)) and found.fix and not found.fix.text.strip():
                # It is a line of its own, indented in another way: read it as if it were indented by two.
                reading.found.append(found)
                self._before(chunk[:line], start, headed=headed)
                moved = len(chunk) - line - len(meant) - 2
                self.entry(at, f"  {meant}", start + line + moved)
                return
            if is_row(reading.form, chunk[line:].split("\n", 1)[0]):
                reading.lost.add("table")
            if found.fix and found.fix.text.endswith(":\n"):  # the key that is missing above a text
                reading.lost.add(found.fix.text.strip(" :\n"))
            left = _without(chunk, line, _indent_of(chunk, line))
            reading.found.append(_of_all_alike(found, chunk, left, line))
            chunk = left if told < _LINES_MAX else ""
            if headed and _BARE_KEY.fullmatch(chunk):
                self._bare_key(chunk, start)
                return

    def _before(self, chunk: str, start: int, *, headed: bool) -> None:
        if headed and _BARE_KEY.fullmatch(chunk):
            self._bare_key(chunk, start)
        elif chunk.strip():
            self.entry(start, chunk, start, headed=headed)

    def _bare_key(self, chunk: str, start: int) -> None:
        """A key whose text can't be read: what the key is counts, and whether the block has it."""
        reading = self._reading
        word = chunk.strip().rstrip(":").rstrip()
        if begins_with(reading.form, chunk.strip()) is None:
            low = reading.base + start + chunk.index(word)
            reading.found.append(unknown_line(reading.form, word, Span(reading.file, low, low + len(word)), ":"))
        reading.lose(chunk)

    def _first_line(self, found: Diagnostic, chunk: str, start: int) -> None:
        reading = self._reading
        if sign_of_a_text(chunk.strip()) and any(one.code == codes.E111.id for one in reading.found):
            return  # it closes a text whose opening sign is told
        if without_key := text_without_key(reading, chunk, start):
            reading.found.append(without_key)
            return
        line = chunk.split("\n", 1)[0]
        small = in_small_letters(reading.form, line)
        if small != line and isinstance(block_tree(reading.below(small, start)[0]), Tree):
            reading.found.append(tell_capitals(reading.file, reading.base + start, line, small))
            self.entry(start, small + chunk[len(line) :], start)
            return
        at = glued(reading.form, line)
        if at is not None:
            reading.found.append(tell_glued(reading, line, start, at))
            self.entry(start, chunk[:at].rstrip() + "\n", start)
            self.entry(start + at, f"  {chunk[at:]}", start + at - 2)
            return
        text, shift = reading.below(chunk, start)
        all_found, tree = repair(reading.file, reading.base + shift, text, at_most=1)
        if tree:
            reading.found += all_found
            self.entries += reading.placed(tree, shift)
            return
        second = line.lstrip().startswith(_OUTCOMES) and "\n  otherwise" in reading.text
        rephrased = None if second else rephrase(found, reading.base + shift, text, reading.form)
        if rephrased:
            found, tree = rephrased
            reading.found.append(found)
            self.entries += reading.placed(tree, shift)
            return
        reading.found.append(found)
        reading.lose(chunk)
        self.entries += parts_of_line(reading, chunk.split("\n", 1)[0], start)
        for other in _OTHERWISE_INDENTED.finditer(chunk, 1):
            if begins_with(reading.form, chunk[other.end() :]):
                low = other.start() - 1  # a line of its own, indented in another way: it is no part of this one
                self.entry(start + low, chunk[low:], start + low, headed=False)
                break


def _of_all_alike(found: Diagnostic, chunk: str, left: str, line: int) -> Diagnostic:
    """A finding about the indentation of a line with a fix for those below it that are indented alike.

    They are what is blank in what is `left` of the chunk from the line on.
    """
    fix = found.fix
    lines = [*zip(chunk[line:].split("\n"), left[line:].split("\n"), strict=True)]
    alike = [*takewhile(lambda pair: not pair[1].strip(), lines)]
    while alike and not alike[-1][0].strip():
        alike.pop()
    number = sum(bool(written.strip()) for written, _ in alike)
    if fix is None or fix.text.strip() or number < 2:
        return found
    indent = _indent_of(chunk, line)
    right = "\n".join(fix.text + written.removeprefix(indent) if written.strip() else written for written, _ in alike)
    low = fix.span.start
    whole = Span(fix.span.file, low, low + sum(len(written) + 1 for written, _ in alike) - 1)
    others = "the line below it" if number == 2 else f"the {number - 1} lines below it"
    return replace(found, help=f"{found.help}, and {others}", fix=Fix(whole, right, fix.title, fix.sure))


def _indent_of(chunk: str, line: int) -> str:
    found = re.compile(r"[ \t]*").match(chunk, line)
    return found.group() if found else ""


def _without(chunk: str, line: int, indent: str) -> str:
    """The chunk with a line blank, and those after it that are indented as wrongly."""
    end = line
    while end < len(chunk):
        following = chunk[end:]
        same = _indent_of(chunk, end)
        alike = same == indent or (len(indent) >= 4 and "\t" not in same and len(same) >= 4)
        if end > line and following.split("\n", 1)[0].strip() and not alike:
            break
        stop = chunk.find("\n", end)
        end = len(chunk) if stop == -1 else stop + 1
    return chunk[:line] + re.sub(r"[^\n]", " ", chunk[line:end]) + chunk[end:]
