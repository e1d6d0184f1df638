"""First lines that are missing, so that what stands below is taken for lines of the block above; or written twice."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix, Label
from constitution_lang.source import Span
from constitution_lang.syntax.forms import BLOCKS, BlockForm, form_of
from constitution_lang.syntax.indentation import begins_with
from constitution_lang.syntax.words import with_article

__all__ = ["Headless", "headless", "is_repeated", "missing_first_line", "repeated_first_line"]

_LINE = re.compile(r"^(?P<indent>[ ]*)(?P<rest>[^\n]*)", re.MULTILINE)
_WORDS = re.compile(r"([\w-]+)(?:[ ]+([\w-]+))?")
_MAY_BE = tuple(BLOCKS[keyword] for keyword in ("attribute", "principle", "category", "tension", "example", "test"))
"""What is looked for, in this order: a principle has a statement, which a category may have."""


class Headless(msgspec.Struct, frozen=True):
    """Lines in the text of a block that are those of another, from `start` to `end`."""

    form: BlockForm
    start: int
    end: int
    first: int
    """Where the first word of the first line ends."""


class _Group(msgspec.Struct):
    """Lines with nothing between them: where each opening stands, and whether a blank line is above."""

    start: int
    lines: list[str]
    apart: bool

    def openings(self, form: BlockForm) -> list[str] | None:
        """What the lines begin with; None where the block has no such line."""
        found = [begins_with(form, line) for line in self.lines]
        return None if None in found else [opening for opening in found if opening]


def headless(text: str) -> list[Headless]:
    """In the text of a block the lines of others, each group of which has all that such a block needs."""
    words = _WORDS.match(text)
    if words is None or words[1] not in BLOCKS:
        return []
    form = form_of(words[1], words[2])
    seen: set[str] = set()
    found: list[Headless] = []
    for group in _groups(text, form):
        own = group.openings(form)
        if own is not None and (seen.isdisjoint(_once(form, own)) or len(own) < 2):
            seen |= {*own}
            continue
        other = next((one for one in _MAY_BE if _is_whole(group, one, form)), None)
        if other is None:
            continue
        if found:
            found[-1] = msgspec.structs.replace(found[-1], end=group.start)
        word = _WORDS.match(group.lines[0])
        first = group.start + (len(word[1]) if word else 1)
        found.append(Headless(other, group.start, len(text), first))
        form, seen = other, {*(group.openings(other) or ())}
    return found


def _is_whole(group: _Group, form: BlockForm, above: BlockForm) -> bool:
    openings = group.openings(form)
    return (
        openings is not None
        and (group.apart or len(openings) > 1)
        and (group.apart or group.openings(above) is None)
        and {*form.required} <= {*openings}
    )


def _once(form: BlockForm, openings: list[str]) -> set[str]:
    once = {field.key for field in form.fields if not field.repeatable}
    return {opening for opening in openings if opening in once}


def _groups(text: str, form: BlockForm) -> Iterator[_Group]:
    """The lines of a block that are indented by two, as they stand together; those that it does not have begin anew."""
    group: _Group | None = None
    apart, known = False, True
    for number, line in enumerate(_LINE.finditer(text)):
        rest = line["rest"]
        if not rest.strip():
            apart = True
            continue
        if number == 0 or len(line["indent"]) != 2 or rest.startswith("#"):
            continue
        knows = begins_with(form, rest) is not None
        if group is None or apart or (known and not knows):
            if group:
                yield group
            group = _Group(line.start("rest"), [], apart)
        group.lines.append(rest)
        apart, known = False, knows
    if group:
        yield group


def missing_first_line(file: str, at: int, lines: Headless) -> Diagnostic:
    """A finding about lines of a block that begins at `at` in the file."""
    keyword = lines.form.keyword
    return codes.E110.at(
        Span(file, at + lines.start, at + lines.first),
        f"{with_article(keyword)} block begins here, and its first line is missing",
        help=f"write it above, for instance `{lines.form.header}`",
    )


def is_repeated(text: str, following: str) -> bool:
    """Whether a block that needs more is a first line alone, and the next block has the same one."""
    line, words = text.rstrip(), _WORDS.match(text)
    needs = words and words[1] in BLOCKS and BLOCKS[words[1]].required
    return bool(needs) and "\n" not in line and line == following.split("\n", 1)[0].rstrip()


def repeated_first_line(file: str, start: int, text: str, following: int) -> Diagnostic:
    """A finding about that line."""
    line = text.rstrip()
    return codes.E109.at(
        Span(file, start, start + len(line)),
        "this first line is written twice",
        secondary=(Label(Span(file, following, following + len(line)), "and here"),),
        help="delete one of them",
        fix=Fix(Span(file, start, start + len(text)), "", "delete it"),
    )
