"""A block without the lines in which something is beyond reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from msgspec import structs

from constitution_lang.source import Span
from constitution_lang.syntax import nodes as n

__all__ = ["without"]

_Placed = TypeVar("_Placed", n.Field, n.Expect)


def without(block: n.Block, beyond: list[Span], lost: set[str]) -> n.Block | None:
    """The block without what holds one of these places, whose keys and openings go into `lost`.

    None where it is a line of its own.
    """

    def holds(span: Span) -> bool:
        return any(span.start <= one.start and one.end <= span.end for one in beyond)

    def kept(all_: Iterable[_Placed]) -> tuple[_Placed, ...]:
        lost.update(one.key.text if isinstance(one, n.Field) else "expect" for one in all_ if holds(one.span))
        return tuple(one for one in all_ if not holds(one.span))

    match block:
        case n.TensionBlock(rules=rules, fields=fields):
            lost.update("when" for rule in rules if holds(rule.span))
            rules = tuple(rule for rule in rules if not holds(rule.span))
            return structs.replace(block, rules=rules, fields=kept(fields))
        case n.PrincipleBlock(applies=applies, fields=fields):
            if applies and holds(applies.span):
                lost.add("applies when")
                applies = None
            return structs.replace(block, applies=applies, fields=kept(fields))
        case n.AttributeBlock() | n.CategoryBlock() | n.SamplingBlock() | n.ExampleBlock():
            return structs.replace(block, fields=kept(block.fields))
        case n.TestBlock(cases=cases, tables=tables, models=models):
            cases = tuple((case, kept(expected)) for case, expected in cases)
            models = tuple(
                structs.replace(one, at_least=None) if one.at_least and holds(one.at_least.span) else one
                for one in models
            )
            tables = tuple(
                structs.replace(
                    table, rows=tuple(structs.replace(row, expected=kept(row.expected)) for row in table.rows)
                )
                for table in tables
            )
            return structs.replace(block, cases=cases, tables=tables, models=models)
        case _:
            return None
