"""The words of a difference: numbers, lists, cases, conditions and outcomes as a sentence has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher

from constitution_lang.diff.counts import CasePairs, Moved, Movement
from constitution_lang.ir.model import (
    ALWAYS,
    AllOf,
    AnyOf,
    Attribute,
    AttributeKind,
    Compare,
    Condition,
    Not,
    Prefer,
    Weigh,
)

__all__ = [
    "LEAST", "condition_words", "count_words", "declared", "draws_of", "in_case", "lines_apart", "listed",
    "moving_words", "number", "outcome_words", "pairs_of", "percent", "percents",
]  # fmt: skip

LEAST = 5e-7
"""A share that moves by less is not told."""
_VALUES_SHOWN = 8
_EXACT_TO = 10**15
"""From here on a number may be given as a power of ten."""


def listed(words: Iterable[str], last: str = "and", at_most: int | None = None) -> str:
    """`a, b and c`; with `at_most` the rest is counted: `a, b and 7 more`."""
    all_ = list(words)
    shown = all_
    if at_most is not None and len(all_) > at_most:
        shown = [*all_[:at_most], f"{len(all_) - at_most} more"]
        last = "and"
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} {last} {shown[-1]}"


def lines_apart(before: str, after: str) -> list[tuple[str, str]]:
    """The lines that two texts do not share in one order, with `-` for the old one and `+` for the new one."""
    old, new = before.splitlines(), after.splitlines()
    found = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            found += [*(("-", line) for line in old[a:b]), *(("+", line) for line in new[c:d])]
    return found


def percent(share: float) -> str:
    """A share with one digit, and with more where it is small and not nothing: `12.5%`, `0.04%`."""
    if share in (0, 1):
        return f"{share:.0%}"
    for digits in range(1, 7):
        shown = f"{share:.{digits}%}"
        if (share < 0.5 and float(shown[:-1]) != 0) or (share >= 0.5 and float(shown[:-1]) != 100):
            return shown
    return shown


def percents(before: float, after: float) -> tuple[str, str]:
    """Two shares that are not the same, with as many digits as it takes to tell them apart."""
    told = percent(before), percent(after)
    for digits in range(1, 9):
        if before == after or told[0] != told[1]:
            break
        told = f"{before:.{digits}%}", f"{after:.{digits}%}"
    return told


def declared(share: float) -> str:
    """A share as a constitution declares it, with all of its digits."""
    return f"{100 * share:.12g}%"


def number(value: float, *, roughly: bool = False) -> str:
    """A number without needless digits; integers in groups of three, `roughly` as a power of ten where long."""
    if isinstance(value, int):
        return f"about 10^{len(str(value)) - 1}" if roughly and value >= _EXACT_TO else f"{value:,}"
    shown = f"{value:.10g}"
    return shown if float(shown) == value else repr(value)


def count_words(changed: int | None, total: int, *, brief: bool = False) -> str:
    """How many of all cases, in words; `brief` says no more than that."""
    if changed is None:
        return "cases that are too entangled to be counted"
    if changed == total:
        return "every case"
    if not changed and total == 1:
        return "no case"
    if brief:
        return f"{number(changed, roughly=True)} case{'' if changed == 1 else 's'}"
    share = f" ({percent(changed / total)})" if changed else ""
    return f"{number(changed) if changed else 'none'} of {number(total, roughly=True)} cases{share}"


def pairs_of(case: Mapping[str, str]) -> CasePairs:
    """A case as sorted pairs."""
    return tuple(sorted(case.items()))


def in_case(case: CasePairs, defaults: CasePairs) -> str:
    """What of a case is not the default, or its beginning where that is much."""
    if not case:
        return "in every case"
    usual = dict(defaults)
    unusual = [f"{id} is {value}" for id, value in case if usual.get(id) != value]
    if not unusual:
        return "where every attribute has its default"
    return f"where {listed(unusual, at_most=_VALUES_SHOWN)}"


def moving_words(movement: Iterable[Movement], defaults: CasePairs) -> list[str]:
    """Where draws move, how many at most: `up to 9.7% of revision draws and first preference draws (where …)`."""
    found: dict[tuple[str, str], list[str]] = {}
    for m in movement:
        if m.greatest.share <= LEAST:
            continue
        share, where, case = percent(m.greatest.share), "", in_case(m.greatest.case, defaults)
        if not m.exact:
            most = f"the most of {number(m.looked_at)} cases" if m.looked_at > 1 else "the one case"
            where = f" ({case}, {most} looked at)"
        elif m.least.share != m.greatest.share:
            share, where = f"up to {share}", f" ({case})"
        found.setdefault((share, where), []).append(draws_of(m.stage, m.greatest))
    return [f"{share} of {listed(draws)}{where}" for (share, where), draws in found.items()]


def draws_of(stage: str, moved: Moved) -> str:
    """`revision draws`, or `first preference draws` where the share is of these."""
    return f"{'first ' if moved.first else ''}{stage} draws"


def condition_words(condition: Condition, attributes: Mapping[str, Attribute]) -> str:
    """A condition as a constitution would write it; `always` and `never` where it is that."""
    return _condition(condition, attributes, inside=False)


def _condition(condition: Condition, attributes: Mapping[str, Attribute], *, inside: bool) -> str:
    match condition:
        case Compare(id, values):
            return _compare(id, values, attributes.get(id))
        case AllOf(operands) | AnyOf(operands):
            if not operands:
                return "always" if condition == ALWAYS else "never"
            word = "and" if isinstance(condition, AllOf) else "or"
            if len(operands) == 1:
                return _condition(operands[0], attributes, inside=inside)
            text = f" {word} ".join(_condition(c, attributes, inside=True) for c in operands)
            return f"({text})" if inside else text
        case Not(operand):
            return f"not {_condition(operand, attributes, inside=True)}"


def _compare(id: str, values: tuple[str, ...], attribute: Attribute | None) -> str:
    if len(values) == 1:
        return f"{id} is {values[0]}"
    if attribute is not None:
        declared = attribute.values
        named = tuple(v for v in declared if v in values)
        if attribute.kind is AttributeKind.LEVELS and named and len(named) < len(declared):
            if named == declared[-len(named) :]:
                return f"{id} >= {named[0]}"
            if named == declared[: len(named)]:
                return f"{id} <= {named[-1]}"
        left = [v for v in declared if v not in values]
        if len(left) == 1:
            return f"{id} is not {left[0]}"
    return f"{id} is {listed(values, 'or')}" if values else f"{id} is nothing"


def outcome_words(outcome: object, sides: tuple[str, str]) -> str:
    """An outcome as a constitution would write it. `sides` in the order of its weights; None is no tension."""
    if isinstance(outcome, Prefer):
        return f"prefer {outcome.side}"
    if isinstance(outcome, Weigh):
        return f"weigh {sides[0]} {number(outcome.first)}, {sides[1]} {number(outcome.second)}"
    return "no tension speaks" if outcome is None else "abstain"
