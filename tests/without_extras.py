"""A plugin of pytest for which none of the runtime's extras is installed: `pytest -p tests.without_extras`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

ABSENT = frozenset({"openai", "tenacity", "ray", "vllm"})
"""httpx2 and anyio stay: the library that loads models needs them too."""

_find = PathFinder.find_spec


def _find_others(
    fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
) -> ModuleSpec | None:
    return None if fullname.partition(".")[0] in ABSENT else _find(fullname, path, target)


PathFinder.find_spec = staticmethod(_find_others)  # type: ignore[method-assign,assignment]
