"""Propositions over few cases: of each literal all the cases in which it is true, one bit for each.

Most constitutions have few cases, and all of them together in one integer answer at once what a solver is asked, which
takes longer to load than the rest of a small check takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import prod

from constitution_lang.ir.model import Attribute

__all__ = ["CASES_MAX", "TruthTable"]

CASES_MAX = 4_096
"""Above that a solver is asked. Its answers are the same."""


class TruthTable:
    """Where the propositions are true that are defined by the values of attributes; of others it knows nothing."""

    def __init__(self, attributes: Iterable[Attribute]) -> None:
        self._values: dict[tuple[str, str], int] = {}
        each = 1  # the first attribute's value changes with each case, the next one's after all of the first's, and on
        attributes = tuple(attributes)
        self._all = (1 << prod(len(a.values) for a in attributes)) - 1
        for attribute in attributes:
            turn = each * len(attribute.values)
            first = (1 << each) - 1
            repeated = self._all // ((1 << turn) - 1)
            for at, value in enumerate(attribute.values):
                self._values[attribute.id, value] = (first << at * each) * repeated
            each = turn
        self._true = {1: self._all}

    @staticmethod
    def fits(attributes: Iterable[Attribute], cases_max: int) -> bool:
        """Whether they have no more cases than that."""
        return prod(len(a.values) for a in attributes) <= cases_max

    def value(self, variable: int, attribute: str, value: str) -> None:
        """A variable is true where the attribute has the value."""
        self._true[variable] = self._values[attribute, value]

    def conjunction(self, variable: int, literals: Iterable[int]) -> None:
        """A variable is true where all literals are, if it is known where these are."""
        where = self.where(literals)
        if where is not None:
            self._true[variable] = where

    def where(self, literals: Iterable[int]) -> int | None:
        """The cases in which all literals are true; None where one of them is not known here."""
        found = self._all
        for literal in literals:
            true = self._true.get(abs(literal))
            if true is None:
                return None
            found &= true if literal > 0 else ~true
        return found

    def truths(self, among: Sequence[int], where: int) -> Iterator[tuple[bool, ...]]:
        """Every way in which literals, which have to be known, are true or false together in some of the cases."""
        if not where:
            return
        if not among:
            yield ()
            return
        true = self.where(among[:1]) or 0
        for value, cases in ((True, where & true), (False, where & ~true)):
            for rest in self.truths(among[1:], cases):
                yield (value, *rest)
