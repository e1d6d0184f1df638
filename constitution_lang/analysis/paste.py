"""Findings about cases as `test` blocks to paste into the constitution.

The comment above a block says what the test does there today. One about something wrong fails until it is mended; one
about something that may be meant holds, and will tell when it changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from math import ceil, floor
from typing import TYPE_CHECKING, TypeAlias

from constitution_lang.analysis.circles import Circle, Step
from constitution_lang.analysis.pairs import Difference, Meeting
from constitution_lang.analysis.play import Play
from constitution_lang.analysis.rules import RuleFate, TensionFate
from constitution_lang.diagnostics.numbers import plain
from constitution_lang.ir.cases import decide, holds
from constitution_lang.ir.groups import governing
from constitution_lang.ir.model import Abstain, Outcome, Prefer, ShareBound, Stage, Tension, Weigh

if TYPE_CHECKING:
    from constitution_lang.analysis.shares import Extreme

__all__ = [
    "FAILS",
    "HOLDS",
    "bound_test",
    "circle_test",
    "difference_test",
    "extreme_test",
    "meeting_test",
    "rule_test",
    "tension_test",
]

_Seen: TypeAlias = "int | tuple[float, float] | None"
"""Which of two comes first, what each weighs, or neither."""

FAILS = "# Fails until it is mended."
HOLDS = "# Holds today; it will fail when this changes."


def circle_test(play: Play, circle: Circle, turned: int = -1) -> str:
    """Fails: one tension, that of the last step or of the step `turned`, is asked for the other way round.

    That breaks the circle. Which one ought to turn nobody but the author knows, and an expectation cannot say "not all
    of these": so the comment says what is proposed, and names each other way with what to write for it.
    """
    by_tension = {step.tension.id: step for step in circle.steps}  # a tension says one thing in a case
    mine = circle.steps[turned].tension.id
    sides = {id: _stand_for(play, step, circle.case) for id, step in by_tension.items()}
    kept = {id: f"{winner} over {loser}" for id, (winner, loser) in sides.items()}
    round_ = {id: f"{loser} over {winner}" for id, (winner, loser) in sides.items()}
    others = ", or ".join(f"`{id}` to `{line}`" for id, line in round_.items() if id != mine)
    comment = (
        f"{FAILS}\n# One way out of {len(kept)}: `{mine}` turns here, to `{round_[mine]}`. "
        f"For another turn this line back to `{kept[mine]}`,\n# and one of these round: {others}.\n# "
        "Of a tension that is to weigh or abstain here leave the line out instead."
    )
    title = f"no circle of {', '.join(step.high for step in circle.steps)}"
    return _block(play, comment, title, circle.case, (kept | {mine: round_[mine]}).values())


def _stand_for(play: Play, step: Step, case: dict[str, str]) -> tuple[str, str]:
    """Winner and loser as an expectation can name them: the sides, or of each one principle that the tension governs.

    One side comes before the other only where all their pairs do, and a tension that is more special may decide some of
    these otherwise.
    """
    sides = (step.winner, step.loser)
    if all(governs is step.tension for _, governs in _meeting(play, sides, case)):
        return sides
    high, low = ((p.id for p in play.groups[id] if holds(p.applies, case)) for id in (step.high, step.low))
    return next(high), next(low)


def _meeting(play: Play, sides: tuple[str, str], case: dict[str, str]) -> Iterator[tuple[tuple[str, str], Tension]]:
    """The pairs of principles of a tension's two sides that apply, and what governs each."""
    here = [p for p in play.bundle.principles if holds(p.applies, case)]
    first, second = ([p.id for p in here if side in (p.id, p.category)] for side in sides)
    governed = governing(play.bundle)
    for pair in product(first, second):
        if pair[0] != pair[1]:
            yield pair, governed.get(pair) or governed[pair[::-1]]


def tension_test(play: Play, tension: Tension, never: TensionFate) -> str:
    """That a tension decides where both of its sides are in play: fails. Empty if there is no such case."""
    if never.case is None:
        return ""
    reached = f"rule {decide(tension, never.case)[0] + 1} of {tension.id}"
    return _block(play, FAILS, f"{tension.id} acts", never.case, [reached])


def rule_test(play: Play, tension: Tension, fate: RuleFate) -> str:
    """That a rule decides: fails where it does not, in a case where its condition holds. Empty if there is none.

    A rule that is moved up has another number. So of one that fails its outcome is asked for, where that is not what
    comes out today.
    """
    case = fate.case or fate.holds
    if case is None:
        return ""
    what = f"rule {fate.index + 1} of {tension.id}"
    if fate.acts:
        return _block(play, HOLDS, f"{what} decides", case, [what])
    outcome, meeting = tension.rules[fate.index].outcome, [*_meeting(play, tension.sides, case)]
    wanted = _seen(outcome, tension.sides)
    differing = [pair for pair, by in meeting if _decided(play, pair, case) != wanted]
    if not differing:
        return _block(play, f"{FAILS}\n{_NUMBERED}", f"{what} decides", case, [what])
    named = tension.sides if len({by.id for _, by in meeting}) == 1 else differing[0]
    return _block(play, f"{FAILS}\n{_WITHOUT}", f"{what} decides", case, [_outcome(outcome, tension.sides, named)])


_NUMBERED = "# Write the number that the rule has then; if it is deleted, delete this too."
_WITHOUT = "# If the rule is deleted, delete this too."


def _decided(play: Play, pair: tuple[str, str], case: dict[str, str]) -> _Seen:
    """What comes out between two principles, as they stand in the pair."""
    governed = governing(play.bundle)
    turned = pair not in governed
    by = governed[pair[::-1] if turned else pair]
    return _seen(decide(by, case)[1].outcome, by.sides[::-1] if turned else by.sides, turned=turned)


def _seen(outcome: Outcome, sides: tuple[str, str], *, turned: bool = False) -> _Seen:
    match outcome:
        case Prefer(side):
            return sides.index(side)
        case Weigh(one, other):
            return (other, one) if turned else (one, other)
        case Abstain():
            return None


def _outcome(outcome: Outcome, sides: tuple[str, str], named: tuple[str, str]) -> str:
    first, second = named
    match outcome:
        case Prefer(side):
            return f"{first} over {second}" if side == sides[0] else f"{second} over {first}"
        case Weigh(one, other):
            return f"weigh {first} {plain(one)}, {second} {plain(other)}"
        case Abstain():
            return f"abstain between {first} and {second}"


def meeting_test(play: Play, *met: Meeting) -> str:
    """Holds: principles of categories that meet in one case apply. All `met` have the same first category."""
    expected = dict.fromkeys(f"{id} applies" for meeting in met for id in meeting.principles)
    title = f"{met[0].categories[0]} meets {', '.join(meeting.categories[1] for meeting in met)}"
    return _block(play, HOLDS, title, met[0].case, expected)


def difference_test(play: Play, difference: Difference) -> str:
    """Holds: the narrower tension decides, by the rule that differs."""
    narrow = difference.narrow.id
    expected = [f"rule {difference.rules[0] + 1} of {narrow}"]
    return _block(play, HOLDS, f"{narrow} wins over {difference.wide.id}", difference.case, expected)


def bound_test(play: Play, id: str, bound: ShareBound, *extremes: Extreme, broken: bool) -> str:
    """A declared share in the cases that come nearest to breaking it: fails where they do, else holds."""
    low, high = (f"{plain(round(100 * share, 10))}%" for share in (bound.low, bound.high))
    if bound.low <= 0:
        declared = f"at most {high}"
    elif bound.high >= 1:
        declared = f"at least {low}"
    else:
        declared = f"{low} to {high}"
    stage = f" in {bound.stages[0]}" if len(bound.stages) < len(Stage) else ""
    title = f"the share of {id} is {declared}{stage}"
    first, *more = (extreme.case for extreme in extremes)
    expected = f"{id} {declared}{stage}"
    block = _block(play, FAILS if broken else HOLDS, title, first, [expected])
    return block + "".join("\n".join(_case(play, case, [expected])) + "\n" for case in more)


def extreme_test(play: Play, id: str, extreme: Extreme, word: str) -> str:
    """Holds: the least or the greatest share (`word`), to a hundredth of a percent."""
    low, high = floor(extreme.share * 10_000 + 1e-6) / 100, ceil(extreme.share * 10_000 - 1e-6) / 100
    between = f"{id} {low:g}% to {high:g}%"
    return _block(play, HOLDS, f"the {word} share of {id}", extreme.case, [between])


def _block(play: Play, comment: str, title: str, case: dict[str, str], expected: Iterable[str]) -> str:
    lines = [comment, f'test "{title}"', *_case(play, case, expected)]
    return "\n".join(lines) + "\n"


def _case(play: Play, case: dict[str, str], expected: Iterable[str]) -> list[str]:
    values = ", ".join(f"{id} {value}" for id, value in play.unusual(case).items())
    return [f"  case {values}".rstrip(), *(f"  expect {line}" for line in expected)]
