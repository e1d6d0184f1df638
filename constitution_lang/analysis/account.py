"""All that can be said about the cases of a constitution, each answer with a witness, as a value."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from constitution_lang.analysis.circles import circles
from constitution_lang.analysis.counts import decided, size
from constitution_lang.analysis.pairs import differences, meetings, undrawable
from constitution_lang.analysis.paste import (
    bound_test,
    circle_test,
    difference_test,
    extreme_test,
    meeting_test,
    rule_test,
    tension_test,
)
from constitution_lang.analysis.play import Play
from constitution_lang.analysis.rules import RuleFate, fates, idle
from constitution_lang.analysis.shares import Extreme, Shares, breaking
from constitution_lang.ir.model import Bundle, ShareBound, Stage, Tension

__all__ = ["Account", "account"]

Unusual: TypeAlias = dict[str, str]
"""A case, as far as it is not the default."""


class RuleAccount(Struct, frozen=True):
    """`number` is from 1. `decided_instead_by` are other tensions that decide where this rule would.

    `cases` is None where counting them was given up; `case` where there is none.
    """

    number: int
    cases: int | None
    case: Unusual | None
    both_sides_in_play: bool
    decided_before_by: tuple[int, ...]
    decided_instead_by: tuple[str, ...]
    test: str


class TensionAccount(Struct, frozen=True):
    """The rules of one tension. One that never `acts` has in `instead` the tensions that decide for it, if any do.

    `without_principles` are those of its sides that no principle belongs to.
    """

    id: str
    sides: tuple[str, str]
    rules: tuple[RuleAccount, ...]
    acts: bool
    instead: tuple[str, ...]
    without_principles: tuple[str, ...]
    test: str


class CircleAccount(Struct, frozen=True):
    """Who comes before whom, round to the first; `beside` are other tensions in circles with these in that case."""

    over: tuple[str, ...]
    tensions: tuple[str, ...]
    beside: tuple[str, ...]
    case: Unusual
    test: str


class ShareAccount(Struct, frozen=True):
    """Of a principle or a category, where it applies, in one stage. Not `exact`: the true range lies in the bounds.

    `tests` hold: the least share and the greatest. `broken` fail: one for each declared bound that a case breaks.
    """

    id: str
    stage: Stage
    least: float
    least_case: Unusual
    greatest: float
    greatest_case: Unusual
    exact: bool
    least_bound: float
    greatest_bound: float
    tests: tuple[str, ...]
    broken: tuple[str, ...]


class PairAccount(Struct, frozen=True):
    """Two that meet untold, or a tension that wins over a wider one and differs from it."""

    first: str
    second: str
    case: Unusual
    test: str


class Account(Struct, frozen=True):
    """The whole."""

    name: str
    version: str
    cases: int
    attributes: dict[str, int]
    tensions: tuple[TensionAccount, ...]
    circles: tuple[CircleAccount, ...]
    circles_complete: bool
    undrawable: tuple[str, ...]
    shares: tuple[ShareAccount, ...]
    open_pairs: tuple[PairAccount, ...]
    differences: tuple[PairAccount, ...]


def account(bundle: Bundle) -> Account:
    """Ask everything."""
    play = Play(bundle)
    found, complete = circles(play)
    rounds = []
    for circle in found:
        over = (*(step.high for step in circle.steps), circle.steps[0].high)
        tensions = tuple(step.tension.id for step in circle.steps)
        rounds.append(
            CircleAccount(over, tensions, circle.beside, play.unusual(circle.case), circle_test(play, circle))
        )
    met = [PairAccount(*m.categories, play.unusual(m.case), meeting_test(play, m)) for m in meetings(play)]
    differing = [
        PairAccount(d.narrow.id, d.wide.id, play.unusual(d.case), difference_test(play, d)) for d in differences(play)
    ]
    return Account(
        bundle.name, bundle.version, size(bundle), {a.id: len(a.values) for a in bundle.attributes},
        _tensions(play), tuple(rounds), complete, undrawable(play), _shares(play), tuple(met), tuple(differing),
    )  # fmt: skip


def _test_of_rule(play: Play, tension: Tension, fate: RuleFate) -> str:
    """None of an `otherwise` that decides nowhere: it has to be there, and the rules above it are no mistake."""
    has_to_be = fate.index == len(tension.rules) - 1
    return "" if has_to_be and not fate.acts else rule_test(play, tension, fate)


def _tensions(play: Play) -> tuple[TensionAccount, ...]:
    made = []
    for tension in play.bundle.tensions:
        counts = decided(play.bundle, tension)
        rules = [
            RuleAccount(
                fate.index + 1, counts[fate.index] if counts else None,
                None if fate.case is None else play.unusual(fate.case), fate.acts,
                tuple(i + 1 for i in fate.by), fate.instead, _test_of_rule(play, tension, fate),
            )
            for fate in fates(play, tension)
        ]  # fmt: skip
        never = idle(play, tension)
        if never is None:
            made.append(TensionAccount(tension.id, tension.sides, tuple(rules), True, (), (), ""))  # noqa: FBT003
        else:
            test = tension_test(play, tension, never)
            made.append(
                TensionAccount(tension.id, tension.sides, tuple(rules), False, never.instead, never.empty, test)  # noqa: FBT003
            )
    return tuple(made)


def _shares(play: Play) -> tuple[ShareAccount, ...]:
    answers = Shares(play)
    found: dict[str, tuple[Extreme, Extreme]] = {}
    for id in sorted((*(c.id for c in play.bundle.categories), *(p.id for p in play.bundle.principles))):
        least, greatest = answers.least(id), answers.greatest(id)  # a category with its own, which have much in common
        if least is not None and greatest is not None:
            found[id] = least, greatest
    bounds: dict[str, tuple[ShareBound, ...]] = {c.id: c.shares for c in play.bundle.categories}
    bounds |= {p.id: p.shares for p in play.bundle.principles}
    return tuple(
        _share(play, id, stage, found[id], tuple(bound for bound in declared if stage in bound.stages))
        for id, declared in bounds.items()
        if id in found
        for stage in Stage
    )


def _share(
    play: Play, id: str, stage: Stage, extremes: tuple[Extreme, Extreme], declared: tuple[ShareBound, ...]
) -> ShareAccount:
    least, greatest = extremes
    tests = [extreme_test(play, id, least, "least"), extreme_test(play, id, greatest, "greatest")]
    broken = [
        bound_test(play, id, bound, *worst, broken=True)
        for bound in declared
        if (worst := breaking(bound, least, greatest))
    ]
    return ShareAccount(
        id, stage, least.share, play.unusual(least.case), greatest.share, play.unusual(greatest.case),
        least.exact and greatest.exact, least.bound, greatest.bound, tuple(tests), tuple(broken),
    )  # fmt: skip
