"""Texts of models and users, made fit to be shown: nothing invisible, nothing endless, changes marked."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from enum import StrEnum

from msgspec import Struct

__all__ = ["Change", "Cut", "Piece", "cut", "visible", "word_changes"]

_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_PICTURES = (
    {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"}
    | {0x7F: 0x2421}
    | {code: f"⟨U+{code:04X}⟩" for code in (*range(0x80, 0xA0), *map(ord, _BIDI), 0xFEFF, 0xFFFE, 0xFFFF)}
    | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
)
_TOKEN = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff]|(?:(?![\u3040-\u30ff\u3400-\u9fff])\w)+(?:['\u2019-]\w+)*\s*|[^\w\s]\s*|\s+"
)
_TOKENS_MAX = 1000
"""Of the longer text, common ends taken off. Above it the comparison would cost too much for a page of many rows."""


def visible(text: str) -> str:
    """`text` with control characters, direction overrides and lone surrogates shown as what they are.

    An escape sequence can't reach the terminal, a direction override can't turn the line around, and the
    result can be written as UTF-8.
    """
    return text.replace("\r\n", "\n").translate(_PICTURES)


class Cut(Struct, frozen=True):
    """The beginning of a text, and how many characters of it are not shown."""

    text: str
    hidden: int = 0


def cut(text: str, length: int) -> Cut:
    """At most `length` characters of `text`, visible."""
    return Cut(visible(text[:length]), max(0, len(text) - length))


class Change(StrEnum):
    """What became of a piece of text."""

    SAME = "same"
    DELETED = "del"
    INSERTED = "ins"


class Piece(Struct, frozen=True):
    """A stretch of text and what became of it."""

    change: Change
    text: str


def word_changes(before: str, after: str) -> list[Piece]:
    """The pieces that turn `before` into `after`, word by word.

    The kept and the deleted pieces give `before`, the kept and the inserted ones `after`, but for white space.
    """
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    old_words, new_words = [t.strip() for t in old], [t.strip() for t in new]
    head = 0
    while head < min(len(old), len(new)) and old_words[head] == new_words[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old_words[-1 - tail] == new_words[-1 - tail]:
        tail += 1
    old_end, new_end = len(old) - tail, len(new) - tail
    pieces = [(Change.SAME, new[:head])]
    if max(old_end, new_end) - head > _TOKENS_MAX:
        pieces += [(Change.DELETED, old[head:old_end]), (Change.INSERTED, new[head:new_end])]
    else:
        matcher = SequenceMatcher(None, old_words[head:old_end], new_words[head:new_end], autojunk=False)
        for tag, i, j, k, m in matcher.get_opcodes():
            if tag == "equal":
                pieces.append((Change.SAME, new[head + k : head + m]))
                continue
            pieces += [(Change.DELETED, old[head + i : head + j]), (Change.INSERTED, new[head + k : head + m])]
    pieces.append((Change.SAME, new[new_end:]))
    return _merge(pieces)


def _merge(pieces: list[tuple[Change, list[str]]]) -> list[Piece]:
    """Join neighbours; a lone kept word between two changes belongs to both, or the marks flicker."""
    deleted: list[str] = []
    inserted: list[str] = []
    merged: list[Piece] = []

    def flush() -> None:
        if deleted:
            merged.append(Piece(Change.DELETED, "".join(deleted)))
        if inserted:
            merged.append(Piece(Change.INSERTED, "".join(inserted)))
        deleted.clear()
        inserted.clear()

    full = [(change, tokens) for change, tokens in pieces if tokens]
    for at, (change, tokens) in enumerate(full):
        if change is Change.DELETED:
            deleted += tokens
        elif change is Change.INSERTED:
            inserted += tokens
        elif 0 < at < len(full) - 1 and len(tokens) == 1:
            deleted += tokens
            inserted += tokens
        else:
            flush()
            merged.append(Piece(Change.SAME, "".join(tokens)))
    flush()
    return merged
