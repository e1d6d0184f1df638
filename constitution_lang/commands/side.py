"""One side of a comparison: a version of a constitution, read from a file, a folder, a Bundle or a revision of git."""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass
from pathlib import Path

from constitution_lang.commands.files import WrongUseError, compiled
from constitution_lang.compile import Compilation
from constitution_lang.diagnostics.model import Diagnostic, Severity
from constitution_lang.ir.model import Bundle
from constitution_lang.revisions import Tree, is_root
from constitution_lang.source import Source, head_of
from constitution_lang.syntax.nodes import FileTree

__all__ = ["Side", "as_before", "in_tree", "on_disk", "one_of"]


@dataclass(frozen=True)
class Side:
    """One version. `bundle` is None where the constitution has errors, which `errors` are then, with their places.

    `folder` is that of the constitution's files, and `revision` their revision, empty for files on the disk.
    `approvals` is the text of the file of approvals beside it.
    """

    label: str
    folder: str
    revision: str
    bundle: Bundle | None
    errors: tuple[Diagnostic, ...] = ()
    sources: dict[str, Source] | None = None
    tree: Tree | None = None
    texts: tuple[FileTree, ...] = ()
    """Its files as they were parsed; none of a Bundle."""

    @property
    def path(self) -> str:
        """Its file, from the working directory or as the repository names it; empty for a Bundle and standard input."""
        alone = self.label == "-" or self.label.endswith(".json")
        return "" if alone else self.label.removeprefix(f"{self.revision}:")

    @property
    def is_empty(self) -> bool:
        """Whether its file has nothing in it, not even a comment."""
        return bool(self.texts) and not self.texts[0].source.text.strip()

    @property
    def is_module(self) -> bool:
        """Whether it is no constitution since nothing in it says that it is one."""
        lacks_head = bool(self.texts) and head_of(self.texts[0].source.text) is None
        return lacks_head and any(found.code == "E208" for found in self.errors)

    def beside(self, name: str) -> str | None:
        """The text of a file beside the constitution; None where there is none."""
        if self.tree is not None:
            data = self.tree.read(posixpath.join(self.folder, name))
            return None if data is None else data.decode("utf-8", "replace")
        path = Path(self.folder) / name
        return path.read_text(encoding="utf-8") if path.is_file() else None


def one_of(roots: dict[str, bytes], folder: str, where: str) -> str:
    """The one constitution of a folder."""
    if len(roots) == 1:
        return next(iter(roots))
    if not roots:
        raise WrongUseError(f"there is no constitution in {where}{folder}; name a file")
    raise WrongUseError(f"there are {len(roots)} constitutions in {where}{folder}; name one of {', '.join(roots)}")


def on_disk(path: Path, label: str) -> Side:
    """A file, the one constitution of a folder, or a Bundle.

    Raises:
        WrongUseError: the folder has none or several, or the Bundle is none.
        OSError: it cannot be read.
    """
    if path.is_dir():
        found = {
            p.relative_to(path).as_posix(): p.read_bytes()
            for p in sorted(path.rglob("*.const"))
            if not any(part.startswith(".") for part in p.relative_to(path).parts)
        }
        path = path / one_of({name: data for name, data in found.items() if is_root(data)}, label, "")
        label = path.as_posix()
    if path.suffix == ".json":
        return Side(label, "", "", _bundle(path))
    folder = path.parent.as_posix()
    return _side(compiled(path.as_posix()), label, "" if folder == "." else folder, "")


def _bundle(path: Path) -> Bundle:
    from constitution_lang.ir.codec import BundleError, loads, verify

    try:
        bundle = loads(path.read_bytes())
    except BundleError as error:
        raise WrongUseError(f"{path}: {error}") from error
    if wrong := verify(bundle):
        raise WrongUseError(f"{path}: {wrong[0]}; somebody has changed it, so build it anew")
    return bundle


def in_tree(tree: Tree, path: str) -> Side:
    """A file of a revision; places in it are told with the revision."""
    from constitution_lang.emit.relocate import relocated

    compilation = tree.compiled(path)
    folder = posixpath.dirname(path)
    before = f"{tree.revision}:{folder}/" if folder else f"{tree.revision}:"
    sources, found = relocated(compilation.sources, compilation.diagnostics, before)
    named = Compilation(compilation.bundle, found, sources, compilation.draft, compilation.trees)
    return _side(named, f"{tree.revision}:{path}", folder, tree.revision, tree)


def as_before(tree: Tree, path: str, now: Side) -> Side | None:
    """The side of a revision that has the very bytes of a side that is compiled already, all that it uses included."""
    if now.bundle is None or posixpath.basename(path) != posixpath.basename(now.label):
        return None
    folder = posixpath.dirname(path)
    for file in now.bundle.sources:
        if not file.name.startswith("<"):
            data = tree.read(posixpath.normpath(posixpath.join(folder, file.name)))
            if data is None or hashlib.sha256(data).hexdigest() != file.sha256:
                return None
    return Side(f"{tree.revision}:{path}", folder, tree.revision, now.bundle, (), now.sources, tree, now.texts)


def _side(compilation: Compilation, label: str, folder: str, revision: str, tree: Tree | None = None) -> Side:
    errors = tuple(d for d in compilation.diagnostics if d.severity is Severity.ERROR)
    return Side(label, folder, revision, compilation.bundle, errors, dict(compilation.sources), tree, compilation.trees)
