"""A difference as a comment on a change: the table first, the details folded."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile

from constitution_lang.diagnostics.numbers import number_of
from constitution_lang.diff.approvals import Review
from constitution_lang.diff.model import Change, Grade, PromptText
from constitution_lang.diff.render.escaping import plain, quotation, unlinked
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

__all__ = ["ROOM", "to_markdown"]

ROOM = 65_536
"""Characters that a comment on GitHub may hold."""
_NOTES = 400
"""Kept free in each comment, to say what is left out."""
_PROMPTS_SHOWN = 12
_SHARES_SHOWN = 100


def to_markdown(reviews: Sequence[Review], room: int = ROOM) -> str:
    """One comment, with a part for each constitution.

    Of what does not fit into so many characters the details of changes are left out first, the lowest grades before the
    others, then rows of the table, and how many is said.
    """
    every = [_part(review) for review in reviews]
    parts = every[: _heads_that_fit(every, room - _NOTES)]
    spare = room - sum(_least(part) for part in parts) - _NOTES
    shown = []
    for at, part in enumerate(parts):
        share = spare // (len(parts) - at)
        rows = _fitting(part.rows, share // 2)
        details = _fitting(part.details, share - _length(rows))
        spare -= _length(rows) + _length(details)
        shown.append("\n".join(_shown(part, rows, details)).rstrip() + "\n")
    if less := len(every) - len(parts):
        shown.append(f"And {number_of(less, 'more constitutions')}, for which there is no room in a comment.\n")
    return "\n".join(shown)


def _heads_that_fit(parts: Sequence[_Part], room: int) -> int:
    """Of how many constitutions the least can be said."""
    sizes = accumulate(_least(part) for part in parts)
    return sum(1 for _ in takewhile(lambda size: size <= room, sizes))


def _least(part: _Part) -> int:
    """Characters of what is said in any case."""
    return _length((*part.head, *part.tail)) + (_NOTES if part.rows else 0)


@dataclass(frozen=True)
class _Part:
    """What a comment says of one constitution. Rows and details are of its changes, the highest grade first."""

    head: list[str]
    rows: list[str]
    details: list[str]
    tail: list[str]


def _part(review: Review) -> _Part:
    found = review.difference
    head = [f"### {plain(found.new.name)} {turn(found)}: {summary(found)}", ""]
    errors, verdict = review.errors(), found.verdict
    if errors:
        head.append(f"**{len(errors)} mistake{'' if len(errors) == 1 else 's'} with ids.** Each says what to write.\n")
    if not verdict.holds:
        head.append(f"**Version:** {plain(verdict.says)}. {plain(verdict.help).capitalize()}.\n")
    rows = []
    for change in found.changes:
        cells = _grade(change, review), plain(change.says), _direction(change), plain(_brief(change))
        rows.append(f"| {' | '.join(cells)} |")
    details = ["\n".join(_details(change, review)) for change in found.changes]
    tail = [*_together(review), *_shares(review)]
    if unused := unused_line(review):
        tail.append(f"{plain(unused)}\n")
    if verdict.holds and found.changes:
        tail.append(f"Version: {plain(verdict.says)}.\n")
    return _Part(head, rows, details, tail)


def _length(texts: Iterable[str]) -> int:
    return sum(len(text) + 1 for text in texts)


def _fitting(texts: Iterable[str], room: int) -> list[str]:
    """Those that fit, in their order; a short one may follow one that is too long."""
    found = []
    for text in texts:
        if len(text) < room:
            found.append(text)
            room -= len(text) + 1
    return found


def _shown(part: _Part, rows: list[str], details: list[str]) -> Iterator[str]:
    yield from part.head
    if part.rows:
        yield "| grade | what | cases | stale |"
        yield "| --- | --- | --- | --- |"
        yield from rows
        if less := len(part.rows) - len(rows):
            yield f"| | … and {less} more, for which there is no room | | |"
        yield ""
    yield from details
    if less := len(part.details) - len(details):
        yield (
            f"A comment has room for {ROOM:,} characters, so the details of {less} of "
            f"{number_of(len(part.details), 'changes')} are left out. `cai-compile diff` shows them at a terminal.\n"
        )
    yield from part.tail


def _grade(change: Change, review: Review) -> str:
    if change.fingerprint in review.approved:
        return f"{change.grade.value}, approved"
    return "**identity: error**" if change.grade is Grade.IDENTITY else change.grade.value


def _direction(change: Change) -> str:
    cases = change.cases
    if cases is None:
        return ""
    if not cases.changed:
        return "none" if cases.changed == 0 else "not counted"
    return f"{cases.changed:,} of {cases.total:,}, {cases.direction}"


def _brief(change: Change) -> str:
    """The kinds of work only: the details have the rest."""
    works = list(dict.fromkeys(stale.work.value for stale in change.stale))
    return listed(works) if works else "nothing" if change.grade < Grade.MIX else ""


def _together(review: Review) -> Iterator[str]:
    found = review.difference
    if found.cases and len(found.changes) > 1:
        yield f"- {plain('; '.join(together_lines(found.cases, found.defaults)))}"
    for line in movement_lines(found.movement, found.defaults):
        yield f"- {plain(line)}"
    if found.movement or (found.cases and len(found.changes) > 1):
        yield ""


def _shares(review: Review) -> Iterator[str]:
    rows = share_rows(review.difference.shares)
    if rows:
        yield "<details><summary>Shares of a first draw, in the default case</summary>\n"
        yield "| | before | after | in |"
        yield "| --- | ---: | ---: | --- |"
        for target, stages, before, after in rows[:_SHARES_SHOWN]:
            yield f"| {plain(target)} | {before} | {after} | {stages} |"
        if len(rows) > _SHARES_SHOWN:
            yield f"| … and {len(rows) - _SHARES_SHOWN} more | | | |"
        yield "\n</details>\n"


def _details(change: Change, review: Review) -> Iterator[str]:
    says = unlinked(html.escape(change.says, quote=False))
    yield f"<details><summary><b>{change.grade.value}</b>: {says}</summary>\n"
    at = places(change, review.difference)
    if at:
        yield f"{plain(at)}\n"
    if change.help:
        yield f"**Write instead:** {plain(change.help)}\n"
    if change.cases is not None and (change.cases.changed != 0 or change.cases.left_out):
        yield from (f"- {plain(line)}" for line in case_lines(change.cases, review.difference.defaults))
        yield ""
    yield from _values(change)
    for text in change.prompts:
        yield from _prompt(text)
    if stale := stale_words(change):
        yield f"**Stale:** {plain(stale)}\n"
    approved = review.approved.get(change.fingerprint)
    if approved:
        yield f"**Approved** by {plain(approved.by)} on {plain(approved.date)}: {plain(approved.reason)}\n"
    else:
        yield f"`{change.id}` `{change.fingerprint}`\n"
    yield "</details>\n"


def _values(change: Change) -> Iterator[str]:
    if change.prompts or not shows_values(change) or not (change.before or change.after):
        return
    yield "````diff"
    for sign, line in lines_apart(change.before, change.after):
        yield f"{sign} {line.replace('````', '```')}"
    yield "````\n"


def _prompt(text: PromptText) -> Iterator[str]:
    names = listed((f"`{name}`" for name in text.new), at_most=_PROMPTS_SHOWN)
    yield f"{': '.join(part for part in (names, plain(text.note)) if part)}\n"
    if text.segments:
        yield f"{quotation(shortened(text.segments))}\n"
