"""What a test run came to, for people at a terminal and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from constitution_lang.diagnostics.render import Row, render
from constitution_lang.source import Source, Span
from constitution_lang.testing.coverage import Coverage, Item
from constitution_lang.testing.run import Expected, PlaceOf, TestRun, finding

__all__ = ["FileReport", "to_json", "to_terminal", "where"]


@dataclass(frozen=True, slots=True)
class FileReport:
    """One constitution's run, with what is needed to show places of it. `file` is as the user named it."""

    file: str
    run: TestRun
    sources: Mapping[str, Source]
    place_of: PlaceOf
    coverage: Coverage | None = None


def where(span: Span, sources: Mapping[str, Source]) -> str:
    """`house.const:12:3`."""
    at = sources[span.file].position(span.start)
    return f"{span.file}:{at.line}:{at.column}"


# --- terminal -----------------------------------------------------------------------------------


def to_terminal(reports: Sequence[FileReport], *, color: bool) -> str:
    """Each failure as a finding, then what is not covered, then a line for each file."""
    found = [finding(one, report.place_of) for report in reports for one in report.run.failed]
    sources = {name: source for report in reports for name, source in report.sources.items()}
    shown = render(found, sources, color=color)
    parts = [shown.rsplit("\n\n", 1)[0] + "\n"] if found else []  # its count is said better below
    parts += [_coverage(report, report.coverage) for report in reports if report.coverage]
    return "\n".join((*parts, "".join(_summary(report) for report in reports)))


def _summary(report: FileReport) -> str:
    run = report.run
    if not run.expected and not run.models:
        return f"{report.file}: no tests\n"
    held = len(run.expected) - len(run.failed)
    words = f"{held} of {_number(len(run.expected), 'expectation')} hold" if run.failed else (
        f"{_number(len(run.expected), 'expectation')} hold{'s' * (len(run.expected) == 1)}"
    )  # fmt: skip
    tests = len({one.title for one in run.expected})
    line = f"{report.file}: {words}, in {_number(tests, 'test')}" if run.expected else f"{report.file}: no expectations"
    if run.models:
        line += f"; {_number(len(run.models), 'pair')} for a model, see `cai-run test`"
    if report.coverage:
        line += f"; {_percent(report.coverage.share)} covered"
    return f"{line}\n"


def _coverage(report: FileReport, coverage: Coverage) -> str:
    counted = f"{_counted(coverage.rules, 'rules')}, {_counted(coverage.principles, 'principles')}"
    lines = [
        f"  no test looks at {item.name}  ({where(report.place_of(item.origin), report.sources)})"
        for item in (*coverage.rules, *coverage.principles)
        if not item.covered
    ]
    lines += [
        f"  {item.name} decides in no case, and is not counted  ({where(report.place_of(item.origin), report.sources)})"
        for item in coverage.idle
    ]
    return "\n".join((f"{report.file}: coverage {_percent(coverage.share)}: {counted}", *lines, ""))


def _counted(items: Sequence[Item], what: str) -> str:
    return f"{sum(item.covered for item in items)} of {len(items)} {what}"


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _percent(share: float) -> str:
    """Rounded down, so that 100% is all and a threshold is not met by rounding."""
    return f"{int(share * 1000 + 1e-9) / 10:g}%"


# --- JSON ---------------------------------------------------------------------------------------


class _Decided(msgspec.Struct, frozen=True):
    tension: str
    rule: int
    file: str
    line: int


class _Expectation(msgspec.Struct, frozen=True):
    test: str
    case: dict[str, str]
    expected: str
    holds: bool
    found: str
    file: str
    line: int
    column: int
    decided: list[_Decided]
    shares: dict[str, float]


class _Item(msgspec.Struct, frozen=True):
    name: str
    file: str
    line: int
    covered: bool


class _Coverage(msgspec.Struct, frozen=True):
    share: float
    rules: list[_Item]
    principles: list[_Item]
    idle: list[_Item]


class _File(msgspec.Struct, frozen=True):
    file: str
    expectations: list[_Expectation]
    failed: int
    model_pairs: int
    coverage: _Coverage | None
    compiles: bool
    findings: list[Row]


def to_json(reports: Sequence[FileReport], broken: Mapping[str, list[Row]] | None = None) -> str:
    """A list with an entry for each constitution.

    `broken` are those that do not compile, by file, with what `check` finds in them: their entry says so also where no
    test of theirs could run.
    """
    broken = broken or {}
    entries = [
        _File(
            report.file,
            [_expectation(one, report) for one in report.run.expected],
            len(report.run.failed),
            len(report.run.models),
            _coverage_row(report, report.coverage) if report.coverage else None,
            report.file not in broken,
            broken.get(report.file, []),
        )
        for report in reports
    ]
    run = {report.file for report in reports}
    entries += [
        _File(file, [], 0, 0, None, compiles=False, findings=found) for file, found in broken.items() if file not in run
    ]
    return msgspec.json.format(msgspec.json.encode(entries), indent=2).decode() + "\n"


def _line(span: Span, report: FileReport) -> int:
    return report.sources[span.file].position(span.start).line


def _expectation(one: Expected, report: FileReport) -> _Expectation:
    decided = []
    for decision in one.verdict.decisions:
        span = report.place_of(decision.rule.origin)
        decided.append(_Decided(decision.tension.id, decision.index + 1, span.file, _line(span, report)))
    at = report.sources[one.span.file].position(one.span.start)
    return _Expectation(
        test=one.title,
        case=one.case,
        expected=one.expectation,
        holds=one.verdict.holds,
        found=one.verdict.found,
        file=one.span.file,
        line=at.line,
        column=at.column,
        decided=decided,
        shares={stage.value: share for stage, share in (one.verdict.shares or {}).items()},
    )


def _coverage_row(report: FileReport, coverage: Coverage) -> _Coverage:
    def row(item: Item) -> _Item:
        span = report.place_of(item.origin)
        return _Item(item.name, span.file, _line(span, report), item.covered)

    rows = ([row(item) for item in items] for items in (coverage.rules, coverage.principles, coverage.idle))
    return _Coverage(coverage.share, *rows)
