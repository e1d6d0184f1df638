"""`cai-run report`: the HTML report, written again."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from runtime.commands.options import FORM, add_run_folder, ledger_path

if TYPE_CHECKING:
    from runtime.commands.options import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    report = commands.add_parser("report", help="write the HTML report of a run again", formatter_class=FORM)
    add_run_folder(report)
    report.set_defaults(call=_report)


def _report(options: argparse.Namespace) -> int:
    from runtime.ledger.store import Ledger
    from runtime.report.collect import collect
    from runtime.report.pages import write_report

    path = ledger_path(options.run)
    with Ledger.open(path, read_only=True) as ledger:
        print(write_report(collect(ledger, ledger.latest_run().id), path.with_name("report.html")))
    return 0
