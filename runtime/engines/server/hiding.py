"""Keeping a key out of whatever is shown or kept, also where a server repeats it in pieces or in other letters."""

from __future__ import annotations

import base64
from urllib.parse import quote

import msgspec

__all__ = ["Hiding"]

_PIECE = 8
"""A word with so many signs of the key in a row is taken for it: servers like to show a key's beginning or end."""


class Hiding:
    """Knows a key, and never shows it; None where there is no key."""

    def __init__(self, key: str | None) -> None:
        self._written = msgspec.json.encode(key)[1:-1] if key else b""
        self._pieces = {piece for form in _forms(key) for piece in _pieces_of(form)} if key else set[str]()

    def hide(self, text: str) -> str:
        """The text on one line, without the words that hold the key or a piece of it."""
        words = "".join(c if c.isprintable() else " " for c in text).split()
        return " ".join("[key]" if self._is_in(word) else word for word in words)

    def is_in_reply(self, content: bytes) -> bool:
        """Whether a reply holds the whole key, however its JSON is written."""
        if not self._written:
            return False
        if self._written in content:
            return True
        if b"\\" not in content:
            return False
        try:
            return self._written in msgspec.json.encode(msgspec.json.decode(content))
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return False  # nothing of it is kept, and what is said of it is cleaned

    def _is_in(self, word: str) -> bool:
        return any(piece in self._pieces for piece in _pieces_of(word))


def _forms(key: str) -> tuple[str, ...]:
    encoded = (base64.b64encode(text.encode()).decode() for text in (key, f"Bearer {key}"))
    return (key, quote(key, safe=""), *encoded)


def _pieces_of(text: str) -> set[str]:
    folded = text.casefold()
    return {folded[at : at + _PIECE] for at in range(max(1, len(folded) - _PIECE + 1))}
