"""Constitutions as they stand in git: read from a revision, without a checkout.

All of one constitution, what it uses and its templates included, comes from one revision. Git is asked through its own
command, and nothing is written.
"""

from __future__ import annotations

import posixpath
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from constitution_lang.compile import Compilation, compile_source
from constitution_lang.loader import package_loader, source_of
from constitution_lang.source import Loader, Source, head_of

__all__ = ["MissingError", "Repository", "RevisionError", "Tree", "called", "is_root", "name_of"]

_LINKS_MAX = 5


class RevisionError(ValueError):
    """Git does not have what was asked for. The text says what, and what to do."""


class MissingError(RevisionError):
    """A revision has no such file."""


def is_root(data: bytes) -> bool:
    """Whether a file is a constitution by itself, and no module that one uses."""
    return head_of(data.decode("utf-8", "replace")) is not None


def name_of(data: bytes) -> str:
    """What a constitution calls itself; empty where nobody has written that yet."""
    head = head_of(data.decode("utf-8", "replace"))
    return (head["name"] or "") if head else ""


def called(roots: Mapping[str, bytes], name: str, where: str) -> str:
    """Which of several constitutions has a name; `where` says whose they are.

    Raises:
        RevisionError: none has it, or more than one.
    """
    found = [path for path, data in roots.items() if name_of(data) == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise RevisionError(f"several constitutions of {where} are called {name}: {', '.join(found)}; name one of them")
    raise RevisionError(f"no constitution of {where} is called {name}; it has {', '.join(roots) or 'none'}")


@dataclass(frozen=True)
class Repository:
    """The git repository that holds a folder."""

    folder: Path

    @staticmethod
    def around(folder: Path) -> Repository:
        """The repository in whose working tree a folder lies.

        Raises:
            RevisionError: there is none, or no git.
        """
        return Repository(Path(_git(folder, "rev-parse", "--show-toplevel").decode().rstrip("\n")))

    def roots(self, under: Path) -> dict[str, bytes]:
        """The constitutions of the working tree in a folder and below it, by path in the repository."""
        listed = _git(under, "ls-files", "-z", "--full-name", "--cached", "--others", "--exclude-standard", "*.const")
        found = {}
        for name in sorted(set(filter(None, listed.decode("utf-8", "surrogateescape").split("\0")))):
            path = self.folder / name
            if path.is_file() and is_root(data := path.read_bytes()):
                found[name] = data
        return found

    def has(self, revision: str) -> bool:
        """Whether something is a revision here."""
        try:
            self.tree(revision)
        except RevisionError:
            return False
        return True

    def tree(self, revision: str) -> Tree:
        """The files of a revision.

        Raises:
            RevisionError: there is no such revision.
        """
        try:
            commit = _git(self.folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        except RevisionError as error:
            raise RevisionError(
                f"there is no revision {revision} in {self.folder}; `git log --oneline` and `git branch -a` list them"
                f"{self._shallow()}"
            ) from error
        return Tree(self, revision, commit.decode().strip())

    def merge_base(self, one: str, other: str) -> Tree:
        """The last revision that two have in common.

        Raises:
            RevisionError: there is none, or no such revision.
        """
        commits = [self.tree(revision).commit for revision in (one, other)]
        try:
            base = _git(self.folder, "merge-base", *commits).decode().strip()
        except RevisionError as error:
            raise RevisionError(
                f"{one} and {other} have no revision in common; write {one}..{other}{self._shallow()}"
            ) from error
        return Tree(self, base[:12], base)

    def _shallow(self) -> str:
        """What to do where a clone was made without its history; empty where it has that."""
        try:
            shallow = _git(self.folder, "rev-parse", "--is-shallow-repository").strip() == b"true"
        except RevisionError:
            return ""
        return "; this clone is shallow, and `git fetch --unshallow` brings the rest" if shallow else ""

    def relative(self, path: Path) -> str:
        """A path as the repository names it.

        Raises:
            RevisionError: it is outside of the working tree.
        """
        try:
            return path.resolve().relative_to(self.folder.resolve()).as_posix()
        except ValueError as error:
            raise RevisionError(f"{path} is not in the repository {self.folder}") from error


@dataclass(frozen=True)
class Tree:
    """The files of one commit. `revision` is how the reader called it."""

    repository: Repository
    revision: str
    commit: str

    @cached_property
    def _files(self) -> Mapping[str, tuple[str, str]]:
        """Mode and object of each file, by path in the repository."""
        listed = _git(self.repository.folder, "ls-tree", "-r", "-z", "--full-tree", self.commit)
        found = {}
        for line in filter(None, listed.decode("utf-8", "surrogateescape").split("\0")):
            about, _, path = line.partition("\t")
            mode, kind, name = about.split()
            if kind == "blob":
                found[path] = mode, name
        return found

    def roots(self, under: str = "", *, below: bool = True) -> dict[str, bytes]:
        """The constitutions of a folder, and of those below it where that is asked for, by path in the repository."""
        prefix = f"{under}/" if under not in {"", "."} else ""
        found = {}
        for path in sorted(self._files):
            here = path.startswith(prefix) and (below or "/" not in path[len(prefix) :])
            if here and path.endswith(".const"):
                data = self.read(path)
                if data is not None and is_root(data):
                    found[path] = data
        return found

    def find(self, path: str, name: str) -> str:
        """Where a constitution lies that has this path and name today: a file may have been moved since.

        Raises:
            RevisionError: the revision has no file of this path, and no constitution of this name or several.
        """
        if path in self._files:
            return path
        roots = self.roots()
        if not any(name_of(data) == name for data in roots.values()):
            raise MissingError(
                f"there is no file {path} in {self.revision}, nor a constitution that is called {name or path}; "
                f"`git log -- {path}` says when there was"
            )
        return called(roots, name, self.revision)

    def read(self, path: str) -> bytes | None:
        """The bytes of a file, links followed; None where the revision has none of this path."""
        for _ in range(_LINKS_MAX):
            known = self._files.get(path)
            if known is None:
                return None
            mode, name = known
            data = _git(self.repository.folder, "cat-file", "blob", name)
            if mode != "120000":
                return data
            path = posixpath.normpath(posixpath.join(posixpath.dirname(path), data.decode("utf-8", "replace")))
        return None

    def compiled(self, path: str) -> Compilation:
        """Compile a constitution as it stood; `path` is as the repository names it. Places are relative to its folder.

        Raises:
            RevisionError: the revision has no such file.
        """
        data = self.read(path)
        if data is None:
            raise MissingError(f"there is no file {path} in {self.revision}; `git log -- {path}` says when there was")
        folder = posixpath.dirname(path)
        return compile_source(source_of(posixpath.basename(path), data), self._loader(folder))

    def _loader(self, folder: str) -> Loader:
        def load(name: str) -> Source | None:
            if name.startswith("<"):
                return package_loader(name)
            path = posixpath.normpath(posixpath.join(folder, name))
            if folder and not path.startswith(f"{folder}/"):
                return None
            data = self.read(path)
            return None if data is None else source_of(name, data)

        return load


def _git(folder: Path, *arguments: str) -> bytes:
    """What a git command prints.

    Raises:
        RevisionError: git is missing or refuses.
    """
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program, and revisions after --end-of-options
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's own git
            capture_output=True, check=False,
        )  # fmt: skip
    except FileNotFoundError as error:
        if not folder.is_dir():
            raise RevisionError(f"there is no folder {folder}") from error
        raise RevisionError("git is not installed, and a revision was asked for; name a file instead") from error
    if done.returncode:
        told = done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ").partition("\n")[0]
        if "not a git repository" in told or "must be run in a work tree" in told:
            told = f"{folder} is in no git repository, and a revision was asked for; name a file instead"
        raise RevisionError(told or f"git {arguments[0]} gave nothing")
    return done.stdout
