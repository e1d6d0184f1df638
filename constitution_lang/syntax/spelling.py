"""How each part of the syntax tree is spelt on one line; `to_text` puts the lines together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from constitution_lang.diagnostics.numbers import plain
from constitution_lang.syntax import nodes as n

__all__ = [
    "spell_condition",
    "spell_expect",
    "spell_number",
    "spell_outcome",
    "spell_percent",
    "spell_rows",
    "spell_text",
    "spell_value",
]


def spell_number(number: n.Number) -> str:
    """The shortest decimal that reads as this number."""
    return plain(number.value)


def spell_percent(percent: n.Percent) -> str:
    """`5%` for 0.05."""
    return f"{plain(percent.value, tens=2)}%"


def spell_value(key: str, value: n.Value) -> str:  # noqa: PLR0911 - one for each kind
    """A value that stands on the line of its key."""
    match value:
        case n.Number():
            return spell_number(value)
        case n.Percent():
            return spell_percent(value)
        case n.WordRange():
            return f"{spell_percent(value.low)} to {spell_percent(value.high)}"
        case n.Text():
            return spell_text(value)
        case n.Name():
            return value.text
        case n.ShareBound():
            return _share(value)
        case tuple():
            return (" < " if key == "levels" else ", ").join(name.text for name in value)
        case n.Prose():
            raise AssertionError("a text stands below its key")


def spell_text(text: n.Text) -> str:
    """A text in its quotes."""
    return f'"{text.value}"'


def _share(bound: n.ShareBound) -> str:
    stage = f" in {bound.stage.text}" if bound.stage else ""
    if bound.low and bound.high:
        return f"{spell_percent(bound.low)} to {spell_percent(bound.high)}{stage}"
    if bound.low:
        return f"at least {spell_percent(bound.low)}{stage}"
    assert bound.high
    return f"at most {spell_percent(bound.high)}{stage}"


def spell_condition(condition: n.Condition) -> str:
    """A condition, with parentheses where they are needed to read it back as it is."""
    match condition:
        case n.BinaryTest():
            return f"{condition.attribute.text} {condition.operator} {condition.value.text}"
        case n.MemberTest():
            return _member(condition, "is one of")
        case n.Not(operand=n.MemberTest() as member):
            return _member(member, "is not one of")
        case n.Not():
            return f"not {_operand(condition.operand, (n.And, n.Or))}"
        case n.And():
            return " and ".join(_operand(operand, (n.And, n.Or)) for operand in condition.operands)
        case n.Or():
            return " or ".join(_operand(operand, (n.Or,)) for operand in condition.operands)


def _member(test: n.MemberTest, operator: str) -> str:
    return f"{test.attribute.text} {operator} {', '.join(name.text for name in test.values)}"


def _operand(condition: n.Condition, grouped: tuple[type, ...]) -> str:
    spelt = spell_condition(condition)
    return f"({spelt})" if isinstance(condition, grouped) else spelt


def spell_outcome(outcome: n.Outcome) -> str:
    """`prefer harm`, `weigh harm 2, autonomy 1` or `abstain`."""
    match outcome:
        case n.Prefer():
            return f"prefer {outcome.side.text}"
        case n.Weigh():
            return _weigh(outcome.sides)
        case n.Abstain():
            return "abstain"


def _weigh(sides: tuple[tuple[n.Name, n.Number], ...]) -> str:
    return f"weigh {', '.join(f'{side.text} {spell_number(weight)}' for side, weight in sides)}"


def spell_expect(expect: n.Expect) -> str:
    """What follows the word `expect`."""
    match expect:
        case n.ExpectOver():
            return f"{expect.winner.text} over {expect.loser.text}"
        case n.ExpectWeigh():
            return _weigh(expect.sides)
        case n.ExpectAbstain():
            return f"abstain between {expect.sides[0].text} and {expect.sides[1].text}"
        case n.ExpectApplies():
            return f"{expect.principle.text} {'applies' if expect.applies else 'does not apply'}"
        case n.ExpectShare():
            return f"{expect.target.text} {_share(expect.bound)}"
        case n.ExpectDecides():
            return f"rule {spell_number(expect.rule)} of {expect.tension.text}"


def spell_rows(rows: Sequence[n.TableRow]) -> list[str]:
    """The rows of a table, one cell below the other."""
    widths: list[int] = []
    for row in rows:
        cells = _cells(row)
        widths = [max(pair) for pair in zip_longest(widths, map(len, cells), fillvalue=0)]
    return [
        f"{' '.join(cell.ljust(width) for cell, width in zip(_cells(row), widths, strict=False))}"
        f" | {'; '.join(map(spell_expect, row.expected))}"
        for row in rows
    ]


def _cells(row: n.TableRow) -> list[str]:
    return [*(f"{cell.text}," for cell in row.cells[:-1]), row.cells[-1].text]
