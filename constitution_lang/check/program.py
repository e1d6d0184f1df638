"""A checked constitution: every name resolved, every value in its bounds. Lowering it can not fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from constitution_lang.ir import model as ir
from constitution_lang.source import Span
from constitution_lang.syntax import nodes

__all__ = [
    "CheckedAttribute", "CheckedPrinciple", "CheckedProgram", "CheckedRule", "CheckedTension", "Declarations", "Named",
]  # fmt: skip


Named: TypeAlias = nodes.AttributeBlock | nodes.CategoryBlock | nodes.PrincipleBlock | nodes.TensionBlock
"""A block that declares an id."""


class Declarations(msgspec.Struct, frozen=True):
    """Everything that the files declare, each id once, before any value is looked at.

    `broken` are the ids that a block seems to declare that could not be parsed: a reference to one of
    them is a consequence of an error that is told already.
    """

    files: tuple[nodes.FileTree, ...]
    edition: nodes.EditionLine | None
    constitution: nodes.ConstitutionLine | None
    attributes: dict[str, nodes.AttributeBlock]
    categories: dict[str, nodes.CategoryBlock]
    principles: dict[str, nodes.PrincipleBlock]
    tensions: dict[str, nodes.TensionBlock]
    sampling: dict[str, nodes.SamplingBlock]
    templates: dict[str, nodes.TemplateLine]
    retired: dict[str, nodes.RetiredLine]
    examples: tuple[nodes.ExampleBlock, ...]
    tests: tuple[nodes.TestBlock, ...]
    broken: frozenset[str]
    repeated: tuple[Named | nodes.SamplingBlock, ...]
    """Blocks whose id another one has, or whose id cannot be read: they declare nothing, and what is wrong with them
    is told all the same."""
    lost: Mapping[Span, frozenset[str]]
    """By the place of a block the keys and openings of its lines that could not be read: nothing is said that depends
    on them."""
    incomplete: bool
    """A used file could not be read, so that an unknown name may be one of its."""

    def may_be_lost(self, block: nodes.Block, *openings: str) -> bool:
        """Whether a line of a block that begins like one of these may be there, and could not be read."""
        lost = self.lost.get(block.span)
        return lost is not None and not lost.isdisjoint((*openings, ""))


class CheckedAttribute(msgspec.Struct, frozen=True):
    """An attribute, with its values in order."""

    block: nodes.AttributeBlock
    kind: ir.AttributeKind
    values: tuple[str, ...]
    default: str


class CheckedPrinciple(msgspec.Struct, frozen=True):
    """A principle, its category and when it applies."""

    block: nodes.PrincipleBlock
    category: str
    applies: ir.Condition


class CheckedRule(msgspec.Struct, frozen=True):
    """A rule with its condition resolved."""

    rule: nodes.Rule
    condition: ir.Condition


class CheckedTension(msgspec.Struct, frozen=True):
    """A tension; `sides` are sorted."""

    block: nodes.TensionBlock
    sides: tuple[str, str]
    rules: tuple[CheckedRule, ...]


class CheckedProgram(msgspec.Struct, frozen=True):
    """What lowering starts from."""

    files: tuple[nodes.FileTree, ...]
    edition: int
    constitution: nodes.ConstitutionLine
    attributes: Mapping[str, CheckedAttribute]
    categories: Mapping[str, nodes.CategoryBlock]
    principles: Mapping[str, CheckedPrinciple]
    tensions: Mapping[str, CheckedTension]
    sampling: Mapping[ir.Stage, nodes.SamplingBlock]
    examples: tuple[nodes.ExampleBlock, ...]
    retired: tuple[nodes.RetiredLine, ...]
    tests: tuple[nodes.TestBlock, ...]
