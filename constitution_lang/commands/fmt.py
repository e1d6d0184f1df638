"""`cai-compile fmt`: put constitutions into the one form that they have."""

from __future__ import annotations

import argparse
import sys

from constitution_lang.commands.files import (
    FINDINGS,
    FORM,
    WELL,
    WrongUseError,
    colors,
    of_each,
    tell_unread,
    write_whole,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from constitution_lang.commands.files import Commands
    from constitution_lang.source import Source

__all__ = ["add"]

STDIN = "-"


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    fmt = commands.add_parser(
        "fmt",
        help="put constitutions into their one form",
        description="Put constitutions into their one form: spaces, indentation and blank lines. Comments, the order "
        "of what is written and the lines of texts stay. A file with errors is left as it is.",
        epilog="examples:\n  cai-compile fmt house.const topics/*.const\n  cai-compile fmt --check --diff house.const",
        formatter_class=FORM,
    )
    fmt.add_argument(
        "files", metavar="FILE", nargs="*", default=[STDIN], help="constitutions; - or none: standard input to output"
    )
    fmt.add_argument("--check", action="store_true", help="write nothing; list what would change, and exit with 1")
    fmt.add_argument("--diff", action="store_true", help="write nothing; print what would change")
    fmt.set_defaults(call=_fmt)


def _fmt(options: argparse.Namespace) -> int:
    import gc

    gc.disable()  # trees hold no circles, and looking for some takes longer the more of them there are
    try:
        return _each(options)
    finally:
        gc.enable()


def _each(options: argparse.Namespace) -> int:
    from constitution_lang.loader import source_of

    dry = options.check or options.diff
    changed, broken = [], []
    read, unread = of_each(options.files, _read)
    for file, data in read.items():
        source = source_of("<stdin>" if file == STDIN else file, data)
        text = _formatted(source)
        if text is None:
            broken.append(file)
            continue
        done = text.encode()
        if done != data:
            changed.append(file)
            if options.diff:
                sys.stdout.writelines(_diff(source.name, data, text))
            elif options.check:
                print(source.name)
            elif file != STDIN:
                _write(file, done)
        if file == STDIN and not dry:
            sys.stdout.buffer.write(done)
    if read and options.files != [STDIN]:
        print(_summary(len(read), len(changed), len(broken), dry=dry), file=sys.stderr)
    tell_unread(unread)
    return FINDINGS if broken or (options.check and changed) else WELL


def _read(file: str) -> bytes:
    from pathlib import Path

    if file == STDIN:
        return sys.stdin.buffer.read()
    path = Path(file)
    try:
        return path.read_bytes()
    except OSError as error:
        reason = "it is a folder; name a file in it" if path.is_dir() else (error.strerror or str(error)).lower()
        raise WrongUseError(f"cannot read {file}: {reason}") from error


def _formatted(source: Source) -> str | None:
    """The text in its form; None where it has errors, which go to standard error.

    Raises:
        AssertionError: what came out does not say what went in. Nothing may be written then.
    """
    from constitution_lang.diagnostics.render import render
    from constitution_lang.source import Source
    from constitution_lang.syntax import to_text
    from constitution_lang.syntax.from_text import parse
    from constitution_lang.syntax.same import same_file

    tree, found = parse(source)
    if found:
        sys.stderr.write(render(found, {source.name: source}, color=colors(sys.stderr)))
        return None
    text = to_text.format(tree)
    if text != source.text:
        again, found = parse(Source(source.name, text))
        if found or not same_file(tree, again) or to_text.format(again) != text:
            raise AssertionError(f"formatting {source.name} would change what it says; it is left as it is")
    return text


def _write(file: str, data: bytes) -> None:
    from pathlib import Path

    write_whole(Path(file), data)


def _diff(name: str, data: bytes, text: str) -> Iterator[str]:
    from io import StringIO

    from constitution_lang.commands.line_diff import unified

    # Lines end at line feeds and nowhere else: a text may hold other separators.
    before, after = (list(StringIO(whole, newline="\n")) for whole in (data.decode(), text))
    for line in unified(before, after, name, f"{name} (formatted)"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _summary(files: int, changed: int, broken: int, *, dry: bool) -> str:
    told = [f"{changed} {'would change' if dry else 'formatted'}", f"{files - changed - broken} in their form already"]
    if dry and changed:
        told.append("`cai-compile fmt` puts them into it")
    if broken:
        told.append(f"{broken} left as they are because of errors")
    return ", ".join(told)
