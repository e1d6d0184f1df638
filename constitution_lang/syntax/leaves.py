"""The small nodes of the syntax tree: names, numbers, texts and fields. `nodes` gives them out with all the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from constitution_lang.source import Span

__all__ = [
    "Comment", "Field", "Name", "Number", "Percent", "Prose", "ShareBound", "Text", "Value", "Version", "WordRange",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier as written: `harm`, `harm.weapons`, `house-assistant`, `std/cases`."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Number:
    """A bare number: relative (a weight) or a count."""

    value: float
    span: Span


@dataclass(frozen=True, slots=True)
class Percent:
    """A percentage, as a fraction: `5%` has value 0.05."""

    value: float
    span: Span


@dataclass(frozen=True, slots=True)
class WordRange:
    """`40% to 60%`."""

    low: Percent
    high: Percent
    span: Span


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted one-line text, such as a title; `value` is without its quotes."""

    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class Prose:
    """An indented paragraph block: `lines` without the four columns of indentation, as written."""

    lines: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Version:
    """`1.0.0`."""

    text: str
    parts: tuple[int, int, int]
    span: Span


@dataclass(frozen=True, slots=True)
class Comment:
    """A `#` line or line end outside prose, with the `#`."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class ShareBound:
    """`at least 5%`, `at most 40%`, `5% to 40%`, each optionally `in revision` or `in preference`."""

    low: Percent | None
    high: Percent | None
    stage: Name | None
    span: Span


Value: TypeAlias = Number | Percent | WordRange | Text | Prose | Name | tuple[Name, ...] | ShareBound


@dataclass(frozen=True, slots=True)
class Field:
    """`key: value`, one line or prose. Levels keep their order as a tuple of names."""

    key: Name
    value: Value
    span: Span
