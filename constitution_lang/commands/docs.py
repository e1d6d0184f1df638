"""`cai-compile docs`: a page for people who read constitutions and not code."""

from __future__ import annotations

import argparse
import sys

from constitution_lang.commands.files import FINDINGS, FORM, WELL, read_bundle, write_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from constitution_lang.commands.files import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    docs = commands.add_parser(
        "docs",
        help="a constitution as a page for people to read",
        description="One HTML file that needs no network: values, principles, which comes before which, and why.",
        epilog="example:\n  cai-compile docs house.const -o house.html",
        formatter_class=FORM,
    )
    docs.add_argument("file", metavar="FILE", help="the constitution; - reads standard input")
    docs.add_argument(
        "-o", "--output", metavar="PATH", help="where to write (default FILE with .html; - is standard output)"
    )
    docs.set_defaults(call=_docs)


def _docs(options: argparse.Namespace) -> int:
    from pathlib import Path

    from constitution_lang.emit.page import page

    bundle = read_bundle(options.file)
    if bundle is None:
        return FINDINGS
    data = page(bundle).encode()
    if options.output == "-" or (options.output is None and options.file == "-"):
        sys.stdout.buffer.write(data)
        return WELL
    path = Path(options.output) if options.output else Path(options.file).with_suffix(".html")
    write_whole(path, data)
    print(f"wrote {path}", file=sys.stderr)
    return WELL
