"""Which tension decides between two principles, in two versions and in the names of the new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import structs

from constitution_lang.diff.pairing import Pairing
from constitution_lang.ir.groups import governing
from constitution_lang.ir.model import Bundle, Principle, Tension

__all__ = ["Governed", "Pairs", "governed_pairs"]


@dataclass(frozen=True, slots=True)
class Governed:
    """The tension of a pair of principles, and whether the lesser of the two ids is on its first side."""

    tension: Tension = field(hash=False)
    straight: bool


Pairs = Mapping[tuple[str, str], Governed]
"""By two new ids of principles, the lesser first. Pairs with a principle that is gone are not among them.

A principle that is new is held against what the old tensions would have decided of it: what they would is told with the
principle, and what is different with the tension.
"""


def governed_pairs(pairing: Pairing) -> tuple[Pairs, Pairs]:
    """The pairs of both versions."""
    came = [p for p in pairing.added() if p.id not in pairing.names]
    before = _governed(_with(pairing, came), {**pairing.names, **{p.id: p.id for p in came}})
    after = _governed(pairing.new, {p.id: p.id for p in (*came, *(new for _, new in pairing.principles.values()))})
    return before, after


def _with(pairing: Pairing, came: Sequence[Principle]) -> Bundle:
    """The old version with the principles of the new one beside its own, in its own names of categories."""
    back = {now: was for was, now in pairing.names.items()}
    more = (structs.replace(p, category=back.get(p.category, p.category)) for p in came)
    principles = tuple(sorted((*pairing.old.principles, *more), key=lambda p: p.id))
    known = {c.id for c in pairing.old.categories}
    categories = (*pairing.old.categories, *(c for c in pairing.added_categories() if c.id not in known))
    return structs.replace(pairing.old, principles=principles, categories=categories)


def _governed(bundle: Bundle, names: Mapping[str, str]) -> dict[tuple[str, str], Governed]:
    found = {}
    for (first, second), tension in governing(bundle).items():
        if first in names and second in names:
            one, other = names[first], names[second]
            found[min(one, other), max(one, other)] = Governed(tension, one < other)
    return found
