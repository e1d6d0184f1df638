"""The constitution that a module belongs to: a module by itself is checked in vain."""

from __future__ import annotations

import os
import re
from pathlib import Path

from constitution_lang.check.modules import SUFFIX, resolved
from constitution_lang.source import head_of

__all__ = ["owner_of"]

_USE = re.compile(r"^use[ ]+([^\s#]+)", re.MULTILINE)
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
            if path != whole and head_of(_text(path)) and _uses(path, whole):
                return path if module.is_absolute() else Path(os.path.relpath(path))
        if (folder / ".git").exists():
            break
    return None


def _uses(root: Path, module: Path) -> bool:
    """Whether a constitution reads a file."""
    folder = root.parent
    seen = {root.name}
    waiting = [root.name]
    while waiting:
        file = waiting.pop()
        for path in _USE.findall(_text(folder / file)):
            name = resolved(file, path)
            if name is None or name in seen or name.startswith("<"):
                continue
            if (folder / name).resolve() == module:
                return True
            seen.add(name)
            waiting.append(name)
    return False


def _text(path: Path) -> str:
    """A file's text; none where it can't be read, which is not what is asked here."""
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    except OSError:
        return ""
