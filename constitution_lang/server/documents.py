"""The texts that the server works on: what a client has open as it stands there, everything else from disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG

from lsprotocol import types
from pygls import uris

from constitution_lang.loader import OUTSIDE, package_loader, source_of, unread
from constitution_lang.server.blocks import Blocks, in_blocks
from constitution_lang.server.positions import Positions, with_plain_breaks
from constitution_lang.source import Loader, Source, Unread

__all__ = ["Document", "Documents"]


@dataclass(slots=True)
class Document:
    """A text that a client has open."""

    uri: str
    path: Path
    version: int
    source: Source

    @property
    def saved_nowhere(self) -> bool:
        """It has no file yet, so that nothing lies beside it."""
        return not self.uri.startswith("file:")


@dataclass(slots=True)
class Documents:
    """Open documents by URI, and files by path; each parsed once for each text."""

    encoding: str = "utf-16"
    open: dict[str, Document] = field(default_factory=dict)
    _parsed: dict[tuple[Path, str], Blocks] = field(default_factory=dict)
    _read: dict[Path, tuple[tuple[int, int], Source]] = field(default_factory=dict)

    def opened(self, uri: str, version: int, text: str) -> Document:
        """Take a document in."""
        path = uris.to_fs_path(uri) if uri.startswith("file:") else None
        where = Path(path).resolve() if path else Path("/") / uri.replace("/", "_").replace(":", "_")
        self.open[uri] = Document(uri, where, version, Source(where.name, with_plain_breaks(text)))
        return self.open[uri]

    def changed(self, uri: str, version: int, changes: list[types.TextDocumentContentChangeEvent]) -> Document | None:
        """Apply changes in their order; None where the document is not open."""
        document = self.open.get(uri)
        if document is None:
            return None
        for change in changes:
            document.source = Positions(document.source, self.encoding).changed(change)
        document.version = version
        return document

    def closed(self, uri: str) -> None:
        """From now on the file on disk counts."""
        self.open.pop(uri, None)

    def at(self, path: Path) -> Document | None:
        """The open document of a file."""
        return next((document for document in self.open.values() if document.path == path), None)

    def source(self, path: Path, name: str) -> Source | None:
        """A file's text under a name; None where there is none, or it cannot be read."""
        try:
            return self._source(path, name)
        except (OSError, ValueError):
            return None

    def _source(self, path: Path, name: str) -> Source | None:
        document = self.at(path)
        if document:
            return document.source.named(name)
        try:
            about = path.stat()
        except FileNotFoundError:
            return None
        if not S_ISREG(about.st_mode):
            return None  # a pipe would never end
        stamp = (about.st_mtime_ns, about.st_size)
        known = self._read.get(path)
        if known is None or known[0] != stamp or known[1].name != name:
            known = self._read[path] = (stamp, source_of(name, path.read_bytes()))
        return known[1]

    def blocks(self, path: Path, source: Source) -> Blocks:
        """The blocks of a text; what has not changed since it was last asked for is not parsed again."""
        known = self._parsed.get((path, source.name))
        if known is None or known.source.text != source.text:
            known = self._parsed[path, source.name] = in_blocks(source, known)
        return known

    def loader(self, folder: Path, *, alone: bool = False) -> Loader:
        """Files below a folder, and what the package holds; nothing but the latter for a text without a folder."""
        root = folder.resolve()

        def load(name: str) -> Source | Unread | None:
            if name.startswith("<"):
                return package_loader(name)
            if alone:
                return None
            try:
                path = (root / name).resolve()
                own = path.relative_to(root).as_posix() if path.is_relative_to(root) else None
                return self._source(path, own) if own else OUTSIDE
            except (OSError, RuntimeError, ValueError) as error:
                return unread(error)

        return load
