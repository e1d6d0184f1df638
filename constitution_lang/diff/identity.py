"""Ids that lost their meaning: gone without a `retired` line, used again, or drawn by another key. Always an error."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from msgspec import structs

from constitution_lang.diff.model import (
    Aspect,
    Change,
    Grade,
    Subject,
    SubjectKind,
    change,
)
from constitution_lang.diff.pairing import Pairing
from constitution_lang.diff.principles import Found, retired_lines, went, yields
from constitution_lang.diff.space import Common
from constitution_lang.diff.staleness import of_applicability, of_key
from constitution_lang.diff.words import count_words
from constitution_lang.ir.model import Attribute, Bundle, Category, Origin, Principle, Tension

__all__ = ["identity_changes"]


def identity_changes(pairing: Pairing, common: Common) -> Iterator[Found]:
    """Every mistake with an id. A tension that is gone is told by `tensions`, with what it decided."""
    retired = retired_lines(pairing)
    for old in pairing.removed():
        if (SubjectKind.PRINCIPLE, old.id) not in retired:
            yield _removed_principle(old, pairing, common)
    for category in pairing.removed_categories():
        if (SubjectKind.CATEGORY, category.id) not in retired:
            yield Found(_removed(SubjectKind.CATEGORY, category, pairing, _like_category(category, pairing)))
    kept = {a.id for a in pairing.new.attributes}
    for attribute in pairing.old.attributes:
        if attribute.id not in kept and (SubjectKind.ATTRIBUTE, attribute.id) not in retired:
            yield Found(_removed(SubjectKind.ATTRIBUTE, attribute, pairing, None))
    yield from (
        Found(found) for found in chain(_rekeyed(pairing), _reused(pairing), _taken(pairing), _forgotten(pairing))
    )


def _removed_principle(old: Principle, pairing: Pairing, common: Common) -> Found:
    like = pairing.like(old)
    cases, told = went(old, common)
    where = f"it applied in {count_words(cases.changed, cases.total)}"
    if like is None:
        made = _removed(SubjectKind.PRINCIPLE, old, pairing, None, where)
    else:
        moved = like.category != pairing.side(old.category)
        aspect, verb = (Aspect.MOVED, "moved to") if moved else (Aspect.REMOVED, "is gone, and reads like")
        made = change(
            Grade.IDENTITY, Subject(SubjectKind.PRINCIPLE, old.id), aspect,
            f"{old.id} {verb} {like.id}, which does not say so; {where}", (old.origin, like.origin),
            values=(old.id, like.id),
            help=f"write `formerly: {_names(old)}` in {like.id} if it is the same one, else "
            f"`{_retire(SubjectKind.PRINCIPLE, old.id, pairing)}`",
        )  # fmt: skip
    stale = of_applicability((old.id,), cases, yields=yields((common.old, old)), gone=True)
    return Found(structs.replace(made, cases=cases, stale=stale), told)


def _removed(
    kind: SubjectKind,
    old: Category | Principle | Attribute,
    pairing: Pairing,
    like: Category | None,
    where: str = "",
) -> Change:
    help = f"write `{_retire(kind, old.id, pairing)}`"
    if like is not None:
        help = f"write `formerly: {_names(like, old.id)}` in category {like.id} if it is the same one; or {help[6:]}"
    says = f"{old.id} is gone without a `retired` line{'; ' if where else ''}{where}"
    subject = Subject(kind, old.id)
    return change(Grade.IDENTITY, subject, Aspect.REMOVED, says, (old.origin, None), values=(old.id, ""), help=help)


def _retire(kind: SubjectKind, id: str, pairing: Pairing) -> str:
    return f"retired {kind} {id} since {pairing.new.version}"


def _names(node: Principle | Category, last: str = "") -> str:
    """All that it was called, the first name first: that one keys its draws."""
    return ", ".join((*node.formerly, last or node.id))


def _like_category(old: Category, pairing: Pairing) -> Category | None:
    """The new category that took over the old one's principles."""
    took = [new.category for was, new in pairing.principles.values() if was.category == old.id]
    added = {c.id: c for c in pairing.added_categories()}
    likely = max(sorted(set(took) & added.keys()), key=took.count, default=None)
    if likely is not None:
        return added[likely]
    return next((c for c in added.values() if c.title == old.title), None)


def _rekeyed(pairing: Pairing) -> Iterator[Change]:
    for old, new in pairing.principles.values():
        if old.key != new.key:
            subject = Subject(SubjectKind.PRINCIPLE, new.id)
            names = dict.fromkeys((*old.formerly, *((old.id,) if old.id != new.id else ())))
            help = f"write `formerly: {', '.join(names)}`" if names else f"delete `formerly` from {new.id}"
            says = f"{new.id} is drawn by the key {new.key}, and was by {old.key}: all its draws move"
            yield change(
                Grade.IDENTITY, subject, Aspect.REKEYED, says, (old.origin, new.origin), values=(old.key, new.key),
                help=help, stale=of_key(new.id),
            )  # fmt: skip


def _reused(pairing: Pairing) -> Iterator[Change]:
    retired = {(line.kind, line.id): line for line in pairing.old.retired}
    for kind, node in _live(pairing.new):
        line = retired.get((kind, node.id))
        if line is not None:
            yield _again(kind, node, f"{node.id} is retired since {line.since} and is in use again", line.origin)
    was: dict[tuple[SubjectKind, str], _Node] = {
        (SubjectKind.PRINCIPLE, name): p for p in pairing.old.principles for name in p.formerly
    }
    was |= {(SubjectKind.CATEGORY, name): c for c in pairing.old.categories for name in c.formerly}
    before = {(kind, node.id) for kind, node in _live(pairing.old)}
    for kind, node in _live(pairing.new):
        other = was.get((kind, node.id))
        if other is not None and (kind, node.id) not in before:
            yield _again(kind, node, f"{node.id} was the former name of {other.id} and is in use again", other.origin)


def _taken(pairing: Pairing) -> Iterator[Change]:
    """Ids in use that took over the very statement of another id: an edit can say anything, but hardly that.

    A statement that its old id still has was copied, and that of an id whose `retired` line names this one was merged.
    """
    merged = {line.id: line.replaced_by for line in pairing.new.retired if line.kind == SubjectKind.PRINCIPLE}
    owners: dict[str, list[Principle]] = {}
    for principle in pairing.old.principles:
        owners.setdefault(principle.statement, []).append(principle)
    now = {was.id: new.statement for was, new in pairing.principles.values()}
    for was, new in pairing.principles.values():
        lost = [p for p in owners.get(new.statement, ()) if now.get(p.id) != p.statement and merged.get(p.id) != new.id]
        if was.statement == new.statement or not lost or len(lost) < len(owners[new.statement]):
            continue
        other = lost[0].id
        says = f"{new.id} says now what {other} said"
        help = (
            f"leave each id with its meaning: give this text back to {other}, or to a new id with `formerly: {other}`"
        )
        subject, places = Subject(SubjectKind.PRINCIPLE, new.id), (lost[0].origin, new.origin)
        yield change(
            Grade.IDENTITY, subject, Aspect.REUSED, says, places, values=(other, new.id), help=help,
        )  # fmt: skip


def _again(kind: SubjectKind, node: _Node, says: str, was: Origin) -> Change:
    help = "give the new one an id of its own: records of earlier versions still use the old one"
    subject = Subject(kind, node.id)
    return change(Grade.IDENTITY, subject, Aspect.REUSED, says, (was, node.origin), values=("", node.id), help=help)


def _forgotten(pairing: Pairing) -> Iterator[Change]:
    """Retired lines that went: the next author would not know that the id is taken."""
    kept = {(line.kind, line.id) for line in pairing.new.retired} | {(k.value, n.id) for k, n in _live(pairing.new)}
    kept |= {("principle", name) for p in pairing.new.principles for name in p.formerly}
    kept |= {("category", name) for c in pairing.new.categories for name in c.formerly}
    gone = [line for line in pairing.old.retired if (line.kind, line.id) not in kept]
    for line in gone:
        text = f"retired {line.kind} {line.id} since {line.since}"
        text += f" replaced by {line.replaced_by}" if line.replaced_by else ""
        yield change(
            Grade.IDENTITY, Subject(SubjectKind.RETIRED, line.id), Aspect.REMOVED,
            f"the line that retires {line.kind} {line.id} is gone: the id could come back with another meaning",
            (line.origin, None), values=(text, ""), help=f"put `{text}` back",
        )  # fmt: skip


_Node = Attribute | Category | Principle | Tension


def _live(bundle: Bundle) -> Iterator[tuple[SubjectKind, _Node]]:
    yield from ((SubjectKind.ATTRIBUTE, a) for a in bundle.attributes)
    yield from ((SubjectKind.CATEGORY, c) for c in bundle.categories)
    yield from ((SubjectKind.PRINCIPLE, p) for p in bundle.principles)
    yield from ((SubjectKind.TENSION, t) for t in bundle.tensions)
