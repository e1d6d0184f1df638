"""Cases: which principles apply in one, and what the tensions decide there.

A case is a value for each attribute. A side is in play for a principle where one of its principles applies in the
case and the tension governs the two (`groups`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import TypeAlias

import msgspec

from constitution_lang.ir.groups import betters, governing_groups, group_of, groups
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
    "holds", "space_of", "variants", "yields",
]  # fmt: skip

Case: TypeAlias = Mapping[str, str]
"""Attribute id to value."""


class CaseError(ValueError):
    """A case names an attribute or a value that the constitution does not declare. The text says what there is."""


class Decision(msgspec.Struct, frozen=True):
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
    there = {group: [p.id for p in members if p.id in ids] for group, members in groups(bundle).items()}
    for (first, second), tension in governing_groups(bundle).items():
        if there[first] and there[second]:
            pairs.setdefault(tension.id, []).extend(product(there[first], there[second]))
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
    for side, tension, others in betters(bundle).get(group_of(bundle)[principle.id], ()):
        if side not in over and decide(tension, whole)[1].outcome == Prefer(side):
            over |= {side} if any(holds(other.applies, whole) for other in others) else set()
    return tuple(sorted(over))


def variants(bundle: Bundle, principle: Principle, at_most: int | None = None) -> tuple[tuple[str, ...], ...]:
    """Every value that `yields` takes in a case in which the principle applies, sorted; `()` is always one.

    The prompts of a bundle do not matter, so a bundle without prompts can be asked which ones it needs. With
    `at_most` the search ends at the first one above: so more than `at_most` says that there are too many.
    """
    group = group_of(bundle)[principle.id]
    space = space_of(bundle)
    # Principles of one group under equal conditions are one and the same question.
    known: dict[object, tuple[tuple[str, ...], ...]] = bundle.__dict__.setdefault("_variants", {})
    asked = (group, applies := space.literal(principle.applies), at_most)
    if asked not in known:
        before = _before(bundle, group)
        found: set[tuple[str, ...]] = {()}
        for truths in space.truths(tuple(before.values()), applies) if before else ():
            found.add(tuple(side for side, true in zip(before, truths, strict=True) if true))
            if at_most is not None and len(found) > at_most:
                break
        known[asked] = tuple(sorted(found))
    return known[asked]


def _before(bundle: Bundle, group: str) -> Mapping[str, int]:
    """The sides that may come before the principles of a group, in order, with when they do."""
    space = space_of(bundle)
    known: dict[str, dict[str, int]] = bundle.__dict__.setdefault("_before", {})
    if group not in known:
        when: dict[str, list[int]] = {}
        for side, tension, others in betters(bundle).get(group, ()):
            fires = zip(space.fires(tension), tension.rules, strict=True)
            decides = space.any_of(at for at, rule in fires if _prefers(rule, side))
            applies = space.any_of({space.literal(other.applies): None for other in others})
            when.setdefault(side, []).append(space.all_of((applies, decides)))
        known[group] = {side: space.any_of(when[side]) for side in sorted(when)}
    return known[group]


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
