"""Categories that came or went. Those of both versions are told by their weights, texts and names."""

from __future__ import annotations

from collections.abc import Iterator

from constitution_lang.diff.model import Aspect, Change, Grade, Subject, SubjectKind, change
from constitution_lang.diff.pairing import Pairing
from constitution_lang.diff.principles import retired_lines
from constitution_lang.diff.words import number
from constitution_lang.ir.model import Bundle, Category

__all__ = ["category_changes"]


def category_changes(pairing: Pairing) -> Iterator[Change]:
    """A category counts where principles are in it, and what it makes stale is told with these.

    An id that went without a `retired` line is told by `identity`.
    """
    for new in pairing.added_categories():
        many = _many(new, pairing.new)
        yield change(
            Grade.BEHAVIOUR if many else Grade.METADATA, _subject(new), Aspect.ADDED,
            f"{new.id} is new, with the weight {number(new.weight)} and {_principles(many)}", (None, new.origin),
            values=("", f"weight: {number(new.weight)}\nstatement: {new.statement}"),
        )  # fmt: skip
    retired = retired_lines(pairing)
    for old in pairing.removed_categories():
        line = retired.get((SubjectKind.CATEGORY, old.id))
        if line is not None:
            yield change(
                Grade.BEHAVIOUR if _many(old, pairing.old) else Grade.METADATA, _subject(old), Aspect.RETIRED,
                f"{old.id} is retired; it had the weight {number(old.weight)}", (old.origin, line.origin),
                values=(f"weight: {number(old.weight)}\nstatement: {old.statement}", ""),
            )  # fmt: skip


def _subject(category: Category) -> Subject:
    return Subject(SubjectKind.CATEGORY, category.id)


def _many(category: Category, bundle: Bundle) -> int:
    return sum(p.category == category.id for p in bundle.principles)


def _principles(many: int) -> str:
    return f"{many} principle{'' if many == 1 else 's'}" if many else "no principle"
