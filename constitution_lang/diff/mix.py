"""How much of each: weights, rounds and draws, the shares that follow from them, and the draws that move."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from msgspec import structs

from constitution_lang.analysis.diagram import Diagram, DiagramError
from constitution_lang.analysis.outcomes import firing
from constitution_lang.diff.counts import CasePairs, Movement, ShareMove
from constitution_lang.diff.model import (
    Aspect,
    Change,
    Grade,
    Stale,
    Subject,
    SubjectKind,
    Work,
    change,
)
from constitution_lang.diff.pairing import Pairing
from constitution_lang.diff.space import CASES_MAX, Common
from constitution_lang.diff.staleness import of_draws
from constitution_lang.diff.words import listed, number, pairs_of, percent
from constitution_lang.ir.model import Bundle, Category, Condition, PreferenceSampling, Principle, Stage, Weigh
from constitution_lang.sampling import moved, shares, weights

__all__ = ["SITUATIONS_MAX", "mix_changes", "movements", "share_moves"]

_NODES_MAX = 20_000
SITUATIONS_MAX = 1024
"""Above so many, cases that differ in what is drawn are looked at as far as they are witnesses."""
_LEAST = 5e-7
"""A share that moves by less is not told."""


def mix_changes(pairing: Pairing) -> Iterator[Change]:
    """Weights one by one, then what is said of the two stages."""
    categories = [both for both in pairing.categories.values() if both[0].weight != both[1].weight]
    principles = [both for both in pairing.principles.values() if both[0].weight != both[1].weight]
    alone = len(categories) + len(principles) == 1
    for was, now in categories:
        yield _weight(SubjectKind.CATEGORY, was, now, pairing, alone=alone)
    for before, after in principles:
        yield _weight(SubjectKind.PRINCIPLE, before, after, pairing, alone=alone)
    old, new = pairing.old.revision, pairing.new.revision
    fields = {"rounds": (str(old.rounds), str(new.rounds)), "draw": (str(old.draw), str(new.draw))}
    yield from _sampling(Stage.REVISION, fields, pairing, Aspect.SAMPLING)
    was_, now_ = pairing.old.preference, pairing.new.preference
    yield from _sampling(Stage.PREFERENCE, {"draw": (str(was_.draw), str(now_.draw))}, pairing, Aspect.SAMPLING)
    reasoning = was_.reasoning or now_.reasoning
    clamp = _clamp(was_), _clamp(now_)
    evidence = {
        "orders": (str(was_.orders), str(now_.orders)),
        "decided": (percent(was_.decided), percent(now_.decided)),
        "reasoning": tuple("yes" if s.reasoning else "no" for s in (was_, now_)),
        "clamp": clamp if reasoning else (),
    }
    yield from _sampling(Stage.PREFERENCE, evidence, pairing, Aspect.EVIDENCE)
    if not reasoning and clamp[0] != clamp[1]:
        says = f"preference has clamp {clamp[1]}, and had {clamp[0]}; it bounds no vote without reasoning"
        yield change(
            Grade.METADATA, Subject(SubjectKind.SAMPLING, Stage.PREFERENCE), Aspect.METADATA, says,
            (was_.origin, now_.origin), values=clamp,
        )  # fmt: skip


def _clamp(sampling: PreferenceSampling) -> str:
    return f"{percent(sampling.clamp_low)} to {percent(sampling.clamp_high)}"


def _weight(
    kind: SubjectKind, old: Category | Principle, new: Category | Principle, pairing: Pairing, *, alone: bool
) -> Change:
    """What this weight does by itself: the old version against the old version with it."""
    changed = _with_weight(pairing.old, old, new.weight)
    case = _case_for(old, pairing.old)
    found = {stage: _Drawn.of(pairing.old, changed, stage, case, case) for stage in Stage}
    told = [
        ShareMove(stage, new.id, _share(pairing.old, old.id, stage, case), _share(changed, old.id, stage, case),
                  pairs_of(case))
        for stage in Stage
    ]  # fmt: skip
    by_share: dict[tuple[float, float], list[str]] = {}
    for move in told:
        by_share.setdefault((move.before, move.after), []).append(move.stage)
    moving = {f"first {s}" if drawn.first else s.value: drawn.moved for s, drawn in found.items()}
    words = [
        f"its share goes from {percent(a)} to {percent(b)}" if a != b else "its share stays as it was"
        for a, b in by_share
    ]
    says = f"the weight of {new.id} is {number(new.weight)} and was {number(old.weight)}; {listed(words)}"
    where = _where(case, pairing.old)
    says += f", and {_moving(moving)}{where}"
    return change(
        Grade.MIX, Subject(kind, new.id), Aspect.WEIGHT, says, (old.origin, new.origin),
        values=(number(old.weight), number(new.weight)), shares=tuple(told),
        stale=of_draws(moving, where, alone=alone),
    )  # fmt: skip


def _where(case: Mapping[str, str], bundle: Bundle) -> str:
    """The case that figures are of, where it is not the default one."""
    told = [f"{a.id} is {case[a.id]}" for a in bundle.attributes if case[a.id] != a.default]
    return f" where {listed(told)}" if told else ""


def _moving(moving: Mapping[str, float]) -> str:
    told = [f"{percent(share)} of {stage} draws" for stage, share in moving.items() if share > _LEAST]
    return f"{listed(told)} move" if told else "no draw moves"


def _with_weight(bundle: Bundle, node: Category | Principle, weight: float) -> Bundle:
    if isinstance(node, Category):
        nodes = tuple(structs.replace(c, weight=weight) if c.id == node.id else c for c in bundle.categories)
        return structs.replace(bundle, categories=nodes)
    principles = tuple(structs.replace(p, weight=weight) if p.id == node.id else p for p in bundle.principles)
    return structs.replace(bundle, principles=principles)


def _case_for(node: Category | Principle, bundle: Bundle) -> dict[str, str]:
    """The case nearest to the default in which something of the node applies, and something else beside it.

    The default case itself where nothing of the node ever applies, or too much is entangled.
    """
    own = [p.applies for p in bundle.principles if node.id in {p.id, p.category}]
    others = [p.applies for p in bundle.principles if node.id not in {p.id, p.category}]
    found = None
    try:
        diagram = Diagram(bundle.attributes, about=own, nodes_max=_NODES_MAX)
        applies = diagram.any_of(diagram.of(c) for c in own)
        found = diagram.witness(applies)
        found = diagram.witness(diagram.and_(applies, diagram.any_of(diagram.of(c) for c in others))) or found
    except DiagramError:
        pass
    return found or {a.id: a.default for a in bundle.attributes}


def _share(bundle: Bundle, id: str, stage: Stage, case: Mapping[str, str]) -> float:
    found = shares(bundle, stage, case)
    return sum(share for p, share in found.items() if id in {p, bundle.principle(p).category})


def _sampling(
    stage: Stage, fields: Mapping[str, tuple[str, ...]], pairing: Pairing, aspect: Aspect
) -> Iterator[Change]:
    changed = {key: (pair[0], pair[1]) for key, pair in fields.items() if pair and pair[0] != pair[1]}
    if not changed:
        return
    old, new = ((b.revision if stage is Stage.REVISION else b.preference).origin for b in (pairing.old, pairing.new))
    before, after = (", ".join(f"{key} {pair[at]}" for key, pair in changed.items()) for at in (0, 1))
    says = f"{stage} has {after}, and had {before}"
    grade = Grade.MIX if aspect is Aspect.SAMPLING else Grade.BEHAVIOUR
    yield change(
        grade, Subject(SubjectKind.SAMPLING, stage), aspect, says, (old, new), values=(before, after),
        stale=tuple(_stale(stage, changed)),
    )  # fmt: skip


def _stale(stage: Stage, changed: Mapping[str, tuple[str, str]]) -> Iterator[Stale]:
    if "rounds" in changed:
        old, new = (int(rounds) for rounds in changed["rounds"])
        if new > old:
            rounds = (
                f"round {new} of every prompt is"
                if new == old + 1
                else f"rounds {old + 1} to {new} of every prompt are"
            )
            yield from (Stale(work, f"{rounds} new") for work in (Work.CRITIQUES, Work.REVISIONS))
        else:
            yield Stale(Work.REVISIONS, f"every chain ends after round {new}; nothing is asked anew")
    if "draw" in changed:
        old, new = (int(draw) for draw in changed["draw"])
        if new > old:
            yield Stale(Work.DRAWS, f"{stage} draws {new - old} more each time; those drawn before stay drawn")
        else:
            yield Stale(Work.DRAWS, f"{stage} draws {old - new} fewer each time; the earliest stay drawn")
        yield from _of_number(stage, old, new)
    if "orders" in changed:
        more = changed["orders"][1] == "both"
        yield Stale(Work.VOTES, "every vote is asked in the other order too" if more else "votes in one order are left")
    if "reasoning" in changed:
        yield Stale(Work.VOTES, "every vote is asked anew, by other prompts")
    if changed.keys() & {"orders", "decided", "reasoning", "clamp"}:
        yield Stale(Work.LABELS, "every label is made anew from its votes")


def _of_number(stage: Stage, old: int, new: int) -> Iterator[Stale]:
    """What follows where more principles are drawn, or fewer: each text of a chain is made from the one before."""
    fewest = min(old, new)
    if stage is Stage.REVISION:
        kept = "all but the first" if fewest == 1 else f"all but the first {fewest}"
        says = f"critiques and revisions from the first draw on that only one version has: {kept} of each prompt"
        yield from (Stale(work, says) for work in (Work.CRITIQUES, Work.REVISIONS))
        return
    where = f"of pairs for which more than {fewest} principle{' applies' if fewest == 1 else 's apply'}"
    if new > old:
        yield Stale(Work.VOTES, f"votes under the principles that are drawn newly, {where}")
    yield Stale(Work.LABELS, f"labels {where}")


# --- both versions as they are ----------------------------------------------------------------------


def share_moves(pairing: Pairing, common: Common) -> tuple[ShareMove, ...]:
    """Of categories and principles, by new id: those whose share of first draws moves in the default case."""
    case = common.default()
    if case is None:
        return ()
    found = []
    for stage in Stage:
        before, after = (shares(bundle, stage, common.case(case, bundle)) for bundle in (pairing.old, pairing.new))
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
            if abs(row[0] - row[1]) > _LEAST
        ]
    return tuple(found)


def movements(pairing: Pairing, common: Common, looked_at: Iterable[CasePairs], *, told: bool) -> tuple[Movement, ...]:
    """For each stage the draws that the versions do not share. `looked_at` are cases for want of all of them.

    A stage in which none move is left out; where none move in either, that is told where `told` asks for it.
    """
    if not common.total:
        return ()
    situations = _situations(pairing, common)
    exact = situations is not None
    default = common.default()
    chosen = situations or [dict(case) for case in dict.fromkeys(looked_at)]
    if default is not None:
        chosen = [default, *(case for case in chosen if case != default)]
    if not chosen:
        return ()
    made: list[Movement] = []
    unmoved: list[Movement] = []
    for stage in Stage:
        rows = [
            (_Drawn.of(pairing.old, pairing.new, stage, common.case(c, pairing.old), common.case(c, pairing.new)), c)
            for c in chosen
        ]
        least, greatest = min(rows, key=_by_moved), max(rows, key=_by_moved)
        moving = any(drawn.moved > _LEAST for drawn, _ in rows)
        (made if moving else unmoved).append(
            Movement(
                stage, rows[0][0].moved, least[0].moved, pairs_of(least[1]), greatest[0].moved, pairs_of(greatest[1]),
                exact, any(drawn.first for drawn, _ in rows), len(rows),
            )
        )  # fmt: skip
    return tuple(made or (unmoved if told else ()))


class _Drawn(NamedTuple):
    """The share of draws that two versions do not share in one case; `first` where it is that of first draws only."""

    moved: float
    first: bool

    @staticmethod
    def of(old: Bundle, new: Bundle, stage: Stage, case: Mapping[str, str], same: Mapping[str, str]) -> _Drawn:
        weighed = []
        for bundle, own in ((old, case), (new, same)):
            weighed.append({bundle.principle(id).key: w for id, w in weights(bundle, own).items() if w > 0})
        p, q = weighed
        draws = [b.revision.draw if stage is Stage.REVISION else b.preference.draw for b in (old, new)]
        if draws[0] >= len(p) and draws[1] >= len(q):
            every = p.keys() | q.keys()
            return _Drawn(1 - len(p.keys() & q.keys()) / len(every) if every else 0.0, first=False)
        return _Drawn(moved(p, q), first=draws != [1, 1])


def _by_moved(row: tuple[_Drawn, object]) -> float:
    return row[0].moved


def _situations(pairing: Pairing, common: Common) -> list[dict[str, str]] | None:
    """A case for each way in which what decides the draws can come together; None where these are too many."""
    conditions: dict[Condition, None] = {}
    for bundle in (pairing.old, pairing.new):
        conditions |= dict.fromkeys(p.applies for p in bundle.principles)
    weighing = [
        t for b in (pairing.old, pairing.new) for t in b.tensions if any(isinstance(r.outcome, Weigh) for r in t.rules)
    ]
    about = [*conditions, *(r.condition for t in weighing for r in t.rules)]
    try:
        diagram = Diagram(common.attributes, about=about, nodes_max=_NODES_MAX)
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
