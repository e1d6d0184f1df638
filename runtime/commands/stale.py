"""`cai-run stale`: what part of what a checkpoint was trained on another constitution would change."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.commands.options import FORM, progress_of

if TYPE_CHECKING:
    from runtime.commands.options import Commands

__all__ = ["add"]

DESCRIPTION = """\
Go through the run that trained a checkpoint once more, under another version of the constitution, with the answers
that its ledger keeps. No model is asked: what would have to be asked is unknown until it is redone, and all else is
exactly what a run would give. What the checkpoint began as, and what rewarded it, count as well.
Exit code 0: nothing would differ; 1: it is stale."""

EPILOG = """\
examples:
  cai-run stale runs/demo/checkpoints/dpo-3f9a1c0b2d4e --against main
  cai-run stale runs/demo/checkpoints/dpo-3f9a1c0b2d4e --against house.const
"""


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    stale = commands.add_parser(
        "stale", help="say which part of a checkpoint's data another constitution would change",
        formatter_class=FORM, description=DESCRIPTION, epilog=EPILOG,
    )  # fmt: skip
    stale.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="the folder of a checkpoint")
    stale.add_argument(
        "--against", required=True, metavar="REV",
        help="a git revision, a file of one (main:house.const), a constitution's file, a folder with it, or a Bundle",
    )  # fmt: skip
    stale.add_argument(
        "--run", type=Path, metavar="FOLDER", help="the folder of the run that trained it, where it lies elsewhere"
    )
    stale.add_argument("--format", choices=("terminal", "json"), default="terminal", help="how to print it")
    stale.add_argument("--quiet", action="store_true", help="no progress bars")
    stale.set_defaults(call=_stale)


def _stale(options: argparse.Namespace) -> int:
    from runtime.datasets.errors import DataError
    from runtime.ledger.store import Ledger
    from runtime.provenance.stale import find_stale, history_of_checkpoint, redone_under
    from runtime.provenance.stale_told import stale_json, stale_text
    from runtime.versions import load_version

    if not options.checkpoint.is_dir():
        raise DataError(
            "there is no such checkpoint", str(options.checkpoint),
            "Name the folder of a checkpoint, as checkpoints/sl-cai-… in a run's folder.",
        )  # fmt: skip
    folder = options.run or options.checkpoint.resolve().parent.parent
    with Ledger.open(folder / "ledger.sqlite", read_only=True) as ledger:
        card, history = history_of_checkpoint(ledger, options.checkpoint)
        bundle = load_version(options.against, history.bundle)
        redone, notes = redone_under(history, bundle, progress_of(options))
    found = find_stale(options.checkpoint, card, history, redone, notes)
    print(stale_json(found) if options.format == "json" else stale_text(found), end="")
    return int(found.stale)
