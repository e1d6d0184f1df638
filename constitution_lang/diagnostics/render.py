"""How findings look: for people at a terminal, for programs, and for code hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TypeAlias

from constitution_lang.diagnostics.model import Diagnostic, Label, Severity
from constitution_lang.diagnostics.places import in_order, place
from constitution_lang.source import Source, Span

__all__ = ["Format", "Row", "render", "rows"]

_Json: TypeAlias = "str | int | list[_Json] | dict[str, _Json] | None"

Row: TypeAlias = dict[str, _Json]
"""One finding, as `check --format json` has it."""

_GITHUB = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.ADVICE: "notice"}


class Format(StrEnum):
    """A rendering. The value is what a user writes to choose it."""

    TERMINAL = "terminal"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


def render(
    diagnostics: Iterable[Diagnostic],
    sources: Mapping[str, Source],
    format: Format = Format.TERMINAL,
    *,
    color: bool = False,
) -> str:
    """The findings, each once and in order; `color` is for a terminal only."""
    ordered = in_order(diagnostics)
    match format:
        case Format.TERMINAL:
            from constitution_lang.diagnostics.terminal import to_terminal

            return to_terminal(ordered, sources, color=color)
        case Format.JSON:
            import json

            return json.dumps(rows(ordered, sources), indent=2, ensure_ascii=False) + "\n"
        case Format.SARIF:
            from constitution_lang.diagnostics.sarif import to_sarif

            return to_sarif(ordered, sources)
        case Format.GITHUB:
            return _to_github(ordered, sources)


def rows(diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source]) -> list[Row]:
    """The findings as values for JSON, each once and in order."""
    return [_row(found, sources) for found in in_order(diagnostics)]


def _row(found: Diagnostic, sources: Mapping[str, Source]) -> Row:
    fix: _Json = None
    if found.fix:
        said: dict[str, _Json] = {"title": found.fix.title, "sure": found.fix.sure, "text": found.fix.text}
        fix = {**said, **_place(found.fix.span, sources)}
    secondary: list[_Json] = [_label(label, sources) for label in found.secondary]
    return {
        "code": found.code,
        "severity": str(found.severity),
        "message": found.message,
        "help": found.help,
        **_label(found.primary, sources),
        "secondary": secondary,
        "fix": fix,
        "test": found.test,
    }


def _label(label: Label, sources: Mapping[str, Source]) -> dict[str, _Json]:
    return {**_place(label.span, sources), "label": label.text}


def _place(span: Span, sources: Mapping[str, Source]) -> dict[str, _Json]:
    known = place(span, sources)
    row: dict[str, _Json] = {"file": span.file, "start": None, "end": None}
    if known:
        row["start"] = {"line": known.start.line, "column": known.start.column, "offset": span.start}
        row["end"] = {"line": known.end.line, "column": known.end.column, "offset": span.end}
    return row


def _to_github(diagnostics: Sequence[Diagnostic], sources: Mapping[str, Source]) -> str:
    """Workflow commands, one a line, which GitHub shows beside the lines of a change."""
    lines = []
    for found in diagnostics:
        where = f"file={_property(found.primary.span.file)}"
        known = place(found.primary.span, sources)
        if known:
            where += f",line={known.start.line},endLine={known.end.line}"
            if known.start.line == known.end.line:  # columns of two lines can't be compared, and are refused
                where += f",col={known.start.column},endColumn={known.end.column}"
        elsewhere = (f"{_written(label.span, sources)}: {label.text}" for label in found.secondary if label.text)
        text = "; ".join(filter(None, (found.message, *elsewhere, found.help)))
        lines.append(f"::{_GITHUB[found.severity]} {where},title={_property(found.code)}::{_data(text)}\n")
    return "".join(lines)


def _written(span: Span, sources: Mapping[str, Source]) -> str:
    known = place(span, sources)
    return f"{span.file}:{known.start.line}" if known else span.file


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
