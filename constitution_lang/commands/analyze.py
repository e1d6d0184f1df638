"""`cai-compile analyze`: what the rules and weights come to, over all cases."""

from __future__ import annotations

import argparse
import sys

from constitution_lang.commands.files import FINDINGS, FORM, FORMATS, WELL, compiled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from constitution_lang.commands.files import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    analyze = commands.add_parser(
        "analyze",
        help="what the rules and weights come to, over all cases",
        description="Which rules decide, where preferences go in a circle, how far shares go: over all cases, "
        "each answer with a case that shows it, and tests to paste into the file.",
        formatter_class=FORM,
    )
    analyze.add_argument("file", metavar="FILE", help="the constitution; - reads standard input")
    analyze.add_argument(
        "--format", choices=FORMATS[:2], default="terminal", help="how to print it (default %(default)s)"
    )
    analyze.set_defaults(call=_analyze)


def _analyze(options: argparse.Namespace) -> int:
    from msgspec import json

    from constitution_lang.analysis.account import account
    from constitution_lang.commands.files import colors
    from constitution_lang.diagnostics.render import render
    from constitution_lang.emit.account import account_text

    compilation = compiled(options.file)
    sys.stderr.write(render(compilation.diagnostics, compilation.sources, color=colors(sys.stderr)))
    if compilation.draft is None:
        return FINDINGS
    found = account(compilation.draft)
    if options.format == "json":
        sys.stdout.write(json.format(json.encode(found)).decode() + "\n")
    else:
        sys.stdout.write(account_text(found))
    return WELL if compilation.bundle is not None else FINDINGS
