"""`cai-run explain`: the story of a row, or what a principle decided."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from runtime.commands.options import FORM, add_run_folder, ledger_path

if TYPE_CHECKING:
    from runtime.commands.options import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    explain = commands.add_parser(
        "explain", help="tell the whole story of a row, or what a principle decided", formatter_class=FORM,
        description="Everything comes from the ledger; nothing is computed again.",
    )  # fmt: skip
    explain.add_argument(
        "what",
        nargs="?",
        help="an id, or its first six digits; a principle's id; if not given, the row with most to tell",
    )
    explain.add_argument("--json", action="store_true", help="as JSON")
    add_run_folder(explain)
    explain.set_defaults(call=_explain)


def _explain(options: argparse.Namespace) -> int:
    from runtime.ledger.store import Ledger
    from runtime.report.explain import ExplainError, explain, explain_json
    from runtime.summary import telling_row

    with Ledger.open(ledger_path(options.run), read_only=True) as ledger:
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
