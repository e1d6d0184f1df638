"""Findings for a person at a terminal: the line, the place underlined, what to do."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from constitution_lang.diagnostics.model import Diagnostic, Label, Severity
from constitution_lang.diagnostics.places import place, printable
from constitution_lang.source import Source

__all__ = ["to_terminal"]

_WIDTH_MAX = 140
_TAB = "    "
_RESET = "\x1b[0m"
_BOLD = "\x1b[1m"
_BLUE = "\x1b[34m"
_CYAN = "\x1b[36m"
_COLORS = {Severity.ERROR: "\x1b[31m", Severity.WARNING: "\x1b[33m", Severity.ADVICE: _CYAN}
_PLURALS = {Severity.ERROR: "errors", Severity.WARNING: "warnings", Severity.ADVICE: "pieces of advice"}


def to_terminal(diagnostics: Sequence[Diagnostic], sources: Mapping[str, Source], *, color: bool) -> str:
    """Every finding with its lines, and a count at the end; nothing where there are none."""
    if not diagnostics:
        return ""
    paint = _Paint(on=color)
    findings = (_Finding(found, sources, paint).text() for found in diagnostics)
    return "\n\n".join((*findings, paint(_count(diagnostics), _BOLD))) + "\n"


class _Paint(msgspec.Struct, frozen=True):
    on: bool

    def __call__(self, text: str, *styles: str) -> str:
        return f"{''.join(styles)}{text}{_RESET}" if self.on and text else text


class _Finding(msgspec.Struct, frozen=True):
    found: Diagnostic
    sources: Mapping[str, Source]
    paint: _Paint

    def text(self) -> str:
        color = _COLORS[self.found.severity]
        head = self.paint(f"{self.found.severity}[{self.found.code}]", _BOLD, color)
        lines = [head + self.paint(f": {printable(self.found.message)}", _BOLD)]
        gutter = self._gutter_width()
        bar = " " * (gutter + 1) + self.paint("|", _BLUE)
        for number, (file, labels) in enumerate(self._labels_by_file()):
            lines.append(
                f"{' ' * gutter}{self.paint('-->' if number == 0 else ':::', _BLUE)} {self._where(file, labels)}"
            )
            source = self.sources.get(file)
            if source is not None:
                lines.append(bar)
                lines.extend(self._lines(source, labels, gutter))
        if self.found.help:
            start = f"{' ' * (gutter + 1)}{self.paint('=', _BLUE)} {self.paint('help:', _BOLD)} "
            lines.append(bar)
            lines.append(start + printable(self.found.help))
        if self.found.test:  # at the margin, so that it can be pasted as it stands
            lines += [f"{' ' * (gutter + 1)}{self.paint('=', _BLUE)} {self.paint('as a test:', _BOLD)}", ""]
            lines += map(printable, self.found.test.splitlines())
        return "\n".join(lines)

    def _labels_by_file(self) -> list[tuple[str, list[Label]]]:
        by_file: dict[str, list[Label]] = {}
        for label in (self.found.primary, *self.found.secondary):
            by_file.setdefault(label.span.file, []).append(label)
        return list(by_file.items())

    def _gutter_width(self) -> int:
        places = [place(label.span, self.sources) for label in (self.found.primary, *self.found.secondary)]
        return max((len(str(known.start.line)) for known in places if known), default=1)

    def _where(self, file: str, labels: list[Label]) -> str:
        known = place(labels[0].span, self.sources)
        return f"{printable(file)}:{known.start.line}:{known.start.column}" if known else printable(file)

    def _lines(self, source: Source, labels: Iterable[Label], gutter: int) -> list[str]:
        by_line: dict[int, list[Label]] = {}
        for label in sorted(labels, key=lambda label: label.span.start):
            by_line.setdefault(source.position(label.span.start).line, []).append(label)
        shown = []
        previous = None
        for number, here in by_line.items():
            if previous is not None and number > previous + 1:
                shown.append(self.paint("." * (gutter + 1), _BLUE))
            previous = number
            cut = _cut(source, number, here)
            mark = self.paint(f"{number:>{gutter}} |", _BLUE)
            shown.append(f"{mark} {_shown(source.line(number)[cut : cut + _WIDTH_MAX])}".rstrip())
            shown.extend(self._underline(source, number, label, cut, gutter) for label in here)
        return shown

    def _underline(self, source: Source, number: int, label: Label, cut: int, gutter: int) -> str:
        line = source.line(number)
        begin = source.line_starts[number - 1]
        start = label.span.start - begin
        end = min(label.span.end - begin, len(line), cut + _WIDTH_MAX)
        is_primary = label is self.found.primary
        before = " " * _width(line[cut:start])
        under = ("^" if is_primary else "-") * max(_width(line[start:end]), 1)
        color = _COLORS[self.found.severity] if is_primary else _BLUE
        text = f"{under} {printable(label.text)}".rstrip()
        return f"{' ' * (gutter + 1)}{self.paint('|', _BLUE)} {before}{self.paint(text, color)}"


def _cut(source: Source, number: int, labels: Sequence[Label]) -> int:
    """How much of a very long line to leave out at its beginning, so that the first place is seen."""
    column = labels[0].span.start - source.line_starts[number - 1]
    return 0 if column < _WIDTH_MAX - 20 else column - _WIDTH_MAX // 2


def _shown(line: str) -> str:
    return _TAB.join(printable(part) for part in line.split("\t"))


def _width(text: str) -> int:
    """Columns that a terminal gives to a text."""
    return sum(
        len(_TAB) if char == "\t"
        else 0 if unicodedata.combining(char)
        else 2 if unicodedata.east_asian_width(char) in "WF"
        else 1
        for char in text
    )  # fmt: skip


def _count(diagnostics: Sequence[Diagnostic]) -> str:
    parts = []
    for severity in Severity:
        number = sum(found.severity is severity for found in diagnostics)
        one = "piece of advice" if severity is Severity.ADVICE else str(severity)
        if number:
            parts.append(f"{number} {one if number == 1 else _PLURALS[severity]}")
    return f"Found {', '.join(parts[:-1])}{' and ' if len(parts) > 1 else ''}{parts[-1]}."
