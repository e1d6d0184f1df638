"""`cai-run export`: a run's data and reward model, as other trainers read them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.commands.options import FORM, add_run_folder, ledger_path

if TYPE_CHECKING:
    from runtime.commands.options import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    export = commands.add_parser(
        "export", help="write a run's data and reward model for OpenRLHF or verl", formatter_class=FORM,
        description="Rows, prompts and the preference model of the latest run, with a README that says how to start.",
    )  # fmt: skip
    export.add_argument("--to", choices=("openrlhf", "verl"), required=True, help="who will read it")
    export.add_argument("--out", type=Path, help="the folder to make (default: export-openrlhf or export-verl)")
    add_run_folder(export)
    export.set_defaults(call=_export)


def _export(options: argparse.Namespace) -> int:
    from runtime.exporting.folders import Target, export_run
    from runtime.ledger.store import Ledger

    target = Target(options.to)
    out: Path = options.out or Path(f"export-{target}")
    path = ledger_path(options.run)
    with Ledger.open(path, read_only=True) as ledger:
        for name in export_run(ledger, ledger.latest_run(), path.parent, target, out):
            print(out / name)
    return 0
