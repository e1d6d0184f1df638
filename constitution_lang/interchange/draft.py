"""A constitution in the making: its text, and what of the input could not be carried into it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from hashlib import blake2b

from constitution_lang.interchange.lines import kinds_of_lines
from constitution_lang.lower.prose import fold
from constitution_lang.source import Source
from constitution_lang.syntax import to_text
from constitution_lang.syntax.from_text import parse

__all__ = ["Draft", "Imported", "Note", "WrongInputError"]

_STRANGE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9_-]+")
_RESERVED = {"not", "revision", "preference"}
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")


class WrongInputError(ValueError):
    """The input is not of the form that it is read as. The text begins with the place."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(f"{place}: {message}" if place else message)


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was left out or changed, and its place in the input."""

    place: str
    what: str


@dataclass(frozen=True, slots=True)
class Imported:
    """A formatted constitution, and everything that it does not hold as the input had it."""

    text: str
    notes: tuple[Note, ...]


@dataclass(slots=True)
class Draft:
    """Collects lines and notes."""

    lines: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    _ids: set[str] = field(default_factory=set)
    _tests: set[str] = field(default_factory=set)

    def head(self, name: str, title: str, place: str) -> None:
        """The first two lines."""
        id = self.id(name, place)
        self.lines += ["edition 2026", f"constitution {id} 0.1.0 {self.quoted(title, place)}"]

    def note(self, place: str, what: str) -> None:
        """Say what was left out or changed."""
        self.notes.append(Note(place, what))

    def id(self, wanted: str, place: str, category: str = "") -> str:
        """A valid id, made from the words of `wanted` alone: it stays when its neighbours change."""
        plain = unicodedata.normalize("NFKD", wanted).encode("ascii", "ignore").decode()
        made = _NOT_IN_ID.sub("-", plain).strip("-") or f"x-{_digest(wanted)}"
        if not category and (not made[0].isalpha() or made in _RESERVED):
            made = f"x-{made}"
        prefix = f"{category}." if category else ""
        if prefix + made in self._ids:
            made = f"{made}-{_digest(wanted)}"
        again = 2
        unique = made
        while prefix + unique in self._ids:
            unique, again = f"{made}-{again}", again + 1
        if unique != wanted:
            self.note(place, f"the id {wanted!r} became {prefix}{unique}")
        self._ids.add(prefix + unique)
        return prefix + unique

    def quoted(self, text: str, place: str) -> str:
        """A text on one line, in quotes; it can't hold any itself."""
        line = " ".join(self._clean(text, place).split())
        if '"' in line:
            self.note(place, "double quotes became single ones: a title or question can't hold them")
        return '"' + line.replace('"', "'") + '"'

    def test(self, title: str, place: str) -> None:
        """The first line of a test. Titles are told apart by a number, since a test is known by its title."""
        plain = self.quoted(title, place)
        unique, again = plain, 2
        while unique in self._tests:
            unique, again = f'{plain[:-1]} ({again})"', again + 1
        if unique != plain:
            self.note(place, f"another test has this title; it became {unique}")
        self._tests.add(unique)
        self.lines += ["", f"test {unique}"]

    def prose(self, key: str, text: str, place: str, *, wrapped: bool = False) -> None:
        """A field of prose. `wrapped` says that line breaks inside a paragraph mean nothing in the input."""
        lines = [line.rstrip() for line in self._clean(text, place).split("\n")]
        while lines and not lines[-1]:
            lines.pop()
        while lines and not lines[0]:
            del lines[0]
        if not lines:
            raise WrongInputError(place, "this text is empty")
        if lines != text.split("\n"):
            self._changed(text, place)
        lines = self._kept(lines, place)
        if not wrapped and fold(tuple(lines)) != "\n".join(lines):
            self.note(place, "line breaks or runs of blank lines inside it reach a prompt as one space or one break")
        self.lines += [f"  {key}:", *(f"    {line}" if line else "" for line in lines)]

    def comment(self, text: str, place: str) -> None:
        """Lines for people, above the next block."""
        for line in self._clean(text, place).split("\n"):
            self.lines.append(f"# {line}".rstrip())

    def finish(self, name: str) -> Imported:
        """The text in its one form.

        Raises:
            AssertionError: what was made can't be read; a fault of ours.
        """
        tree, found = parse(Source(name, "\n".join((*self.lines, ""))))
        assert not found, found[0].message if found else ""
        return Imported(to_text.format(tree), tuple(self.notes))

    def _clean(self, text: str, place: str) -> str:
        plain = _LINE_ENDS.sub("\n", text)
        strange = sorted({f"U+{ord(found):04X}" for found in _STRANGE.findall(plain)})
        if strange:
            self.note(place, f"characters that nobody sees left out: {', '.join(strange)}")
        return _STRANGE.sub("", plain)

    def _changed(self, text: str, place: str) -> None:
        if any(line != line.rstrip() for line in _LINE_ENDS.sub("\n", text).split("\n")):
            self.note(place, "spaces at line ends left out")
        if text[:1] in "\r\n" or text[-1:] in "\r\n":
            self.note(place, "blank lines around it left out")

    def _kept(self, lines: list[str], place: str) -> list[str]:
        """Code blocks, tables and quotations indented, so that their lines stay lines in a prompt."""
        made: list[str] = []
        kinds: set[str] = set()
        for line, kind in zip(lines, kinds_of_lines(lines), strict=True):
            made.append(f"  {line}" if line and kind else line)
            if kind:
                kinds.add(kind)
        for kind in sorted(kinds):
            self.note(place, f"{kind} are indented by two, which keeps their lines in a prompt")
        return made


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=3).hexdigest()
