"""`cai-run run`: do what a run file describes, or go on with it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.commands.options import FORM, opened

if TYPE_CHECKING:
    from runtime.commands.options import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    run = commands.add_parser(
        "run", help="do what a run file describes, or go on with it", formatter_class=FORM,
        description="Tag, answer, critique, revise, fine-tune, label, train, evaluate. What is done already is reused.",
    )  # fmt: skip
    run.add_argument("file", type=Path, help="the run file (TOML)")
    run.add_argument("--rehearse", action="store_true", help="on the scripted engine; says what the real run will cost")
    run.add_argument("--quiet", action="store_true", help="no progress bars")
    run.set_defaults(call=_run)


def _run(options: argparse.Namespace) -> int:
    from runtime.run import execute
    from runtime.summary import show_costs, show_results

    with opened(options) as (session, inputs):
        execute(session, inputs)
        show_results(session)
        if options.rehearse:
            show_costs(session, inputs, options.file)
    return 0
