"""`cai-compile export`: a constitution as JSON or YAML, with nothing lost."""

from __future__ import annotations

import argparse
import sys

from constitution_lang.commands.files import FINDINGS, FORM, WELL, colors, write_whole
from constitution_lang.commands.import_ import read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from constitution_lang.commands.files import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    export = commands.add_parser(
        "export",
        help="a constitution as JSON or YAML",
        description="Writes one file as data, comments included; import reads it back. Files that it uses stay files.",
        epilog="example:\n  cai-compile export house.const --to yaml -o house.yaml",
        formatter_class=FORM,
    )
    export.add_argument("file", metavar="FILE", help="the constitution; - reads standard input")
    export.add_argument("--to", choices=("json", "yaml"), default="json", help="what to write (default %(default)s)")
    export.add_argument("-o", "--output", metavar="PATH", default="-", help="where to write (default standard output)")
    export.set_defaults(call=_export)


def _export(options: argparse.Namespace) -> int:
    from pathlib import Path

    from constitution_lang.diagnostics.render import render
    from constitution_lang.interchange.program_data import document_of, to_json, to_yaml
    from constitution_lang.source import Source

    name = "<stdin>" if options.file == "-" else options.file
    source = Source(name, read_text(options.file).replace("\r\n", "\n"))
    document, found = document_of(source)
    if document is None:
        sys.stderr.write(render(found, {source.name: source}, color=colors(sys.stderr)))
        return FINDINGS
    data = (to_json if options.to == "json" else to_yaml)(document).encode()
    if options.output == "-":
        sys.stdout.buffer.write(data)
    else:
        write_whole(Path(options.output), data)
    return WELL
