"""The schema of an exported constitution, version 1. `docs/import.md` describes it for people.

A file is a list of blocks in the order in which they were written; a block is its header and its lines. Prose is one
text with line breaks. A percentage is a text such as `60%`; other numbers are numbers.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

__all__ = [
    "FORMAT", "AbstainExpected", "Abstains", "All", "AnyOf", "Applies", "AppliesLine", "Attribute", "BetweenLine",
    "Block", "Bounds", "CaseLine", "Category", "Comment", "CommentLine", "Comparison", "Condition", "Constitution",
    "Decides", "Document", "Edition", "Example", "ExpectLine", "Expectation", "FieldLine", "Line", "OneOf",
    "OtherwiseLine", "Outcome", "Over", "Prefers", "Principle", "Retired", "RowLine", "Sampling", "Shares",
    "TableLine", "Template", "Tension", "Test", "UnderLine", "Unless", "Use", "Value", "WeighExpected", "Weighs",
    "WhenLine",
]  # fmt: skip

FORMAT: Literal["constitution-program"] = "constitution-program"
Number: TypeAlias = int | float


class _Part(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What all parts have in common."""


# --- conditions -----------------------------------------------------------------------------------


class Comparison(_Part, frozen=True, tag_field="test", tag="compare"):
    """`severity >= serious`."""

    attribute: str
    operator: Literal["is", "is not", "<", "<=", ">", ">="]
    value: str


class OneOf(_Part, frozen=True, tag_field="test", tag="one of"):
    """`topic is one of medical, legal`."""

    attribute: str
    values: list[str]


class Unless(_Part, frozen=True, tag_field="test", tag="not"):
    """`not C`."""

    of: Condition


class All(_Part, frozen=True, tag_field="test", tag="and"):
    """`C and D`."""

    of: list[Condition]


class AnyOf(_Part, frozen=True, tag_field="test", tag="or"):
    """`C or D`."""

    of: list[Condition]


Condition: TypeAlias = Comparison | OneOf | Unless | All | AnyOf


# --- outcomes, values, expectations ---------------------------------------------------------------


class Prefers(_Part, frozen=True, tag_field="outcome", tag="prefer"):
    """`prefer harm`."""

    side: str


class Weighs(_Part, frozen=True, tag_field="outcome", tag="weigh"):
    """`weigh harm 2, autonomy 1`: pairs of a side and a number."""

    sides: list[tuple[str, Number]]


class Abstains(_Part, frozen=True, tag_field="outcome", tag="abstain"):
    """`abstain`."""


Outcome: TypeAlias = Prefers | Weighs | Abstains


class Bounds(_Part, frozen=True):
    """A share, at least `low` and at most `high`, in a `stage` or in both; or a range from `low` to `high`."""

    low: str | None = None
    high: str | None = None
    stage: str | None = None


Value: TypeAlias = int | float | str | list[str] | Bounds


class Over(_Part, frozen=True, tag_field="expect", tag="over"):
    """`harm over autonomy`."""

    winner: str
    loser: str


class WeighExpected(_Part, frozen=True, tag_field="expect", tag="weigh"):
    """`weigh harm 2, autonomy 1`."""

    sides: list[tuple[str, Number]]


class AbstainExpected(_Part, frozen=True, tag_field="expect", tag="abstain"):
    """`abstain between harm and autonomy`."""

    sides: tuple[str, str]


class Applies(_Part, frozen=True, tag_field="expect", tag="applies"):
    """`harm.weapons applies`, or does not."""

    principle: str
    applies: bool


class Shares(_Part, frozen=True, tag_field="expect", tag="share"):
    """`harm.weapons at least 5% in revision`."""

    target: str
    bound: Bounds


class Decides(_Part, frozen=True, tag_field="expect", tag="rule"):
    """`rule 2 of safety-over-autonomy`."""

    rule: Number
    tension: str


Expectation: TypeAlias = Over | WeighExpected | AbstainExpected | Applies | Shares | Decides


# --- lines ----------------------------------------------------------------------------------------


class _Line(_Part, frozen=True, kw_only=True):
    """`remark` is a comment at the end of the line; `blank_above` says that a blank line stands above it."""

    remark: str = ""
    blank_above: bool = False


class FieldLine(_Line, frozen=True, tag_field="line", tag="field"):
    """`key: value`, or a key with prose below it. `comments` stand between the key and its prose, each with its `#`."""

    key: str
    value: Value
    comments: list[str] = []


class AppliesLine(_Line, frozen=True, tag_field="line", tag="applies when"):
    """`applies when C`."""

    condition: Condition


class BetweenLine(_Line, frozen=True, tag_field="line", tag="between"):
    """`between harm and autonomy`."""

    sides: tuple[str, str]


class WhenLine(_Line, frozen=True, tag_field="line", tag="when"):
    """`when C: prefer harm`."""

    condition: Condition
    outcome: Outcome


class OtherwiseLine(_Line, frozen=True, tag_field="line", tag="otherwise"):
    """`otherwise: prefer harm`."""

    outcome: Outcome


class CaseLine(_Line, frozen=True, tag_field="line", tag="case"):
    """`case severity grave, topic medical`: pairs of an attribute and a value."""

    values: list[tuple[str, str]]


class ExpectLine(_Line, frozen=True, tag_field="line", tag="expect"):
    """`expect harm over autonomy`."""

    expected: Expectation


class TableLine(_Line, frozen=True, tag_field="line", tag="table"):
    """`table severity, topic | expect`; its rows are the lines below."""

    columns: list[str]


class RowLine(_Line, frozen=True, tag_field="line", tag="row"):
    """`grave, weapons | harm over autonomy; harm.weapons applies`."""

    cells: list[str]
    expected: list[Expectation]


class UnderLine(_Line, frozen=True, tag_field="line", tag="under"):
    """`under harm.weapons at least 70%`; its texts are the lines below."""

    principle: str
    at_least: str | None = None


class CommentLine(_Line, frozen=True, tag_field="line", tag="comment"):
    """A comment on a line of its own, with its `#`."""

    text: str


Line: TypeAlias = (
    FieldLine | AppliesLine | BetweenLine | WhenLine | OtherwiseLine | CaseLine | ExpectLine | TableLine | RowLine
    | UnderLine | CommentLine
)  # fmt: skip


# --- blocks ---------------------------------------------------------------------------------------


class _Block(_Part, frozen=True, kw_only=True):
    """`remark` is a comment at the end of the header; `blank_above` matters below a comment only."""

    remark: str = ""
    blank_above: bool = False
    lines: list[Line] = []


class Edition(_Block, frozen=True, tag_field="block", tag="edition"):
    """`edition 2026`."""

    year: Number


class Constitution(_Block, frozen=True, tag_field="block", tag="constitution"):
    """`constitution house 1.0.0 "Title"`."""

    id: str
    version: str
    title: str | None = None


class Use(_Block, frozen=True, tag_field="block", tag="use"):
    """`use std/cases`."""

    path: str


class Attribute(_Block, frozen=True, tag_field="block", tag="attribute"):
    """`attribute severity "Question?"`."""

    id: str
    title: str | None = None


class Category(_Block, frozen=True, tag_field="block", tag="category"):
    """`category harm "Title"`."""

    id: str
    title: str | None = None


class Principle(_Block, frozen=True, tag_field="block", tag="principle"):
    """`principle harm.weapons "Title"`."""

    id: str
    title: str | None = None


class Tension(_Block, frozen=True, tag_field="block", tag="tension"):
    """`tension safety-over-autonomy`."""

    id: str


class Sampling(_Block, frozen=True, tag_field="block", tag="sampling"):
    """`sampling revision`."""

    stage: str


class Example(_Block, frozen=True, tag_field="block", tag="example"):
    """`example harm.weapons`."""

    target: str


class Retired(_Block, frozen=True, tag_field="block", tag="retired"):
    """`retired principle harm.insults since 0.9.0 replaced by harm.respect`."""

    kind: str
    id: str
    since: str
    replaced_by: str | None = None


class Template(_Block, frozen=True, tag_field="block", tag="template"):
    """`template critique from "critique.j2"`."""

    kind: str
    path: str


class Test(_Block, frozen=True, tag_field="block", tag="test"):
    """`test "title"`."""

    __test__ = False

    title: str


class Comment(_Block, frozen=True, tag_field="block", tag="comment"):
    """A comment between blocks, with its `#`."""

    text: str


Block: TypeAlias = (
    Edition | Constitution | Use | Attribute | Category | Principle | Tension | Sampling | Example | Retired | Template
    | Test | Comment
)  # fmt: skip


class Document(_Part, frozen=True):
    """A whole file."""

    format: Literal["constitution-program"]
    version: Literal[1]
    blocks: list[Block]
