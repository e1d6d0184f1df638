"""What a constitution decides, in sentences for people who read no code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from constitution_lang.ir.model import (
    ALWAYS,
    AllOf,
    AnyOf,
    Attribute,
    AttributeKind,
    Compare,
    Condition,
    Not,
    Outcome,
    Prefer,
    ShareBound,
    Stage,
    Weigh,
)

__all__ = ["bound_in_words", "condition_in_words", "outcome_in_words", "percent"]


def condition_in_words(condition: Condition, attributes: Mapping[str, Attribute]) -> str:
    """`severity is serious or higher, and topic is weapons`; empty where the condition always holds."""
    return "" if condition == ALWAYS else _words(condition, attributes, nested=False)


def outcome_in_words(outcome: Outcome, sides: tuple[str, str]) -> str:
    """What a rule decides between two titles, as the second half of a sentence."""
    first, second = sides
    match outcome:
        case Prefer():
            raise ValueError("a preference names an id, and only the caller knows its title")
        case Weigh(one, other) if one == other:
            return f"{first} and {second} count the same."
        case Weigh(one, other) if one and other:
            more, less = (first, second) if one > other else (second, first)
            return f"both count, {more} {_times(max(one, other) / min(one, other))} as much as {less}."
        case Weigh(one, _):
            return f"only {first if one else second} counts."
        case _:
            return (
                f"neither comes first. Where {first} and {second} disagree about two answers, a person looks at them."
            )


def bound_in_words(bound: ShareBound) -> str:
    """A declared share, as the second half of a sentence."""
    stages = "" if len(bound.stages) == len(Stage) else f", in {_listed([s.value for s in bound.stages], 'and')}"
    if bound.low <= 0:
        return f"at most {percent(bound.high)}{stages}"
    if bound.high >= 1:
        return f"at least {percent(bound.low)}{stages}"
    return f"{percent(bound.low)} to {percent(bound.high)}{stages}"


def percent(share: float) -> str:
    """As people write it: no digit more than tells something."""
    points = share * 100
    if 0 < points < 1:
        return f"{points:.1f}%" if points >= 0.1 else "under 0.1%"
    return f"{points:.0f}%"


def _words(condition: Condition, attributes: Mapping[str, Attribute], *, nested: bool) -> str:
    match condition:
        case Compare(attribute, values):
            return f"{attribute} {_value(attributes[attribute], values)}"
        case Not(operand):
            return f"it is not so that {_words(operand, attributes, nested=True)}"
        case AllOf(operands) if not operands:
            return "always"
        case AnyOf(operands) if not operands:
            return "never"
        case AllOf(operands) | AnyOf(operands):
            told = [_words(operand, attributes, nested=True) for operand in operands]
            joined = " and ".join(told) if isinstance(condition, AllOf) else ", or ".join(told)
            return f"({joined})" if nested and len(operands) > 1 else joined


def _value(attribute: Attribute, values: Sequence[str]) -> str:
    chosen = [value for value in attribute.values if value in values]
    left = [value for value in attribute.values if value not in values]
    levels = attribute.kind is AttributeKind.LEVELS and len(chosen) > 1
    if not chosen or not left:
        told = "has any answer" if chosen else "is none of its answers"
    elif levels and chosen == list(attribute.values[-len(chosen) :]):
        told = f"is “{chosen[0]}” or higher"
    elif levels and chosen == list(attribute.values[: len(chosen)]):
        told = f"is “{chosen[-1]}” or lower"
    elif len(left) < len(chosen):
        told = f"is anything but {_quoted(left, 'and')}"
    else:
        told = f"is {_quoted(chosen, 'or')}"
    return told


def _quoted(values: Sequence[str], last: str) -> str:
    return _listed([f"“{value}”" for value in values], last)


def _listed(words: Sequence[str], last: str) -> str:
    *most, final = words
    return f"{', '.join(most)} {last} {final}" if most else final


def _times(ratio: float) -> str:
    return "twice" if ratio == 2 else f"{ratio:.3g} times"
