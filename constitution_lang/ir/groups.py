"""Who stands against whom: the tension that decides between two principles, and groups that no tension tells apart.

Two principles stand in at most one tension: the most specific of those whose sides hold them, where a side that is a
principle is more specific than one that is its category.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TypeAlias

from msgspec import structs

from constitution_lang.ir.model import Bundle, Prefer, Principle, Tension

__all__ = ["Better", "Governing", "betters", "categories_of", "governing", "governing_groups", "group_of", "groups"]

Governing: TypeAlias = Mapping[tuple[str, str], Tension]
"""The tension of each ordered pair of ids: the first is on the first side. One order of a pair is kept."""

Better: TypeAlias = tuple[str, Tension, tuple[Principle, ...]]
"""A side that some rule prefers, the tension, and the principles that stand for the side."""


def groups(bundle: Bundle) -> Mapping[str, tuple[Principle, ...]]:
    """A bundle's principles in groups that tensions cannot tell apart.

    A principle that some tension names is a group of its own, under its id; the others of a category are one, under
    the category's id.
    """
    kept = bundle.__dict__.get("_groups")  # beside the Bundle's own cached lookups: it is asked for every case
    if kept is None:
        named = {side for tension in bundle.tensions for side in tension.sides}
        made: dict[str, list[Principle]] = {}
        for principle in bundle.principles:
            group = principle.id if principle.id in named else principle.category
            made.setdefault(group, []).append(principle)
        kept = bundle.__dict__["_groups"] = {group: tuple(members) for group, members in made.items()}
    found: Mapping[str, tuple[Principle, ...]] = kept
    return found


def group_of(bundle: Bundle) -> Mapping[str, str]:
    """The group of each principle, by their ids."""
    kept = bundle.__dict__.get("_group_of")
    if kept is None:
        kept = bundle.__dict__["_group_of"] = {
            p.id: group for group, members in groups(bundle).items() for p in members
        }
    found: Mapping[str, str] = kept
    return found


def governing(bundle: Bundle) -> Governing:
    """The tension that decides each pair of principles; pairs that none speaks of are absent.

    Where two are equally specific, which the compiler reports, the first by id decides.
    """
    kept = bundle.__dict__.get("_governing")
    if kept is None:
        kept = bundle.__dict__["_governing"] = _govern(bundle)
    governed: Governing = kept
    return governed


def governing_groups(bundle: Bundle) -> Governing:
    """The same for groups: what decides between two of them decides between any principles of the one and the other."""
    kept = bundle.__dict__.get("_governing_groups")
    if kept is None:
        standing = {members[0].id: group for group, members in groups(bundle).items()}
        small = structs.replace(bundle, principles=tuple(members[0] for members in groups(bundle).values()))
        kept = {(standing[first], standing[second]): tension for (first, second), tension in _govern(small).items()}
        bundle.__dict__["_governing_groups"] = kept
    governed: Governing = kept
    return governed


def betters(bundle: Bundle) -> Mapping[str, Sequence[Better]]:
    """For the principles of each group the sides that some rule prefers to their own."""
    kept = bundle.__dict__.get("_betters")
    if kept is None:
        made: dict[str, list[Better]] = {}
        members = groups(bundle)
        for pair, tension in governing_groups(bundle).items():
            preferred = {rule.outcome.side for rule in tension.rules if isinstance(rule.outcome, Prefer)}
            for own, other in ((0, 1), (1, 0)):
                if tension.sides[other] in preferred:
                    made.setdefault(pair[own], []).append((tension.sides[other], tension, members[pair[other]]))
        kept = bundle.__dict__["_betters"] = made
    found: Mapping[str, Sequence[Better]] = kept
    return found


def _govern(bundle: Bundle) -> dict[tuple[str, str], Tension]:
    members: dict[str, list[str]] = {c.id: [] for c in bundle.categories}
    for principle in bundle.principles:
        members[principle.category].append(principle.id)
        members[principle.id] = [principle.id]
    best: dict[frozenset[str], tuple[int, tuple[str, str], Tension]] = {}
    categories = {c.id for c in bundle.categories}
    for tension in sorted(bundle.tensions, key=lambda t: t.id):
        specific = sum(side not in categories for side in tension.sides)
        for pair in product(members[tension.sides[0]], members[tension.sides[1]]):
            if pair[0] == pair[1]:  # a principle against its own category: not against itself
                continue
            known = best.get(frozenset(pair))
            if known is None or known[0] < specific:
                best[frozenset(pair)] = (specific, pair, tension)
    return {pair: tension for _, pair, tension in best.values()}


def categories_of(sides: Sequence[str]) -> frozenset[str]:
    """The categories of two sides. Where those of two tensions differ, neither decides what the other does."""
    return frozenset(side.partition(".")[0] for side in sides)
