"""What is wrong with `test` blocks by themselves; whether their expectations hold is found out by running them."""

from __future__ import annotations

from collections.abc import Iterator

from constitution_lang.check.conditions import ConditionChecker
from constitution_lang.check.fields import Fields
from constitution_lang.check.program import Declarations
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Label
from constitution_lang.syntax import nodes

__all__ = ["check_tests"]


def check_tests(declared: Declarations, conditions: ConditionChecker) -> Iterator[Diagnostic]:
    """Attributes and values of cases, which `conditions` collects, what a case or table names twice, and pairs."""
    for test in declared.tests:
        for case, _ in test.cases:
            named = [attribute for attribute, _ in case.values if attribute.text in declared.attributes]
            yield from _twice(named, "the case", "write a second `case` line")
        for table in test.tables:
            columns = [column for column in table.columns if column.text in declared.attributes]
            yield from _twice(columns, "the table", "delete one of the two columns")
        for case, expectations in test.all_cases():
            for attribute, value in case.values:
                conditions.value(attribute, value)
            for expect in expectations:
                yield from _two_sides(expect)
        for model in test.models:
            yield from _pair(model, known=not declared.may_be_lost(test, "under"))


def _twice(attributes: list[nodes.Name], what: str, remedy: str) -> Iterator[Diagnostic]:
    named: dict[str, nodes.Name] = {}
    for attribute in attributes:
        first = named.setdefault(attribute.text, attribute)
        if first is not attribute:
            help = f"{remedy} for the other value" if what == "the case" else remedy
            yield codes.E302.at(
                attribute.span,
                f"{what} names `{attribute.text}` twice",
                secondary=(Label(first.span, "the first one"),),
                help=help,
            )


def _two_sides(expect: nodes.Expect) -> Iterator[Diagnostic]:
    match expect:
        case nodes.ExpectOver(winner, loser):
            sides = [winner, loser]
        case nodes.ExpectWeigh(weights):
            sides = [side for side, _ in weights]
        case nodes.ExpectAbstain(both):
            sides = [*both]
        case _:
            return
    if len(sides) != 2 or sides[0].text == sides[1].text:
        yield codes.E501.at(
            expect.span,
            "an expectation about sides names two of them",
            help="name two different categories or principles, as in `expect weigh harm 2, autonomy 1`",
        )


def _pair(model: nodes.ModelCase, *, known: bool) -> Iterator[Diagnostic]:
    """What is wrong with a pair; `known` where it is known that all of it belongs together."""
    if model.at_least and not 0.5 <= model.at_least.value <= 1:
        yield codes.E305.at(
            model.at_least.span,
            "the better answer gets at least 50%, and at most 100%",
            help="write, for example, `at least 70%`; with nothing written, more than half is enough",
        )
    fields = Fields(model.fields)
    better, worse = fields.prose("better"), fields.prose("worse")
    if known and isinstance(better, nodes.Prose) and isinstance(worse, nodes.Prose) and better.lines == worse.lines:
        yield codes.E602.at(
            worse.span,
            "the worse answer is the better one, word for word",
            secondary=(Label(better.span, "the better answer"),),
            help="write two answers of which the principle prefers the first",
        )
