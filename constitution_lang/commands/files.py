"""What all commands share: exit codes, reading constitutions, writing files, colour."""

from __future__ import annotations

import argparse
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path
    from typing import NoReturn, TypeAlias, TypeVar

    from _typeshed import SupportsWrite

    from constitution_lang.compile import Compilation
    from constitution_lang.diagnostics.model import Diagnostic
    from constitution_lang.ir.model import Bundle

    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no other name
    T = TypeVar("T")

__all__ = [
    "FINDINGS", "FORM", "FORMATS", "OUR_FAULT", "STOPPED", "WELL", "WRONG_USE", "Commands", "Parser", "Version",
    "WrongUseError", "but_parts", "checked", "colors", "compiled", "is_constitution", "of_each", "read_bundle",
    "read_case", "tell_unread", "write_whole",
]  # fmt: skip

WELL, FINDINGS, WRONG_USE, OUR_FAULT, STOPPED = 0, 1, 2, 3, 130
FORMATS = ("terminal", "json", "sarif", "github")


class _Form(argparse.RawDescriptionHelpFormatter):
    """How help looks: as wide as the terminal."""

    def __init__(self, prog: str) -> None:
        # What argparse would find out itself, by a module that loads everything archives are read with.
        try:
            width = int(os.environ.get("COLUMNS", "0")) or os.get_terminal_size(sys.stdout.fileno()).columns
        except (AttributeError, ValueError, OSError):
            width = 80
        super().__init__(prog, width=width - 2)


FORM = _Form


class Parser(argparse.ArgumentParser):
    """A parser whose help is output like any other: where it cannot be written, that is told."""

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """Write it and hand it over, so that a failure shows now."""
        out = file or sys.stdout
        out.write(self.format_help())
        sys.stdout.flush()

    def error(self, message: str) -> NoReturn:
        """Of a word that is none of a few: the nearest of them before all of them."""
        import re

        found = re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message, re.DOTALL)
        if found:
            from difflib import get_close_matches

            near = get_close_matches(found[1], re.findall(r"[\w-]+", found[2]), n=1)
            if near:
                message = (
                    f"{message[: found.start()]}{found[1]!r} is unknown; did you mean {near[0]}? There are {found[2]}"
                )
        super().error(message)


class WrongUseError(Exception):
    """The command cannot be done as it was asked for. The text says why and what to do."""


def read_bundle(file: str) -> Bundle | None:
    """The bundle of a file; what there is to say about it goes to standard error."""
    from constitution_lang.diagnostics.render import render

    compilation = compiled(file)
    sys.stderr.write(render(compilation.diagnostics, compilation.sources, color=colors(sys.stderr)))
    return compilation.bundle


def compiled(file: str) -> Compilation:
    """Compile a file; places are given relative to the working directory."""
    return _looked_at(file, whole=True)


def checked(file: str) -> Compilation:
    """What is wrong with a file, and no bundle; places are given relative to the working directory."""
    return _looked_at(file, whole=False)


def _looked_at(file: str, *, whole: bool) -> Compilation:
    import gc

    gc.disable()  # trees hold no circles; looking for some takes a fifth of the time
    try:
        return _compiled(file, whole=whole)
    finally:
        gc.freeze()  # what was made stays until the end: a collection need not go through it either
        gc.enable()


def _compiled(file: str, *, whole: bool) -> Compilation:
    from pathlib import Path

    from constitution_lang.compile import check_path, check_source, compile_path, compile_source
    from constitution_lang.emit.relocate import relocated
    from constitution_lang.loader import folder_loader, source_of

    if file == "-":
        of_source = compile_source if whole else check_source
        return of_source(source_of("<stdin>", sys.stdin.buffer.read()), folder_loader(Path()))
    path = Path(file)
    try:
        compilation = compile_path(path) if whole else check_path(path)
    except OSError as error:
        reason = "it is a folder; name a file in it" if path.is_dir() else (error.strerror or str(error)).lower()
        raise WrongUseError(f"cannot read {error.filename or file}: {reason}") from error
    compilation = compilation._replace(diagnostics=_as_module(path, compilation))
    sources, found = relocated(compilation.sources, compilation.diagnostics, path.parent)
    return compilation._replace(diagnostics=found, sources=sources)


def _as_module(path: Path, compilation: Compilation) -> tuple[Diagnostic, ...]:
    """The findings; of a module only what is wrong with its lines, and that its constitution has to be named instead.

    What its names and values mean, only that one says.
    """
    found = compilation.diagnostics
    head = next((one for one in found if one.code == "E208" and one.primary.span.file == path.name), None)
    if head is None or is_constitution(compilation):
        return found
    from msgspec.structs import replace

    from constitution_lang.commands.owner import owner_of

    owner = owner_of(path)
    if owner is None:
        return found
    told = replace(head, help=f"`{owner.as_posix()}` uses this file: name that one instead")
    return tuple(told if one is head else one for one in found if one is head or one.code.startswith(("E1", "W1")))


def of_each(files: Iterable[str], look: Callable[[str], T]) -> tuple[dict[str, T], list[str]]:
    """What comes of each file that can be read; and what is said of those that cannot (`tell_unread`)."""
    found: dict[str, T] = {}
    unread: list[str] = []
    for file in dict.fromkeys(files):
        try:
            found[file] = look(file)
        except WrongUseError as error:
            unread.append(str(error))
    return found, unread


def tell_unread(unread: list[str]) -> None:
    """Once the others are done.

    Raises:
        WrongUseError: there are some.
    """
    if unread:
        raise WrongUseError("\ncai-compile: ".join(unread))


def but_parts(compilations: list[Compilation]) -> list[Compilation]:
    """All but the modules that one of the constitutions uses: with that one they are checked already."""
    if len(compilations) == 1:
        return compilations
    from pathlib import Path

    used = {
        Path(file).resolve()
        for one in compilations
        if is_constitution(one)
        for file in one.sources
        if not file.startswith("<")
    }
    return [one for one in compilations if is_constitution(one) or Path(next(iter(one.sources))).resolve() not in used]


def is_constitution(compilation: Compilation) -> bool:
    """Whether the file that was named says that it is a constitution, and no part of one."""
    from constitution_lang.source import head_of

    return not compilation.trees or head_of(compilation.trees[0].source.text) is not None


def read_case(text: str) -> dict[str, str]:
    """`severity=grave,topic=weapons` as attribute and value."""
    case: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        id, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not id or not value or id in case:
            raise WrongUseError(
                f"--case: {pair!r} is not one attribute and its value; write severity=grave,topic=weapons"
            )
        case[id] = value
    return case


def write_whole(path: Path, data: bytes) -> None:
    """All of it or nothing: whoever reads the file never sees half of it. The file keeps its permissions.

    A link stays a link, and what is no file (a pipe, a device) is written to as it is.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_bytes(data)
        else:
            _replace(path.resolve(), data)
    except OSError as error:
        raise WrongUseError(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from error


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        if path.exists():
            temporary.chmod(path.stat().st_mode)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def colors(stream: object) -> bool:
    """Whether to colour what goes to a stream."""
    terminal = bool(getattr(stream, "isatty", bool)()) and os.environ.get("TERM") != "dumb"
    return terminal and "NO_COLOR" not in os.environ


class Version(argparse.Action):
    """`--version`, which looks for it only when it is asked."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print it and end."""
        from importlib.metadata import version

        sys.stdout.write(f"{parser.prog} {version('constitution-compiler')}\n")
        parser.exit()
