"""Which rules and which principles the expectations of a test run look at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from constitution_lang.analysis.play import Play
from constitution_lang.analysis.rules import fates
from constitution_lang.ir.model import Bundle, Origin
from constitution_lang.testing.run import Expected

__all__ = ["Coverage", "Item", "measure"]


@dataclass(frozen=True, slots=True)
class Item:
    """A rule of a tension, or a principle, that a test can look at."""

    name: str
    origin: Origin
    covered: bool


@dataclass(frozen=True, slots=True)
class Coverage:
    """Every rule that can decide something, and every principle. A share counts both kinds alike.

    `idle` are the rules that decide in no case, so that no test can look at them; `check` says why.
    """

    rules: tuple[Item, ...]
    principles: tuple[Item, ...]
    idle: tuple[Item, ...] = ()

    @property
    def share(self) -> float:
        """How much of all is covered; 1 where there is nothing."""
        items = (*self.rules, *self.principles)
        return sum(item.covered for item in items) / len(items) if items else 1.0


def measure(bundle: Bundle, expected: Iterable[Expected]) -> Coverage:
    """Coverage of a bundle by expectations, whether they hold or not.

    A rule is covered where it decided an expectation; a principle where an expectation is about it, or was decided
    between it and another, or counted its share.
    """
    rules: set[tuple[str, int]] = set()
    principles: set[str] = set()
    for one in expected:
        rules.update((decision.tension.id, decision.index) for decision in one.verdict.decisions)
        principles |= one.verdict.principles
    play = Play(bundle)
    reached: dict[bool, list[Item]] = {True: [], False: []}
    for tension in bundle.tensions:
        for fate, rule in zip(fates(play, tension), tension.rules, strict=True):
            covered = (tension.id, fate.index) in rules
            name = "otherwise" if rule is tension.rules[-1] else f"rule {fate.index + 1}"
            reached[fate.acts or covered].append(Item(f"{name} of {tension.id}", rule.origin, covered))
    drawn = tuple(Item(p.id, p.origin, p.id in principles) for p in bundle.principles)
    return Coverage(tuple(reached[True]), drawn, tuple(reached[False]))
