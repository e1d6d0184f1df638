"""`cai-run`: runs a constitution on models, and tells what came of it.

Exit codes: 0 all went well; 1 the constitution has errors, or a test of it fails; 2 the run cannot be done as asked (a
file, a model, a data set, the disk); 3 a fault of ours; 130 stopped with Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.session import Session
    from runtime.steps.inputs import Inputs

__all__ = ["main"]

EPILOG = """\
examples:
  cai-run run constitutions/demo.toml             the whole way, or what is left of it
  cai-run run constitutions/demo.toml --rehearse  the same on a scripted engine, with what the real run will cost
  cai-run explain harm.weapons                    what a principle decided in the latest run
  cai-run explain 3f9a1c                          the story of a training row, a prompt or a pair, by its first digits
  cai-run audit constitutions/hh.toml             how far the feedback model agrees with people
  cai-run test house.const --model smollm2-135m-instruct
                                                  the pairs of its tests: does the model prefer the better answer
  cai-run report --run runs/demo                  write the report again
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point. Returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 2
    # Threads of torch that wait by spinning take ten times as long where anything else uses the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        return int(options.call(options))
    except KeyboardInterrupt:
        print("\nstopped; what was reported done is kept: run the same line again to go on", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the one place where everything ends as a message
        return _fail(error)


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="cai-run", description="Run a constitution on models: from prompts to trained policies.", epilog=EPILOG,
        formatter_class=form,
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    run = commands.add_parser(
        "run", help="do what a run file describes, or go on with it", formatter_class=form,
        description="Tag, answer, critique, revise, fine-tune, label, train, evaluate. What is done already is reused.",
    )  # fmt: skip
    run.add_argument("file", type=Path, help="the run file (TOML)")
    run.add_argument("--rehearse", action="store_true", help="on the scripted engine; says what the real run will cost")
    run.add_argument("--quiet", action="store_true", help="no progress bars")
    run.set_defaults(call=_run)
    audit = commands.add_parser(
        "audit", help="measure the feedback model on pairs that people labelled", formatter_class=form,
        description="Only the [audit] of a run file: agreement, position bias, unreadable answers, with intervals.",
    )  # fmt: skip
    audit.add_argument("file", type=Path, help="the run file (TOML)")
    audit.add_argument("--rehearse", action="store_true", help="on the scripted engine")
    audit.add_argument("--quiet", action="store_true", help="no progress bars")
    audit.set_defaults(call=_audit)
    explain = commands.add_parser(
        "explain", help="tell the whole story of a row, or what a principle decided", formatter_class=form,
        description="Everything comes from the ledger; nothing is computed again.",
    )  # fmt: skip
    explain.add_argument(
        "what",
        nargs="?",
        help="an id, or its first six digits; a principle's id; if not given, the row with most to tell",
    )
    explain.add_argument("--json", action="store_true", help="as JSON")
    _run_option(explain)
    explain.set_defaults(call=_explain)
    report = commands.add_parser("report", help="write the HTML report of a run again", formatter_class=form)
    _run_option(report)
    report.set_defaults(call=_report)
    test = commands.add_parser(
        "test", help="run the tests of a constitution that need a model", formatter_class=form,
        description="Each pair of answers is shown in both orders, under its principle alone. Exit code 1: one fails.",
    )  # fmt: skip
    test.add_argument("file", type=Path, help="a constitution, a bundle, or a run file (TOML)")
    test.add_argument("--model", metavar="NAME", help="the model; the run file's feedback model if not given")
    test.add_argument("-k", dest="title", default="", metavar="TEXT", help="only tests with this text in their title")
    test.add_argument("--format", choices=("terminal", "json", "junit"), default="terminal", help="how to print it")
    test.add_argument("-o", "--output", type=Path, metavar="PATH", help="where to write it, not to standard output")
    test.add_argument("--rehearse", action="store_true", help="on the scripted engine")
    test.add_argument("--quiet", action="store_true", help="no progress bars")
    test.set_defaults(call=_test)
    models = commands.add_parser("models", help="list the models that are known by name", formatter_class=form)
    models.set_defaults(call=_models)
    return parser


def _run_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", type=Path, metavar="FOLDER", help="the run's folder; the latest in runs/ if not given")


def _run(options: argparse.Namespace) -> int:
    from runtime.run import execute
    from runtime.summary import show_costs, show_results

    with _session(options) as (session, inputs):
        execute(session, inputs)
        show_results(session)
        if options.rehearse:
            show_costs(session, options.file)
    return 0


def _audit(options: argparse.Namespace) -> int:
    from runtime.run import audit_only
    from runtime.run_file import load_run_file
    from runtime.summary import show_results

    if not load_run_file(options.file)[1].audit.human:
        print(f"cai-run: {options.file}: names no pairs to audit with; add [audit] human = […]", file=sys.stderr)
        return 2
    with _session(options, only_audit=True) as (session, inputs):
        audit_only(session, inputs)
        show_results(session)
    return 0


def _test(options: argparse.Namespace) -> int:
    import time
    from datetime import UTC, datetime

    from runtime.engines.choose import open_engine
    from runtime.model_tests import plan_tests, render, run_plan
    from runtime.progress import SilentProgress, progress_for

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    started = time.perf_counter()
    plan = plan_tests(
        options.file, model=options.model, title=options.title, rehearse=options.rehearse, say=say
    )  # fmt: skip
    results = run_plan(plan, SilentProgress() if options.quiet else progress_for(sys.stderr), open_engine)
    text = render(plan, results, options.format, at=datetime.now(UTC), seconds=time.perf_counter() - started)
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return int(any(result.failure for result in results))


def _session(
    options: argparse.Namespace, *, only_audit: bool = False
) -> AbstractContextManager[tuple[Session, Inputs]]:
    from runtime.opening import open_session
    from runtime.progress import SilentProgress, progress_for

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    progress = SilentProgress() if options.quiet else progress_for(sys.stderr)
    return open_session(options.file, rehearse=options.rehearse, only_audit=only_audit, progress=progress, say=say)


def _explain(options: argparse.Namespace) -> int:
    from runtime.ledger.store import Ledger
    from runtime.report.explain import ExplainError, explain, explain_json
    from runtime.summary import telling_row

    with Ledger.open(_ledger_path(options.run), read_only=True) as ledger:
        tell = explain_json if options.json else explain
        run = ledger.latest_run().id
        what = options.what or telling_row(ledger, run)
        if what is None:
            print("this run has no training rows yet; name a prompt or a principle", file=sys.stderr)
            return 2
        try:
            print(tell(ledger, run, what))
        except ExplainError:
            # The published rows may be those of an earlier run, where a later one has not come so far.
            holds = [r.id for r in ledger.runs() if len(what) >= 6 and ledger.find(r.id, what) is not None]
            if not holds:
                raise
            print(tell(ledger, holds[-1], what))
    return 0


def _report(options: argparse.Namespace) -> int:
    from runtime.ledger.store import Ledger
    from runtime.report.collect import collect
    from runtime.report.pages import write_report

    path = _ledger_path(options.run)
    with Ledger.open(path, read_only=True) as ledger:
        print(write_report(collect(ledger, ledger.latest_run().id), path.with_name("report.html")))
    return 0


def _models(_: argparse.Namespace) -> int:
    from runtime.engines.models import known_models

    for model in known_models():
        print(f"{model.name}\n    {model.summary}\n    {model.licence}")
    print("\nAny other name is a folder, a .gguf file, or a name on a model hub.")
    return 0


def _ledger_path(folder: Path | None) -> Path:
    """The ledger of a run's folder, or of the run under runs/ that was written to last."""
    if folder is not None:
        return folder / "ledger.sqlite"
    found = sorted(Path("runs").glob("*/ledger.sqlite"), key=lambda p: p.stat().st_mtime)
    return found[-1] if found else Path("runs/ledger.sqlite")


def _fail(error: Exception) -> int:
    """One clear message for what a user or the machine did; a request for a report for what we did."""
    from runtime.opening import ConstitutionError

    if isinstance(error, ConstitutionError):
        from constitution_lang.diagnostics.render import Format, render

        print(render(error.diagnostics, error.sources, Format.TERMINAL, color=sys.stderr.isatty()), file=sys.stderr)
        return 1
    known = _known_errors()
    if isinstance(error, known):
        print(f"cai-run: {error}", file=sys.stderr)
        remedy = getattr(error, "remedy", None)
        if remedy and remedy not in str(error):
            print(f"  help: {remedy}", file=sys.stderr)
        return 2
    if isinstance(error, OSError):
        what = f"{error.filename}: " if error.filename else ""
        print(f"cai-run: {what}{error.strerror or error}", file=sys.stderr)
        print("  help: check the disk and the folder; what was done is kept: run again to go on", file=sys.stderr)
        return 2
    if os.environ.get("CAI_DEBUG") == "1":
        raise error
    print(
        f"cai-run: this is a fault of ours: {type(error).__name__}: {error}\n"
        "  help: what was done is kept; please report it with the output of the same line under CAI_DEBUG=1",
        file=sys.stderr,
    )
    return 3


def _known_errors() -> tuple[type[Exception], ...]:
    from constitution_lang.ir.codec import BundleError
    from runtime.datasets.errors import DataError
    from runtime.engines.base import EngineError
    from runtime.ledger.faults import LedgerError
    from runtime.report.explain import ExplainError
    from runtime.run_file import RunFileError
    from runtime.session import NothingToDoError
    from runtime.stages.tag import UnknownValueError
    from runtime.training.errors import TrainingError

    return (
        BundleError, DataError, EngineError, ExplainError, LedgerError, NothingToDoError, RunFileError, TrainingError,
        UnknownValueError,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
