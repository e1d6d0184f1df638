"""The shares and the draws that move between two versions, all changes together or by one alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from constitution_lang.analysis.diagram import Diagram, DiagramError
from constitution_lang.analysis.outcomes import firing
from constitution_lang.diff.counts import CasePairs, Moved, Movement, ShareMove
from constitution_lang.diff.pairing import Pairing
from constitution_lang.diff.space import CASES_MAX, Common
from constitution_lang.diff.words import LEAST, pairs_of
from constitution_lang.ir.model import Bundle, Condition, Stage, Weigh
from constitution_lang.sampling import moved, weights
from constitution_lang.sampling import shares as shares_of

__all__ = ["NODES_MAX", "SITUATIONS_MAX", "Situations", "movements", "share_moves", "situations"]

NODES_MAX = 20_000
"""Of the diagrams here."""
SITUATIONS_MAX = 1024
"""Above so many, cases that differ in what is drawn are looked at as far as they are witnesses."""

_Weights: TypeAlias = Mapping[str, float]


def share_moves(pairing: Pairing, common: Common) -> tuple[ShareMove, ...]:
    """Of categories and principles, by new id: those whose share of first draws moves in the default case."""
    case = common.default()
    if case is None:
        return ()
    found = []
    for stage in Stage:
        before, after = (shares_of(bundle, stage, common.case(case, bundle)) for bundle in (pairing.old, pairing.new))
        rows: dict[str, list[float]] = {}
        for at, (drawn, bundle) in enumerate(((before, pairing.old), (after, pairing.new))):
            for id, share in drawn.items():
                principle = bundle.principle(id)
                for target in (principle.category, id):
                    name = pairing.side(target) if at == 0 else target
                    rows.setdefault(name, [0.0, 0.0])[at] += share
        found += [
            ShareMove(stage, id, row[0], row[1], pairs_of(case))
            for id, row in sorted(rows.items())
            if abs(row[0] - row[1]) > LEAST
        ]
    return tuple(found)


class Situations(NamedTuple):
    """Cases in which draws are compared: all that differ in what is drawn where `exact`, else some.

    The first is the default case where `default`: one version may not know it.
    """

    cases: tuple[Mapping[str, str], ...]
    exact: bool
    default: bool

    def first(self, many: int) -> Situations:
        """No more than so many of them, but one."""
        return self if many >= len(self.cases) else self._replace(cases=self.cases[: max(many, 1)], exact=False)

    def and_also(self, case: Mapping[str, str]) -> Situations:
        """With one more case, for want of all of them."""
        return self if self.exact or case in self.cases else self._replace(cases=(*self.cases, case))


def situations(common: Common, looked_at: Iterable[CasePairs] = ()) -> Situations:
    """A case for each way in which what decides the draws can come together, or the `looked_at` where too many."""
    found = _every_way(common) if common.total else []
    default = common.default()
    chosen: list[Mapping[str, str]] = [*found] if found is not None else [dict(c) for c in dict.fromkeys(looked_at)]
    if default is not None:
        chosen = [default, *(case for case in chosen if case != default)]
    return Situations(tuple(chosen), found is not None, default is not None)


def movements(old: Bundle, new: Bundle, common: Common, at: Situations) -> tuple[Movement, ...]:
    """For each stage the draws that two versions do not share; none where there is no case to look at."""
    if not at.cases:
        return ()
    weighed = [
        (_weighed(old, common.case(dict(case), old)), _weighed(new, common.case(dict(case), new))) for case in at.cases
    ]
    shares = [moved(p, q) for p, q in weighed]
    found = []
    for stage in Stage:
        draws = [b.revision.draw if stage is Stage.REVISION else b.preference.draw for b in (old, new)]
        rows = [_moved(both, share, draws, case) for both, share, case in zip(weighed, shares, at.cases, strict=True)]
        default = rows[0] if at.default else None
        found.append(Movement(stage, default, min(rows, key=_share), max(rows, key=_share), at.exact, len(rows)))
    return tuple(found)


def _share(row: Moved) -> float:
    return row.share


def _weighed(bundle: Bundle, case: Mapping[str, str]) -> dict[str, float]:
    """By the key that draws go by."""
    return {bundle.principle(id).key: w for id, w in weights(bundle, case).items() if w > 0}


def _moved(both: tuple[_Weights, _Weights], first: float, draws: Sequence[int], case: Mapping[str, str]) -> Moved:
    """`first` is the share of first draws that move."""
    (p, q), pairs = both, pairs_of(case)
    if draws[0] >= len(p) and draws[1] >= len(q):
        every = p.keys() | q.keys()
        return Moved(1 - len(p.keys() & q.keys()) / len(every) if every else 0.0, pairs, first=False)
    return Moved(first, pairs, first=list(draws) != [1, 1])


def _every_way(common: Common) -> list[dict[str, str]] | None:
    """A case for each way in which what decides the draws can come together; None where these are too many."""
    old, new = common.old, common.new
    conditions: dict[Condition, None] = {}
    for bundle in (old, new):
        conditions |= dict.fromkeys(p.applies for p in bundle.principles)
    weighing = [t for b in (old, new) for t in b.tensions if any(isinstance(r.outcome, Weigh) for r in t.rules)]
    about = [*conditions, *(r.condition for t in weighing for r in t.rules)]
    try:
        diagram = Diagram(common.attributes, about=about, nodes_max=NODES_MAX)
        within = diagram.all_of(diagram.among(id, values) for id, values in common.values.items())
        facts = [diagram.of(c) for c in conditions]
        facts += [fires for t in dict.fromkeys(weighing) for fires in firing(diagram, t)]
        function = diagram.choose(within, diagram.constant(()), diagram.constant(None))
        for fact in dict.fromkeys(facts):
            function = diagram.apply(_and_also, function, fact)
            if len(diagram.values(function)) > SITUATIONS_MAX:
                raise DiagramError("too many")  # noqa: TRY301
        cases = [diagram.witness(function, value) for value in diagram.values(function) if value is not None]
    except DiagramError:
        return list(common.every()) if common.total <= CASES_MAX else None
    return [case for case in cases if case is not None]


def _and_also(known: object, fact: object) -> tuple[object, ...] | None:
    return (*known, fact) if isinstance(known, tuple) else None
