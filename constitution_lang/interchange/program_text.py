"""From the parts of the exported form to lines of the language."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, isfinite

from constitution_lang.diagnostics.numbers import plain
from constitution_lang.interchange import program_schema as s
from constitution_lang.syntax.forms import BLOCKS, ValueKind

__all__ = ["text_lines"]


def text_lines(document: s.Document) -> Iterator[tuple[str, str]]:
    """Each line of the file beside the path of the part that it comes from."""
    for index, block in enumerate(document.blocks):
        path = f"blocks[{index}]"
        if block.blank_above:
            yield path, ""
        remark = f"  {block.remark}" if block.remark else ""
        yield path, _header(block) + remark
        keyword = f"sampling {block.stage}" if isinstance(block, s.Sampling) else str(block.__struct_config__.tag)
        for number, line in enumerate(block.lines):
            for written in _line(keyword, line):
                yield f"{path}.lines[{number}]", written


def _header(block: s.Block) -> str:  # noqa: C901, PLR0911, PLR0912 - one for each kind
    match block:
        case s.Comment():
            return block.text
        case s.Edition():
            return f"edition {_spelt(block.year)}"
        case s.Constitution():
            return f"constitution {block.id} {block.version}{_title(block.title)}"
        case s.Use():
            return f"use {block.path}"
        case s.Attribute():
            return f"attribute {block.id}{_title(block.title)}"
        case s.Category():
            return f"category {block.id}{_title(block.title)}"
        case s.Principle():
            return f"principle {block.id}{_title(block.title)}"
        case s.Tension():
            return f"tension {block.id}"
        case s.Sampling():
            return f"sampling {block.stage}"
        case s.Example():
            return f"example {block.target}"
        case s.Retired():
            replaced = f" replaced by {block.replaced_by}" if block.replaced_by is not None else ""
            return f"retired {block.kind} {block.id} since {block.since}{replaced}"
        case s.Template():
            return f'template {block.kind} from "{block.path}"'
        case s.Test():
            return f"test{_title(block.title)}"


def _title(title: str | None) -> str:
    return "" if title is None else f' "{title}"'


def _spelt(value: float) -> str:
    try:
        number = float(value)
    except OverflowError:
        number = inf
    return plain(number) if isfinite(number) else "9" * 400  # which the language says has too many digits


def _line(keyword: str, line: s.Line) -> Iterator[str]:
    if line.blank_above:
        yield ""
    remark = f"  {line.remark}" if line.remark else ""
    if isinstance(line, s.FieldLine):
        form = BLOCKS[keyword].field(line.key) if keyword in BLOCKS else None
        if form and form.kind is ValueKind.PROSE and isinstance(line.value, str):
            yield f"  {line.key}:{remark}"
            yield from (f"  {comment}" for comment in line.comments)
            yield from (f"    {one}" if one else "" for one in line.value.split("\n"))
        else:
            yield f"  {line.key}: {_value(form.kind if form else None, line.value)}{remark}"
    elif isinstance(line, s.RowLine):
        yield f"    {', '.join(line.cells)} | {'; '.join(map(_expectation, line.expected))}{remark}"
    else:
        yield f"  {_opening(line)}{remark}"


def _opening(line: s.Line) -> str:  # noqa: C901, PLR0911 - one for each kind
    match line:
        case s.AppliesLine():
            return f"applies when {_condition(line.condition)}"
        case s.BetweenLine():
            return f"between {line.sides[0]} and {line.sides[1]}"
        case s.WhenLine():
            return f"when {_condition(line.condition)}: {_outcome(line.outcome)}"
        case s.OtherwiseLine():
            return f"otherwise: {_outcome(line.outcome)}"
        case s.CaseLine():
            return f"case {', '.join(' '.join(pair) for pair in line.values)}".rstrip()
        case s.ExpectLine():
            return f"expect {_expectation(line.expected)}"
        case s.TableLine():
            return f"table {', '.join(line.columns)} | expect"
        case s.UnderLine():
            return f"under {line.principle}" + (f" at least {line.at_least}" if line.at_least else "")
        case s.CommentLine():
            return line.text
        case s.FieldLine() | s.RowLine():
            raise AssertionError("these have a form of their own")


def _value(kind: ValueKind | None, value: s.Value) -> str:
    match value:
        case s.Bounds() if kind is ValueKind.RANGE:
            return f"{value.low} to {value.high}"
        case s.Bounds():
            return _bounds(value)
        case list():
            return (" < " if kind is ValueKind.LEVELS else ", ").join(value)
        case str():
            return f'"{value}"' if kind is ValueKind.TEXT else value
        case _:
            return _spelt(value)


def _bounds(bound: s.Bounds) -> str:
    stage = f" in {bound.stage}" if bound.stage else ""
    if bound.low is not None and bound.high is not None:
        return f"{bound.low} to {bound.high}{stage}"
    return f"at least {bound.low}{stage}" if bound.low is not None else f"at most {bound.high}{stage}"


def _condition(condition: s.Condition) -> str:
    match condition:
        case s.Comparison():
            return f"{condition.attribute} {condition.operator} {condition.value}"
        case s.OneOf():
            return f"{condition.attribute} is one of {', '.join(condition.values)}"
        case s.Unless(of=s.OneOf(attribute=attribute, values=values)):
            return f"{attribute} is not one of {', '.join(values)}"
        case s.Unless():
            return f"not {_operand(condition.of)}"
        case s.All():
            return " and ".join(map(_operand, condition.of))
        case s.AnyOf():
            return " or ".join(map(_operand, condition.of))


def _operand(condition: s.Condition) -> str:
    spelt = _condition(condition)
    return f"({spelt})" if isinstance(condition, s.All | s.AnyOf) else spelt


def _weigh(sides: list[tuple[str, int | float]]) -> str:
    return f"weigh {', '.join(f'{side} {_spelt(weight)}' for side, weight in sides)}"


def _outcome(outcome: s.Outcome) -> str:
    match outcome:
        case s.Prefers():
            return f"prefer {outcome.side}"
        case s.Weighs():
            return _weigh(outcome.sides)
        case s.Abstains():
            return "abstain"


def _expectation(expect: s.Expectation) -> str:
    match expect:
        case s.Over():
            return f"{expect.winner} over {expect.loser}"
        case s.WeighExpected():
            return _weigh(expect.sides)
        case s.AbstainExpected():
            return f"abstain between {expect.sides[0]} and {expect.sides[1]}"
        case s.Applies():
            return f"{expect.principle} {'applies' if expect.applies else 'does not apply'}"
        case s.Shares():
            return f"{expect.target} {_bounds(expect.bound)}"
        case s.Decides():
            return f"rule {_spelt(expect.rule)} of {expect.tension}"
