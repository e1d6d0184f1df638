"""What is wrong with `test` blocks by themselves; whether their expectations hold is found out by running them."""

from __future__ import annotations

from collections.abc import Iterator

from constitution_lang.check.bounds import check_share, check_weight
from constitution_lang.check.conditions import ConditionChecker
from constitution_lang.check.fields import Fields
from constitution_lang.check.program import Declarations
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Label
from constitution_lang.syntax import nodes

__all__ = ["check_tests"]


def check_tests(declared: Declarations, conditions: ConditionChecker) -> Iterator[Diagnostic]:
    """Attributes and values of cases, which `conditions` collects, what a case or table names twice, and pairs."""
    titles: dict[str, nodes.Text] = {}
    for test in declared.tests:
        unread = nodes.HEADER in declared.lost.get(test.span, ())
        first = test.title if unread else titles.setdefault(test.title.value, test.title)
        if first is not test.title:
            yield codes.E202.at(
                test.title.span,
                f'`test "{test.title.value}"` stands here a second time',
                secondary=(Label(first.span, "the first one"),),
                help="give one of the two another title: a test is known by it",
            )
        for case, _ in test.cases:
            named = [attribute for attribute, _ in case.values if attribute.text in declared.attributes]
            yield from _twice(named, "the case", "write a second `case` line")
        for table in test.tables:
            columns = [column for column in table.columns if column.text in declared.attributes]
            yield from _twice(columns, "the table", "delete one of the two columns")
        for case, expectations in test.all_cases():
            for attribute, value in case.values:
                conditions.value(attribute, value, beside=case.span.start <= attribute.span.start)
            for expect in expectations:
                yield from _expectation(expect)
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


def _expectation(expect: nodes.Expect) -> Iterator[Diagnostic]:
    """What could never hold."""
    match expect:
        case nodes.ExpectOver(winner, loser):
            yield from _two_sides(expect, [winner, loser])
        case nodes.ExpectWeigh(weights):
            yield from _two_sides(expect, [side for side, _ in weights])
            for _, weight in weights:
                yield from check_weight(weight, "a weight", "where one side wins, write `expect harm over autonomy`")
        case nodes.ExpectAbstain(both):
            yield from _two_sides(expect, [*both])
        case nodes.ExpectShare(bound=bound):
            yield from check_share(bound)


def _two_sides(expect: nodes.Expect, sides: list[nodes.Name]) -> Iterator[Diagnostic]:
    names = sorted(side.text for side in sides)
    if len(names) != 2 or names[0] == names[1]:
        yield codes.E501.at(
            expect.span,
            "an expectation about sides names two of them",
            help="name two different categories or principles, as in `expect weigh harm 2, autonomy 1`",
        )
    elif names[1].startswith(f"{names[0]}."):
        yield codes.E503.at(
            expect.span,
            f"`{names[1]}` belongs to `{names[0]}`: the two sides overlap",
            help="name two principles, or two categories",
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
