"""All that can be said about the cases of a constitution, each answer with a witness, as a value."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from constitution_lang.analysis.circles import circles
from constitution_lang.analysis.counts import decided, size
from constitution_lang.analysis.pairs import differences, meetings, undrawable
from constitution_lang.analysis.play import Play
from constitution_lang.analysis.rules import fates
from constitution_lang.analysis.shares import Extreme, Shares
from constitution_lang.ir.model import Bundle, Stage

__all__ = ["Account", "account"]

Unusual: TypeAlias = dict[str, str]
"""A case, as far as it is not the default."""


class RuleAccount(Struct, frozen=True):
    """`number` is from 1. `cases` is None where counting them was given up; `case` where there is none."""

    number: int
    cases: int | None
    case: Unusual | None
    both_sides_in_play: bool
    decided_before_by: tuple[int, ...]
    test: str


class TensionAccount(Struct, frozen=True):
    """The rules of one tension."""

    id: str
    sides: tuple[str, str]
    rules: tuple[RuleAccount, ...]


class CircleAccount(Struct, frozen=True):
    """Who comes before whom, round to the first."""

    over: tuple[str, ...]
    tensions: tuple[str, ...]
    case: Unusual
    test: str


class ShareAccount(Struct, frozen=True):
    """Of a principle or a category, where it applies, in one stage. Not `exact`: the true range lies in the bounds."""

    id: str
    stage: Stage
    least: float
    least_case: Unusual
    greatest: float
    greatest_case: Unusual
    exact: bool
    least_bound: float
    greatest_bound: float


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
        first, last = circle.steps[0], circle.steps[-1]
        wanted = [f"{s.winner} over {s.loser}" for s in circle.steps[:-1]] + [f"{last.loser} over {last.winner}"]
        over = (*(s.high for s in circle.steps), first.high)
        test = _test(play, f"no circle of {', '.join(over[:-1])}", circle.case, wanted)
        rounds.append(CircleAccount(over, tuple(s.tension.id for s in circle.steps), play.unusual(circle.case), test))
    met = []
    for meeting in meetings(play):
        title = f"{' meets '.join(meeting.categories)}"
        test = _test(play, title, meeting.case, [f"{id} applies" for id in meeting.principles])
        met.append(PairAccount(*meeting.categories, play.unusual(meeting.case), test))
    differing = []
    for d in differences(play):
        test = _test(play, f"{d.narrow.id} wins over {d.wide.id}", d.case, [f"rule {d.rules[0] + 1} of {d.narrow.id}"])
        differing.append(PairAccount(d.narrow.id, d.wide.id, play.unusual(d.case), test))
    return Account(
        bundle.name, bundle.version, size(bundle), {a.id: len(a.values) for a in bundle.attributes},
        _tensions(play), tuple(rounds), complete, undrawable(play), _shares(play), tuple(met), tuple(differing),
    )  # fmt: skip


def _tensions(play: Play) -> tuple[TensionAccount, ...]:
    made = []
    for tension in play.bundle.tensions:
        counts = decided(play.bundle, tension)
        rules = []
        for fate in fates(play, tension):
            case = fate.case or fate.holds
            title = f"rule {fate.index + 1} of {tension.id} decides"
            test = _test(play, title, case, [f"rule {fate.index + 1} of {tension.id}"]) if case else ""
            rules.append(
                RuleAccount(
                    fate.index + 1, counts[fate.index] if counts else None,
                    None if fate.case is None else play.unusual(fate.case), fate.acts,
                    tuple(i + 1 for i in fate.by), test,
                )
            )  # fmt: skip
        made.append(TensionAccount(tension.id, tension.sides, tuple(rules)))
    return tuple(made)


def _shares(play: Play) -> tuple[ShareAccount, ...]:
    answers, made = Shares(play), []
    for id in (*(c.id for c in play.bundle.categories), *(p.id for p in play.bundle.principles)):
        least, greatest = answers.least(id), answers.greatest(id)
        if least is not None and greatest is not None:
            made += [_share(play, id, stage, least, greatest) for stage in Stage]
    return tuple(made)


def _share(play: Play, id: str, stage: Stage, least: Extreme, greatest: Extreme) -> ShareAccount:
    return ShareAccount(
        id, stage, least.share, play.unusual(least.case), greatest.share, play.unusual(greatest.case),
        least.exact and greatest.exact, least.bound, greatest.bound,
    )  # fmt: skip


def _test(play: Play, title: str, case: dict[str, str], expected: list[str]) -> str:
    """A block to paste into the file."""
    values = ", ".join(f"{id} {value}" for id, value in play.unusual(case).items())
    lines = [f'test "{title}"', f"  case {values}".rstrip(), *(f"  expect {line}" for line in expected)]
    return "\n".join(lines) + "\n"
