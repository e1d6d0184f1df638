"""Prose as prompts carry it: a paragraph is one line, lists and deeper indentation stay as they are."""

from __future__ import annotations

import re

from constitution_lang.syntax.nodes import Prose, Text

__all__ = ["fold", "text_of"]

_AS_IT_IS = re.compile(r"[ \t]|[-*+•][ \t]|\d{1,3}[.)][ \t]")
_NOT_PLAIN = re.compile(rf"^(?:{_AS_IT_IS.pattern}|$)|\s$", re.MULTILINE)


def text_of(prose: Prose | Text | None) -> str:
    """The text of a field, folded; empty where there is none."""
    if prose is None:
        return ""
    return fold((prose.value,)) if isinstance(prose, Text) else fold(prose.lines)


def fold(lines: tuple[str, ...]) -> str:
    """Line breaks inside a paragraph become spaces; runs of blank lines separate paragraphs."""
    text = "\n".join(lines)
    if not _NOT_PLAIN.search(text):  # one paragraph without a list, as most are
        return text.replace("\n", " ")
    paragraphs: list[list[str]] = [[]]
    plain = False
    for line in (line.rstrip() for line in lines):
        if not line:
            if paragraphs[-1]:
                paragraphs.append([])
            plain = False
        elif _AS_IT_IS.match(line):
            paragraphs[-1].append(line)
            plain = False
        elif plain:
            paragraphs[-1][-1] += " " + line
        else:
            paragraphs[-1].append(line)
            plain = True
    return "\n\n".join("\n".join(paragraph) for paragraph in paragraphs if paragraph)
