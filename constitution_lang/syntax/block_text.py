"""The text of one block that can't be read as it is, and what is said of places in it."""

from __future__ import annotations

import re

import msgspec

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.codes.code import Code
from constitution_lang.diagnostics.model import Diagnostic, Fix
from constitution_lang.source import Span
from constitution_lang.syntax.forms import BlockForm, form_of
from constitution_lang.syntax.habits import Habit

__all__ = ["BlockText", "typographic"]


class BlockText(msgspec.Struct, frozen=True):
    """The text of a block, which begins `base` characters into `file`."""

    file: str
    base: int
    text: str

    def span(self, start: int, end: int) -> Span:
        """A place in the block as a place in the file."""
        return Span(self.file, self.base + start, self.base + end)

    def line_at(self, offset: int) -> tuple[int, int]:
        """Start and end of the line that `offset` is in; a line break belongs to the line it ends."""
        end = self.text.find("\n", offset)
        return self.text.rfind("\n", 0, offset) + 1, len(self.text) if end == -1 else end

    def next_line(self, offset: int) -> tuple[int, int] | None:
        """The next line after `offset` that is neither blank nor a comment."""
        _, end = self.line_at(offset)
        while end < len(self.text):
            start, end = self.line_at(end + 1)
            line = self.text[start:end].strip(" ")
            if line and not line.startswith("#"):
                return start, end
        return None

    @property
    def form(self) -> BlockForm:
        """What this kind of block may hold."""
        keyword, *more = re.findall(r"[\w-]+", self.text.split("\n", 1)[0])
        return form_of(keyword, more[0] if more else None)

    def habitual(self, code: Code, habit: Habit, message: str = "") -> Diagnostic:
        """A finding about what is written as elsewhere; `message` where the habit itself has none."""
        fix = None
        if habit.fix:
            start, end, text = habit.fix
            fix = Fix(self.span(start, end), text, habit.help.split(":", 1)[0])
        return code.at(self.span(habit.start, habit.end), habit.message or message, help=habit.help, fix=fix)


def typographic(span: Span, char: str, plain: str) -> Diagnostic:
    """A finding about a character that word processors put in, and what the language has instead."""
    name = f"`{char}`" if char.strip() and char.isprintable() else f"the character U+{ord(char):04X}"
    help = f"write `{plain}`" if plain.strip() else "write an ordinary space" if plain else "leave it out"
    return codes.E115.at(span, f"{name} can stand in texts only", help=help, fix=Fix(span, plain, help))
