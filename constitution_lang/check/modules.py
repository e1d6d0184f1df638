"""The files of a constitution: the root, and all that it uses, each read once."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from constitution_lang.check.suggest import Hint, did_you_mean
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Label
from constitution_lang.source import Loader, Source, Span, Unread
from constitution_lang.syntax.nodes import FileTree, Name, UseLine

__all__ = [
    "LIBRARY",
    "LIBRARY_PATHS",
    "SUFFIX",
    "TEMPLATES",
    "THEMES",
    "Files",
    "Parser",
    "beside",
    "load_files",
    "open_file",
    "resolved",
]

LIBRARY = "<library>/"
"""Begins the names of the standard library's files: no path of a user's can begin like this."""
THEMES = ("autonomy", "fairness", "harm", "helpfulness", "honesty", "privacy")
"""Files of the library with a category and its principles."""
LIBRARY_PATHS = ("std/cases", "std/categories", *(f"std/{theme}" for theme in THEMES))
"""All that the library has."""
TEMPLATES = "<templates>/"
"""Begins the names of the standard templates."""
SUFFIX = ".const"
_UNREAD = (codes.E101.id, codes.E205.id, codes.E207.id)

Parser: TypeAlias = Callable[[Source], "tuple[FileTree, tuple[Diagnostic, ...]]"]


def beside(file: str, path: str) -> str | None:
    """The name of `path` as written in `file`; None where it leaves the constitution's folder."""
    if path.startswith("/") or "\\" in path or "\0" in path:
        return None
    name = posixpath.normpath(posixpath.join(posixpath.dirname(file), path))
    inside_library = file.startswith(LIBRARY)
    leaves = name == ".." or name.startswith("../") or name.startswith("<") != inside_library
    return None if leaves or (inside_library and not name.startswith(LIBRARY)) else name


def open_file(
    loader: Loader, name: str | None, span: Span, written: str, *, move: str, absent: Hint
) -> Source | Diagnostic:
    """The file of a name that stands at `span`, or what is wrong with it.

    `move` is the advice where it lies outside, `absent` the one where there is none.
    """
    read = loader(name) if name else Unread("is outside the constitution's folder", outside=True)
    if isinstance(read, Source):
        return read
    if read is None:
        return codes.E205.at(span, f"there is no file `{(name or written).removeprefix(LIBRARY)}`", **absent)
    if read.outside:
        return codes.E207.at(span, f"`{written}` {read.why}", help=move)
    return codes.E205.at(span, f"`{written}` {read.why}", help="let whoever compiles read it, or use another file")


class Files(NamedTuple):
    """The parsed files, root first, then in the order of use. `incomplete` where one could not be read."""

    trees: tuple[FileTree, ...]
    incomplete: bool


def load_files(root: Source, loader: Loader, parse: Parser) -> tuple[Files, list[Diagnostic]]:
    """Parse the root and every file that it uses."""
    walk = _Walk(loader, parse)
    walk.visit(root)
    incomplete = any(finding.code in _UNREAD for finding in walk.found)
    return Files(tuple(walk.files.values()), incomplete), walk.found


_MOVE = "move the file into the folder of the constitution and write `use ./name`"


class _Walk:
    def __init__(self, loader: Loader, parse: Parser) -> None:
        self.loader = loader
        self.parse = parse
        self.files: dict[str, FileTree] = {}
        self.found: list[Diagnostic] = []
        self.path: list[tuple[str, Name | None]] = []

    def visit(self, root: Source) -> None:
        """Depth first, in the order of use; a chain of files may be longer than Python's stack."""
        open_uses = [self.enter(root, None)]
        while open_uses:
            path = next(open_uses[-1], None)
            if path is None:
                open_uses.pop()
                self.path.pop()
            elif source := self.use(self.path[-1][0], path):
                open_uses.append(self.enter(source, path))

    def enter(self, source: Source, used_at: Name | None) -> Iterator[Name]:
        tree, found = self.parse(source)
        self.found += found
        self.files[source.name] = tree
        self.path.append((source.name, used_at))
        return (block.path for block in (*tree.blocks, *tree.mended) if isinstance(block, UseLine))

    def use(self, file: str, path: Name) -> Source | None:
        """The file to go on with, None where there is none or it has been seen."""
        name = resolved(file, path.text)
        on_path = [name for name, _ in self.path]
        if name in on_path:
            self.cycle(on_path.index(name), path)
            return None
        if name in self.files:
            return None
        read = open_file(self.loader, name, path.span, path.text, move=_MOVE, absent=_where(path))
        if not isinstance(read, Source):
            self.found.append(read)
            return None
        if read.name in on_path:
            self.cycle(on_path.index(read.name), path)
            return None
        return None if read.name in self.files else read

    def cycle(self, start: int, path: Name) -> None:
        round_trip = [name for name, _ in self.path[start:]]
        route = " → ".join([*round_trip, round_trip[0]])
        secondary = tuple(
            Label(used_at.span, f"`{name}` is used here") for name, used_at in self.path[start + 1 :] if used_at
        )
        help = "move what both need into a third file, and use that from both"
        if len(round_trip) == 1:
            help = "delete this line: a file need not use itself"
        message = f"files use each other in a circle: {route}"
        self.found.append(codes.E206.at(path.span, message, secondary=secondary, help=help))


def resolved(file: str, path: str) -> str | None:
    """The name of the file that a `use` line in another names; None where it lies outside."""
    if path.startswith("std/"):
        name = posixpath.normpath(path)
        return f"{LIBRARY}{name}{SUFFIX}" if name.startswith("std/") else None
    return beside(file, path.removesuffix(SUFFIX) + SUFFIX)


def _where(path: Name) -> Hint:
    if path.text.startswith("std/"):
        listed = f"the standard library has {', '.join(LIBRARY_PATHS)}"
        # What they all begin with makes no two of them alike.
        start = Span(path.span.file, path.span.start + len("std/"), path.span.end)
        names = (known.removeprefix("std/") for known in LIBRARY_PATHS)
        hint = did_you_mean(start, path.text.removeprefix("std/"), names, listed)
        return Hint(help=f"did you mean `std/{hint['fix'].text}`?", fix=hint["fix"]) if hint["fix"] else hint
    if not path.text.startswith(("./", "../")):
        how = f"a file beside this one is written `use ./{path.text}`, one of the library `use std/…`"
        return Hint(help=how, fix=None)
    return Hint(help="the path is relative to this file and written without `.const`", fix=None)
