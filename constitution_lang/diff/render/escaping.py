"""Text that a code host shows as it is: nothing in it turns into markup, a person, an issue, a formula or a picture."""

from __future__ import annotations

import re

from constitution_lang.diff.model import Mark, Segment

__all__ = ["plain", "quotation", "unlinked"]

_SPECIAL = re.compile(r"([\\`*_~\[\]|#<>&])")
_BLOCK = re.compile(r"^(?:[-+=:]|\d{1,9}[.)])")
_LINKED = re.compile(r"@(?=\w)|#(?=\d)|\bGH-(?=\d)|:(?=[\w+-]+:)", re.IGNORECASE)


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
        return literal(segment.text)
    name = "del" if segment.mark is Mark.OLD else "b"
    return "\n".join(_marked(line, name) for line in segment.text.split("\n"))


def _marked(line: str, name: str) -> str:
    """No mark around white space alone, nor at the beginning or the end."""
    inner = line.strip()
    if not inner:
        return line
    start, end = line[: len(line) - len(line.lstrip())], line[len(line.rstrip()) :]
    return f"{start}<{name}>{literal(inner)}</{name}>{end}"


def _escaped_block(found: re.Match[str]) -> str:
    """The beginning of a line, so that it begins no list, heading, rule or table."""
    return f"{found[0][:-1]}\\{found[0][-1]}"


def plain(text: str) -> str:
    """Prose that nothing in it can turn into markup; a code word stays one."""
    if text.count("`") % 2 or "|" in text:
        return literal(text)
    return "`".join(part if at % 2 else literal(part) for at, part in enumerate(text.split("`")))


def literal(text: str) -> str:
    """Every sign as it is."""
    return unlinked(_SPECIAL.sub(r"\\\1", text))


def unlinked(text: str) -> str:
    """Without what a code host would take for people and for issues, and tell these; nor for pictures and formulas."""
    return _LINKED.sub(r"\g<0>&#8203;", text).replace("$", "<span>$</span>")
