"""A difference for a person at a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from constitution_lang.diagnostics.numbers import number_of
from constitution_lang.diagnostics.places import printable
from constitution_lang.diff.approvals import Review
from constitution_lang.diff.model import (
    Aspect,
    Change,
    Grade,
    Mark,
    PromptText,
    Segment,
    SubjectKind,
)
from constitution_lang.diff.render.sentences import (
    case_lines,
    movement_lines,
    places,
    share_rows,
    shows_values,
    stale_words,
    summary,
    together_lines,
    turn,
    unused_line,
)
from constitution_lang.diff.segments import shortened
from constitution_lang.diff.words import lines_apart, listed

__all__ = ["to_terminal"]

_WIDTH = 100
_RESET, _BOLD, _DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"
_RED, _GREEN, _YELLOW, _CYAN, _STRUCK, _UNDERLINED = (
    "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m", "\x1b[9m", "\x1b[4m",
)  # fmt: skip
_COLORS = {
    Grade.IDENTITY: _RED, Grade.BEHAVIOUR: _RED, Grade.WORDING: _YELLOW, Grade.MIX: _YELLOW, Grade.METADATA: _CYAN,
    Grade.COSMETIC: _CYAN,
}  # fmt: skip
_TEXTS_SHOWN = 6
_PROMPTS_SHOWN = 3
_SHARES_SHOWN = 12


def to_terminal(review: Review, *, color: bool = False) -> str:
    """All of it, one paragraph for each change; marked words are coloured, or stand in [-old-]{+new+}."""
    return _Page(review, color=color).text()


@dataclass(frozen=True)
class _Page:
    review: Review
    color: bool

    def text(self) -> str:
        difference = self.review.difference
        old, new = difference.old, difference.new
        labels = " → ".join(side.label for side in (old, new) if side.label)
        head = self.paint(f"{new.name} {turn(difference)}", _BOLD) + self.paint(f"  {labels}".rstrip(), _DIM)
        blocks = [f"{head}\n{summary(difference)}"]
        blocks += ["\n".join(self._change(change)) for change in difference.changes]
        if end := "\n".join(self._end()):
            blocks.append(end)
        return "\n\n".join(blocks) + "\n"

    def paint(self, text: str, *styles: str) -> str:
        return f"{''.join(styles)}{text}{_RESET}" if self.color and text else text

    def _change(self, change: Change) -> Iterator[str]:
        """The headline, and below it what is not said there. What no run sees is kept short."""
        difference = self.review.difference
        error = "error: " if change in self.review.errors() else ""
        head = self.paint(f"{error}{change.grade.value}", _BOLD, _COLORS[change.grade])
        yield f"{head}  {self.paint(printable(change.says), _BOLD)}"
        at = places(change, difference)
        if at:
            yield self.paint(f"    {printable(at)}", _DIM)
        if change.cases is not None and (change.cases.changed != 0 or change.cases.left_out):
            yield from self._wrapped(case_lines(change.cases, difference.defaults))
        for line in self._values(change):
            yield f"    {line}"
        for text in change.prompts[:_TEXTS_SHOWN]:
            yield from self._prompt(text)
        if len(change.prompts) > _TEXTS_SHOWN:
            rest = number_of(len(change.prompts) - _TEXTS_SHOWN, "more differences")
            yield f"    … and {rest}: --format markdown has all"
        if change.grade >= Grade.MIX and (stale := stale_words(change)):
            yield from self._wrapped([f"stale: {stale}"])
        if change.help:
            yield from self._wrapped([f"help: {change.help}"])
        approved = self.review.approved.get(change.fingerprint)
        if approved:
            reason = " ".join(approved.reason.split())  # it may have lines of its own
            yield from self._wrapped([f"approved by {approved.by} on {approved.date}: {reason}"])
        elif change.grade >= Grade.MIX:
            yield self.paint(f"    {printable(change.id)} {change.fingerprint}", _DIM)

    def _values(self, change: Change) -> Iterator[str]:
        """Before and after, where they are short and nothing else shows them."""
        test = change.subject.kind is SubjectKind.TEST
        whole = bool(change.before and change.after) or (test and change.grade is Grade.COSMETIC)
        if change.prompts or change.aspect is Aspect.RENAMED or not (whole and shows_values(change)):
            return
        for sign, line in lines_apart(change.before, change.after):
            shown = textwrap.shorten(printable(line), 2 * _WIDTH, placeholder=" …")
            yield self.paint(f"{sign} {shown}", _RED if sign == "-" else _GREEN)

    def _prompt(self, text: PromptText) -> Iterator[str]:
        names = listed(text.new, at_most=_PROMPTS_SHOWN)
        said = ": ".join(printable(part) for part in (names, text.note) if part)
        yield f"    {self.paint(said, _CYAN)}"
        shown = "".join(self._segment(segment) for segment in shortened(text.segments))
        for line in shown.splitlines():
            yield from textwrap.wrap(
                line, _WIDTH, initial_indent="      ", subsequent_indent="      ", break_long_words=False,
                break_on_hyphens=False,
            )  # fmt: skip

    def _segment(self, segment: Segment) -> str:
        text = "\n".join(printable(line) for line in segment.text.split("\n"))
        if segment.mark is Mark.SAME:
            return text
        if not self.color:
            return f"[-{text}-]" if segment.mark is Mark.OLD else f"{{+{text}+}}"
        style = (_RED, _STRUCK) if segment.mark is Mark.OLD else (_GREEN, _UNDERLINED)
        return "\n".join(self.paint(line, *style) for line in text.split("\n"))

    def _wrapped(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            yield from textwrap.wrap(
                printable(line), _WIDTH, initial_indent="    ", subsequent_indent="      ", break_long_words=False,
                break_on_hyphens=False,
            )  # fmt: skip

    def _end(self) -> Iterator[str]:
        """What all changes together come to."""
        difference = self.review.difference
        rows = share_rows(difference.shares)
        if rows:
            yield self.paint("shares of a first draw, in the default case", _BOLD)
            width = max(len(row[0]) for row in rows[:_SHARES_SHOWN])
            for target, stages, before, after in rows[:_SHARES_SHOWN]:
                yield f"    {target:<{width}}  {before:>6} → {after:>6}  {stages}"
            if len(rows) > _SHARES_SHOWN:
                yield f"    … and {len(rows) - _SHARES_SHOWN} more"
        if difference.cases and len(difference.changes) > 1:
            yield self.paint("cases, all changes together", _BOLD)
            yield from self._wrapped(together_lines(difference.cases, difference.defaults))
        if difference.movement:
            yield self.paint("draws, all changes together", _BOLD)
            yield from self._wrapped(movement_lines(difference.movement, difference.defaults))
        if unused := unused_line(self.review):
            yield self.paint("approvals", _BOLD)
            yield from self._wrapped([unused])
        verdict = difference.verdict
        if verdict.holds:
            yield f"version: {verdict.says}"
        else:
            yield f"{self.paint('version', _BOLD, _RED)}: {verdict.says}\n    help: {verdict.help}"
