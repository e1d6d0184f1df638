"""What a constitution comes to for a few requests: the ordinary one, and those that differ from it by one answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from constitution_lang.emit.page_words import condition_in_words
from constitution_lang.ir.cases import complete, decisions
from constitution_lang.ir.model import Bundle, Compare, Prefer, Stage
from constitution_lang.sampling.weights import shares

__all__ = ["CaseView", "Slice", "case_views"]

CASES_MAX = 16
"""More rows than these nobody compares."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A category's share in a case, and where it begins in the bar; `colour` is the category's number on the page."""

    category: str
    colour: int
    share: float
    left: float


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case in words (empty where it is the ordinary one), its shares, and which side comes before which."""

    words: str
    slices: tuple[Slice, ...]
    before: tuple[tuple[str, str], ...]


def case_views(bundle: Bundle, colours: Mapping[str, int]) -> tuple[CaseView, ...]:
    """The ordinary case, and those of one answer each in which something else is drawn or comes first."""
    ordinary = _view(bundle, {}, colours)
    views = [ordinary]
    for words, case in _changed(bundle):
        view = _view(bundle, case, colours, words)
        if (view.slices, view.before) != (ordinary.slices, ordinary.before):
            views.append(view)
    return tuple(views[:CASES_MAX])


def _changed(bundle: Bundle) -> Iterator[tuple[str, dict[str, str]]]:
    attributes = {attribute.id: attribute for attribute in bundle.attributes}
    for attribute in sorted(bundle.attributes, key=lambda a: (a.origin.file, a.origin.line)):
        for value in attribute.values:
            if value != attribute.default:
                words = condition_in_words(Compare(attribute.id, (value,)), attributes)
                yield words, {attribute.id: value}


def _view(bundle: Bundle, case: dict[str, str], colours: Mapping[str, int], words: str = "") -> CaseView:
    whole = complete(bundle, case)
    by_category: dict[str, float] = {}
    for id, share in shares(bundle, Stage.REVISION, whole).items():
        category = bundle.principle(id).category
        by_category[category] = by_category.get(category, 0.0) + share
    slices, left = [], 0.0
    for category in sorted(by_category, key=colours.__getitem__):
        slices.append(Slice(category, colours[category], by_category[category], left))
        left += by_category[category]
    before = []
    for decision in decisions(bundle, whole):
        outcome = decision.rule.outcome
        if isinstance(outcome, Prefer):
            one, other = decision.tension.sides
            before.append((outcome.side, other if outcome.side == one else one))
    return CaseView(words, tuple(slices), tuple(before))
