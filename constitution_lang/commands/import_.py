"""`cai-compile import`: a constitution out of what people have today."""

from __future__ import annotations

import argparse
import sys

from constitution_lang.commands.files import FORM, WELL, WrongUseError, read_bundle, write_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from constitution_lang.commands.files import Commands
    from constitution_lang.interchange.draft import Imported
    from constitution_lang.ir.model import Bundle

__all__ = ["add", "read_text"]

FROM = ("auto", "critique-revision", "recipe", "rbr", "markdown", "json", "yaml")


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    import_ = commands.add_parser(
        "import",
        help="make a constitution from another form",
        description="Reads critique-revision JSON, the recipe's JSON, Rule-Based Rewards' YAML, Markdown with levels, "
        "and what export wrote. What could not be carried over is said on standard error, item by item.",
        epilog="examples:\n"
        "  cai-compile import model_spec.md -o model-spec.const --report left-out.json\n"
        "  cai-compile import next_release.md --after model-spec.const -o model-spec.const",
        formatter_class=FORM,
    )
    import_.add_argument("file", metavar="FILE", help="what to read; - reads standard input")
    import_.add_argument("--from", dest="form", choices=FROM, default="auto", help="its form (default %(default)s)")
    import_.add_argument("-o", "--output", metavar="PATH", default="-", help="where to write (default standard output)")
    import_.add_argument("--name", metavar="ID", help="the constitution's name (default from the file's name)")
    import_.add_argument("--title", metavar="TEXT", help="its title (default its name)")
    import_.add_argument(
        "--after", metavar="CONST",
        help="the constitution of the release before: its name, a grown version, former ids and retired lines are kept",
    )  # fmt: skip
    import_.add_argument("--report", metavar="PATH", help="writes what could not be carried over as JSON")
    import_.set_defaults(call=_import)


def _import(options: argparse.Namespace) -> int:
    from pathlib import Path

    from constitution_lang.interchange.draft import WrongInputError
    from constitution_lang.interchange.forms import guess, read
    from constitution_lang.interchange.succession import succeeding

    text = read_text(options.file)
    form = guess(text, options.file) if options.form == "auto" else options.form
    if form is None:
        raise WrongUseError(f"cannot tell the form of {options.file}; name it with --from {', '.join(FROM[1:])}")
    before = _before(options.after) if options.after else None
    name = options.name or (before.name if before else "imported" if options.file == "-" else Path(options.file).stem)
    title = options.title or (before.title if before else name)
    try:
        imported = read(text, form, name, title)
        if before is not None:
            imported = succeeding(imported, before)
    except WrongInputError as error:
        raise WrongUseError(f"{options.file} as {form}: {error}") from error
    if options.report:
        write_whole(Path(options.report), _report(options.file, form, imported))
    if options.output == "-":
        sys.stdout.buffer.write(imported.text.encode())
    else:
        write_whole(Path(options.output), imported.text.encode())
    for note in imported.notes:
        print(f"{options.file}: {note.place}: {note.what}", file=sys.stderr)
    print(f"read {options.file} as {form}; not carried over as it was: {len(imported.notes)}", file=sys.stderr)
    return WELL


def _before(file: str) -> Bundle:
    """The compiled constitution of the release before."""
    bundle = read_bundle(file)
    if bundle is None:
        raise WrongUseError(f"--after: {file} has errors; mend them first")
    return bundle


def read_text(file: str) -> str:
    """A file's text; line ends are as they are."""
    from pathlib import Path

    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise WrongUseError(f"{file}: line {line}: this is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        reason = "it is a folder; name a file in it" if Path(file).is_dir() else (error.strerror or str(error)).lower()
        raise WrongUseError(f"cannot read {file}: {reason}") from error


def _report(file: str, form: str, imported: Imported) -> bytes:
    import json

    notes = [{"place": note.place, "what": note.what} for note in imported.notes]
    written = json.dumps({"file": file, "form": form, "notes": notes}, ensure_ascii=False, indent=2)
    return f"{written}\n".encode(errors="backslashreplace")  # keys may hold halves of characters
