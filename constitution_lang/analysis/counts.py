"""How many cases each rule of a tension decides, without listing them.

Attribute by attribute: what is left of the conditions once a value is known. Values and orders that leave the same are
counted once, which makes a decision diagram of the tension.
"""

from __future__ import annotations

from math import prod
from typing import TypeAlias

from constitution_lang.ir.cases import attributes_of
from constitution_lang.ir.model import AllOf, AnyOf, Attribute, Bundle, Compare, Condition, Not, Tension

__all__ = ["NODES_MAX", "decided", "size"]

NODES_MAX = 20_000
"""A diagram that grows larger is given up."""
_Open: TypeAlias = Condition | bool
_Left: TypeAlias = tuple[tuple[int, _Open], ...]


class _TooLargeError(Exception):
    pass


def size(bundle: Bundle) -> int:
    """The number of cases."""
    return prod(len(a.values) for a in bundle.attributes)


def decided(bundle: Bundle, tension: Tension) -> tuple[int, ...] | None:
    """For each rule the number of cases in which it is the first that holds; None where counting is too much."""
    by_id = {a.id: a for a in bundle.attributes}
    order: dict[str, None] = {}
    for rule in tension.rules:
        order |= dict.fromkeys(sorted(attributes_of(rule.condition)))
    named = [by_id[id] for id in order]
    beside = size(bundle) // prod(len(a.values) for a in named)
    counter = _Counter(named, len(tension.rules))
    try:
        counts = counter.count(0, _trimmed(tuple((i, _now(r.condition)) for i, r in enumerate(tension.rules))))
    except _TooLargeError:
        return None
    return tuple(n * beside for n in counts)


class _Counter:
    def __init__(self, attributes: list[Attribute], rules: int) -> None:
        self.attributes = attributes
        self.rules = rules
        self.sizes = [prod(len(a.values) for a in attributes[at:]) for at in range(len(attributes) + 1)]
        self.known: dict[tuple[int, _Left], tuple[int, ...]] = {}

    def count(self, at: int, left: _Left) -> tuple[int, ...]:
        index, condition = left[0]
        if condition is True:
            return tuple(self.sizes[at] if i == index else 0 for i in range(self.rules))
        found = self.known.get((at, left))
        if found is None:
            if len(self.known) >= NODES_MAX:
                raise _TooLargeError
            attribute = self.attributes[at]
            below = [
                self.count(at + 1, _trimmed(tuple((i, _given(c, attribute.id, value)) for i, c in left)))
                for value in attribute.values
            ]
            found = self.known[at, left] = tuple(map(sum, zip(*below, strict=True)))
        return found


def _trimmed(left: _Left) -> _Left:
    """Without rules that cannot hold, and without those after one that does."""
    kept: list[tuple[int, Condition | bool]] = []
    for index, condition in left:
        if condition is not False:
            kept.append((index, condition))
        if condition is True:
            break
    return tuple(kept)


def _now(condition: Condition) -> Condition | bool:
    """True and false at once where they are plain."""
    return _given(condition, "", "")


def _given(condition: _Open, attribute: str, value: str) -> _Open:
    """What is left of a condition once an attribute has a value."""
    match condition:
        case bool():
            return condition
        case Compare():
            return value in condition.values if condition.attribute == attribute else condition
        case Not(operand):
            left = _given(operand, attribute, value)
            return not left if isinstance(left, bool) else Not(left)
        case AllOf(operands):
            return _joined(tuple(_given(c, attribute, value) for c in operands), AllOf, ends=False)
        case AnyOf(operands):
            return _joined(tuple(_given(c, attribute, value) for c in operands), AnyOf, ends=True)


def _joined(operands: tuple[Condition | bool, ...], kind: type[AllOf | AnyOf], *, ends: bool) -> Condition | bool:
    if ends in operands:
        return ends
    left = tuple(c for c in operands if not isinstance(c, bool))
    return kind(left) if left else not ends
