"""`cai-compile build`: write the bundle."""

from __future__ import annotations

import argparse
import sys

from constitution_lang.commands.files import FINDINGS, FORM, WELL, read_bundle, write_whole
from constitution_lang.diagnostics.numbers import number_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from constitution_lang.commands.files import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    build = commands.add_parser("build", help="compile a constitution into a bundle", formatter_class=FORM)
    build.add_argument("file", metavar="FILE", help="the constitution; - reads standard input")
    build.add_argument(
        "-o", "--output", metavar="PATH", help="where to write (default FILE with .bundle.json; - is standard output)"
    )
    build.set_defaults(call=_build)


def _build(options: argparse.Namespace) -> int:
    from pathlib import Path

    from constitution_lang.ir.codec import dumps

    bundle = read_bundle(options.file)
    if bundle is None:
        return FINDINGS
    data = dumps(bundle)
    to_stdout = options.output == "-" or (options.output is None and options.file == "-")
    if to_stdout:
        sys.stdout.buffer.write(data)
        return WELL
    path = Path(options.output) if options.output else Path(options.file).with_suffix(".bundle.json")
    write_whole(path, data)
    print(
        f"wrote {path}: {number_of(len(bundle.principles), 'principles')}, {number_of(len(bundle.prompts), 'prompts')}",
        file=sys.stderr,
    )
    return WELL
