"""Where the text of a file comes from: a folder, the standard library, the standard templates. Nothing else is read."""

from __future__ import annotations

from pathlib import Path

from constitution_lang.check.modules import LIBRARY, TEMPLATES
from constitution_lang.source import Loader, Source, Unread

__all__ = ["OUTSIDE", "folder_loader", "package_loader", "source_of", "unread"]


OUTSIDE = Unread("leads out of the constitution's folder by a link", outside=True)


def source_of(name: str, data: bytes) -> Source:
    """The text of a file. What is not UTF-8 is kept as lone surrogates, for the compiler to complain about."""
    text = data.decode("utf-8-sig", "surrogateescape")
    return Source(name, text.replace("\r\n", "\n"))


def package_loader(name: str) -> Source | None:
    """A file of the standard library or a standard template, out of the installed package."""
    for prefix, folder in ((LIBRARY, "library"), (TEMPLATES, "templates")):
        if name.startswith(prefix):
            resource = Path(__file__).parent.joinpath(folder, *name.removeprefix(prefix).split("/"))
            return source_of(name, resource.read_bytes()) if resource.is_file() else None
    return None


def folder_loader(folder: Path) -> Loader:
    """Files inside `folder`, links that lead out of it excepted; and what the package holds."""
    root = folder.resolve()

    def load(name: str) -> Source | Unread | None:
        if name.startswith("<"):
            return package_loader(name)
        try:
            path = (root / name).resolve()
            if not path.is_relative_to(root):
                return OUTSIDE
            # Known by what it is, not by the links that lead to it: they may lead round for ever.
            own = path.relative_to(root).as_posix()
            return source_of(own, path.read_bytes()) if path.is_file() else None
        except (OSError, RuntimeError, ValueError) as error:
            return unread(error)

    return load


def unread(error: OSError | RuntimeError | ValueError) -> Unread:
    """What came of opening a file. Before Python 3.13 links in a circle are a RuntimeError."""
    why = error.strerror or str(error) if isinstance(error, OSError) else "its links run in a circle"
    return Unread(f"cannot be read: {why.lower()}")
