"""Tensions: two sides that share nothing, outcomes about these two, and no pair decided twice."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from constitution_lang.check.bounds import check_weight
from constitution_lang.check.program import CheckedTension
from constitution_lang.check.suggest import did_you_mean
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Label
from constitution_lang.ir.groups import categories_of
from constitution_lang.syntax import nodes

__all__ = ["check_pairs", "check_tension", "overlap"]


def check_tension(tension: nodes.TensionBlock, known: Collection[str]) -> Iterator[Diagnostic]:
    """One tension by itself. `known` are the categories and principles: about other sides it is told already."""
    for rule in tension.rules:
        yield from _weights(rule.outcome)
    if len(tension.sides) == 2 and all(side.text in known for side in tension.sides):
        if overlap(tension):
            yield from _disjoint(tension)
            return  # what the rules name is held against two sides, and only one is known
        for rule in tension.rules:
            yield from _outcome(tension, rule.outcome)


def _weights(outcome: nodes.Outcome) -> Iterator[Diagnostic]:
    if isinstance(outcome, nodes.Weigh):
        for _, weight in outcome.sides:
            yield from check_weight(weight, "a weight", "to let one side win, write `prefer`")


def overlap(tension: nodes.TensionBlock) -> bool:
    """Whether its two sides are one, or one is a part of the other."""
    low, high = sorted(side.text for side in tension.sides)
    return low == high or _within(high, low)


def _disjoint(tension: nodes.TensionBlock) -> Iterator[Diagnostic]:
    first, second = tension.sides
    low, high = sorted((first.text, second.text))
    if low == high:
        yield codes.E503.at(second.span, f"`{high}` is on both sides", help="name the other side")
    else:
        yield codes.E503.at(
            second.span,
            f"`{high}` belongs to `{low}`: the two sides overlap",
            secondary=(Label(first.span, "the other side"),),
            help="write a tension between two principles, or between two categories",
        )


def _outcome(tension: nodes.TensionBlock, outcome: nodes.Outcome) -> Iterator[Diagnostic]:
    sides = [side.text for side in tension.sides]
    listed = " and ".join(f"`{side}`" for side in sides)
    match outcome:
        case nodes.Prefer(side):
            if side.text not in sides:
                yield _not_a_side(tension, side, listed)
        case nodes.Weigh(weights):
            for side, _ in weights:
                if side.text not in sides:
                    yield _not_a_side(tension, side, listed)
            named = [side.text for side, _ in weights]
            if set(named) <= set(sides) and sorted(named) != sorted(sides):
                yield codes.E501.at(
                    outcome.span,
                    "`weigh` has to name each of the two sides once",
                    secondary=(Label(tension.sides[0].span.to(tension.sides[1].span), "the sides"),),
                    help=f"write `weigh {sides[0]} 2, {sides[1]} 1`",
                )
        case nodes.Abstain():
            pass


def _not_a_side(tension: nodes.TensionBlock, side: nodes.Name, listed: str) -> Diagnostic:
    return codes.E501.at(
        side.span,
        f"`{side.text}` is not a side of `{tension.name.text}`",
        secondary=(Label(tension.sides[0].span.to(tension.sides[1].span), "the sides"),),
        **did_you_mean(side.span, side.text, (one.text for one in tension.sides), f"the sides are {listed}"),
    )


def check_pairs(tensions: Mapping[str, CheckedTension]) -> Iterator[Diagnostic]:
    """No two tensions between the same sides, and none that cross without one being more specific."""
    known: dict[frozenset[str], list[CheckedTension]] = {}
    decided = {tension.sides for tension in tensions.values()}
    for tension in tensions.values():
        beside = known.setdefault(categories_of(tension.sides), [])
        for other in beside:
            if tension.sides == other.sides:
                yield codes.E502.at(
                    tension.block.name.span,
                    f"`{tension.block.name.text}` decides the same pair as `{other.block.name.text}`",
                    secondary=(Label(other.block.name.span, "the other one"),),
                    help="put the rules of both into one tension: the first that holds decides",
                )
            elif (crossing := _crossing(tension.sides, other.sides)) and crossing not in decided:
                yield codes.E502.at(
                    tension.block.name.span,
                    f"`{tension.block.name.text}` and `{other.block.name.text}` both decide "
                    f"`{crossing[0]}` against `{crossing[1]}`, and neither is more specific",
                    secondary=(Label(other.block.name.span, "the other one"),),
                    help=f"add a tension `between {crossing[0]} and {crossing[1]}`",
                )
        beside.append(tension)


def _crossing(one: tuple[str, str], two: tuple[str, str]) -> tuple[str, str] | None:
    """The two principles that both pairs of sides hold, each with one principle and the other's category."""
    for i in (0, 1):
        for j in (0, 1):
            narrow, wide = one[i], one[1 - i]
            if _within(narrow, two[j]) and _within(two[1 - j], wide):
                low, high = sorted((narrow, two[1 - j]))
                return low, high
    return None


def _within(narrow: str, wide: str) -> bool:
    return narrow.startswith(wide + ".")
