"""Cases: which principles apply in one, and what the tensions decide there.

A case is a value for each attribute. Two principles stand in at most one tension: the most specific of those
whose sides hold them, where a side that is a principle is more specific than one that is its category. A side is
in play for a principle where one of its principles applies in the case and the tension governs the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

from constitution_lang.ir.model import (
    AllOf,
    AnyOf,
    Attribute,
    Bundle,
    Compare,
    Condition,
    Not,
    Prefer,
    Principle,
    Rule,
    Tension,
)
from constitution_lang.ir.space import Space

__all__ = [
    "Case", "CaseError", "Decision", "applicable", "attributes_of", "cases", "complete", "decide", "decisions",
    "governing", "holds", "space_of", "variants", "yields",
]  # fmt: skip

Case: TypeAlias = Mapping[str, str]
"""Attribute id to value."""

Governing: TypeAlias = Mapping[tuple[str, str], Tension]
"""The tension of each ordered pair of principle ids: the first is on the first side. One order of a pair is kept."""


class CaseError(ValueError):
    """A case names an attribute or a value that the constitution does not declare. The text says what there is."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a tension decides in a case. `index` is the rule's, from 0.

    `pairs` are the ids that it governs and that both apply: a principle of the first side, one of the second.
    """

    tension: Tension
    index: int
    rule: Rule
    pairs: tuple[tuple[str, str], ...]

    @property
    def first(self) -> frozenset[str]:
        """Principles of the first side that stand against one of the second here."""
        return frozenset(p for p, _ in self.pairs)

    @property
    def second(self) -> frozenset[str]:
        """Principles of the second side that stand against one of the first here."""
        return frozenset(q for _, q in self.pairs)


def complete(bundle: Bundle, case: Case) -> dict[str, str]:
    """The case with every attribute, in the bundle's order; what is missing takes its default.

    Raises:
        CaseError: the case has an attribute or a value that is not declared.
    """
    declared = {a.id: a for a in bundle.attributes}
    for id, value in case.items():
        attribute = declared.get(id)
        if attribute is None:
            names = ", ".join(declared) or "none"
            raise CaseError(f"no attribute is called {id!r}; declared are: {names}")
        if value not in attribute.values:
            raise CaseError(f"{id!r} cannot be {value!r}; its values are: {', '.join(attribute.values)}")
    return {id: case.get(id, a.default) for id, a in declared.items()}


def holds(condition: Condition, case: Case) -> bool:
    """Whether the condition is true. The case has to have every attribute that the condition names."""
    match condition:
        case Compare(attribute, values):
            return case[attribute] in values
        case AllOf(operands):
            return all(holds(c, case) for c in operands)
        case AnyOf(operands):
            return any(holds(c, case) for c in operands)
        case Not(operand):
            return not holds(operand, case)


def applicable(bundle: Bundle, case: Case) -> tuple[Principle, ...]:
    """The principles that apply, in the bundle's order."""
    whole = complete(bundle, case)
    return tuple(p for p in bundle.principles if holds(p.applies, whole))


def governing(bundle: Bundle) -> Governing:
    """The tension that decides each pair of principles; pairs that none speaks of are absent.

    Where two are equally specific, which the compiler reports, the first by id decides.
    """
    kept = bundle.__dict__.get("_governing")  # beside the Bundle's own cached lookups: it is asked for every case
    if kept is None:
        kept = bundle.__dict__["_governing"] = _govern(bundle)
    governed: Governing = kept
    return governed


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


def _betters(bundle: Bundle) -> Mapping[str, Sequence[tuple[str, Tension, Principle]]]:
    """For each principle the sides that some rule prefers to its own, and who stands for them against it."""
    kept = bundle.__dict__.get("_betters")
    if kept is None:
        made: dict[str, list[tuple[str, Tension, Principle]]] = {}
        for pair, tension in governing(bundle).items():
            preferred = {rule.outcome.side for rule in tension.rules if isinstance(rule.outcome, Prefer)}
            for own, other in ((0, 1), (1, 0)):
                if tension.sides[other] in preferred:
                    better = (tension.sides[other], tension, bundle.principle(pair[other]))
                    made.setdefault(pair[own], []).append(better)
        kept = bundle.__dict__["_betters"] = made
    found: Mapping[str, Sequence[tuple[str, Tension, Principle]]] = kept
    return found


def decide(tension: Tension, case: Case) -> tuple[int, Rule]:
    """The first rule whose condition holds, and its index from 0. The case has to be complete.

    Raises:
        CaseError: no rule holds; a tension of the compiler always ends in one that does.
    """
    for index, rule in enumerate(tension.rules):
        if holds(rule.condition, case):
            return index, rule
    raise CaseError(f"no rule of tension {tension.id!r} holds; it needs an 'otherwise'")


def decisions(bundle: Bundle, case: Case, among: Iterable[str] | None = None) -> tuple[Decision, ...]:
    """What each tension decides whose sides are both in play, by tension id.

    `among` are the principle ids to look at, all that apply where it is None.
    """
    whole = complete(bundle, case)
    ids = {p.id for p in bundle.principles if holds(p.applies, whole)} if among is None else set(among)
    pairs: dict[str, list[tuple[str, str]]] = {}
    for (first, second), tension in governing(bundle).items():
        if first in ids and second in ids:
            pairs.setdefault(tension.id, []).append((first, second))
    return tuple(
        Decision(t, *decide(t, whole), tuple(sorted(pairs[t.id])))
        for t in sorted(bundle.tensions, key=lambda t: t.id)
        if t.id in pairs
    )


def yields(bundle: Bundle, principle: Principle, case: Case) -> tuple[str, ...]:
    """The sides that come before this principle in this case, sorted: what chooses the variant of its prompts.

    `bundle.prompt(kind, principle.id, yields(bundle, principle, case))` is the prompt.
    """
    whole = complete(bundle, case)
    over: set[str] = set()
    for side, tension, other in _betters(bundle).get(principle.id, ()):
        if side not in over and holds(other.applies, whole) and decide(tension, whole)[1].outcome == Prefer(side):
            over.add(side)
    return tuple(sorted(over))


def variants(bundle: Bundle, principle: Principle, at_most: int | None = None) -> tuple[tuple[str, ...], ...]:
    """Every value that `yields` takes in a case in which the principle applies, sorted; `()` is always one.

    The prompts of a bundle do not matter, so a bundle without prompts can be asked which ones it needs. With
    `at_most` the search ends at the first one above: so more than `at_most` says that there are too many.
    """
    space = space_of(bundle)
    before: dict[str, set[int]] = {}
    decides: dict[tuple[str, str], int] = {}
    for side, tension, other in _betters(bundle).get(principle.id, ()):
        asked = (side, tension.id)
        if asked not in decides:
            fires = zip(space.fires(tension), tension.rules, strict=True)
            decides[asked] = space.any_of(at for at, rule in fires if _prefers(rule, side))
        # Principles under equal conditions are one and the same question: a set.
        before.setdefault(side, set()).add(space.all_of((space.literal(other.applies), decides[asked])))
    sides = sorted(before)
    if not sides:
        return ((),)
    found: set[tuple[str, ...]] = {()}
    comes_first = [space.any_of(sorted(before[side])) for side in sides]
    for truths in space.truths(comes_first, space.literal(principle.applies)):
        found.add(tuple(side for side, true in zip(sides, truths, strict=True) if true))
        if at_most is not None and len(found) > at_most:
            break
    return tuple(sorted(found))


def _prefers(rule: Rule, side: str) -> bool:
    return isinstance(rule.outcome, Prefer) and rule.outcome.side == side


def space_of(bundle: Bundle) -> Space:
    """The bundle's cases as propositions, kept with it: what one question made the next one finds."""
    kept = bundle.__dict__.get("_space")
    if kept is None:
        kept = bundle.__dict__["_space"] = Space(bundle.attributes)
    space: Space = kept
    return space


def attributes_of(condition: Condition) -> frozenset[str]:
    """The attributes that a condition names."""
    match condition:
        case Compare(attribute, _):
            return frozenset({attribute})
        case AllOf(operands) | AnyOf(operands):
            return frozenset().union(*(attributes_of(c) for c in operands))
        case Not(operand):
            return attributes_of(operand)


def cases(attributes: Iterable[Attribute]) -> Iterator[dict[str, str]]:
    """Every case of these attributes; the last attribute varies fastest."""
    listed = tuple(attributes)
    ids = tuple(a.id for a in listed)
    for values in product(*(a.values for a in listed)):
        yield dict(zip(ids, values, strict=True))
