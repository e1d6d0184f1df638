"""Places as every rendering needs them: file, and lines and columns where the file's text is at hand."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

import msgspec

from constitution_lang.diagnostics.model import Diagnostic, Severity
from constitution_lang.source import Position, Source, Span

__all__ = ["Place", "in_order", "place", "printable"]

_SEVERITIES = tuple(Severity)


class Place(msgspec.Struct, frozen=True, gc=False):
    """A span as people count: `end` is the position after its last character."""

    file: str
    start: Position
    end: Position


def place(span: Span, sources: Mapping[str, Source]) -> Place | None:
    """Where a span is; None where the file's text is not at hand, because it could not be read."""
    source = sources.get(span.file)
    if source is None:
        return None
    return Place(span.file, source.position(span.start), source.position(max(span.start, span.end)))


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Each finding once, by file and place, errors before what is milder."""
    once = {(found.code, found.primary.span, found.message): found for found in diagnostics}
    return sorted(
        once.values(),
        key=lambda found: (
            found.primary.span.file,
            found.primary.span.start,
            _SEVERITIES.index(found.severity),
            found.code,
            found.message,
        ),
    )


def printable(text: str) -> str:
    """The text without anything that could steer a terminal or turn the direction of writing."""
    return "".join("\ufffd" if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else char for char in text)
