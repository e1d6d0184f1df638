"""`cai-run`: runs a constitution on models, and tells what came of it.

Exit codes: 0 all went well; 1 the constitution has errors, or a test of it fails; 2 the run cannot be done as asked (a
file, a model, a data set, the disk); 3 a fault of ours; 130 stopped with Ctrl-C. Each command is a module of
`commands` and imports what it needs when it is called, so that help is quick.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from constitution_lang.commands.files import Parser, Version
from runtime.commands import audit, explain, export, models, plan, report, run, stale, test, verify
from runtime.commands.options import FORM

__all__ = ["main"]

COMMANDS = (run, plan, audit, explain, report, export, verify, stale, test, models)

EPILOG = """\
examples:
  cai-run run constitutions/demo.toml             the whole way, or what is left of it
  cai-run run constitutions/demo.toml --rehearse  the same on a scripted engine, with what the real run will cost
  cai-run plan constitutions/demo.toml            what a run would reuse, redo and cost, before anything runs
  cai-run explain harm.weapons                    what a principle decided in the latest run
  cai-run explain 3f9a1c                          the story of a training row, a prompt or a pair, by its first digits
  cai-run audit constitutions/hh.toml             how far the feedback model agrees with people
  cai-run test house.const --model smollm2-135m-instruct
                                                  the pairs of its tests: does the model prefer the better answer
  cai-run report --run runs/demo                  write the report again
  cai-run verify runs/demo                        derive every row, card and weight anew; name the first that differs
  cai-run stale runs/demo/checkpoints/dpo-3f9a1c0b2d4e --against main
                                                  which of its data the constitution in main would change
  cai-run export --to openrlhf --run runs/demo    its data and reward model, for another trainer
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
    # Lines that it writes past Python tear progress bars apart; errors still come.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
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
    parser: argparse.ArgumentParser = Parser(
        prog="cai-run", description="Run a constitution on models: from prompts to trained policies.", epilog=EPILOG,
        formatter_class=FORM,
    )  # fmt: skip
    parser.add_argument("--version", action=Version, help="say which version this is, and stop")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser


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
        print(
            "  help: check the disk and the folder, then do it again; a run goes on where it stopped", file=sys.stderr
        )
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
