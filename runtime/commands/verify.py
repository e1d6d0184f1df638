"""`cai-run verify`: whether published data and checkpoints are what the constitution and the ledger give."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.commands.options import FORM, add_run_folder, ledger_path, progress_of

if TYPE_CHECKING:
    from runtime.commands.options import Commands

__all__ = ["add"]

DESCRIPTION = """\
Derive everything anew, and name the first row that does not fit: the constitution's hashes, every draw, every text and
vote from the kept answers, every label from its votes, every training row, the data files byte for byte, the cards, and
the weights. No model is asked. Exit code 1: something does not fit."""


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    verify = commands.add_parser(
        "verify", help="check that data and checkpoints are what the constitution and the ledger give",
        formatter_class=FORM, description=DESCRIPTION,
    )  # fmt: skip
    verify.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="a run's folder, its data or one file of it, a checkpoint"
    )
    add_run_folder(verify)
    verify.add_argument(
        "--model", action="append", type=Path, default=[], metavar="FOLDER",
        help="where a model of the run lies, to check the keys of its answers; may be given several times",
    )  # fmt: skip
    verify.add_argument("--all", action="store_true", help="list everything that does not fit")
    verify.add_argument("--format", choices=("terminal", "json"), default="terminal", help="how to print it")
    verify.add_argument("--quiet", action="store_true", help="no progress bars")
    verify.set_defaults(call=_verify)


def _verify(options: argparse.Namespace) -> int:
    from runtime.datasets.errors import DataError
    from runtime.provenance.told import verified_json, verified_text
    from runtime.provenance.verify import find_target, verify

    if options.paths and options.run:
        raise DataError(
            "--run names a run to verify, and so does a path: each is held against the ledger beside it",
            str(options.run), "Give the run's folder as a path as well, or leave one of the two out.",
        )  # fmt: skip
    for folder in options.model:
        if not folder.is_dir():
            raise DataError("there is no such folder", str(folder), "Name with --model the folder of a model.")
    paths = options.paths or ([options.run] if options.run else []) or [ledger_path(None).parent]
    found = verify(
        [find_target(path) for path in paths],
        models=options.model,
        progress=progress_of(options),
        first_only=not options.all,
    )
    print(verified_json(found) if options.format == "json" else verified_text(found, all_asked=options.all), end="")
    return int(bool(found.misfits))
