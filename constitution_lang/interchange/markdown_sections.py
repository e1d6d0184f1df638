"""The sections of a Markdown document: its headings, with the ids and levels that they carry, and the lines below."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from constitution_lang.interchange.draft import Draft, WrongInputError

__all__ = ["FENCE", "Section", "sections_of"]

FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r"[ ]{0,3}(#{1,6})[ \t]+(.*?)[ \t]*(?:\{([^{}]*)\})?[ \t]*#*[ \t]*\Z")
_UNDERLINE = re.compile(r"[ ]{0,3}(=+|-+)[ \t]*\Z")
_UNDERLINED = re.compile(r"(.*?)[ \t]*(?:\{([^{}]*)\})?[ \t]*\Z")
_NO_PARAGRAPH = re.compile(
    r"[ ]{4}|\t|[ ]*(?:[-*+>|<#]|\d{1,9}[.)][ \t]|!!!|\*\*Example\*\*|\[\^[^\]]+\]:|[=-]+[ \t]*\Z)"
)
"""Lines above an underline that are no text of a heading."""
_COMMENT = re.compile(
    r"^[ ]{0,3}(`{3,}|~{3,})[^\n]*\n.*?(?:^[ ]{0,3}\1[`~]*[ ]*$|\Z)|`[^`\n]*`|<!--.*?(?:-->|\Z)",
    re.MULTILINE | re.DOTALL,
)
"""A comment; or code, in which there is none."""
_ATTRIBUTE = re.compile(r"[^\s=]+=(?:\"[^\"]*\"|'[^']*')|\S+")
_BARE = re.compile(r"\b(?:authority|level)=\S+")
_LEVELED = re.compile(r"\{[^{}]*\b(?:authority|level)=[^{}]*\}")


@dataclass(slots=True)
class Section:
    """A heading and the lines below it, each with its number. `line` is that of the heading."""

    line: int
    depth: int
    title: str
    id: str
    level: str | None
    lines: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Heading:
    line: int
    depth: int
    title: str
    attributes: str


def sections_of(text: str, draft: Draft) -> list[Section]:
    """Every section in order; the first holds what stands above all headings.

    Raises:
        WrongInputError: an id is given twice, or a code block is not closed.
    """
    sections = [Section(1, 0, "", "", None)]
    taken: dict[str, int] = {}
    lines = _without_comments("\n".join(re.split("\r\n|\r|\n", text)), draft).split("\n")
    front = lines.index("---", 1) + 1 if lines[0] == "---" and "---" in lines[1:] else 0
    fence, opened = "", 0
    for number, line in enumerate(lines, 1):
        mark = FENCE.match(line)
        if mark:
            if not fence:
                fence, opened = mark.group(1), number
            elif mark.group(1).startswith(fence) and line.strip() == mark.group(1):
                fence = ""
        plain = not fence and not mark and number > front
        heading = _heading(sections[-1], number, line) if plain else None
        if heading is None:
            sections[-1].lines.append((number, line))
        else:
            sections.append(_section(draft, heading, taken))
    if fence:
        raise WrongInputError(f"line {opened}", "this code block is not closed")
    _inherit(sections, draft)
    _without_heading(sections, draft)
    return sections


def _without_comments(text: str, draft: Draft) -> str:
    """The text with empty lines in the place of comments of HTML, which no reader sees; each is noted."""

    def blank(found: re.Match[str]) -> str:
        if not found.group().startswith("<!--"):
            return found.group()
        words = len(found.group().removeprefix("<!--").removesuffix("-->").split())
        place = f"line {text.count(chr(10), 0, found.start()) + 1}"
        draft.note(
            place, f"left out: a comment of {words} word{'s' if words != 1 else ''}, which is in no rendered text"
        )
        return "\n" * found.group().count("\n")

    return _COMMENT.sub(blank, text)


def _heading(above: Section, number: int, line: str) -> _Heading | None:
    """The heading that ends with a line, if one does; its own lines are taken out of the section above."""
    found = _HEADING.match(line)
    if found:
        return _Heading(number, len(found.group(1)), found.group(2), found.group(3) or "")
    underline = _UNDERLINE.match(line)
    first = len(above.lines)
    while first and above.lines[first - 1][1].strip() and not _NO_PARAGRAPH.match(above.lines[first - 1][1]):
        first -= 1
    if underline is None or first == len(above.lines):
        return None
    if first and above.lines[first - 1][1].strip():
        return None  # the paragraph belongs to a list, a table or a quotation
    start = above.lines[first][0]
    written = _UNDERLINED.match(" ".join(text.strip() for _, text in above.lines[first:]))
    assert written
    del above.lines[first:]
    return _Heading(start, 1 if underline.group(1)[0] == "=" else 2, written.group(1), written.group(2) or "")


def _section(draft: Draft, heading: _Heading, taken: dict[str, int]) -> Section:
    parts = _ATTRIBUTE.findall(heading.attributes)
    written = {key: value.strip("\"'") for key, equals, value in (part.partition("=") for part in parts) if equals}
    ids = [part[1:] for part in parts if part.startswith("#") and "=" not in part]
    place = f"line {heading.line}"
    level = written.pop("authority", None) or written.pop("level", None)
    for key, value in written.items():
        draft.note(place, f"left out: {key}={value}")
    for part in [f"#{id}" for id in ids[1:]] + [part for part in parts if "=" not in part and part[0] != "#"]:
        draft.note(place, f"left out: {part}")
    if level is None and (bare := _BARE.search(heading.title)):
        draft.note(place, f"not read as a level, since it stands in no braces: {bare.group()}")
    id = ids[0] if ids else ""
    if not id:
        id = words = re.sub(r"\W+", "_", heading.title.lower()).strip("_") or "section"
        while id in taken:  # nobody gave that id
            id = f"{words}_{int(id.removeprefix(f'{words}_')) + 1 if id != words else 2}"
        draft.note(place, f"this heading has no id; {id!r} was made from its words")
    if id in taken:
        raise WrongInputError(place, f"the id #{id} is given on line {taken[id]} already")
    taken[id] = heading.line
    return Section(heading.line, heading.depth, heading.title, id, level)


def _inherit(sections: list[Section], draft: Draft) -> None:
    """A section below one with a level has that level, unless it has its own."""
    above: list[Section] = []
    for section in sections:
        above = [one for one in above if one.depth < section.depth]
        if section.level is None and above and above[-1].level:
            section.level = above[-1].level
            draft.note(f"line {section.line}", f"no level here; that of the heading above, {section.level}, was taken")
        above.append(section)


def _without_heading(sections: list[Section], draft: Draft) -> None:
    """Levels that stand on a line which is no heading, as behind `##` without a space."""
    for section in sections:
        fence = ""
        for number, line in section.lines:
            mark = FENCE.match(line)
            if mark and (not fence or mark.group(1).startswith(fence)):
                fence = "" if fence else mark.group(1)
            found = None if fence or mark else _LEVELED.search(line)
            if found:
                draft.note(f"line {number}", f"this line is no heading, and its level is read as text: {found.group()}")
