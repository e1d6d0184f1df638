"""`cai-compile check`: say what is wrong."""

from __future__ import annotations

import argparse
import sys

from constitution_lang.commands.files import (
    FINDINGS,
    FORM,
    FORMATS,
    WELL,
    but_parts,
    checked,
    colors,
    of_each,
    tell_unread,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from constitution_lang.commands.files import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    check = commands.add_parser("check", help="say what is wrong, and write nothing", formatter_class=FORM)
    check.add_argument("files", metavar="FILE", nargs="+", help="constitutions; - reads standard input")
    check.add_argument("--format", choices=FORMATS, default="terminal", help="how to print it (default %(default)s)")
    check.set_defaults(call=_check)


def _check(options: argparse.Namespace) -> int:
    from constitution_lang.diagnostics.model import Diagnostic
    from constitution_lang.diagnostics.render import Format, render
    from constitution_lang.source import Source

    found: list[Diagnostic] = []
    sources: dict[str, Source] = {}
    failed = False
    compilations, unread = of_each(options.files, checked)
    for compilation in but_parts([*compilations.values()]):
        failed = failed or compilation.failed
        found += compilation.diagnostics
        sources |= compilation.sources
    options.held = compilations  # until the process ends: to take it apart costs as much as to look at its names
    text = render(dict.fromkeys(found), sources, Format(options.format), color=colors(sys.stdout))
    sys.stdout.write(text)
    if options.format == "terminal" and compilations and not found:
        sys.stdout.write(f"{', '.join(compilations)}: no findings\n")
    tell_unread(unread)
    return FINDINGS if failed else WELL
