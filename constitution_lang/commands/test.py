"""`cai-compile test`: run the tests of a constitution."""

from __future__ import annotations

import argparse
import sys

from constitution_lang.commands.files import (
    FINDINGS,
    FORM,
    WELL,
    WrongUseError,
    but_parts,
    colors,
    compiled,
    of_each,
    tell_unread,
    write_whole,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from constitution_lang.commands.files import Commands
    from constitution_lang.compile import Compilation
    from constitution_lang.ir.model import Origin
    from constitution_lang.source import Span
    from constitution_lang.testing.junit import JunitSuite
    from constitution_lang.testing.report import FileReport
    from constitution_lang.testing.run import TestRun

__all__ = ["add"]

FORMATS = ("terminal", "json", "junit")


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    test = commands.add_parser(
        "test",
        help="run the tests that a constitution holds",
        description="Run the `test` blocks of constitutions: which side comes first in a case, shares, applicability.",
        epilog="exit codes: 0 all hold, 1 some do not or too little is covered, 2 wrong use\n\n"
        "examples:\n  cai-compile test house.const --coverage-min 90%\n"
        "  cai-compile test *.const --format junit -o tests.xml",
        formatter_class=FORM,
    )
    test.add_argument("files", metavar="FILE", nargs="+", help="constitutions; - reads standard input")
    test.add_argument("-k", dest="title", default="", metavar="TEXT", help="only tests with this text in their title")
    test.add_argument("--format", choices=FORMATS, default="terminal", help="how to print it (default %(default)s)")
    test.add_argument("-o", "--output", metavar="PATH", help="where to write it, instead of standard output")
    test.add_argument("--coverage", action="store_true", help="list the rules and principles that no test looks at")
    test.add_argument(
        "--coverage-min", type=_percentage, metavar="PERCENT", help="fail where less than this is covered, as in 90%%"
    )
    test.set_defaults(call=_test)


def _percentage(text: str) -> float:
    digits = text.removesuffix("%").strip()
    try:
        value = float(digits)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage from 0% to 100%; write 90%")
    if 0 < value <= 1 and not text.endswith("%"):
        message = f"{text!r} may be {value * 100:g}% or {value:g}%; write it with the percent sign"
        raise argparse.ArgumentTypeError(message)
    return value / 100


def _test(options: argparse.Namespace) -> int:
    from pathlib import Path
    from time import perf_counter

    started = perf_counter()
    reports = []
    broken: dict[str, Compilation] = {}
    compilations, unread = of_each(options.files, compiled)
    kept = but_parts([*compilations.values()])
    for file, compilation in compilations.items():
        if compilation not in kept:
            continue
        report = _report(file, compilation, options)
        if compilation.bundle is None:
            broken[file] = compilation
        if report:
            reports.append(report)
    run = [report.run for report in reports]
    if options.title and reports and not any(one.expected or one.models for one in run):
        raise WrongUseError(f"no test has {options.title!r} in its title")
    text = _text(reports, broken, options, perf_counter() - started)
    if options.output and options.output != "-":
        write_whole(Path(options.output), text.encode())
    else:
        sys.stdout.write(text)
    failed = bool(broken) or any(one.failed for one in run)
    for report in reports:
        least = options.coverage_min
        if least is not None and report.coverage and report.coverage.share < least - 1e-9:
            failed = True
            print(f"cai-compile: {report.file}: less than {least * 100:.4g}% is covered", file=sys.stderr)
    tell_unread(unread)
    return FINDINGS if failed else WELL


def _report(file: str, compilation: Compilation, options: argparse.Namespace) -> FileReport | None:
    """One constitution's tests, run; what is wrong with it is told.

    They run also where the only errors are of cases and prompts, so that a test for such an error can be seen to fail.
    """
    from constitution_lang.diagnostics.render import render
    from constitution_lang.testing.coverage import measure
    from constitution_lang.testing.report import FileReport
    from constitution_lang.testing.run import run_tests

    if compilation.bundle is None:
        sys.stderr.write(render(compilation.diagnostics, compilation.sources, color=colors(sys.stderr)))
    bundle = compilation.bundle or compilation.draft
    if bundle is None:
        return None
    run = _placed(run_tests(bundle, compilation.trees, title=options.title), file)
    covered = options.coverage or options.coverage_min is not None
    coverage = measure(bundle, run.expected) if covered else None

    def place_of(origin: Origin) -> Span:
        return _place(file, compilation, origin)

    return FileReport(file, run, compilation.sources, place_of, coverage)


def _placed(run: TestRun, file: str) -> TestRun:
    """The same with its places as the findings have theirs: the trees name their files from the folder of `file`."""
    from dataclasses import replace
    from pathlib import Path

    from msgspec import structs

    from constitution_lang.emit.relocate import relocated_span

    if file == "-":
        return run

    def placed(span: Span) -> Span:
        return relocated_span(span, Path(file).parent)

    expected = (replace(one, span=placed(one.span), case_span=placed(one.case_span)) for one in run.expected)
    models = ((title, structs.replace(model, span=placed(model.span))) for title, model in run.models)
    return replace(run, expected=tuple(expected), models=tuple(models))


def _place(file: str, compilation: Compilation, origin: Origin) -> Span:
    """From a place in the bundle, whose files are named from the constitution's folder, to the text there."""
    from pathlib import Path

    from constitution_lang.testing.run import to_line_end

    name = origin.file
    if name not in compilation.sources:
        name = (Path(file).parent / name).as_posix()
    return to_line_end(compilation.sources[name], origin)


def _text(
    reports: Sequence[FileReport], broken: Mapping[str, Compilation], options: argparse.Namespace, seconds: float
) -> str:
    from constitution_lang.diagnostics.render import render, rows
    from constitution_lang.testing.report import to_json, to_terminal

    if options.format == "json":
        errors = {file: rows(one.diagnostics, one.sources) for file, one in broken.items()}
        return to_json(reports, errors)
    if options.format == "terminal":
        return to_terminal(reports, color=not options.output and colors(sys.stdout))
    from datetime import UTC, datetime

    from constitution_lang.testing.junit import JunitCase, JunitSuite, to_junit

    told = "the constitution has errors"
    uncompiled = [
        JunitSuite(
            file, [JunitCase(file, "compiles", told, render(one.diagnostics, one.sources), code=_codes(one))], {}
        )
        for file, one in broken.items()
    ]
    return to_junit([*uncompiled, *(_suite(report) for report in reports)], at=datetime.now(UTC), seconds=seconds)


def _codes(compilation: Compilation) -> str:
    """The codes of the errors, each once, in the order in which they are told."""
    from constitution_lang.diagnostics.model import Severity

    errors = (found.code for found in compilation.diagnostics if found.severity is Severity.ERROR)
    return ", ".join(dict.fromkeys(errors))


def _suite(report: FileReport) -> JunitSuite:
    from constitution_lang.diagnostics.render import render
    from constitution_lang.testing.junit import JunitCase, JunitSuite
    from constitution_lang.testing.report import where
    from constitution_lang.testing.run import finding

    cases = []
    for one in report.run.expected:
        name = f"{where(one.span, report.sources)} {one.case_words or 'any case'}: {one.expectation}"
        if one.verdict.holds:
            cases.append(JunitCase(one.title, name))
            continue
        found = finding(one, report.place_of)
        details = render([found], report.sources).rsplit("\n\n", 1)[0]
        cases.append(JunitCase(one.title, name, failure=found.message, details=details))
    for title, model in report.run.models:
        name = f"{where(model.span, report.sources)} under {model.principle.text}"
        cases.append(JunitCase(title, name, skipped="a pair for a model: cai-run test"))
    properties = {"coverage": f"{report.coverage.share:.4f}"} if report.coverage else {}
    return JunitSuite(report.file, cases, properties)
