"""What is left open or said twice: categories that meet with no tension, tensions that differ from a wider one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

import msgspec

from constitution_lang.analysis.play import Play
from constitution_lang.ir.groups import categories_of
from constitution_lang.ir.model import Outcome, Prefer, Tension, Weigh

__all__ = ["Difference", "Meeting", "differences", "gathered", "meetings", "undrawable"]


class Meeting(msgspec.Struct, frozen=True):
    """A case in which a principle of each of two categories applies and no tension speaks of the two."""

    categories: tuple[str, str]
    principles: tuple[str, str]
    case: dict[str, str]


class Difference(msgspec.Struct, frozen=True):
    """A case in which a tension decides otherwise than the wider one that it wins over. Rules are from 0."""

    narrow: Tension
    wide: Tension
    rules: tuple[int, int]
    case: dict[str, str]


def undrawable(play: Play) -> tuple[str, ...]:
    """The principles that apply in no case."""
    literals = {p.id: play.space.literal(p.applies) for p in play.bundle.principles}
    never = {literal for literal in set(literals.values()) if not play.space.possible(literal)}
    return tuple(id for id, literal in literals.items() if literal in never)


def meetings(play: Play) -> Iterator[Meeting]:
    """For each two categories that can meet without a tension, how."""
    governed = {frozenset(pair) for pairs in play.pairs.values() for pair in pairs}
    of: dict[str, list[str]] = {}
    for group, category in play.category.items():
        of.setdefault(category, []).append(group)
    for one, other in combinations(sorted(of), 2):
        pairs = ((g, h) for g in of[one] for h in of[other] if frozenset((g, h)) not in governed)
        met = next((pair for pair in pairs if play.space.possible(play.both(pair))), None)
        if met is None:
            continue
        literal, possible = play.space.literal, play.space.possible
        first, second = next(
            (p, q)
            for p in play.groups[met[0]]
            for q in play.groups[met[1]]
            if possible(literal(p.applies), literal(q.applies))
        )
        case = play.space.witness(literal(first.applies), literal(second.applies))
        assert case is not None
        yield Meeting((one, other), (first.id, second.id), case)


def gathered(play: Play, met: Iterable[Meeting]) -> list[tuple[Meeting, ...]]:
    """Meetings by their first category, those together that one case has all of; that case is the case of each."""
    kept: list[tuple[list[Meeting], dict[int, None]]] = []
    applies = {p.id: play.space.literal(p.applies) for p in play.bundle.principles}
    for meeting in met:
        own = dict.fromkeys(applies[id] for id in meeting.principles)
        beside = (entry for entry in kept if entry[0][0].categories[0] == meeting.categories[0])
        place = next((entry for entry in beside if play.space.possible(*entry[1], *own)), None)
        if place is None:
            kept.append(([meeting], own))
        else:
            place[0].append(meeting)
            place[1].update(own)
    found = []
    for listed, literals in kept:
        case = play.space.witness(*literals)
        assert case is not None
        found.append(tuple(msgspec.structs.replace(meeting, case=case) for meeting in listed))
    return found


def differences(play: Play) -> Iterator[Difference]:
    """For each tension that wins over a wider one and can differ from it where it acts, one case."""
    between: dict[frozenset[str], list[Tension]] = {}
    for tension in play.bundle.tensions:
        between.setdefault(categories_of(tension.sides), []).append(tension)
    for narrow in play.bundle.tensions:
        for wide in between[categories_of(narrow.sides)]:
            widened = _widened(narrow, wide)
            found = None if widened is None else _difference(play, narrow, wide, widened)
            if found is not None:
                yield found


def _difference(play: Play, narrow: Tension, wide: Tension, widened: tuple[str, str]) -> Difference | None:
    fires, general, acts = play.space.fires(narrow), play.space.fires(wide), play.acts(narrow)
    for i, special in enumerate(narrow.rules):
        for j, other in enumerate(wide.rules):
            same = _oriented(special.outcome, narrow.sides, widened) == _oriented(other.outcome, wide.sides, wide.sides)
            if not same and (case := play.space.witness(fires[i], general[j], acts)) is not None:
                return Difference(narrow, wide, (i, j), case)
    return None


def _widened(narrow: Tension, wide: Tension) -> tuple[str, str] | None:
    """For each side of `narrow` the side of `wide` that holds it, where `wide` is the more general."""
    if narrow.id == wide.id or set(narrow.sides) == set(wide.sides):
        return None
    for order in (wide.sides, wide.sides[::-1]):
        pairs = list(zip(narrow.sides, order, strict=True))
        if all(side == general or side.startswith(general + ".") for side, general in pairs):
            return order[0], order[1]
    return None


def _oriented(outcome: Outcome, sides: tuple[str, str], names: tuple[str, str]) -> object:
    """The outcome with its sides under other names, so that two tensions compare."""
    if isinstance(outcome, Prefer):
        return names[sides.index(outcome.side)]
    if isinstance(outcome, Weigh):
        # Weights are multiplied by these numbers: the same ratio in other numbers moves the shares of third parties.
        return frozenset({(names[0], outcome.first), (names[1], outcome.second)})
    return outcome
