"""From the syntax tree of a formatted file to the parts of the exported form."""

from __future__ import annotations

from collections.abc import Iterator

from constitution_lang.interchange import program_schema as s
from constitution_lang.source import Span
from constitution_lang.syntax import nodes as n
from constitution_lang.syntax.spelling import spell_percent

__all__ = ["dump_block", "dump_lines"]


def dump_block(block: n.Block, *, lines: list[s.Line], remark: str, blank: bool) -> s.Block:  # noqa: C901, PLR0911
    """A block with its lines."""
    match block:
        case n.EditionLine():
            return s.Edition(year=_number(block.year), remark=remark, blank_above=blank, lines=lines)
        case n.ConstitutionLine():
            return s.Constitution(
                id=block.name.text, version=block.version.text, title=block.title.value if block.title else None,
                remark=remark, blank_above=blank, lines=lines,
            )  # fmt: skip
        case n.UseLine():
            return s.Use(path=block.path.text, remark=remark, blank_above=blank, lines=lines)
        case n.AttributeBlock():
            title = block.question.value if block.question else None
            return s.Attribute(id=block.name.text, title=title, remark=remark, blank_above=blank, lines=lines)
        case n.CategoryBlock():
            title = block.title.value if block.title else None
            return s.Category(id=block.name.text, title=title, remark=remark, blank_above=blank, lines=lines)
        case n.PrincipleBlock():
            title = block.title.value if block.title else None
            return s.Principle(id=block.name.text, title=title, remark=remark, blank_above=blank, lines=lines)
        case n.TensionBlock():
            return s.Tension(id=block.name.text, remark=remark, blank_above=blank, lines=lines)
        case n.SamplingBlock():
            return s.Sampling(stage=block.stage.text, remark=remark, blank_above=blank, lines=lines)
        case n.ExampleBlock():
            return s.Example(target=block.target.text, remark=remark, blank_above=blank, lines=lines)
        case n.RetiredLine():
            replaced = block.replaced_by.text if block.replaced_by else None
            return s.Retired(
                kind=block.kind.text, id=block.name.text, since=block.since.text, replaced_by=replaced,
                remark=remark, blank_above=blank, lines=lines,
            )  # fmt: skip
        case n.TemplateLine():
            return s.Template(
                kind=block.kind.text, path=block.path.value, remark=remark, blank_above=blank, lines=lines
            )
        case n.TestBlock():
            return s.Test(title=block.title.value, remark=remark, blank_above=blank, lines=lines)


def dump_lines(block: n.Block) -> Iterator[tuple[Span, s.Line]]:
    """The lines below a header, each with its place."""
    match block:
        case n.PrincipleBlock(applies=condition) if condition is not None:
            yield condition.span, s.AppliesLine(condition=_condition(condition))
        case n.TensionBlock():
            if block.sides:
                first, second = block.sides
                yield first.span, s.BetweenLine(sides=(first.text, second.text))
            for rule in block.rules:
                outcome = _outcome(rule.outcome)
                yield (
                    rule.span,
                    (
                        s.WhenLine(condition=_condition(rule.condition), outcome=outcome)
                        if rule.condition
                        else s.OtherwiseLine(outcome=outcome)
                    ),
                )
        case n.TestBlock():
            yield from _test_lines(block)
        case _:
            pass
    if not isinstance(block, n.EditionLine | n.UseLine | n.RetiredLine | n.TemplateLine | n.TestBlock):
        yield from map(_field, block.fields)


def _test_lines(block: n.TestBlock) -> Iterator[tuple[Span, s.Line]]:
    for case, expected in block.cases:
        yield case.span, s.CaseLine(values=[(attribute.text, value.text) for attribute, value in case.values])
        for one in expected:
            yield one.span, s.ExpectLine(expected=_expectation(one))
    for table in block.tables:
        yield table.span, s.TableLine(columns=_texts(table.columns))
        for row in table.rows:
            yield row.span, s.RowLine(cells=_texts(row.cells), expected=[_expectation(one) for one in row.expected])
    for model in block.models:
        at_least = spell_percent(model.at_least) if model.at_least else None
        yield model.span, s.UnderLine(principle=model.principle.text, at_least=at_least)
        yield from map(_field, model.fields)


def _texts(names: tuple[n.Name, ...]) -> list[str]:
    return [name.text for name in names]


def _number(number: n.Number) -> int | float:
    return int(number.value) if number.value.is_integer() else number.value


def _field(one: n.Field) -> tuple[Span, s.Line]:
    return one.span, s.FieldLine(key=one.key.text, value=_value(one.value))


def _value(value: n.Value) -> s.Value:  # noqa: PLR0911 - one for each kind
    match value:
        case n.Number():
            return _number(value)
        case n.Percent():
            return spell_percent(value)
        case n.WordRange():
            return s.Bounds(low=spell_percent(value.low), high=spell_percent(value.high))
        case n.Text():
            return value.value
        case n.Prose():
            return "\n".join(value.lines)
        case n.Name():
            return value.text
        case n.ShareBound():
            return _bounds(value)
        case tuple():
            return _texts(value)


def _bounds(bound: n.ShareBound) -> s.Bounds:
    low, high = (spell_percent(side) if side else None for side in (bound.low, bound.high))
    return s.Bounds(low=low, high=high, stage=bound.stage.text if bound.stage else None)


def _condition(condition: n.Condition) -> s.Condition:
    match condition:
        case n.BinaryTest():
            return s.Comparison(
                attribute=condition.attribute.text,
                operator=condition.operator,  # type: ignore[arg-type]  # the grammar has no others
                value=condition.value.text,
            )
        case n.MemberTest():
            return s.OneOf(attribute=condition.attribute.text, values=_texts(condition.values))
        case n.Not():
            return s.Unless(of=_condition(condition.operand))
        case n.And():
            return s.All(of=[_condition(operand) for operand in condition.operands])
        case n.Or():
            return s.AnyOf(of=[_condition(operand) for operand in condition.operands])


def _sides(sides: tuple[tuple[n.Name, n.Number], ...]) -> list[tuple[str, int | float]]:
    return [(side.text, _number(weight)) for side, weight in sides]


def _outcome(outcome: n.Outcome) -> s.Outcome:
    match outcome:
        case n.Prefer():
            return s.Prefers(side=outcome.side.text)
        case n.Weigh():
            return s.Weighs(sides=_sides(outcome.sides))
        case n.Abstain():
            return s.Abstains()


def _expectation(expect: n.Expect) -> s.Expectation:
    match expect:
        case n.ExpectOver():
            return s.Over(winner=expect.winner.text, loser=expect.loser.text)
        case n.ExpectWeigh():
            return s.WeighExpected(sides=_sides(expect.sides))
        case n.ExpectAbstain():
            first, second = expect.sides
            return s.AbstainExpected(sides=(first.text, second.text))
        case n.ExpectApplies():
            return s.Applies(principle=expect.principle.text, applies=expect.applies)
        case n.ExpectShare():
            return s.Shares(target=expect.target.text, bound=_bounds(expect.bound))
        case n.ExpectDecides():
            return s.Decides(rule=_number(expect.rule), tension=expect.tension.text)
