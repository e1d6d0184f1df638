"""A constitution as one page of HTML that needs no network, for people who read no code.

All text is escaped by the templates, and the page's own policy allows no script and no style but its own, by hash.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from math import fsum

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from constitution_lang.analysis.play import Play
from constitution_lang.analysis.shares import Shares
from constitution_lang.emit.page_cases import case_views
from constitution_lang.emit.page_words import bound_in_words, condition_in_words, outcome_in_words, percent
from constitution_lang.ir.cases import complete
from constitution_lang.ir.model import Attribute, Bundle, Category, Exemplar, Prefer, Principle, Rule, Stage, Tension
from constitution_lang.sampling.weights import shares

__all__ = ["page"]

PRINCIPLES_MAX = 300
"""With more, only the ordinary case is told: to find the range of each takes long."""

DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Characters that turn the text after them around, so that a reader sees other words than a model does."""

FIELD_NAMES = {
    "prompt": "Request", "response": "First answer", "critique": "What is wrong with it", "revision": "Better answer",
    "response_a": "Answer A", "response_b": "Answer B", "reasoning": "Thoughts", "answer": "Better answer",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RuleView:
    """One rule as a sentence: when, who comes first (with what then follows), or what else is decided."""

    lead: str
    before: tuple[str, str] | None
    text: str


@dataclass(frozen=True, slots=True)
class TensionView:
    """A tension, the titles of its two sides with their anchors, and its rules as sentences."""

    tension: Tension
    sides: tuple[tuple[str, str], tuple[str, str]]
    rules: tuple[RuleView, ...]


@dataclass(frozen=True, slots=True)
class PrincipleView:
    """A principle, when it applies, and its share of attention."""

    principle: Principle
    applies: str
    ordinary: float | None
    extent: tuple[float, float] | None
    """The least and the greatest share where it applies; None where there are too many cases to look at."""
    bounds: tuple[str, ...]
    examples: tuple[Exemplar, ...]


@dataclass(frozen=True, slots=True)
class CategoryView:
    """A value with its principles, its part of the categories' weights, and the bar that shows it."""

    category: Category
    share: float
    left: float
    bounds: tuple[str, ...]
    principles: tuple[PrincipleView, ...]


def page(bundle: Bundle) -> str:
    """The page's text."""
    environment = Environment(
        loader=PackageLoader("constitution_lang.emit", "page_template"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_shown,
    )  # fmt: skip
    environment.filters["percent"] = percent
    style = resources.files("constitution_lang.emit").joinpath("page_template", "page.css").read_text("utf-8")
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    categories = _categories(bundle)
    return environment.get_template("page.html.j2").render(
        bundle=bundle,
        categories=categories,
        cases=case_views(bundle, {view.category.id: number for number, view in enumerate(categories)}),
        sides={
            id: _side(bundle, id) for id in (*(c.id for c in bundle.categories), *(p.id for p in bundle.principles))
        },
        tensions=[_tension(bundle, tension) for tension in sorted(bundle.tensions, key=_place)],
        questions=sorted(bundle.attributes, key=_place),
        general=[e for e in bundle.exemplars if e.target in set(Stage)],
        field_names=FIELD_NAMES,
        style=Markup(style),  # noqa: S704 - our own file
        policy=f"default-src 'none'; style-src 'sha256-{digest}'",
    )


def _shown(value: object) -> object:
    """What every printed value passes through: what would turn a text around is shown as its number."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return DIRECTIONS.sub(lambda found: f"[U+{ord(found.group()):04X}]", value)


def _categories(bundle: Bundle) -> list[CategoryView]:
    attributes = {a.id: a for a in bundle.attributes}
    ordinary, ranges = _shares(bundle)
    used = {p.category for p in bundle.principles}
    listed = sorted((c for c in bundle.categories if c.id in used), key=lambda c: (-c.weight, _place(c)))
    total = fsum(c.weight for c in listed)
    views, left = [], 0.0
    for category in listed:
        share = category.weight / total if total else 0.0
        principles = tuple(
            PrincipleView(
                p,
                condition_in_words(p.applies, attributes),
                ordinary.get(p.id),
                ranges.get(p.id),
                tuple(map(bound_in_words, p.shares)),
                tuple(e for e in bundle.exemplars if e.target == p.id),
            )
            for p in sorted(bundle.principles, key=_place)
            if p.category == category.id
        )
        views.append(CategoryView(category, share, left, tuple(map(bound_in_words, category.shares)), principles))
        left += share
    return views


def _place(declared: Attribute | Category | Principle | Tension) -> tuple[str, int]:
    """The author's own order; a bundle is in the order of ids."""
    return declared.origin.file, declared.origin.line


def _shares(bundle: Bundle) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Each principle's share in the ordinary case; and of the cases where it applies a range that none leaves."""
    ordinary = shares(bundle, Stage.REVISION, complete(bundle, {}))
    if len(bundle.principles) > PRINCIPLES_MAX:
        return ordinary, {}
    over_cases = Shares(Play(bundle))
    ranges: dict[str, tuple[float, float]] = {}
    for principle in bundle.principles:
        low, high = over_cases.least(principle.id), over_cases.greatest(principle.id)
        if low and high:
            ranges[principle.id] = low.bound, high.bound
    return ordinary, ranges


def _tension(bundle: Bundle, tension: Tension) -> TensionView:
    one, two = (_side(bundle, id) for id in tension.sides)
    rules = tuple(_rule(bundle, tension, index, (one, two)) for index in range(len(tension.rules)))
    return TensionView(tension, (one, two), rules)


def _side(bundle: Bundle, id: str) -> tuple[str, str]:
    """Title and anchor of a category or a principle."""
    for kind, listed in (("value", bundle.categories), ("principle", bundle.principles)):
        for declared in listed:
            if declared.id == id:
                return declared.title or id, f"{kind}-{id}"
    raise KeyError(id)


def _rule(bundle: Bundle, tension: Tension, index: int, sides: Sequence[tuple[str, str]]) -> RuleView:
    rule: Rule = tension.rules[index]
    condition = condition_in_words(rule.condition, {a.id: a for a in bundle.attributes})
    if condition:
        lead = f"{'When' if index == 0 else 'Otherwise, when'} {condition}, "
    else:
        lead = "In every case, " if index == 0 else "In all other cases, "
    titles = (f"“{sides[0][0]}”", f"“{sides[1][0]}”")
    if isinstance(rule.outcome, Prefer):
        first, second = titles if rule.outcome.side == tension.sides[0] else titles[::-1]
        return RuleView(lead, (first, second), "")
    return RuleView(lead, None, outcome_in_words(rule.outcome, titles))
