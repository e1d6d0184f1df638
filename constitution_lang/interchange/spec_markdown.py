"""Markdown whose headings carry ids and levels, as in `## Do not lie {#do_not_lie authority=user}`.

Levels become categories, each preferred over the lower ones; a section with a level becomes a principle.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import combinations

from constitution_lang.interchange.comparison import pairs_of
from constitution_lang.interchange.draft import Draft, Imported, WrongInputError
from constitution_lang.interchange.markdown_sections import FENCE, Section, sections_of

__all__ = ["from_markdown"]

LEVELS = ("root", "platform", "system", "developer", "user", "guideline")
"""The levels of the Model Spec's releases, highest first. Others follow in the order of their first heading."""

_EXAMPLE = re.compile(r"\*\*Example\*\*:?[ ]*(.*)\Z")
_FOOTNOTE = re.compile(r"[ ]{0,3}\[\^[^\]]+\]:")
_REFERENCE = re.compile(r"\[([^\]\[]*)\]\(#([^)\s]*)\)")
_MARK = re.compile(r"\[\^[^\]\s]+\](?!:)")
_SHOWN_MAX = 70


@dataclass(slots=True)
class _Parts:
    """What a section holds: its own text, and its examples with their line and title."""

    text: list[str] = field(default_factory=list)
    examples: list[tuple[int, str, str]] = field(default_factory=list)


def from_markdown(text: str, name: str, title: str) -> Imported:
    """A principle for each heading that has a level.

    Raises:
        WrongInputError: no heading has one, an id is given twice, or a code block is not closed.
    """
    draft = Draft()
    sections = [
        replace(section, level=section.level.lower()) if section.level and section.level.lower() in LEVELS else section
        for section in sections_of(text, draft)
    ]
    named = [section.level for section in sections if section.level]
    if not named:
        raise WrongInputError("", "no heading carries a level, as in `## Do not lie {#do_not_lie authority=user}`")
    levels = sorted(dict.fromkeys(named), key=lambda level: LEVELS.index(level) if level in LEVELS else len(LEVELS))
    draft.head(name, title, "the name")
    ids = {level: draft.id(level, f"the level {level}") for level in levels}
    for level in levels:
        draft.lines += ["", f"category {ids[level]} {draft.quoted(f'{level.capitalize()} level', level)}"]
        if level not in LEVELS:
            draft.note(f"the level {level}", "its rank is not known: it comes after those named before it")
    titles = {section.id: section.title for section in sections}
    for section in sections:
        _section(draft, section, ids.get(section.level or ""), titles)
    for high, low in combinations(levels, 2):
        draft.lines += ["", f"tension {draft.id(f'{ids[high]}-over-{ids[low]}', 'the levels')}"]
        draft.lines += [f"  between {ids[high]} and {ids[low]}", f"  otherwise: prefer {ids[high]}"]
        draft.prose("because", f"What is said at the {high} level comes before what is said at the {low} level.", high)
    draft.note("the levels", "between two principles of one level no tension was made; the text says what comes first")
    draft.note("the levels", "every level has the same weight; a level says who may overrule, not how often to draw")
    return draft.finish(name)


def _section(draft: Draft, section: Section, category: str | None, titles: dict[str, str]) -> None:
    place = f"line {section.line}, #{section.id}" if section.id else "line 1"
    parts = _parts(draft, section)
    body = "\n".join(parts.text).strip("\n")
    if category is None:
        if body.strip():
            count = len(body.split())
            words = f"{count} word{'s' if count > 1 else ''}"
            draft.note(place, f"text of a section without a level left out ({words}): {_shown(body)}")
        for line, title, _ in parts.examples:
            draft.note(f"line {line}", f"example of a section without a level left out: {_shown(title)}")
        return
    id = draft.id(section.id, place, category)
    draft.lines += ["", f"principle {id} {draft.quoted(section.title, place)}"]
    draft.lines.append(f"  source: {draft.quoted(f'#{section.id}', place)}")
    if not body.strip():
        draft.note(place, "this section has no text of its own; its title is the statement")
        body = section.title
    draft.prose("statement", _resolved(draft, body, titles, place), place, wrapped=True)
    for line, title, example in parts.examples:
        at = f"line {line}, #{section.id}"
        for prompt, better, worse in pairs_of(draft, example, at, title):
            draft.test(title or section.title, at)
            draft.lines.append(f"  under {id}")
            draft.prose("prompt", prompt, at)
            draft.prose("better", better, at)
            draft.prose("worse", worse, at)


def _parts(draft: Draft, section: Section) -> _Parts:
    """The section without what is not an instruction: commentary, examples, footnotes."""
    parts = _Parts()
    lines = section.lines
    at = 0
    while at < len(lines):
        number, line = lines[at]
        if code := FENCE.match(line):  # nothing in it is anything but code
            end = _end_of_code(lines, at, code.group(1))
            parts.text += [text for _, text in lines[at:end]]
            at = end
            continue
        if line.startswith("!!!") or _FOOTNOTE.match(line):
            end = at + 1
            while end < len(lines) and (not lines[end][1].strip() or lines[end][1].startswith(("    ", "\t"))):
                end += 1
            what = "footnote" if _FOOTNOTE.match(line) else "remark"
            words = " ".join(text for _, text in lines[at:end])
            draft.note(f"line {number}", f"{what} left out: {_shown(words)}")
            at = end
            continue
        found = _EXAMPLE.match(line)
        if found:
            start = at + 1
            while start < len(lines) and not lines[start][1].strip():
                start += 1
            fence = FENCE.match(lines[start][1]) if start < len(lines) else None
            if fence:
                end = _end_of_code(lines, start, fence.group(1)) - 1
                parts.examples.append(
                    (number, found.group(1).strip(), "\n".join(text for _, text in lines[start + 1 : end]))
                )
                at = end + 1
                continue
        # What was taken out leaves two blank lines, one above and one below it.
        if line.strip() or at == 0 or (parts.text and parts.text[-1].strip()) or not lines[at - 1][1].strip():
            parts.text.append(line)
        at += 1
    return parts


def _end_of_code(lines: list[tuple[int, str]], start: int, mark: str) -> int:
    """Behind the line that closes the code block which begins at `start`; `sections_of` has seen that there is one."""
    end = start + 1
    while end < len(lines) and not (
        lines[end][1].strip().startswith(mark) and not lines[end][1].strip().strip(mark[0])
    ):
        end += 1
    return min(end + 1, len(lines))


def _resolved(draft: Draft, text: str, titles: dict[str, str], place: str) -> str:
    """References inside the document as the title they lead to, since a prompt carries one section alone."""
    marks = _MARK.findall(text)
    if marks:
        draft.note(place, f"marks of footnotes left out: {', '.join(marks)}")
    unknown: list[str] = []

    def named(found: re.Match[str]) -> str:
        words, id = found.groups()
        if id not in titles:
            unknown.append(id)
            return found.group()
        return f'"{titles[id]}"' if words in {"?", ""} else words

    references = [found.group(2) for found in _REFERENCE.finditer(text) if found.group(2) in titles]
    made = _REFERENCE.sub(named, _MARK.sub("", text))
    if references:
        draft.note(place, f"links became words: {', '.join(f'#{id}' for id in dict.fromkeys(references))}")
    for id in unknown:
        draft.note(place, f"there is no heading #{id}; the link stays as it is")
    return made


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_MAX else f"{line[:_SHOWN_MAX]}…"
