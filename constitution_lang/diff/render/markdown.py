"""A difference as a comment on a change: the table first, the details folded."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from constitution_lang.diff.approvals import Review
from constitution_lang.diff.model import Change, Grade, Mark, PromptText, Segment
from constitution_lang.diff.render.sentences import (
    case_lines,
    movement_lines,
    places,
    share_rows,
    shows_values,
    stale_words,
    summary,
    together_lines,
    unused_line,
)
from constitution_lang.diff.segments import shortened
from constitution_lang.diff.words import listed

__all__ = ["quotation", "to_markdown"]

_SPECIAL = re.compile(r"([\\`*_~\[\]|#<>&])")
_BLOCK = re.compile(r"^(?:[-+=:]|\d{1,9}[.)])")
_LINKED = re.compile(r"(@(?=\w)|#(?=\d))")
_PROMPTS_SHOWN = 12


def to_markdown(review: Review) -> str:
    """The whole comment."""
    return "\n".join(_lines(review)).rstrip() + "\n"


def _lines(review: Review) -> Iterator[str]:
    found = review.difference
    yield f"### {_text(found.new.name)} {found.old.version} → {found.new.version}: {summary(found)}"
    yield ""
    errors, verdict = review.errors(), found.verdict
    if errors:
        yield f"**{len(errors)} mistake{'' if len(errors) == 1 else 's'} with ids.** Each says below what to write.\n"
    if not verdict.holds:
        yield f"**Version:** {_text(verdict.says)}. {_text(verdict.help).capitalize()}.\n"
    if found.changes:
        yield "| grade | what | cases | stale |"
        yield "| --- | --- | --- | --- |"
        for change in found.changes:
            cells = _grade(change, review), _text(change.says), _direction(change), _text(_brief(change))
            yield f"| {' | '.join(cells)} |"
        yield ""
    yield from _together(review)
    for change in found.changes:
        yield from _details(change, review)
    if unused := unused_line(review):
        yield f"{_text(unused)}\n"
    if verdict.holds and found.changes:
        yield f"Version: {_text(verdict.says)}.\n"


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
        yield f"- {_text('; '.join(together_lines(found.cases, found.defaults)))}"
    for line in movement_lines(found.movement, found.defaults):
        yield f"- {_text(line)}"
    if found.movement or (found.cases and len(found.changes) > 1):
        yield ""
    rows = share_rows(found.shares)
    if rows:
        yield "<details><summary>Shares of a first draw, in the default case</summary>\n"
        yield "| | before | after | in |"
        yield "| --- | ---: | ---: | --- |"
        for target, stages, before, after in rows:
            yield f"| {_text(target)} | {before} | {after} | {stages} |"
        yield "\n</details>\n"


def _details(change: Change, review: Review) -> Iterator[str]:
    says = _unlinked(html.escape(change.says, quote=False))
    yield f"<details><summary><b>{change.grade.value}</b>: {says}</summary>\n"
    at = places(change, review.difference)
    if at:
        yield f"{_text(at)}\n"
    if change.help:
        yield f"**Write instead:** {_text(change.help)}\n"
    if change.cases is not None and (change.cases.changed != 0 or change.cases.left_out):
        yield from (f"- {_text(line)}" for line in case_lines(change.cases, review.difference.defaults))
        yield ""
    yield from _values(change)
    for text in change.prompts:
        yield from _prompt(text)
    if stale := stale_words(change):
        yield f"**Stale:** {_text(stale)}\n"
    approved = review.approved.get(change.fingerprint)
    if approved:
        yield f"**Approved** by {_text(approved.by)} on {_text(approved.date)}: {_text(approved.reason)}\n"
    else:
        yield f"`{change.id}` `{change.fingerprint}`\n"
    yield "</details>\n"


def _values(change: Change) -> Iterator[str]:
    if change.prompts or not shows_values(change) or not (change.before or change.after):
        return
    yield "````diff"
    before, after = change.before.splitlines(), change.after.splitlines()
    yield from (f"- {line.replace('````', '```')}" for line in before if line not in after)
    yield from (f"+ {line.replace('````', '```')}" for line in after if line not in before)
    yield "````\n"


def _prompt(text: PromptText) -> Iterator[str]:
    names = listed((f"`{name}`" for name in text.new), at_most=_PROMPTS_SHOWN)
    yield f"{': '.join(part for part in (names, _text(text.note)) if part)}\n"
    if text.segments:
        yield f"{quotation(shortened(text.segments))}\n"


def quotation(segments: tuple[Segment, ...]) -> str:
    """A passage with its marks, each sign as it is; the indentation of a line stays."""
    lines = []
    for line in "".join(_segment(segment) for segment in segments).split("\n"):
        inner = line.strip()
        indent = "&nbsp;" * (len(line) - len(line.lstrip()))
        lines.append(f"> {indent if inner else ''}{_BLOCK.sub(_escaped_block, inner)}".rstrip())
    return "\n".join(lines)


def _segment(segment: Segment) -> str:
    """Marks are elements: whether `**` and `~~` are marks would depend on the signs on either side of them."""
    if segment.mark is Mark.SAME:
        return _literal(segment.text)
    name = "del" if segment.mark is Mark.OLD else "b"
    return "\n".join(_marked(line, name) for line in segment.text.split("\n"))


def _marked(line: str, name: str) -> str:
    """No mark around white space alone, nor at the beginning or the end."""
    inner = line.strip()
    if not inner:
        return line
    start, end = line[: len(line) - len(line.lstrip())], line[len(line.rstrip()) :]
    return f"{start}<{name}>{_literal(inner)}</{name}>{end}"


def _escaped_block(found: re.Match[str]) -> str:
    """The beginning of a line, so that it begins no list, heading, rule or table."""
    return f"{found[0][:-1]}\\{found[0][-1]}"


def _text(text: str) -> str:
    """Prose that nothing in it can turn into markup; a code word stays one."""
    if text.count("`") % 2 or "|" in text:
        return _literal(text)
    return "`".join(part if at % 2 else _literal(part) for at, part in enumerate(text.split("`")))


def _literal(text: str) -> str:
    """Every sign as it is."""
    return _unlinked(_SPECIAL.sub(r"\\\1", text))


def _unlinked(text: str) -> str:
    """Without the names and numbers that a code host would take for people and for issues, and tell these."""
    return _LINKED.sub(r"\1&#8203;", text)
