"""The syntax tree: what a file says, block by block, with the place of every part.

Nothing is resolved here: a name is the text that was written. Only `from_text` builds these nodes
and only `to_text` writes them out.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from constitution_lang.source import Source, Span
from constitution_lang.syntax.expectations import (
    CaseLine,
    Expect,
    ExpectAbstain,
    ExpectApplies,
    ExpectDecides,
    ExpectOver,
    ExpectShare,
    ExpectWeigh,
    ModelCase,
    Table,
    TableRow,
    TestBlock,
)
from constitution_lang.syntax.leaves import (
    Comment,
    Field,
    Name,
    Number,
    Percent,
    Prose,
    ShareBound,
    Text,
    Value,
    Version,
    WordRange,
)

__all__ = [
    "HEADER",
    "TITLE",
    "UNREAD",
    "Abstain",
    "And",
    "AttributeBlock",
    "BinaryTest",
    "Block",
    "CaseLine",
    "CategoryBlock",
    "Comment",
    "Condition",
    "ConstitutionLine",
    "EditionLine",
    "ExampleBlock",
    "Expect",
    "ExpectAbstain",
    "ExpectApplies",
    "ExpectDecides",
    "ExpectOver",
    "ExpectShare",
    "ExpectWeigh",
    "Field",
    "FileTree",
    "MemberTest",
    "ModelCase",
    "Name",
    "Not",
    "Number",
    "Or",
    "Outcome",
    "Percent",
    "Prefer",
    "PrincipleBlock",
    "Prose",
    "RetiredLine",
    "Rule",
    "SamplingBlock",
    "ShareBound",
    "Table",
    "TableRow",
    "TemplateLine",
    "TensionBlock",
    "TestBlock",
    "Text",
    "UseLine",
    "Value",
    "Version",
    "Weigh",
    "WordRange",
]  # fmt: skip


# --- conditions ---------------------------------------------------------------------------------


class BinaryTest(msgspec.Struct, frozen=True, gc=False):
    """`severity >= serious`; `operator` is one of `is`, `is not`, `<`, `<=`, `>`, `>=`."""

    attribute: Name
    operator: str
    value: Name
    span: Span


class MemberTest(msgspec.Struct, frozen=True, gc=False):
    """`topic is one of medical, legal`."""

    attribute: Name
    values: tuple[Name, ...]
    span: Span


class Not(msgspec.Struct, frozen=True, gc=False):
    """`not C`."""

    operand: Condition
    span: Span


class And(msgspec.Struct, frozen=True, gc=False):
    """`C and D …`."""

    operands: tuple[Condition, ...]
    span: Span


class Or(msgspec.Struct, frozen=True, gc=False):
    """`C or D …`."""

    operands: tuple[Condition, ...]
    span: Span


Condition: TypeAlias = BinaryTest | MemberTest | Not | And | Or


# --- fields and blocks --------------------------------------------------------------------------


class EditionLine(msgspec.Struct, frozen=True):
    """`edition 2026`."""

    year: Number
    span: Span


class ConstitutionLine(msgspec.Struct, frozen=True):
    """`constitution house-assistant 1.0.0 "Title"`, with optional fields below (`owner:`)."""

    name: Name
    version: Version
    title: Text | None
    fields: tuple[Field, ...]
    span: Span


class UseLine(msgspec.Struct, frozen=True):
    """`use std/cases` (the library) or `use ./topics/medical` (beside the file, without `.const`)."""

    path: Name
    span: Span


class AttributeBlock(msgspec.Struct, frozen=True):
    """`attribute severity "Question?"` with `levels:` or `one of:`, and `default:`."""

    name: Name
    question: Text | None
    fields: tuple[Field, ...]
    span: Span


class CategoryBlock(msgspec.Struct, frozen=True):
    """`category harm "Title"` with `weight:`, `share:`, `statement:`, `formerly:`, `owner:`."""

    name: Name
    title: Text | None
    fields: tuple[Field, ...]
    span: Span


class PrincipleBlock(msgspec.Struct, frozen=True):
    """`principle harm.weapons "Title"` with `applies when …` and its fields."""

    name: Name
    title: Text | None
    applies: Condition | None
    fields: tuple[Field, ...]
    span: Span


class Prefer(msgspec.Struct, frozen=True, gc=False):
    """`prefer harm`."""

    side: Name
    span: Span


class Weigh(msgspec.Struct, frozen=True, gc=False):
    """`weigh harm 2, autonomy 1`."""

    sides: tuple[tuple[Name, Number], ...]
    span: Span


class Abstain(msgspec.Struct, frozen=True, gc=False):
    """`abstain`."""

    span: Span


Outcome: TypeAlias = Prefer | Weigh | Abstain


class Rule(msgspec.Struct, frozen=True, gc=False):
    """`when C: outcome`, or `otherwise: outcome` where `condition` is None."""

    condition: Condition | None
    outcome: Outcome
    span: Span


class TensionBlock(msgspec.Struct, frozen=True):
    """`tension id`, `between A and B`, rules, `because:` and other fields."""

    name: Name
    sides: tuple[Name, ...]
    rules: tuple[Rule, ...]
    fields: tuple[Field, ...]
    span: Span


class SamplingBlock(msgspec.Struct, frozen=True):
    """`sampling revision` or `sampling preference`, and its fields."""

    stage: Name
    fields: tuple[Field, ...]
    span: Span


class ExampleBlock(msgspec.Struct, frozen=True):
    """`example harm.weapons`, or `example revision` / `example preference` for every principle."""

    target: Name
    fields: tuple[Field, ...]
    span: Span


class RetiredLine(msgspec.Struct, frozen=True):
    """`retired principle harm.insults since 0.9.0 replaced by harm.respect`."""

    kind: Name
    name: Name
    since: Version
    replaced_by: Name | None
    span: Span


class TemplateLine(msgspec.Struct, frozen=True):
    """`template critique from "critique.j2"`."""

    kind: Name
    path: Text
    span: Span


Block: TypeAlias = (
    EditionLine | ConstitutionLine | UseLine | AttributeBlock | CategoryBlock | PrincipleBlock | TensionBlock
    | SamplingBlock | ExampleBlock | RetiredLine | TemplateLine | TestBlock
)  # fmt: skip


UNREAD = ""
"""The text of a name that stands for one which can't be read."""
HEADER = "(header)"
"""What is lost where the name of a block can't be read."""
TITLE = "(title)"
"""What is lost where its first line can't be read in full."""


class FileTree(msgspec.Struct, frozen=True):
    """One parsed file. A block that did not parse is absent here and present as a diagnostic.

    `broken` holds the names of such blocks, as far as they can be made out: that a name of them is
    unknown would be a consequence and not a finding. `mended` are such blocks as far as they can be read, for checks
    to look at; `lost` says for a block, by its place, of which keys and openings something could not be read, also
    where that is only a value of the wrong kind.
    """

    source: Source
    blocks: tuple[Block, ...]
    comments: tuple[Comment, ...]
    broken: tuple[Name, ...] = ()
    whole: bool = False
    """Whether all of the text is known to be in `blocks`, so that nobody has to look for names in the rest."""
    mended: tuple[Block, ...] = ()
    lost: tuple[tuple[Span, frozenset[str]], ...] = ()
