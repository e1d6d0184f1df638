"""Numbers that depend on the case: terms over decision diagrams, folded into one diagram as far as that stays small.

A leaf is a diagram of fractions and so exact: its least and greatest value are those of some case. What does not fit
is kept as a sum, a product or a mean of leaves. Its bounds are then those of interval arithmetic: they surely hold, and
they meet where every leaf is down to one value.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import TypeAlias

from constitution_lang.analysis.diagram import Diagram, DiagramError, Node

__all__ = ["FOLD_MAX", "Fold", "Inverse", "Leaf", "Mean", "Product", "Sum", "Term", "high", "leaves", "low"]

FOLD_MAX = 2_000
"""Folding two diagrams into one may make so many nodes."""
_NOWHERE = None
"""What a leaf is in cases that do not matter."""

Bounds: TypeAlias = Mapping[Node, tuple[float, float]]
"""The least and the greatest value of each node."""
At: TypeAlias = Mapping[Node, Node]
"""For each leaf's node the one that a walk has come to."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A diagram of positive fractions, or of 0."""

    node: Node


@dataclass(frozen=True, slots=True)
class Sum:
    """Of at least one term."""

    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """Of at least one term."""

    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Inverse:
    """One over a term that is not 0."""

    term: Term


@dataclass(frozen=True, slots=True)
class Mean:
    """Of values, by weights: pairs of a weight and a value; 0 where all weights are."""

    pairs: tuple[tuple[Term, Term], ...]


Term: TypeAlias = Leaf | Sum | Product | Inverse | Mean


def leaves(term: Term) -> dict[Node, frozenset[int]]:
    """The nodes that a term is made of; with each 1 where the term grows with it, -1 where it shrinks, or both."""
    found: dict[Node, frozenset[int]] = {}

    def add(inner: Term, *signs: int) -> None:
        for node, own in leaves(inner).items():
            found[node] = found.get(node, frozenset()) | {own_sign * sign for own_sign in own for sign in signs}

    match term:
        case Leaf(node):
            return {node: frozenset({1})}
        case Inverse(inner):
            add(inner, -1)
        case Sum(terms) | Product(terms):
            for t in terms:
                add(t, 1)
        case Mean(pairs):
            for weight, value in pairs:
                add(weight, 1, -1)
                add(value, 1)
    return found


def low(term: Term, bounds: Bounds, at: At) -> float:
    """What the term is at least."""
    match term:
        case Leaf(node):
            return bounds[at[node]][0]
        case Sum(terms):
            return sum(low(t, bounds, at) for t in terms)
        case Product(terms):
            return _product([low(t, bounds, at) for t in terms])
        case Inverse(inner):
            above = high(inner, bounds, at)
            return 1 / above if above > 0 else float("inf")
        case Mean(pairs):
            entries = [(low(w, bounds, at), high(w, bounds, at), low(v, bounds, at)) for w, v in pairs]
            return _mean(sorted(entries, key=lambda entry: entry[2]), min)


def high(term: Term, bounds: Bounds, at: At) -> float:
    """What the term is at most."""
    match term:
        case Leaf(node):
            return bounds[at[node]][1]
        case Sum(terms):
            return sum(high(t, bounds, at) for t in terms)
        case Product(terms):
            return _product([high(t, bounds, at) for t in terms])
        case Inverse(inner):
            below = low(inner, bounds, at)
            return 1 / below if below > 0 else float("inf")
        case Mean(pairs):
            entries = [(low(w, bounds, at), high(w, bounds, at), high(v, bounds, at)) for w, v in pairs]
            return _mean(sorted(entries, key=lambda entry: -entry[2]), max)


def _product(factors: Sequence[float]) -> float:
    """0 where a factor is 0, also against infinity: a bound is infinite only where it is not known better."""
    return prod(factors) if all(factors) else 0.0


def _mean(entries: Sequence[tuple[float, float, float]], better: Callable[[Iterable[float]], float]) -> float:
    """The best mean of values in order, best first: of some first ones the whole weight, of the rest the least.

    A mean of more weight on one value moves towards that value, so at the best each weight is at one of its ends.
    """
    found = []
    for cut in range(len(entries) + 1):
        weights = [entry[1] if i < cut else entry[0] for i, entry in enumerate(entries)]
        total = sum(weights)
        found.append(
            sum(w * entry[2] for w, entry in zip(weights, entries, strict=True) if w) / total if total else 0.0
        )
    return better(found)


class Fold:
    """Makes terms, each one leaf where its diagram stays within `FOLD_MAX` nodes."""

    def __init__(self, diagram: Diagram, fold_max: int = FOLD_MAX) -> None:
        self.diagram = diagram
        self._fold_max = fold_max

    def number(self, value: Fraction) -> Leaf:
        """The same in every case."""
        return Leaf(self.diagram.constant(value))

    def either(self, where: Node, then: Fraction, otherwise: Fraction) -> Leaf:
        """One number where a node holds, else another."""
        constant = self.diagram.constant
        return Leaf(self.diagram.choose(where, constant(then), constant(otherwise)))

    def sum(self, terms: Iterable[Term]) -> Term:
        """As few leaves as can be, and what is no leaf."""
        flat = [t for term in terms for t in (term.terms if isinstance(term, Sum) else (term,))]
        kept = self._merged(flat, _add)
        return kept[0] if len(kept) == 1 else Sum(tuple(kept)) if kept else self.number(Fraction(0))

    def product(self, terms: Iterable[Term]) -> Term:
        """As few leaves as can be, and what is no leaf."""
        flat = [t for term in terms for t in (term.terms if isinstance(term, Product) else (term,))]
        kept = self._merged(flat, _multiply)
        return kept[0] if len(kept) == 1 else Product(tuple(kept)) if kept else self.number(Fraction(1))

    def quotient(self, term: Term, by: Term) -> Term:
        """Of a sum each term by itself, so that each meets what it has in common with `by`."""
        if isinstance(term, Sum):
            return self.sum(self.quotient(t, by) for t in term.terms)
        if isinstance(term, Leaf) and isinstance(by, Leaf):
            node = self._joined(_divide, term.node, by.node)
            if node is not None:
                return Leaf(node)
        return Product((term, Inverse(by)))

    def mean(self, pairs: Sequence[tuple[Term, Term]]) -> Term:
        """Of values by weights, 0 where no weight is any."""
        total = self.sum(weight for weight, _ in pairs)
        if isinstance(total, Leaf):
            weighed = self.sum(self.product(pair) for pair in pairs)
            if isinstance(weighed, Leaf):
                node = self._joined(_ratio, weighed.node, total.node)
                if node is not None:
                    return Leaf(node)
        return Mean(tuple(pairs))

    def _merged(self, terms: list[Term], operation: Callable[[Hashable, Hashable], Hashable]) -> list[Term]:
        kept: list[Term] = [t for t in terms if not isinstance(t, Leaf)]
        nodes = [t.node for t in terms if isinstance(t, Leaf)]
        while nodes:
            found = nodes.pop()
            while nodes and (merged := self._joined(operation, found, nodes[-1])) is not None:
                found = merged
                nodes.pop()
            kept.append(Leaf(found))
        return kept

    def _joined(self, operation: Callable[[Hashable, Hashable], Hashable], one: Node, other: Node) -> Node | None:
        return self._try(lambda: self.diagram.apply(operation, one, other))

    def _try(self, make: Callable[[], Node]) -> Node | None:
        try:
            with self.diagram.at_most(self._fold_max):
                return make()
        except DiagramError:
            return None


def _fraction(value: Hashable) -> Fraction:
    assert isinstance(value, Fraction)
    return value


def _add(one: Hashable, other: Hashable) -> Hashable:
    return _NOWHERE if one is _NOWHERE or other is _NOWHERE else _fraction(one) + _fraction(other)


def _multiply(one: Hashable, other: Hashable) -> Hashable:
    return _NOWHERE if one is _NOWHERE or other is _NOWHERE else _fraction(one) * _fraction(other)


def _divide(one: Hashable, other: Hashable) -> Hashable:
    return _NOWHERE if one is _NOWHERE or not other else _fraction(one) / _fraction(other)


def _ratio(one: Hashable, other: Hashable) -> Hashable:
    """A mean, which is 0 where there is nothing."""
    return _fraction(one) / _fraction(other) if other else Fraction(0)
