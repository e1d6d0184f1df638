"""The constitution that `--against` names: a file, a Bundle, a folder, or a revision in git."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from constitution_lang.ir.codec import loads
from constitution_lang.ir.model import Bundle
from constitution_lang.revisions import Repository, RevisionError, is_root
from runtime.datasets.errors import DataError
from runtime.opening import ConstitutionError, load_bundle

__all__ = ["load_version"]

_REMEDY = "Name a .const file, a Bundle (.json), a git revision, or a file of one (main:house.const)."


def load_version(named: str, like: Bundle, say: Callable[[str], None]) -> Bundle:
    """The constitution that is named. In a folder or a revision it is the one with the same name as `like`.

    Raises:
        DataError: nothing is called so, or several constitutions could be meant.
        ConstitutionError, BundleError: it has errors.
    """
    path = Path(named)
    if path.is_file():
        return load_bundle(path, say)
    if path.is_dir():
        texts = {str(p): p.read_bytes() for p in sorted(path.rglob("*.const"))}
        return load_bundle(Path(_only(texts, like, named)), say)
    revision, _, file = named.partition(":")
    try:
        repository = Repository.around(Path())
        tree = repository.tree(revision)
        if file.endswith(".json"):
            return loads(tree.read(file) or b"")
        compiled = tree.compiled(file or _only(tree.roots(), like, revision))
    except RevisionError as error:
        raise DataError(f"there is no such file or folder, and as a revision: {error}", named, _REMEDY) from error
    if compiled.bundle is None:
        raise ConstitutionError(compiled.diagnostics, dict(compiled.sources))
    return compiled.bundle


def _only(texts: Mapping[str, bytes], like: Bundle, where: str) -> str:
    head = re.compile(rb"^constitution[ \t]+" + re.escape(like.name.encode()) + rb"[ \t]", re.MULTILINE)
    found = [name for name, text in texts.items() if is_root(text) and head.search(text)]
    if len(found) > 1:
        files = {source.name for source in like.sources}
        found = [name for name in found if Path(name).name in files] or found
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(
            f"several constitutions here are called {like.name}: {', '.join(found)}", where,
            f"Name one of them, as in {where}:{found[0]} for a revision.",
        )  # fmt: skip
    listed = ", ".join(name for name, text in texts.items() if is_root(text)) or "none"
    raise DataError(f"no constitution here is called {like.name}; there are: {listed}", where, _REMEDY)
