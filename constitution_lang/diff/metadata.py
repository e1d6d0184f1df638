"""What no run sees: titles, sources, reasons, owners, names, promises about shares, and the text itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from constitution_lang.diff.layout import same_blocks
from constitution_lang.diff.model import (
    Aspect,
    Change,
    Grade,
    Subject,
    SubjectKind,
    change,
)
from constitution_lang.diff.pairing import Pairing
from constitution_lang.diff.words import declared, listed
from constitution_lang.ir.model import Bundle, Category, Origin, Principle, ShareBound, Stage
from constitution_lang.syntax.nodes import FileTree

__all__ = ["Texts", "cosmetic_change", "metadata_changes"]

Texts: TypeAlias = tuple[Sequence[FileTree], Sequence[FileTree]]
"""The parsed files of two versions."""
_Fields = dict[str, tuple[str, str]]


def metadata_changes(pairing: Pairing) -> Iterator[Change]:
    """Of everything that both versions have."""
    old, new = pairing.old, pairing.new
    fields = {
        "name": (old.name, new.name), "title": (old.title, new.title), "owner": (old.owner, new.owner),
        "edition": (str(old.edition), str(new.edition)),
    }  # fmt: skip
    yield from _fields(Subject(SubjectKind.CONSTITUTION, new.name), fields, (old.origin, new.origin))
    pairs: list[tuple[SubjectKind, Category | Principle, Category | Principle]] = [
        *((SubjectKind.CATEGORY, was, now) for was, now in pairing.categories.values()),
        *((SubjectKind.PRINCIPLE, was, now) for was, now in pairing.principles.values()),
    ]
    for kind, was, now in pairs:
        places, subject = (was.origin, now.origin), Subject(kind, now.id)
        fields = {"title": (was.title, now.title), "owner": (was.owner, now.owner)}
        if isinstance(was, Principle) and isinstance(now, Principle):
            fields["source"] = (was.source, now.source)
        yield from _fields(subject, fields, places)
        moved = isinstance(now, Principle) and isinstance(was, Principle) and pairing.side(was.category) != now.category
        if was.id != now.id and not moved:
            keyed = isinstance(was, Principle) and isinstance(now, Principle) and was.key == now.key
            stays = "; its draws stay" if keyed else ""
            yield change(
                Grade.METADATA, subject, Aspect.RENAMED, f"{was.id} is called {now.id} now{stays}", places,
                values=(was.id, now.id),
            )  # fmt: skip
        bounds = _bounds(was.shares), _bounds(now.shares)
        if bounds[0] != bounds[1]:
            says = f"{now.id} promises {_promise(bounds[1])} and promised {_promise(bounds[0])}, which moves no draw"
            yield change(Grade.METADATA, subject, Aspect.BOUNDS, says, places, values=bounds)
    tensions = {t.id: t for t in old.tensions}
    for tension in new.tensions:
        before = tensions.get(tension.id)
        if before is not None:
            fields = {"because": (before.because, tension.because), "owner": (before.owner, tension.owner)}
            yield from _fields(Subject(SubjectKind.TENSION, tension.id), fields, (before.origin, tension.origin))
    yield from _retired(pairing)


def cosmetic_change(old: Bundle, new: Bundle, texts: Texts | None) -> Change | None:
    """That the texts differ in what is no part of the meaning; None where their blocks are the same in any places."""
    before, after = ({s.name: s.sha256 for s in b.sources if not s.name.startswith("<")} for b in (old, new))
    if sorted(before.values()) == sorted(after.values()) or not before or not after:
        return None
    templates = [sorted(sha for name, sha in files.items() if not name.endswith(".const")) for files in (before, after)]
    if texts is not None and templates[0] == templates[1] and same_blocks(*texts):
        return None
    named = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    what = "comments, layout, the version number or what no run sees of a template"
    digests = [" ".join(f"{name}:{files.get(name, '')}" for name in named) for files in (before, after)]
    return change(
        Grade.COSMETIC, Subject(SubjectKind.CONSTITUTION, new.name), Aspect.TEXT,
        f"{listed(named, at_most=4)} differ{'s' if len(named) == 1 else ''} in {what} only",
        (_first(named, before, old), _first(named, after, new)),
        values=(digests[0], digests[1]),
    )  # fmt: skip


def _first(named: Sequence[str], files: Mapping[str, str], bundle: Bundle) -> Origin | None:
    """The beginning of the first of these files that a version has, else the line with its name."""
    return next((Origin(name, 1, 1) for name in named if name in files), bundle.origin)


def _fields(subject: Subject, fields: _Fields, places: tuple[Origin | None, Origin | None]) -> Iterator[Change]:
    changed = {key: pair for key, pair in fields.items() if pair[0] != pair[1]}
    if changed:
        before, after = ("\n".join(f"{key}: {pair[at]}" for key, pair in changed.items()) for at in (0, 1))
        says = f"{subject.id} has another {listed(changed)}"
        yield change(Grade.METADATA, subject, Aspect.METADATA, says, places, values=(before, after))


def _bounds(shares: tuple[ShareBound, ...]) -> str:
    return "; ".join(
        f"{declared(b.low)} to {declared(b.high)}{'' if len(b.stages) == len(Stage) else f' in {b.stages[0]}'}"
        for b in shares
    )


def _promise(bounds: str) -> str:
    return f"a share of {bounds}" if bounds else "no share"


def _retired(pairing: Pairing) -> Iterator[Change]:
    """Lines about ids that were retired before, and lines about ids that the old version never had."""
    before = {(line.kind, line.id): line for line in pairing.old.retired}
    live = {
        *(("attribute", a.id) for a in pairing.old.attributes), *(("category", c.id) for c in pairing.old.categories),
        *(("principle", p.id) for p in pairing.old.principles), *(("tension", t.id) for t in pairing.old.tensions),
    }  # fmt: skip
    for line in pairing.new.retired:
        was = before.get((line.kind, line.id))
        texts = "", f"since {line.since}{f' replaced by {line.replaced_by}' if line.replaced_by else ''}"
        if was is not None:
            texts = f"since {was.since}{f' replaced by {was.replaced_by}' if was.replaced_by else ''}", texts[1]
        if texts[0] != texts[1] and (line.kind, line.id) not in live:
            says = f"the line that retires {line.kind} {line.id} {'says otherwise' if was else 'is new'}"
            places = (was.origin if was else None, line.origin)
            yield change(
                Grade.METADATA, Subject(SubjectKind.RETIRED, line.id), Aspect.METADATA, says, places, values=texts
            )
