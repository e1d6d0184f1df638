"""What the server knows between two messages: open documents, the program of each, and what was found last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pygls import uris

from constitution_lang.check.modules import LIBRARY, SUFFIX
from constitution_lang.diagnostics.model import Diagnostic
from constitution_lang.server.documents import Document, Documents
from constitution_lang.server.findings import Places
from constitution_lang.server.positions import Positions
from constitution_lang.server.program import Program, is_root, load_program
from constitution_lang.server.whole import Texts

__all__ = ["Desk"]

_FILES_MAX = 64
_FOLDERS_UP_MAX = 4


@dataclass(slots=True)
class Desk:
    """Programs by their root; a change of any text makes the next look at them new."""

    documents: Documents = field(default_factory=Documents)
    folders: tuple[Path, ...] = ()
    """What the client has open as its workspace."""
    revision: int = 0
    _programs: dict[Path, tuple[int, Program]] = field(default_factory=dict)
    _roots: dict[Path, tuple[int, Path]] = field(default_factory=dict)

    def touched(self) -> None:
        """Some text is another now."""
        self.revision += 1

    def program(self, document: Document) -> tuple[Program, str] | None:
        """The program that a document belongs to, and its name in it."""
        root = self.root(document)
        program = self.program_of(root, alone=document.saved_nowhere)
        if program is None:
            return None
        name = next((name for name, path in program.paths.items() if path == document.path), None)
        return (program, name) if name else None

    def program_of(self, root: Path, *, alone: bool = False) -> Program | None:
        """The program with a root."""
        known = self._programs.get(root)
        if known and known[0] == self.revision:
            return known[1]
        program = load_program(self.documents, root, alone=alone, before=known[1] if known else None)
        if program:
            self._programs[root] = (self.revision, program)
        return program

    def root(self, document: Document) -> Path:
        """The constitution that uses a document: itself where it is one, or where none is found."""
        path = document.path
        if is_root(document.source.text) or document.saved_nowhere:
            return path
        known = self._roots.get(path)
        if known and (known[0] == self.revision or self._belongs(path, known[1])):
            return known[1]
        root = next((root for root in self._candidates(path) if self._belongs(path, root)), path)
        self._roots[path] = (self.revision, root)
        return root

    def _belongs(self, path: Path, root: Path) -> bool:
        if root == path:
            return False
        program = self.program_of(root)
        return program is not None and path in program.paths.values()

    def users(self, document: Document) -> list[Document]:
        """The document, and the constitutions that are open and had it among their files when they were last read."""
        others = (open for open in self.documents.open.values() if open is not document)
        return [document, *(open for open in others if self._has(open.path, document.path))]

    def _has(self, root: Path, path: Path) -> bool:
        known = self._programs.get(root)
        return known is not None and path in known[1].paths.values()

    def is_known(self, root: Path) -> bool:
        """Whether a program has been read before, so that to read it again costs what has changed."""
        return root in self._programs

    def files_around(self, path: Path) -> list[Path]:
        """Files that may be constitutions that use a file: open ones, then all that lie beside it or above it."""
        document = self.documents.at(path)
        if document and document.saved_nowhere:
            return []
        found = [
            open.path
            for open in self.documents.open.values()
            if not open.saved_nowhere and path.is_relative_to(open.path.parent)
        ]
        return list(dict.fromkeys((*found, *self._files_above(path))))

    def shown(self, path: Path) -> str:
        """A file as people call it: from the folder that they have open."""
        above = next((folder for folder in self.folders if path.is_relative_to(folder)), path.parent)
        return path.relative_to(above).as_posix()

    def _candidates(self, path: Path) -> list[Path]:
        """Constitutions that are open, and those beside the file and above it."""
        found = [open.path for open in self.documents.open.values() if is_root(open.source.text)]
        found += (file for file in self._files_above(path, _FILES_MAX) if self.is_root(file))
        return list(dict.fromkeys(found))

    def _files_above(self, path: Path, most: int | None = None) -> Iterator[Path]:
        """Of each folder above a file its (first) files, up to the workspace's folder, and a few up in any case."""
        for up, folder in enumerate(path.parents):
            if up >= _FOLDERS_UP_MAX and not any(folder.is_relative_to(open) for open in self.folders):
                return
            with suppress(OSError):
                yield from sorted(folder.glob(f"*{SUFFIX}"))[:most]

    def is_root(self, file: Path) -> bool:
        """Whether a file is there and says that it is a constitution."""
        source = self.documents.source(file, file.name)
        return source is not None and is_root(source.text)

    def texts(self, document: Document) -> Texts | None:
        """What to ask the whole compiler about a document's program; None where it has no root."""
        known = self.program(document)
        if known is None or not is_root(known[0].files[known[0].root].source.text):
            return None
        folder = None if document.saved_nowhere else self.root(document).parent
        return Texts(known[0].root, folder, {name: blocks.source.text for name, blocks in known[0].files.items()})

    def places(self, program: Program, found: Iterable[Diagnostic] = ()) -> Places:
        """Where each file of a program is for the client, and each template that something is said of."""
        places: Places = {}
        for name, blocks in program.files.items():
            path = program.paths.get(name)
            document = self.documents.at(path) if path else None
            uri = document.uri if document else uris.from_fs_path(str(path or _library(name)))
            if uri:
                places[name] = (uri, Positions(blocks.source, self.documents.encoding))
        for name in {finding.primary.span.file for finding in found} - places.keys():
            path = Path(program.key).parent / name
            source = None if name.startswith("<") else self.documents.source(path, name)
            uri = uris.from_fs_path(str(path))
            if source and uri:
                places[name] = (uri, Positions(source, self.documents.encoding))
        return places


def _library(name: str) -> Path:
    from importlib.resources import files

    return Path(str(files("constitution_lang").joinpath("library", *name.removeprefix(LIBRARY).split("/"))))
