"""Which keyword a line at column one was most likely to begin with."""

from __future__ import annotations

import re
from functools import lru_cache

from constitution_lang.syntax.forms import KEYWORDS
from constitution_lang.syntax.grammar import parsed
from constitution_lang.syntax.words import closest

__all__ = ["ELSEWHERE", "as_meant", "keyword_meant", "looks_like_header"]

ELSEWHERE = dict.fromkeys(("include", "import", "require"), "use")
"""What other languages begin such a block with."""
_WORD = re.compile(r"[\w-]+")
_ENDS_IN_TITLE = re.compile(r"[\"\u201d'][ ]*(?:#|$)")
_SURE = 0.75
"""From so near on a word is taken for a keyword whatever follows it; most words of prose are near to some keyword."""


def looks_like_header(line: str) -> bool:
    """Whether a line is the first one of a block, or would be but for what stands between its keyword and its title."""
    return bool(_ENDS_IN_TITLE.search(line)) or parsed(line) is not None


def keyword_meant(text: str) -> str | None:
    """The keyword that is misspelled at the beginning of a text; None where that is none, or is none of a block."""
    line = text.split("\n", 1)[0]
    return _meant(line)


@lru_cache(maxsize=1024)
def _meant(line: str) -> str | None:
    from difflib import SequenceMatcher

    found = _WORD.match(line)
    best = ELSEWHERE.get(found.group()) or closest(found.group(), KEYWORDS) if found else None
    if not found or best is None or found.group() in KEYWORDS:
        return None
    behind = line[found.end() :]
    near = SequenceMatcher(None, found.group().lower(), best).ratio()
    return best if looks_like_header(best + behind) or (near >= _SURE and len(found.group()) > len("use") + 1) else None


def as_meant(text: str) -> tuple[str, str] | None:
    """The keyword that was meant, and the text with it, where its first line looks like that of a block."""
    meant = keyword_meant(text)
    found = _WORD.match(text)
    if meant is None or not found:
        return None
    corrected = meant + text[found.end() :]
    return (meant, corrected) if looks_like_header(corrected.split("\n", 1)[0]) else None
