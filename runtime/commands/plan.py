"""`cai-run plan`: what a run would take over, ask and train, why, and what it would cost."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.commands.options import FORM

if TYPE_CHECKING:
    from runtime.commands.options import Commands

__all__ = ["add"]

FORMATS = ("terminal", "json", "markdown")


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    plan = commands.add_parser(
        "plan", help="say what a run would reuse, redo and cost, before anything runs", formatter_class=FORM,
        description="Goes through the run's own steps over its ledger, and asks nobody. Nothing is written.",
        epilog="examples:\n"
        "  cai-run plan constitutions/demo.toml                 what is left to do, and why\n"
        "  cai-run plan constitutions/demo.toml --against main  what merging this branch would cost",
    )  # fmt: skip
    plan.add_argument("file", type=Path, help="the run file (TOML)")
    plan.add_argument(
        "--against",
        metavar="REV",
        help="begin where a run of the constitution in this git revision ends; REV as `cai-run stale` takes it",
    )
    plan.add_argument("--format", choices=FORMATS, default="terminal", help="how to print it (default %(default)s)")
    plan.set_defaults(call=_plan)


def _plan(options: argparse.Namespace) -> int:
    from runtime.opening import prepare
    from runtime.planning.make import make_plan
    from runtime.planning.render import PlanFormat, render
    from runtime.versions import load_version

    prepared = prepare(options.file, rehearse=False, say=lambda _: None)
    against = None
    if options.against is not None:
        against = options.against, load_version(options.against, prepared.bundle, prepared.config.constitution)
    plan = make_plan(options.file, prepared, against)
    terminal = sys.stdout.isatty()
    from shutil import get_terminal_size

    width = get_terminal_size().columns if terminal else 120
    print(render(plan, PlanFormat(options.format), width=width, color=terminal), end="")
    return 0
