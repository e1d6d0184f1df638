"""What a text means once the edits are made that the findings about it propose, with places in the text as it is."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from itertools import accumulate

import msgspec
from msgspec.structs import replace

from constitution_lang.diagnostics.model import Diagnostic, Fix, Label
from constitution_lang.source import Span
from constitution_lang.syntax.forms import BlockForm
from constitution_lang.syntax.grammar import Failure, block_tree
from constitution_lang.syntax.hints import explain_failure
from constitution_lang.syntax.lalr import Token, Tree, replace_tokens
from constitution_lang.syntax.phrases import as_said_here, header_as_said_here

__all__ = ["repair", "rephrase", "rephrase_header"]


_WORDS = re.compile(r"[\w.-]+|\s+|[^\w\s]")


class _Edit(msgspec.Struct, frozen=True):
    """So many characters at a place that others took the place of."""

    at: int
    removed: int
    added: int

    def before(self, place: int, *, end: bool) -> int:
        """Where a place of the edited text was; at an end of what was replaced, where it is inside of that."""
        if place < self.at + (1 if end else 0):
            return place
        if place >= self.at + self.added:
            return place - self.added + self.removed
        return self.at + (self.removed if end else 0)


def repair(file: str, base: int, text: str, *, at_most: int) -> tuple[list[Diagnostic], Tree | None]:
    """What is wrong with a text that begins at `base`, one after the other, and its tree once all of that is mended.

    Where it can't be mended there is no tree, and only the first finding is certain.
    """
    found: list[Diagnostic] = []
    edits: list[_Edit] = []
    tree = block_tree(text)
    while isinstance(tree, Failure) and len(found) < at_most:
        one = explain_failure(file, base, text, tree)
        found.append(_as_written(one, base, edits))
        fix = one.fix
        if fix is None or not fix.sure:
            break
        start, end = fix.span.start - base, fix.span.end - base
        edits += _changes(start, text[start:end], fix.text)
        text = text[:start] + fix.text + text[end:]
        tree = block_tree(text)
    if isinstance(tree, Failure):
        return found[:1], None
    _place(tree, edits)
    return found, tree


def rephrase(found: Diagnostic, base: int, text: str, form: BlockForm) -> tuple[Diagnostic, Tree] | None:
    """The finding about the line below the header of a text, with the line that says the same here, and its tree.

    None where nothing is known that it could mean.
    """
    start = len(form.header) + len("\n  ")
    line = text[start:].split("\n", 1)[0].split("#", 1)[0].rstrip()
    return _reworded(found, base, text, (start, line, as_said_here(form, line)))


def rephrase_header(found: Diagnostic, base: int, text: str) -> tuple[Diagnostic, Tree] | None:
    """The same for a first line."""
    line = text.split("#", 1)[0].rstrip()
    return _reworded(found, base, text, (0, line, header_as_said_here(line)))


def _reworded(
    found: Diagnostic, base: int, text: str, wording: tuple[int, str, str | None]
) -> tuple[Diagnostic, Tree] | None:
    start, line, meant = wording
    tree = block_tree(text[:start] + meant + text[start + len(line) :]) if meant else None
    if meant is None or not isinstance(tree, Tree):
        return None
    _place(tree, _changes(start, line, meant))
    whole = Span(found.primary.span.file, base + start, base + start + len(line))
    return replace(found, help=f"write `{meant}`", fix=Fix(whole, meant, f"write `{meant}`")), tree


def _changes(start: int, line: str, meant: str) -> list[_Edit]:
    """How one text becomes another, word by word: what stays has the place that it had."""
    one, other = (_WORDS.findall(text) for text in (line, meant))
    ends = [*accumulate(map(len, other), initial=0)]
    widths = [*accumulate(map(len, one), initial=0)]
    return [
        _Edit(start + ends[at], widths[there] - widths[here], ends[to] - ends[at])
        for tag, here, there, at, to in SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
        if tag != "equal"
    ]


def _before(place: int, edits: list[_Edit], *, end: bool = False) -> int:
    for edit in reversed(edits):
        place = edit.before(place, end=end)
    return place


def _place(tree: Tree, edits: list[_Edit]) -> None:
    def placed(token: Token) -> Token:
        start = _before(token.start, edits)
        return Token(token.type, token.text, start, max(_before(token.end, edits, end=True), start))

    replace_tokens([tree], placed)


def _as_written(found: Diagnostic, base: int, edits: list[_Edit]) -> Diagnostic:
    """A finding about the edited text, with its places in the text as it was."""
    if not edits:
        return found

    def place(span: Span) -> Span:
        start = _before(span.start - base, edits)
        return Span(span.file, base + start, base + max(_before(span.end - base, edits, end=True), start))

    fix = found.fix
    return replace(
        found,
        primary=Label(place(found.primary.span), found.primary.text),
        secondary=tuple(Label(place(label.span), label.text) for label in found.secondary),
        fix=Fix(place(fix.span), fix.text, fix.title, fix.sure) if fix else None,
    )
