"""`cai-run test`: the tests of a constitution that need a model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.commands.options import FORM, progress_of, say

if TYPE_CHECKING:
    from runtime.commands.options import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    test = commands.add_parser(
        "test", help="run the tests of a constitution that need a model", formatter_class=FORM,
        description="Each pair of answers is shown in both orders, under its principle alone. Exit code 1: one fails.",
    )  # fmt: skip
    test.add_argument("file", type=Path, help="a constitution (- for standard input), a bundle, or a run file (TOML)")
    test.add_argument("--model", metavar="NAME", help="the model; the run file's feedback model if not given")
    test.add_argument("-k", dest="title", default="", metavar="TEXT", help="only tests with this text in their title")
    test.add_argument("--format", choices=("terminal", "json", "junit"), default="terminal", help="how to print it")
    test.add_argument("-o", "--output", type=Path, metavar="PATH", help="where to write it, not to standard output")
    test.add_argument("--rehearse", action="store_true", help="on the scripted engine")
    test.add_argument("--quiet", action="store_true", help="no progress bars")
    test.set_defaults(call=_test)


def _test(options: argparse.Namespace) -> int:
    import time
    from datetime import UTC, datetime

    from runtime.engines.choose import open_engine
    from runtime.model_tests import plan_tests, render, run_plan
    from runtime.session import NothingToDoError

    if options.output and (options.output.is_dir() or not options.output.parent.is_dir()):
        raise NothingToDoError(
            f"{options.output} cannot be written to", "name a file in a folder that is there after -o"
        )
    started = time.perf_counter()
    plan = plan_tests(
        options.file, model=options.model, title=options.title, rehearse=options.rehearse, say=say
    )  # fmt: skip
    results = run_plan(plan, progress_of(options), open_engine)
    text = render(plan, results, options.format, at=datetime.now(UTC), seconds=time.perf_counter() - started)
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return int(any(result.failure for result in results))
