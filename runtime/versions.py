"""The constitution that `--against` names: a file, a Bundle, a folder, or a revision in git."""

from __future__ import annotations

from pathlib import Path

from constitution_lang.ir.codec import BundleError, loads, verify
from constitution_lang.ir.model import Bundle
from constitution_lang.revisions import Repository, RevisionError, Tree, called
from runtime.datasets.errors import DataError
from runtime.opening import ConstitutionError, load_bundle

__all__ = ["load_version"]

_REMEDY = "Name a .const file, a Bundle (.json), a git revision, or a file of one (main:house.const)."


def load_version(named: str, like: Bundle, at: Path | None = None) -> Bundle:
    """Another version of the constitution `like`, whose file is `at` today.

    In a folder it is the one of the same name; in a revision the one at the same path, else of the same name. A
    revision is one of the repository around `at`, or around the working directory where no file is known.

    Raises:
        DataError: nothing is called so, or several constitutions could be meant.
        ConstitutionError, BundleError: it has errors.
    """
    path = Path(named)
    try:
        if path.is_file():
            return load_bundle(path, lambda _: None)
        if path.is_dir():
            texts = {str(p): p.read_bytes() for p in sorted(path.rglob("*.const"))}
            return load_bundle(Path(called(texts, like.name, named)), lambda _: None)
    except RevisionError as error:
        raise DataError(str(error), named, _REMEDY) from error
    revision, _, file = named.partition(":")
    try:
        repository = Repository.around(Path() if at is None else at.resolve().parent)
        tree = repository.tree(revision)
        if not file:
            file = called(tree.roots(), like.name, revision) if at is None else _today(tree, at, like)
        return _read(tree, file)
    except RevisionError as error:
        raise DataError(f"there is no such file or folder, and as a revision: {error}", named, _REMEDY) from error


def _today(tree: Tree, at: Path, like: Bundle) -> str:
    return tree.find(tree.repository.relative(at), like.name)


def _read(tree: Tree, file: str) -> Bundle:
    if file.endswith(".json"):
        data = tree.read(file)
        if data is None:
            raise RevisionError(f"there is no file {file} in {tree.revision}")
        bundle = loads(data)
        if wrong := verify(bundle):
            raise BundleError(f"{tree.revision}:{file}: {'; '.join(wrong)}; build it again from its text")
        return bundle
    compiled = tree.compiled(file)
    if compiled.bundle is None:
        raise ConstitutionError(compiled.diagnostics, dict(compiled.sources))
    return compiled.bundle
