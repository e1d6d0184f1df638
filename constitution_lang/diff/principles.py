"""Where principles apply: those that came, those that went, and those whose condition is another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from constitution_lang.analysis.diagram import DiagramError, Node
from constitution_lang.diff.counts import Cases, Direction
from constitution_lang.diff.model import (
    Aspect,
    Change,
    Grade,
    Subject,
    SubjectKind,
    change,
)
from constitution_lang.diff.pairing import Pairing
from constitution_lang.diff.space import Common, Told
from constitution_lang.diff.staleness import of_applicability
from constitution_lang.diff.words import condition_words, count_words, listed, number
from constitution_lang.ir.model import AllOf, AnyOf, Bundle, Compare, Condition, Not, Prefer, Principle, Retired

__all__ = ["Found", "narrowed", "principle_changes", "retired_lines", "yields"]

_NO = "does not apply"
_YES = "applies"


class Found(NamedTuple):
    """A change, and in which cases what is told of it: for all changes together."""

    change: Change
    told: tuple[tuple[Node, Told], ...] = ()


def retired_lines(pairing: Pairing) -> Mapping[tuple[str, str], Retired]:
    """The retired lines of the new version, by kind and id."""
    return {(line.kind, line.id): line for line in pairing.new.retired}


def principle_changes(pairing: Pairing, common: Common) -> Iterator[Found]:
    """Changes of what applies. An id that went without a `retired` line is told by `identity`."""
    retired = retired_lines(pairing)
    for old, new in pairing.principles.values():
        yield from _moved(old, new, pairing, common)
        yield from _applies(old, new, common)
    for new in pairing.added():
        cases, told = _counted(common, None, new.applies)
        yield Found(
            change(
                Grade.BEHAVIOUR, _subject(new), Aspect.ADDED,
                f"{new.id} is new, and applies in {count_words(cases.changed, cases.total)}{_known(cases)}",
                (None, new.origin), values=("", _whole(new, common)), cases=cases,
                stale=of_applicability((new.id,), cases, yields=yields((common.new, new))),
            ),
            told,
        )  # fmt: skip
    for old in pairing.removed():
        line = retired.get((SubjectKind.PRINCIPLE, old.id))
        if line is not None:
            cases, told = went(old, common)
            instead = f"; {line.replaced_by} stands in its place" if line.replaced_by else ""
            like = None if line.replaced_by else pairing.like(old)
            help = f"{like.id} is new and reads like it; if it is the same one, write `formerly` there" if like else ""
            yield Found(
                change(
                    Grade.BEHAVIOUR, _subject(old), Aspect.RETIRED,
                    f"{old.id} is retired; it applied in {count_words(cases.changed, cases.total)}{instead}",
                    (old.origin, line.origin), values=(old.statement, ""), help=help, cases=cases,
                    stale=of_applicability((old.id,), cases, yields=yields((common.old, old)), gone=True),
                ),
                told,
            )  # fmt: skip


def went(old: Principle, common: Common) -> tuple[Cases, tuple[tuple[Node, Told], ...]]:
    """The cases in which a principle that is gone applied."""
    return _counted(common, old.applies, None)


def _subject(principle: Principle) -> Subject:
    return Subject(SubjectKind.PRINCIPLE, principle.id)


def _applies(old: Principle, new: Principle, common: Common) -> Iterator[Found]:
    if narrowed(old.applies, common.values) == narrowed(new.applies, common.values):
        return
    cases, told = _counted(common, old.applies, new.applies, new.id)
    before, after = condition_words(old.applies, common.declared[0]), condition_words(new.applies, common.declared[1])
    places = (old.origin, new.origin)
    if cases.changed == 0:
        says = f"{new.id} says in other words where it applies, and applies in the same cases{_known(cases)}"
        yield Found(
            change(Grade.METADATA, _subject(new), Aspect.REWRITTEN, says, places, values=(before, after), cases=cases)
        )
        return
    stale = of_applicability((new.id,), cases, yields=yields((common.old, old), (common.new, new)))
    yield Found(
        change(
            Grade.BEHAVIOUR, _subject(new), Aspect.APPLIES, f"{new.id} {_more_or_fewer(cases)}", places,
            values=(before, after), cases=cases, stale=stale,
        ),
        told,
    )  # fmt: skip


def _known(cases: Cases) -> str:
    return " that both versions know" if cases.left_out else ""


def _more_or_fewer(cases: Cases) -> str:
    if cases.changed is None:
        return "applies in other cases, too entangled to be counted"
    counts = {c.direction: c.count or 0 for c in cases.changes}
    more, fewer = counts.get(Direction.STRICTER, 0), counts.get(Direction.LOOSER, 0)
    if more and fewer:
        return (
            f"applies in {count_words(more, cases.total)} where it did not, "
            f"and no longer in {count_words(fewer, cases.total)}"
        )
    if more:
        return f"newly applies in {count_words(more, cases.total)}"
    return f"no longer applies in {count_words(fewer, cases.total)}"


def _moved(old: Principle, new: Principle, pairing: Pairing, common: Common) -> Iterator[Found]:
    """A principle that was renamed into another category: it shares the weight of others, and other tensions speak."""
    category = old.category
    if pairing.side(category) == new.category:
        return
    what = (f"{new.id} counts for {new.category}", Direction.SHIFTED, f"for {category}", f"for {new.category}")
    told: tuple[tuple[Node, Told], ...] = ()
    try:
        told = ((common.diagram.or_(common.of(old.applies), common.of(new.applies)), what),)
        cases = common.among(told)
    except DiagramError:
        common.restart()
        cases = common.uncounted()
    says = f"{old.id} moved to {new.category} as {new.id}, which is seen in {count_words(cases.changed, cases.total)}"
    says += f": it shares that category's weight{_sides(old, new, pairing)}"
    yield Found(
        change(
            Grade.BEHAVIOUR, _subject(new), Aspect.MOVED, says, (old.origin, new.origin), values=(old.id, new.id),
            cases=cases, stale=of_applicability((new.id,), cases, yields=yields((common.old, old), (common.new, new))),
        ),
        told,
    )  # fmt: skip


def _sides(old: Principle, new: Principle, pairing: Pairing) -> str:
    """On which sides of which tensions it stands by its category, and stood."""
    before = [f"{old.category} in {t.id}" for t in pairing.old.tensions if old.category in t.sides]
    after = [f"{new.category} in {t.id}" for t in pairing.new.tensions if new.category in t.sides]
    now = f"stands for {listed(after)}" if after else "stands for no side of a tension of categories"
    if before:
        return f"; it {now}, and stood for {listed(before)}"
    return f"; it {now}" if after else ""


def yields(*versions: tuple[Bundle, Principle]) -> bool:
    """Whether a tension lets one side come first, and a principle stands on either: prompts of the other say so."""
    return any(
        isinstance(rule.outcome, Prefer)
        for bundle, principle in versions
        for tension in bundle.tensions
        if {principle.id, principle.category} & set(tension.sides)
        for rule in tension.rules
    )


def _whole(principle: Principle, common: Common) -> str:
    """All that a new principle brings: who approves it approves that."""
    lines = [
        f"category: {principle.category}",
        f"weight: {number(principle.weight)}",
        f"applies when {condition_words(principle.applies, common.declared[1])}",
        *(f"{field}: {getattr(principle, field)}" for field in ("statement", "critique", "revise", "prefer")),
    ]
    for example in common.new.exemplars:
        if example.target == principle.id:
            lines += [f"example in {example.stage}", *(f"{key}: {text}" for key, text in example.fields)]
    return "\n".join(lines)


def _counted(
    common: Common, before: Condition | None, after: Condition | None, id: str = ""
) -> tuple[Cases, tuple[tuple[Node, Told], ...]]:
    """Where a condition is no longer or newly true; None never is."""
    never = AnyOf(())
    it = f"{id} " if id else ""
    try:
        one, other = common.of(before or never), common.of(after or never)
        diagram = common.diagram
        told = (
            (diagram.and_(other, diagram.not_(one)), (f"{it}newly applies", Direction.STRICTER, _NO, _YES)),
            (diagram.and_(one, diagram.not_(other)), (f"{it}no longer applies", Direction.LOOSER, _YES, _NO)),
        )
        return common.among(told), told
    except DiagramError:
        common.restart()
        return common.uncounted(), ()


def narrowed(condition: Condition, values: Mapping[str, tuple[str, ...]]) -> Condition:
    """The condition with the compared values only: it is about no others."""
    match condition:
        case Compare(attribute, named):
            return Compare(attribute, tuple(v for v in values.get(attribute, named) if v in named))
        case AllOf(operands):
            return AllOf(tuple(narrowed(c, values) for c in operands))
        case AnyOf(operands):
            return AnyOf(tuple(narrowed(c, values) for c in operands))
        case Not(operand):
            return Not(narrowed(operand, values))
