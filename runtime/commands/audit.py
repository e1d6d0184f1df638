"""`cai-run audit`: the feedback model against people, and nothing else."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.commands.options import FORM, opened

if TYPE_CHECKING:
    from runtime.commands.options import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    audit = commands.add_parser(
        "audit", help="measure the feedback model on pairs that people labelled", formatter_class=FORM,
        description="Only the [audit] of a run file: agreement, position bias, unreadable answers, with intervals.",
    )  # fmt: skip
    audit.add_argument("file", type=Path, help="the run file (TOML)")
    audit.add_argument("--rehearse", action="store_true", help="on the scripted engine")
    audit.add_argument("--quiet", action="store_true", help="no progress bars")
    audit.set_defaults(call=_audit)


def _audit(options: argparse.Namespace) -> int:
    from runtime.run import audit_only
    from runtime.run_file import load_run_file
    from runtime.summary import show_results

    if not load_run_file(options.file)[1].audit.human:
        print(f"cai-run: {options.file}: names no pairs to audit with; add [audit] human = […]", file=sys.stderr)
        return 2
    with opened(options, only_audit=True) as (session, inputs):
        audit_only(session, inputs)
        show_results(session)
    return 0
