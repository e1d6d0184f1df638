"""The constitution that a module belongs to: a module by itself is checked in vain."""

from __future__ import annotations

import os
from pathlib import Path

from constitution_lang.check.modules import SUFFIX
from constitution_lang.check.reach import reach
from constitution_lang.loader import folder_loader
from constitution_lang.source import head_of

__all__ = ["owner_of"]

_FOLDERS_MAX = 8
"""So many folders up a constitution is looked for."""


def owner_of(module: Path) -> Path | None:
    """The first constitution, in the module's folder or one above it, that uses it, be it through others.

    It is looked for up to the top of the repository: what a constitution uses lies in its folder or below it. Its path
    is from the working directory where the module's is.
    """
    whole = module.resolve()
    for level, folder in enumerate(whole.parents):
        if level == _FOLDERS_MAX:
            break
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            if path != whole and head_of(_text(path)) and _reads(path, whole):
                return path if module.is_absolute() else Path(os.path.relpath(path))
        if (folder / ".git").exists():
            break
    return None


def _reads(root: Path, module: Path) -> bool:
    """Whether a constitution may read a file."""
    return any((root.parent / name).resolve() == module for name in reach(root.name, folder_loader(root.parent)))


def _text(path: Path) -> str:
    """A file's text; none where it can't be read, which is not what is asked here."""
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    except OSError:
        return ""
