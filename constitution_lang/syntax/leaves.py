"""The small nodes of the syntax tree: names, numbers, texts and fields. `nodes` gives them out with all the others."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from constitution_lang.source import Span

__all__ = [
    "Comment", "Field", "Name", "Number", "Percent", "Prose", "ShareBound", "Text", "Value", "Version", "WordRange",
]  # fmt: skip


class Name(msgspec.Struct, frozen=True, gc=False):
    """An identifier as written: `harm`, `harm.weapons`, `house-assistant`, `std/cases`."""

    text: str
    span: Span


class Number(msgspec.Struct, frozen=True, gc=False):
    """A bare number: relative (a weight) or a count."""

    value: float
    span: Span


class Percent(msgspec.Struct, frozen=True, gc=False):
    """A percentage, as a fraction: `5%` has value 0.05."""

    value: float
    span: Span


class WordRange(msgspec.Struct, frozen=True, gc=False):
    """`40% to 60%`."""

    low: Percent
    high: Percent
    span: Span


class Text(msgspec.Struct, frozen=True, gc=False):
    """A quoted one-line text, such as a title; `value` is without its quotes."""

    value: str
    span: Span


class Prose(msgspec.Struct, frozen=True, gc=False):
    """An indented paragraph block: `lines` without the four columns of indentation, as written."""

    lines: tuple[str, ...]
    span: Span


class Version(msgspec.Struct, frozen=True, gc=False):
    """`1.0.0`."""

    text: str
    parts: tuple[int, int, int]
    span: Span


class Comment(msgspec.Struct, frozen=True, gc=False):
    """A `#` line or line end outside prose, with the `#`."""

    text: str
    span: Span


class ShareBound(msgspec.Struct, frozen=True, gc=False):
    """`at least 5%`, `at most 40%`, `5% to 40%`, each optionally `in revision` or `in preference`."""

    low: Percent | None
    high: Percent | None
    stage: Name | None
    span: Span


Value: TypeAlias = Number | Percent | WordRange | Text | Prose | Name | tuple[Name, ...] | ShareBound


class Field(msgspec.Struct, frozen=True, gc=False):
    """`key: value`, one line or prose. Levels keep their order as a tuple of names."""

    key: Name
    value: Value
    span: Span
