"""A later release of a document as the next version of its constitution: ids keep their history.

What can be told without a guess is written: a section that went to another level has its former id, a level whose
sections all went to one new level has its former name, and what is gone is retired. A section whose own id changed is
retired and new; `cai-compile diff` names the pairs that read alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from constitution_lang.compile import compile_text
from constitution_lang.diagnostics.codes import E204
from constitution_lang.diff.compare import diff
from constitution_lang.diff.model import Grade
from constitution_lang.interchange.draft import Imported, Note, WrongInputError
from constitution_lang.ir.model import Bundle, Category, Principle
from constitution_lang.source import Source
from constitution_lang.syntax import to_text
from constitution_lang.syntax.from_text import parse

__all__ = ["succeeding"]

_HEADER = re.compile(r"^(constitution \S+) \S+", re.MULTILINE)


def succeeding(imported: Imported, old: Bundle) -> Imported:
    """The imported constitution as the version after `old`.

    Raises:
        WrongInputError: by itself the imported text has errors, or an id comes back that is retired.
    """
    text = _HEADER.sub(rf"\1 {old.version}", imported.text, count=1)
    new = _compiled(text)
    notes = list(imported.notes)
    categories = dict(_renamed_categories(old, new))
    former = dict(_former(old, new, categories))
    for id, names in former.items():
        kind = "principle" if "." in id else "category"
        text = _below(text, kind, id, f"  formerly: {', '.join(names)}")
        notes.append(Note(id, f"was {names[-1]}, and says so: its draws stay"))
    gone = list(_gone(old, new, {name for names in former.values() for name in names}))
    for retired in old.retired:
        replaced = f" replaced by {retired.replaced_by}" if retired.replaced_by else ""
        text += f"\nretired {retired.kind} {retired.id} since {retired.since}{replaced}\n"
    notes += [Note(id, "is gone, and retired") for _, id in gone]
    retiring = "".join(f"\nretired {kind} {id} since {{}}\n" for kind, id in gone)
    found = diff(old, _compiled(text + retiring.format(*[old.version] * len(gone))))
    least = old.version if found.grade in {None, Grade.COSMETIC} else found.verdict.least
    text = _HEADER.sub(rf"\1 {least}", text, count=1) + retiring.format(*[least] * len(gone))
    tree, wrong = parse(Source("imported", text))
    assert not wrong, wrong[0].message if wrong else ""
    return Imported(to_text.format(tree), tuple(notes))


def _below(text: str, kind: str, id: str, line: str) -> str:
    """The text with a line more below the first one of a block."""
    found = re.search(rf"^{kind} {re.escape(id)}( .*)?$", text, re.MULTILINE)
    assert found is not None
    return f"{text[: found.end()]}\n{line}{text[found.end() :]}"


def _compiled(text: str) -> Bundle:
    compilation = compile_text(text)
    if compilation.draft is None:
        first = compilation.diagnostics[0]
        message = f"after the earlier version this has errors: {first.message}"
        if first.code == E204.id:
            message += "; give the section another id, or take the `retired` line out of the earlier version"
        raise WrongInputError("", message)
    return compilation.draft


def _renamed_categories(old: Bundle, new: Bundle) -> Iterator[tuple[str, Category]]:
    """Old categories that are gone and whose sections, those that are left, are all in one new category."""
    before, after = {c.id for c in old.categories}, {c.id: c for c in new.categories}
    now: dict[str, set[str]] = {}
    where: dict[str, list[str]] = {}
    for principle in new.principles:
        where.setdefault(_name(principle), []).append(principle.category)
    for principle in old.principles:
        now.setdefault(principle.category, set()).update(where.get(_name(principle), ()))
    taken: set[str] = set()
    for id in sorted(before - after.keys()):
        into = now.get(id, set())
        if len(into) == 1 and not into & (before | taken):
            taken |= into
            yield id, after[next(iter(into))]


def _former(old: Bundle, new: Bundle, categories: dict[str, Category]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every id with a history, and all its former ones: what the old version said, and what follows from names."""
    by_id: dict[str, Category | Principle] = {c.id: c for c in old.categories}
    by_id |= {p.id: p for p in old.principles}
    now = {c.id for c in new.categories} | {p.id for p in new.principles}
    for category in new.categories:
        was = next((id for id, into in categories.items() if into.id == category.id), category.id)
        yield from _history(category.id, by_id.get(was))
    names = [_name(p) for p in old.principles]
    for principle in new.principles:
        if principle.id in by_id:
            yield from _history(principle.id, by_id[principle.id])
            continue
        same = [p for p in old.principles if _name(p) == _name(principle) and p.id not in now]
        if len(same) == 1 and names.count(_name(principle)) == 1:
            yield from _history(principle.id, same[0])


def _history(id: str, was: Category | Principle | None) -> Iterator[tuple[str, tuple[str, ...]]]:
    if was is not None:
        names = (*was.formerly, *((was.id,) if was.id != id else ()))
        if names:
            yield id, names


def _gone(old: Bundle, new: Bundle, former: set[str]) -> Iterator[tuple[str, str]]:
    yield from _missing("attribute", [a.id for a in old.attributes], {a.id for a in new.attributes})
    yield from _missing("category", [c.id for c in old.categories], former | {c.id for c in new.categories})
    yield from _missing("principle", [p.id for p in old.principles], former | {p.id for p in new.principles})
    yield from _missing("tension", [t.id for t in old.tensions], {t.id for t in new.tensions})


def _missing(kind: str, before: list[str], kept: set[str]) -> Iterator[tuple[str, str]]:
    yield from ((kind, id) for id in before if id not in kept)


def _name(principle: Principle) -> str:
    return principle.id.partition(".")[2]
