"""The two sides of a comparison: files, folders, Bundles and revisions of git, as they were named."""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from constitution_lang.commands.files import WrongUseError, compiled
from constitution_lang.compile import Compilation
from constitution_lang.diagnostics.model import Diagnostic, Severity
from constitution_lang.ir.model import Bundle
from constitution_lang.revisions import MissingError, Repository, RevisionError, Tree, is_root, name_of
from constitution_lang.source import Source
from constitution_lang.syntax.nodes import FileTree

__all__ = ["Pair", "Side", "pairs_of"]

_INPUT = "-"
"""Standard input, as every command calls it."""


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

    def beside(self, name: str) -> str | None:
        """The text of a file beside the constitution; None where there is none."""
        if self.tree is not None:
            data = self.tree.read(posixpath.join(self.folder, name))
            return None if data is None else data.decode("utf-8", "replace")
        path = Path(self.folder) / name
        return path.read_text(encoding="utf-8") if path.is_file() else None


@dataclass(frozen=True)
class Pair:
    """Two versions of one constitution; None where one side has none. `where` is what that side looked through."""

    old: Side | None
    new: Side | None
    where: str = ""
    place: Side | None = None
    """Where the new version would be, were it there."""

    @property
    def beside(self) -> Side:
        """The side whose approvals count."""
        found = self.new or self.place or self.old
        assert found is not None
        return found


@dataclass(frozen=True)
class _Revision:
    """A side that is a whole tree; None stands for the working tree."""

    tree: Tree | None


def pairs_of(named: list[str]) -> list[Pair]:
    """What to compare with what.

    Raises:
        WrongUseError: something cannot be found, or could mean two things.
    """
    try:
        return _Chooser(Path(), named).pairs(named)
    except RevisionError as error:
        raise WrongUseError(str(error)) from error
    except OSError as error:
        raise WrongUseError(f"cannot read {error.filename}: {(error.strerror or str(error)).lower()}") from error


class _Chooser:
    def __init__(self, here: Path, named: list[str]) -> None:
        self.here = here
        self._around = _folder_of(here, named)

    @cached_property
    def repository(self) -> Repository:
        """The one that holds the named file or folder, or the working directory where only revisions are named."""
        return Repository.around(self._around)

    def pairs(self, named: list[str]) -> list[Pair]:
        """The first of these forms that fits: PATH; REV; OLD NEW; REV PATH; REV REV PATH. A..B stands for two REV."""
        *revisions, last = named
        if not self._is_path(last):
            if len(named) == 1:
                return self._all(*(self._range(last) or (self.repository.tree(last), None)))
            if len(named) == 2 and self._range(revisions[0]) is None:
                return self._two(revisions[0], last)
        if not revisions:
            return [self._one(self.repository.tree("HEAD"), None, last)]
        if len(revisions) == 1:
            ends = self._range(revisions[0])
            if ends is None and self._stands_alone(revisions[0], last):
                return self._two(revisions[0], last)
            return [self._one(*(ends or (self.repository.tree(revisions[0]), None)), last)]
        for word in revisions:
            if self._is_path(word):
                raise WrongUseError(f"three sides are two revisions and a file or folder, and {word} is a path")
        old, new = (self.repository.tree(revision) for revision in revisions)
        return [self._one(old, new, last)]

    def _stands_alone(self, side: str, other: str) -> bool:
        """Whether a side names a file by itself, or has to find one where the other side is no file of a tree."""
        return self._is_path(side) or ":" in side or other.endswith(".json")

    def _range(self, text: str) -> tuple[Tree, Tree | None] | None:
        """The ends of `A..B`, or of `A...B` from where the two parted."""
        dots = "..." if "..." in text else ".."
        if dots not in text or self._is_path(text) or ":" in text:
            return None
        one, _, other = text.partition(dots)
        one, other = one or "HEAD", other or "HEAD"
        start = self.repository.merge_base(one, other) if dots == "..." else self.repository.tree(one)
        return start, self.repository.tree(other)

    def _is_path(self, text: str) -> bool:
        path = self.here / text
        if text == _INPUT:
            return True
        if not path.exists():
            if text.endswith((".const", ".json")) and ":" not in text and ".." not in text.strip("./"):
                return not self._is_revision(text)
            return False
        if "/" not in text and path.suffix not in {".const", ".json"} and text != "." and self._is_revision(text):
            raise WrongUseError(
                f"{text} is a {'folder' if path.is_dir() else 'file'} and a revision; "
                f"write ./{text} for the first, refs/heads/{text} for a branch"
            )
        return True

    def _is_revision(self, text: str) -> bool:
        try:
            return self.repository.has(text)
        except RevisionError:
            return False

    # --- two that are named ----------------------------------------------------------------------

    def _two(self, old: str, new: str) -> list[Pair]:
        """Sides that are named apart: a path, `REVISION:PATH`, or a revision, whose file is then that of the other."""
        if not any(self._is_path(side) or ":" in side for side in (old, new)):
            return self._all(self.repository.tree(old), self.repository.tree(new))
        if old == new == _INPUT:
            raise WrongUseError("standard input can be one side only; name a file or a revision for the other")
        sides = [self._named(side) for side in (old, new)]
        for at, name in enumerate((old, new)):
            if sides[at] is None:
                sides[at] = self._in_revision(self.repository.tree(name), (new, old)[at])
        one, other = sides
        assert one is not None
        assert other is not None
        return [Pair(one, other)]

    def _named(self, text: str) -> Side | None:
        if self._is_path(text):
            return _on_disk(self.here / text, text)
        if ":" in text:
            revision, _, path = text.partition(":")
            tree = self.repository.tree(revision or "HEAD")
            return _in_tree(tree, _one_of(tree.roots(path), path, f"{revision}:") if _is_folder(tree, path) else path)
        return None

    def _in_revision(self, tree: Tree, other: str) -> Side:
        path = self.here / other
        if other == _INPUT:
            raise WrongUseError(f"standard input has no name; say which file of {tree.revision}: {tree.revision}:FILE")
        if ":" in other:
            return _in_tree(tree, other.partition(":")[2])
        if path.suffix == ".json":
            return _in_tree(tree, _one_of(tree.roots(), ".", f"{tree.revision}:"))
        inside = self.repository.relative(path)
        if path.is_dir():
            return _in_tree(tree, _one_of(tree.roots(inside), inside, f"{tree.revision}:"))
        return _in_tree(tree, tree.find(inside, name_of(path.read_bytes()) if path.is_file() else ""))

    def _one(self, old: Tree, new: Tree | None, path: str) -> Pair:
        """One file or folder in two trees. A constitution that only one of them has came, or went."""
        sides: list[Side | None] = []
        missing: list[MissingError] = []
        for tree in (old, new):
            try:
                sides.append(self._in_working_tree(path) if tree is None else self._in_revision(tree, path))
            except MissingError as error:
                missing.append(error)
                sides.append(None)
        before, after = sides
        if after is not None:
            return Pair(before, after, old.revision)
        if before is None:
            raise missing[0]
        where = "the working tree" if new is None else new.revision
        return Pair(before, None, where, _place(path, new))

    def _in_working_tree(self, path: str) -> Side:
        if path.endswith(".const") and not (self.here / path).exists():
            raise MissingError(f"there is no file {path}")
        return _on_disk(self.here / path, path)

    # --- all that there are ----------------------------------------------------------------------

    def _all(self, old: Tree, new: Tree | None) -> list[Pair]:
        """Every constitution in and below the working directory, paired by path, then by its name."""
        under = self.repository.relative(self.here)
        before = old.roots(under)
        after = self.repository.roots(self.here.resolve()) if new is None else new.roots(under)
        if not before and not after:
            raise WrongUseError(f"there is no constitution here, nor in {old.revision}; name a file, or change folders")
        gone: dict[str, list[str]] = {}
        for path in sorted(before.keys() - after.keys()):
            gone.setdefault(name_of(before[path]), []).append(path)
        pairs = []
        for path, data in after.items():
            called = gone.get(name_of(data), [])
            was = path if path in before else called.pop(0) if called else None
            other = _in_tree(new, path) if new is not None else self._working(path)
            pairs.append(
                Pair((_as_before(old, was, other) or _in_tree(old, was)) if was else None, other, old.revision)
            )
        where = new.revision if new is not None else "the working tree"
        for path in (path for paths in gone.values() for path in paths):
            shown = path if new is not None else self._shown(path).as_posix()
            pairs.append(Pair(_in_tree(old, path), None, where, _place(shown, new)))
        return pairs

    def _working(self, path: str) -> Side:
        """A file of the working tree, named as from here."""
        shown = self._shown(path)
        return _on_disk(self.here / shown, shown.as_posix())

    def _shown(self, path: str) -> Path:
        whole = self.repository.folder / path
        here = self.here.resolve()
        return whole.relative_to(here) if whole.is_relative_to(here) else whole


def _place(path: str, tree: Tree | None) -> Side:
    """Where a constitution would be in a revision or, without one, on the disk."""
    return Side(path, posixpath.dirname(path), tree.revision if tree is not None else "", None, tree=tree)


def _folder_of(here: Path, named: list[str]) -> Path:
    """The folder of the last path that is named; a Bundle may lie anywhere."""
    for text in reversed(named):
        path = here / text
        if path.suffix != ".json" and path.exists():
            return path if path.is_dir() else path.parent
    return here


def _is_folder(tree: Tree, path: str) -> bool:
    return tree.read(path) is None and bool(tree.roots(path))


def _one_of(roots: dict[str, bytes], folder: str, where: str) -> str:
    """The one constitution of a folder."""
    if len(roots) == 1:
        return next(iter(roots))
    if not roots:
        raise WrongUseError(f"there is no constitution in {where}{folder}; name a file")
    raise WrongUseError(f"there are {len(roots)} constitutions in {where}{folder}; name one of {', '.join(roots)}")


def _on_disk(path: Path, label: str) -> Side:
    if path.is_dir():
        found = {
            p.relative_to(path).as_posix(): p.read_bytes()
            for p in sorted(path.rglob("*.const"))
            if not any(part.startswith(".") for part in p.relative_to(path).parts)
        }
        path = path / _one_of({name: data for name, data in found.items() if is_root(data)}, label, "")
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


def _in_tree(tree: Tree, path: str) -> Side:
    from constitution_lang.emit.relocate import relocated

    compilation = tree.compiled(path)
    folder = posixpath.dirname(path)
    before = f"{tree.revision}:{folder}/" if folder else f"{tree.revision}:"
    sources, found = relocated(compilation.sources, compilation.diagnostics, before)
    named = Compilation(compilation.bundle, found, sources, compilation.draft, compilation.trees)
    return _side(named, f"{tree.revision}:{path}", folder, tree.revision, tree)


def _as_before(tree: Tree, path: str, now: Side) -> Side | None:
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
