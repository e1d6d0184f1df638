"""What tensions decide, as functions of the case: of one version, and of two beside each other.

attributes = united(old.attributes, new.attributes)
diagram = Diagram(attributes, about=[*conditions(old), *conditions(new)])
both = diagram.and_(diagram.declared(old.attributes), diagram.declared(new.attributes))
before, after = (between(diagram, bundle, "harm.weapons", "autonomy.choice") for bundle in (old, new))
before == after                                   # the two versions decide alike in every case
for change in changes(diagram, before, after, both):
    change.before, change.after, change.cases, change.case
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import NamedTuple, TypeAlias

from msgspec import structs

from constitution_lang.analysis.diagram import NO, YES, Diagram, Node
from constitution_lang.ir.groups import governing
from constitution_lang.ir.model import Attribute, Bundle, Condition, Outcome, Prefer, Tension, Weigh

__all__ = ["Change", "between", "changes", "conditions", "firing", "outcome", "united"]

Decided: TypeAlias = Outcome | None
"""None where nothing is decided: one of the two does not apply, or no tension speaks of them."""


class Change(NamedTuple):
    """Two values of two functions, in how many cases they stand beside each other, and one of these."""

    before: Hashable
    after: Hashable
    cases: int
    case: dict[str, str]


def united(old: Iterable[Attribute], new: Iterable[Attribute]) -> tuple[Attribute, ...]:
    """The attributes of two versions, by id. One that both have is the new one, the old one's other values last."""
    found = {a.id: a for a in old}
    for attribute in new:
        known = found.get(attribute.id)
        gone = () if known is None else tuple(v for v in known.values if v not in attribute.values)
        found[attribute.id] = structs.replace(attribute, values=attribute.values + gone)
    return tuple(found[id] for id in sorted(found))


def conditions(bundle: Bundle) -> Iterator[Condition]:
    """Every condition of a constitution, for a diagram to order its attributes by."""
    for principle in bundle.principles:
        yield principle.applies
    for tension in bundle.tensions:
        for rule in tension.rules:
            yield rule.condition


def firing(diagram: Diagram, tension: Tension) -> tuple[Node, ...]:
    """For each rule where it decides: it holds, and no earlier one does."""
    found, left = [], YES
    for rule in tension.rules:
        holds = diagram.of(rule.condition)
        found.append(diagram.and_(left, holds))
        left = diagram.and_(left, diagram.not_(holds))
    return tuple(found)


def outcome(diagram: Diagram, tension: Tension, names: tuple[str, str] | None = None) -> Node:
    """The outcome of a tension in every case, whether or not its sides are in play.

    `names` are what its two sides are called in the outcomes, in the order of `tension.sides`; by themselves where it
    is None. `Weigh` has the multiplier of the lesser name first, so that the order of the sides makes no difference.
    """
    named = names or tension.sides
    found = diagram.constant(None)
    for fires, rule in zip(firing(diagram, tension), tension.rules, strict=True):
        found = diagram.choose(fires, diagram.constant(_called(rule.outcome, tension.sides, named)), found)
    return found


def between(diagram: Diagram, bundle: Bundle, first: str, second: str) -> Node:
    """What is decided between two principles (ids) in every case, with `first` and `second` as the sides' names.

    `Weigh` has the multiplier of the lesser id first. None where one of the two is not there or does not apply, or no
    tension governs them; so the function changes also where their conditions do.
    """
    ids = {p.id: p for p in bundle.principles}
    nothing = diagram.constant(None)
    if first not in ids or second not in ids:
        return nothing
    governed = governing(bundle)
    pair = (first, second) if (first, second) in governed else (second, first)
    tension = governed.get(pair)
    if tension is None:
        return nothing
    play = diagram.and_(diagram.of(ids[first].applies), diagram.of(ids[second].applies))
    return diagram.choose(play, outcome(diagram, tension, pair), nothing)


def changes(diagram: Diagram, before: Node, after: Node, within: Node = YES) -> list[Change]:
    """In which way two functions differ, and in how many of the cases `within`: the most frequent change first."""
    differ = diagram.and_(diagram.xor(before, after), within)
    if differ == NO:
        return []
    both = diagram.choose(differ, diagram.apply(_both, before, after), diagram.constant(None))
    found = []
    for value, number in diagram.counts(both).items():
        case = diagram.witness(both, value)
        if isinstance(value, tuple) and case is not None:
            found.append(Change(value[0], value[1], number, case))
    return sorted(found, key=lambda change: (-change.cases, list(change.case.items())))


def _both(before: Hashable, after: Hashable) -> Hashable:
    return (before, after)


def _called(decided: Outcome, sides: tuple[str, str], names: tuple[str, str]) -> Outcome:
    match decided:
        case Prefer(side):
            return Prefer(names[sides.index(side)])
        case Weigh(first, second) if names[0] > names[1]:
            return Weigh(second, first)
    return decided
