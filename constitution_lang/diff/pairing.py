"""What of the old version is what of the new one: the same id, or an id that the new one has `formerly` had."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import TypeVar

from constitution_lang.ir.model import Bundle, Category, Principle

__all__ = ["LIKE", "Pairing", "likeness", "pair"]

_T = TypeVar("_T", Category, Principle)

LIKE = 0.6
"""From this likeness on two texts may be one text that was edited."""
_PAIRS_MAX = 250_000
"""So many pairs of words are compared in their order."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """Old and new declarations of one thing, by new id; and what stands alone."""

    old: Bundle
    new: Bundle
    categories: dict[str, tuple[Category, Category]] = field(default_factory=dict)
    principles: dict[str, tuple[Principle, Principle]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """Old id to new id of every category and principle that is in both versions."""

    def renamed(self) -> tuple[tuple[str, str], ...]:
        """Old and new ids that are not the same."""
        return tuple(sorted((old, new) for old, new in self.names.items() if old != new))

    def side(self, old: str) -> str:
        """The new id of an old one; itself where it is gone."""
        return self.names.get(old, old)

    def added(self) -> tuple[Principle, ...]:
        """Principles that the old version lacks."""
        return tuple(p for p in self.new.principles if p.id not in self.principles)

    def removed(self) -> tuple[Principle, ...]:
        """Principles that the new version lacks."""
        return tuple(p for p in self.old.principles if p.id not in self.names)

    def added_categories(self) -> tuple[Category, ...]:
        """Categories that the old version lacks."""
        return tuple(c for c in self.new.categories if c.id not in self.categories)

    def removed_categories(self) -> tuple[Category, ...]:
        """Categories that the new version lacks."""
        return tuple(c for c in self.old.categories if c.id not in self.names)

    def like(self, old: Principle) -> Principle | None:
        """The added principle that a removed one is, by all appearances: by its name elsewhere, or by its words."""
        added = self.added()
        name = old.id.partition(".")[2]
        for new in added:
            if new.id.partition(".")[2] == name and new.category != self.side(old.category):
                return new
        best = max(((likeness(old.statement, new.statement), new.id, new) for new in added), default=None)
        return best[2] if best and best[0] >= LIKE else None


def pair(old: Bundle, new: Bundle) -> Pairing:
    """Put two versions beside each other."""
    found = Pairing(old, new)
    for category, was in _matched(old.categories, new.categories):
        found.categories[category.id] = (was, category)
        found.names[was.id] = category.id
    for principle, before in _matched(old.principles, new.principles):
        found.principles[principle.id] = (before, principle)
        found.names[before.id] = principle.id
    return found


def _matched(old: tuple[_T, ...], new: tuple[_T, ...]) -> list[tuple[_T, _T]]:
    """New and old. An id that is kept stays with its own; then former names, the latest first."""
    by_id = {node.id: node for node in old}
    kept = {node.id for node in new} & by_id.keys()
    found = [(node, by_id[node.id]) for node in new if node.id in kept]
    taken = set(kept)
    for node in new:
        if node.id in kept:
            continue
        for name in reversed(node.formerly):
            if name in by_id and name not in taken:
                taken.add(name)
                found.append((node, by_id[name]))
                break
    return sorted(found, key=lambda pair: pair[0].id)


def likeness(one: str, other: str) -> float:
    """How much of the words of two texts is the same, from 0 to 1."""
    words = one.split(), other.split()
    matcher = SequenceMatcher(None, *words, autojunk=False)
    if matcher.real_quick_ratio() < LIKE or (quick := matcher.quick_ratio()) < LIKE:
        return 0.0
    return quick if len(words[0]) * len(words[1]) > _PAIRS_MAX else matcher.ratio()
