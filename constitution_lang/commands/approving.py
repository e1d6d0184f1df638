"""Where approvals are kept, which constitution they are of, and how one is added."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from constitution_lang.commands.files import WELL, WRONG_USE, WrongUseError, write_whole
from constitution_lang.commands.sides import Pair
from constitution_lang.diff.approvals import APPROVALS, Approval, ApprovalsError, Place, Review, entry, read, review
from constitution_lang.diff.model import Change, Difference
from constitution_lang.revisions import RevisionError, Tree, is_root, name_of

__all__ = ["approve", "reviewed"]


def reviewed(difference: Difference, pair: Pair, pairs: Sequence[Pair], options: argparse.Namespace) -> Review:
    """A difference beside the approvals of its constitution; `pairs` are all that are compared."""
    _, given = _approvals(pair, options)
    place = _place(pair, pairs, options) if given or options.approve else None
    try:
        return review(difference, given, place)
    except ApprovalsError as error:
        raise WrongUseError(f"{_called(pair, options)}: {error}") from error


def approve(pairs: Sequence[Pair], reviews: Sequence[Review], options: argparse.Namespace) -> int:
    """Write down that changes were meant."""
    if not reviews:
        return WRONG_USE
    by = options.by or _author()
    for wanted in options.approve:
        for pair, found, change in _wanted(wanted, pairs, reviews):
            if change.fingerprint in found.approved:
                print(f"{change.id} is approved already: {found.approved[change.fingerprint].reason}")
                continue
            side = pair.beside
            if side.tree is not None and options.approvals is None:
                raise WrongUseError(
                    f"{side.label} is in a revision, which nothing can be written into; "
                    "compare with the working tree, or say --approvals FILE"
                )
            others = found.place.called(found.difference.new.name)
            if others and not found.place.file:
                raise WrongUseError(
                    f"{' and '.join(others)} are called {found.difference.new.name}, and {side.label} does not say of "
                    "which it was made: name the constitution's own file"
                )
            file = Path(options.approvals) if options.approvals else Path(side.folder) / APPROVALS
            text, given = _approvals(pair, options)
            if any(found.is_of(one, change) for one in given):
                continue  # the same constitution has been named twice
            today = date.today().isoformat()  # noqa: DTZ011 - the author's day
            made = entry(text, found, change, reason=options.reason, by=by, date=today)
            write_whole(file, made.encode())
            print(f"{file}: approved {change.id} ({change.fingerprint}): {change.says}")
    return WELL


def _approvals(pair: Pair, options: argparse.Namespace) -> tuple[str, tuple[Approval, ...]]:
    """The text of the file of approvals, empty where there is none, and what it says."""
    named: str | None = options.approvals
    try:
        if named is not None:
            text = Path(named).read_text(encoding="utf-8") if Path(named).exists() else ""
        else:
            text = pair.beside.beside(APPROVALS) or ""
        return text, read(text)
    except UnicodeDecodeError as error:
        raise WrongUseError(f"{_called(pair, options)} is no UTF-8 text") from error
    except ApprovalsError as error:
        raise WrongUseError(f"{_called(pair, options)}: {error}") from error
    except OSError as error:
        raise WrongUseError(f"cannot read {error.filename}: {(error.strerror or str(error)).lower()}") from error


def _called(pair: Pair, options: argparse.Namespace) -> str:
    return f"{options.approvals or APPROVALS} beside {pair.beside.label}"


def _wanted(text: str, pairs: Sequence[Pair], reviews: Sequence[Review]) -> list[tuple[Pair, Review, Change]]:
    """The one change that is named, in each constitution that has it: they may share a file."""
    from difflib import get_close_matches

    every = [(p, r, c) for p, r in zip(pairs, reviews, strict=True) for c in r.difference.changes]
    found = [row for row in every if text in {row[2].id, row[2].fingerprint}]
    if not found:
        near = get_close_matches(text, [c.id for _, _, c in every], n=3) or [c.id for _, _, c in every][:3]
        raise WrongUseError(f"there is no change {text}; there is {', '.join(near)}" if near else "nothing changed")
    different = dict.fromkeys(c.fingerprint for _, _, c in found)
    if len(different) > 1:
        raise WrongUseError(f"{text} are {len(different)} changes; give the fingerprint of one: {', '.join(different)}")
    change = found[0][2]
    if not change.approvable:
        raise WrongUseError(f"{change.id} is a mistake with an id, which cannot be approved: {change.help}")
    return found


def _author() -> str:
    """As git would name the author of a commit; else as the system names the user."""
    import getpass
    import subprocess

    try:
        done = subprocess.run(["git", "config", "user.name"], capture_output=True, check=False, text=True)  # noqa: S607
        return done.stdout.strip() or getpass.getuser()
    except OSError:
        return getpass.getuser()


# --- whose approvals they are -------------------------------------------------------------------------


def _place(pair: Pair, pairs: Sequence[Pair], options: argparse.Namespace) -> Place:
    """The file of a constitution, and who else keeps approvals where it does."""
    side = pair.beside
    folder = _folder(side.folder, side.tree)
    kept = Path(options.approvals).parent.resolve() if options.approvals else folder
    old = pair.old
    was = _from(kept, _whole(old.path, old.tree)) if old is not None and old.tree is not None else ""
    others = [*_neighbours(pair, folder)]
    if options.approvals:
        others += [row for other in pairs if other is not pair for row in _names(other)]
    if side.path:
        file = _from(kept, _whole(side.path, side.tree))
    else:
        # A Bundle is that of the one constitution here that has its name, if there is one.
        counted = [name for _, name in dict.fromkeys(others)]
        file, others = "", [(path, name) for path, name in others if counted.count(name) > 1]
    return Place(file, was, tuple((_from(kept, path), name) for path, name in others), apart=kept != folder)


def _neighbours(pair: Pair, folder: Path) -> Iterator[tuple[Path, str]]:
    """The other constitutions of a folder in both versions, with their names: those of a moved file are left out."""
    own: dict[Tree | None, set[Path]] = {}
    for side in (pair.old, pair.beside):
        if side is not None:
            own.setdefault(side.tree, set()).add(_whole(side.path, side.tree))
    for tree, paths in own.items():
        for path, data in _roots(tree, folder):
            if path not in paths:
                yield path, name_of(data)


def _roots(tree: Tree | None, folder: Path) -> Iterator[tuple[Path, bytes]]:
    if tree is None:
        files = ((path, path.read_bytes()) for path in sorted(folder.glob("*.const")) if path.is_file())
        yield from ((path, data) for path, data in files if is_root(data))
        return
    try:
        inside = tree.repository.relative(folder)
    except RevisionError:
        return  # a folder outside of the repository
    for name, data in tree.roots(inside, below=False).items():
        yield _whole(name, tree), data


def _names(pair: Pair) -> Iterator[tuple[Path, str]]:
    """The files of a constitution that is compared as well, with the names that it has."""
    for side in (pair.old, pair.new):
        if side is not None and side.bundle is not None and side.path:
            yield _whole(side.path, side.tree), side.bundle.name


def _whole(path: str, tree: Tree | None) -> Path:
    """The absolute path of a file of the disk or, as if it were checked out, of a revision."""
    given = Path(path)
    return _folder(given.parent.as_posix(), tree) / given.name


def _folder(path: str, tree: Tree | None) -> Path:
    return (Path(path) if tree is None else tree.repository.folder / path).resolve()


def _from(folder: Path, path: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()
