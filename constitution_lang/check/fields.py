"""Typed access to the fields of a block. The parser has checked their keys and forms (`syntax/forms.py`)."""

from __future__ import annotations

from typing import TypeVar

from constitution_lang.ir.model import Stage
from constitution_lang.source import Span
from constitution_lang.syntax import nodes

__all__ = ["Fields"]

_V = TypeVar("_V")


class Fields:
    """A block's fields by key; a field that is missing or has another form reads as absent."""

    def __init__(self, fields: tuple[nodes.Field, ...]) -> None:
        self._fields = fields

    def key(self, key: str) -> Span | None:
        """Where the key of a field stands."""
        return next((field.key.span for field in self._fields if field.key.text == key), None)

    def number(self, key: str) -> nodes.Number | None:
        """A number."""
        return self._first(key, nodes.Number)

    def percent(self, key: str) -> nodes.Percent | None:
        """A percentage."""
        return self._first(key, nodes.Percent)

    def range(self, key: str) -> nodes.WordRange | None:
        """Two percentages."""
        return self._first(key, nodes.WordRange)

    def word(self, key: str) -> nodes.Name | None:
        """One word."""
        words = self.words(key)
        return words[0] if words else None

    def words(self, key: str) -> tuple[nodes.Name, ...]:
        """Words; none where the field is absent."""
        for field in self._fields:
            value = field.value
            if field.key.text == key and isinstance(value, tuple | nodes.Name):
                return value if isinstance(value, tuple) else (value,)
        return ()

    def shares(self) -> tuple[nodes.ShareBound, ...]:
        """All declared shares, in the order in which a bundle has them: it does not hang on that of the lines."""
        values = [field.value for field in self._fields if field.key.text == "share"]
        return tuple(sorted((v for v in values if isinstance(v, nodes.ShareBound)), key=_rank)) if values else ()

    def prose(self, key: str) -> nodes.Prose | nodes.Text | None:
        """Text, on one line or as an indented block."""
        return self._first(key, nodes.Prose) or self._first(key, nodes.Text)

    def _first(self, key: str, form: type[_V]) -> _V | None:
        for field in self._fields:
            value = field.value
            if field.key.text == key and isinstance(value, form):
                return value
        return None


def _rank(share: nodes.ShareBound) -> tuple[tuple[str, ...], float, float]:
    stages = (share.stage.text,) if share.stage else tuple(Stage)
    return stages, share.low.value if share.low else 0.0, share.high.value if share.high else 1.0
