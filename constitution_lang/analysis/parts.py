"""What shares are made of, as terms.

One over the share of a first draw is a term that grows with everything it is made of. Of a principle of weight w in a
group g (`play.Play`) of a category c of weight W:

    1 / share = 1 / w * sum over the groups h of c of s(h) * (m(h) / m(g) + R / (W * m(g)))

s(h) is the sum of the weights of those of h that apply, m(h) the product of the multipliers of h, and R the sum over
the other categories of their weight times the mean of their groups' multipliers by s. Of a category, M its own mean:

    1 / share = 1 + R / (W * M)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import inf

from constitution_lang.analysis.diagram import NO, Diagram, Node
from constitution_lang.analysis.extremes import Extremes
from constitution_lang.analysis.outcomes import conditions, firing
from constitution_lang.analysis.play import Play
from constitution_lang.analysis.terms import FOLD_MAX, Fold, Leaf, Product, Sum, Term
from constitution_lang.ir.groups import group_of
from constitution_lang.ir.model import AnyOf, Condition, Tension, Weigh

__all__ = ["Parts"]


class Parts:
    """The terms of one constitution, made when they are asked for.

    Raises:
        DiagramError: here and in every method, where a condition by itself has no diagram of a size that can be kept.
    """

    def __init__(self, play: Play, fold_max: int = FOLD_MAX) -> None:
        self._play = play
        bundle = play.bundle
        self.diagram = Diagram(bundle.attributes, about=_about(play))
        self.extremes = Extremes(self.diagram)
        self._fold = Fold(self.diagram, fold_max)
        self._weight = {c.id: _number(c.weight) for c in bundle.categories}
        self._weight |= {p.id: _number(p.weight) for p in bundle.principles}
        self._groups: dict[str, list[str]] = {}
        for group, category in play.category.items():
            self._groups.setdefault(category, []).append(group)
        self._group = group_of(play.bundle)
        self._applies = {p.id: self.diagram.of(p.applies) for p in bundle.principles}
        self._present = {g: self.diagram.any_of(self._applies[p.id] for p in m) for g, m in play.groups.items()}
        self._multipliers = self._multiplied()
        self._kept: dict[tuple[str, str], Term] = {}
        self._bounds: dict[Node, tuple[float, float]] = {}

    def applies(self, target: str) -> Node:
        """Where a principle applies, or some principle of a category."""
        if target in self._applies:
            return self._applies[target]
        return self.diagram.any_of(self._present[g] for g in self._groups.get(target, ()))

    def inverse(self, target: str) -> Term:
        """One over the share of a principle or a category; what it is where that does not apply does not matter."""
        if ("inverse", target) not in self._kept:
            if target in self._group:
                found = self._of_principle(target)
            else:
                found = self._fold.sum([self._fold.number(Fraction(1)), self._others(target, self._mean(target), "")])
            self._kept["inverse", target] = found
        return self._kept["inverse", target]

    def bounds(self, nodes: Iterable[Node]) -> Mapping[Node, tuple[float, float]]:
        """Of these nodes and all below them the least and the greatest value; infinity and less where there is none."""
        for node in self.diagram.upwards(nodes, known=self._bounds):
            below = self.diagram.below(node)
            if below:
                found = [self._bounds[child] for child in below]
                self._bounds[node] = min(b[0] for b in found), max(b[1] for b in found)
            else:
                value = self.diagram.constant_of(node)
                self._bounds[node] = (float(value), float(value)) if isinstance(value, Fraction) else (inf, -inf)
        return self._bounds

    def _of_principle(self, principle: str) -> Term:
        group = self._group[principle]
        category, own = self._play.category[group], self._multipliers[group]
        others = self._others(category, own, group)
        found: list[Term] = []
        for beside in self._groups[category]:
            ratio: Term = self._fold.number(Fraction(1))
            if beside != group:
                ratio = self._ratio(beside, group)
            found.append(Product((self._weights(beside), Sum((ratio, others)))))
        return Product((self._fold.number(1 / self._weight[principle]), Sum(tuple(found))))

    def _ratio(self, group: str, by: str) -> Term:
        """Of the multipliers of two groups."""
        name = f"{group} {by}"
        if ("ratio", name) not in self._kept:
            self._kept["ratio", name] = self._fold.quotient(self._multipliers[group], self._multipliers[by])
        return self._kept["ratio", name]

    def _others(self, category: str, mean: Term, group: str) -> Term:
        """What stands outside of a category, against its weight times its mean, or times the multiplier of a group."""
        name = f"{category} {group}"
        if ("others", name) not in self._kept:
            own = self._fold.product((self._fold.number(self._weight[category]), mean))
            outside = self._fold.sum(
                self._fold.product((self._fold.number(self._weight[other]), self._mean(other)))
                for other in self._groups
                if other != category
            )
            self._kept["others", name] = self._fold.quotient(outside, own)
        return self._kept["others", name]

    def _mean(self, category: str) -> Term:
        """Of the multipliers of what applies in a category; 0 where nothing does."""
        if ("mean", category) not in self._kept:
            groups = self._groups[category]
            if len(groups) == 1:
                here = self._fold.either(self._present[groups[0]], Fraction(1), Fraction(0))
                found = self._fold.product((here, self._multipliers[groups[0]]))
            else:
                found = self._fold.mean([(self._weights(g), self._multipliers[g]) for g in groups])
            self._kept["mean", category] = found
        return self._kept["mean", category]

    def _weights(self, group: str) -> Term:
        """The sum of the own weights of those of a group that apply."""
        if ("weights", group) not in self._kept:
            by: dict[Node, Fraction] = {}
            for principle in self._play.groups[group]:
                where = self._applies[principle.id]
                by[where] = by.get(where, Fraction(0)) + self._weight[principle.id]
            level = self.diagram.level
            each = sorted(by.items(), key=lambda entry: (level(entry[0]), entry[0]))
            self._kept["weights", group] = self._fold.sum(
                self._fold.either(n, w, Fraction(0)) for n, w in each if n != NO
            )
        return self._kept["weights", group]

    def _multiplied(self) -> dict[str, Term]:
        """Of each group what all tensions multiply its weight by."""
        factors: dict[str, list[Term]] = {group: [] for group in self._play.groups}
        for tension in self._play.bundle.tensions:
            if any(isinstance(rule.outcome, Weigh) for rule in tension.rules):
                self._weigh(tension, factors)
        return {group: self._fold.product(found) for group, found in factors.items()}

    def _weigh(self, tension: Tension, factors: dict[str, list[Term]]) -> None:
        diagram = self.diagram
        fires = firing(diagram, tension)
        for side in (0, 1):
            factor = diagram.constant(Fraction(1))
            for where, rule in zip(fires, tension.rules, strict=True):
                if isinstance(rule.outcome, Weigh):
                    by = diagram.constant(_number((rule.outcome.first, rule.outcome.second)[side]))
                    factor = diagram.choose(where, by, factor)
            against: dict[str, list[Node]] = {}
            for pair in self._play.pairs.get(tension.id, ()):
                against.setdefault(pair[side], []).append(self._present[pair[1 - side]])
            for group, others in against.items():
                met = diagram.any_of(others)
                factors[group].append(Leaf(diagram.choose(met, factor, diagram.constant(Fraction(1)))))


def _about(play: Play) -> Iterable[Condition]:
    """What the diagram is ordered by: rules of one tension belong together, as their outcomes do."""
    yield from conditions(play.bundle)
    for tension in play.bundle.tensions:
        yield AnyOf(tuple(rule.condition for rule in tension.rules))


def _number(weight: float) -> Fraction:
    """The number as it was written."""
    return Fraction(repr(weight))
