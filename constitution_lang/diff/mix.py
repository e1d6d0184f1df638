"""How much of each: weights one by one, rounds, draws, and how votes become a label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec import structs

from constitution_lang.analysis.diagram import Diagram, DiagramError
from constitution_lang.diff.counts import ShareMove
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
from constitution_lang.diff.movement import NODES_MAX, Situations, movements, situations
from constitution_lang.diff.pairing import Pairing
from constitution_lang.diff.space import Common
from constitution_lang.diff.staleness import of_draws, of_evidence
from constitution_lang.diff.words import declared, in_case, listed, moving_words, number, pairs_of, percents
from constitution_lang.ir.model import Bundle, Category, PreferenceSampling, Principle, Stage
from constitution_lang.sampling import shares

__all__ = ["mix_changes"]

_WEIGHED_MAX = 500_000
"""So many times a principle is weighed, over all cases in which changed weights are compared one by one."""


class _Weighing(NamedTuple):
    """Where weights are compared; `alone` where only one of them changed."""

    common: Common
    situations: Situations
    alone: bool


def mix_changes(pairing: Pairing) -> Iterator[Change]:
    """Weights one by one, then what is said of the two stages."""
    categories = [both for both in pairing.categories.values() if both[0].weight != both[1].weight]
    principles = [both for both in pairing.principles.values() if both[0].weight != both[1].weight]
    if categories or principles:
        # A weight changes no condition: the cases that stand for all are those of every weight.
        common = Common(pairing.old, pairing.old)
        many = len(categories) + len(principles)
        at = _Weighing(
            common, situations(common).first(_WEIGHED_MAX // (many * len(pairing.old.principles))), many == 1
        )
        for was, now in categories:
            yield _weight(SubjectKind.CATEGORY, was, now, pairing.old, at)
        for before, after in principles:
            yield _weight(SubjectKind.PRINCIPLE, before, after, pairing.old, at)
    old, new = pairing.old.revision, pairing.new.revision
    fields = {"rounds": (str(old.rounds), str(new.rounds)), "draw": (str(old.draw), str(new.draw))}
    yield from _sampling(Stage.REVISION, fields, pairing, Aspect.SAMPLING)
    was_, now_ = pairing.old.preference, pairing.new.preference
    yield from _sampling(Stage.PREFERENCE, {"draw": (str(was_.draw), str(now_.draw))}, pairing, Aspect.SAMPLING)
    reasoning = was_.reasoning or now_.reasoning
    clamp = _clamp(was_), _clamp(now_)
    evidence = {
        "orders": (str(was_.orders), str(now_.orders)),
        "decided": (declared(was_.decided), declared(now_.decided)),
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
    return f"{declared(sampling.clamp_low)} to {declared(sampling.clamp_high)}"


def _weight(
    kind: SubjectKind, old: Category | Principle, new: Category | Principle, bundle: Bundle, at: _Weighing
) -> Change:
    """What this weight does by itself: the old version against the old version with it."""
    changed = _with_weight(bundle, old, new.weight)
    case, meets = _case_for(old, bundle)
    told = [
        ShareMove(stage, new.id, _share(bundle, old.id, stage, case), _share(changed, old.id, stage, case),
                  pairs_of(case))
        for stage in Stage
    ]  # fmt: skip
    by_share: dict[tuple[float, float], list[str]] = {}
    for move in told:
        by_share.setdefault((move.before, move.after), []).append(move.stage)
    words = []
    for a, b in by_share:
        before, after = percents(a, b)
        words.append(f"its share goes from {before} to {after}" if a != b else "its share stays as it was")
    moving = movements(bundle, changed, at.common, at.situations.and_also(case))
    defaults = pairs_of({a.id: a.default for a in bundle.attributes})
    draws = moving_words(moving, defaults)
    shown = f" {in_case(pairs_of(case), defaults)}" if pairs_of(case) != defaults else ""
    says = f"the weight of {new.id} is {number(new.weight)} and was {number(old.weight)}; {listed(words)}{shown}"
    says += f", and {listed(draws)} move" if draws else ", and no draw moves"
    stale = of_draws(draws, max((m.greatest.share for m in moving), default=0.0), alone=at.alone)
    if kind is SubjectKind.CATEGORY and meets and bundle.preference.draw > 1:
        says += f"; a label weighs what {new.id} says against other categories by it"
        stale += of_evidence(new.id, alone=at.alone)
    return change(
        Grade.MIX, Subject(kind, new.id), Aspect.WEIGHT, says, (old.origin, new.origin),
        values=(number(old.weight), number(new.weight)), shares=tuple(told), stale=stale,
    )  # fmt: skip


def _with_weight(bundle: Bundle, node: Category | Principle, weight: float) -> Bundle:
    if isinstance(node, Category):
        nodes = tuple(structs.replace(c, weight=weight) if c.id == node.id else c for c in bundle.categories)
        return structs.replace(bundle, categories=nodes)
    principles = tuple(structs.replace(p, weight=weight) if p.id == node.id else p for p in bundle.principles)
    return structs.replace(bundle, principles=principles)


def _case_for(node: Category | Principle, bundle: Bundle) -> tuple[dict[str, str], bool]:
    """The case nearest to the default in which something of the node applies, and something else beside it.

    The default case itself where nothing of the node ever applies, or too much is entangled. With it whether the two
    meet, which is not ruled out where too much is entangled.
    """
    own = [p.applies for p in bundle.principles if node.id in {p.id, p.category}]
    others = [p.applies for p in bundle.principles if node.id not in {p.id, p.category}]
    default = {a.id: a.default for a in bundle.attributes}
    found = None
    try:
        diagram = Diagram(bundle.attributes, about=own, nodes_max=NODES_MAX)
        applies = diagram.any_of(diagram.of(c) for c in own)
        found = diagram.witness(applies)
        both = diagram.witness(diagram.and_(applies, diagram.any_of(diagram.of(c) for c in others)))
    except DiagramError:
        return found or default, True
    return both or found or default, both is not None


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
