"""The two sides of a comparison: files, folders, Bundles and revisions of git, as they were named."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from constitution_lang.commands.files import WrongUseError
from constitution_lang.commands.side import Side, as_before, in_tree, on_disk, one_of
from constitution_lang.revisions import MissingError, Repository, RevisionError, Tree, name_of

__all__ = ["Pair", "pairs_of"]

_TWO = "name two versions, or two revisions and then one file or folder; a revision alone is for all constitutions here"
_INPUT = "-"
"""Standard input, as every command calls it."""


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
        """The first of these forms that fits: PATH; REV:PATH; REV; OLD NEW; REV PATH; REV REV PATH.

        A..B stands for two REV, and what stands alone is compared with the working tree, or a path with HEAD.
        """
        if os.devnull in named:
            raise WrongUseError(
                f"{os.devnull} is no version of a constitution; one that is new, or gone, is told against a revision: "
                "`cai-compile diff HEAD -- FILE`"
            )
        if len(named) == 1:
            return self._alone(named[0])
        if len(named) == 2:
            return self._both(*named)
        *revisions, last = named
        if len(revisions) > 2:
            raise WrongUseError(f"{len(named)} are too many: {_TWO}")
        for word in revisions:
            if self._is_path(word):
                raise WrongUseError(f"three are too many, and {word} is no revision but a path: {_TWO}")
            if not self.repository.has(word):
                raise WrongUseError(f"three are too many, and there is no revision {word}: {_TWO}")
        old, new = (self.repository.tree(revision) for revision in revisions)
        return [self._one(old, new, last)]

    def _alone(self, text: str) -> list[Pair]:
        if self._is_path(text):
            return [self._one(self.repository.tree("HEAD"), None, text)]
        if ":" in text:
            revision, _, path = text.partition(":")
            return [self._one(self.repository.tree(revision or "HEAD"), None, self._shown(path).as_posix())]
        return self._all(*(self._range(text) or (self.repository.tree(text), None)))

    def _both(self, first: str, last: str) -> list[Pair]:
        ends = self._range(first)
        if ends is None and (not self._is_path(last) or self._stands_alone(first, last)):
            return self._two(first, last)
        return [self._one(*(ends or (self.repository.tree(first), None)), last)]

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
            return on_disk(self.here / text, text)
        if ":" in text:
            revision, _, path = text.partition(":")
            tree = self.repository.tree(revision or "HEAD")
            return in_tree(tree, one_of(tree.roots(path), path, f"{revision}:") if _is_folder(tree, path) else path)
        return None

    def _in_revision(self, tree: Tree, other: str) -> Side:
        path = self.here / other
        if other == _INPUT:
            raise WrongUseError(f"standard input has no name; say which file of {tree.revision}: {tree.revision}:FILE")
        if ":" in other:
            return in_tree(tree, other.partition(":")[2])
        if path.suffix == ".json":
            return in_tree(tree, one_of(tree.roots(), ".", f"{tree.revision}:"))
        inside = self.repository.relative(path)
        if path.is_dir():
            return in_tree(tree, one_of(tree.roots(inside), inside, f"{tree.revision}:"))
        return in_tree(tree, tree.find(inside, name_of(path.read_bytes()) if path.is_file() else ""))

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
        return on_disk(self.here / path, path)

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
            other = in_tree(new, path) if new is not None else self._working(path)
            pairs.append(Pair((as_before(old, was, other) or in_tree(old, was)) if was else None, other, old.revision))
        where = new.revision if new is not None else "the working tree"
        for path in (path for paths in gone.values() for path in paths):
            shown = path if new is not None else self._shown(path).as_posix()
            pairs.append(Pair(in_tree(old, path), None, where, _place(shown, new)))
        return pairs

    def _working(self, path: str) -> Side:
        """A file of the working tree, named as from here."""
        shown = self._shown(path)
        return on_disk(self.here / shown, shown.as_posix())

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
