"""Which files a constitution may read, found without parsing: quick, and also where a file cannot be parsed."""

from __future__ import annotations

import re

from constitution_lang.check.modules import LIBRARY, resolved
from constitution_lang.source import Loader, Source
from constitution_lang.syntax.forms import KEYWORDS

__all__ = ["reach"]

_OTHERS = "|".join(keyword for keyword in KEYWORDS if keyword != "use")
_USE = re.compile(rf"^(?!(?:{_OTHERS})[ \t])[^\s#]+[ \t]+([^\s#]+)", re.MULTILINE)
"""Each line that may be a `use`, also with a slip in its keyword: more lines than are, and none of them missed."""


def reach(root: str, load: Loader) -> dict[str, Source]:
    """The files that a constitution may use, itself first, by the names that `load` knows; none of the library."""
    found: dict[str, Source] = {}
    seen, ahead = {root}, [root]
    while ahead:
        name = ahead.pop()
        source = load(name)
        if not isinstance(source, Source):
            continue
        found[name] = source
        for used in _USE.finditer(source.text):
            target = resolved(name, used[1])
            if target and not target.startswith(LIBRARY) and target not in seen:
                seen.add(target)
                ahead.append(target)
    return found
