"""Preferences that go in a circle in some case: A over B, B over C, C over A, all in play."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

from constitution_lang.analysis.play import Play
from constitution_lang.ir.cases import decide, holds
from constitution_lang.ir.model import Prefer, Tension

__all__ = ["CIRCLES_MAX", "Circle", "Step", "circles"]

CIRCLES_MAX = 32
"""So many are told; who has more has seen enough."""


class Step(msgspec.Struct, frozen=True):
    """`high` comes before `low`: groups of principles (`play.Play`). `winner` and `loser` are the tension's sides."""

    high: str
    low: str
    tension: Tension
    winner: str

    @property
    def loser(self) -> str:
        """The other side."""
        first, second = self.tension.sides
        return second if self.winner == first else first


class Circle(msgspec.Struct, frozen=True):
    """A case, and the steps round; the last one ends where the first begins.

    `beside` are the other tensions (ids) whose preferences are in circles with these in that case.
    """

    case: dict[str, str]
    steps: tuple[Step, ...]
    beside: tuple[str, ...] = ()


def circles(play: Play) -> tuple[list[Circle], bool]:
    """Circles, of which no two share a preference where both can be; and whether these are all.

    So one wrong preference makes one circle in a case, however many ways lead round through it (`Circle.beside`). A
    shortest circle has no two groups that tensions cannot tell apart, so it is enough to look at groups.
    """
    space = play.space
    leads = list(_steps(play))
    if not _may_circle(play, leads):
        return [], True
    # A set of groups, not empty, each with a step to another of the set: there is one exactly where there is a circle.
    chosen = {id: space.new() for step, _ in leads for id in (step.high, step.low)}
    taken: dict[str, list[int]] = {id: [] for id in chosen}
    by_preference: dict[tuple[str, str], list[int]] = {}
    for step, literal in leads:
        takes = space.new()
        space.say(-takes, literal)
        space.say(-takes, chosen[step.low])
        taken[step.high].append(takes)
        by_preference.setdefault((step.tension.id, step.winner), []).append(takes)
    for id, literal in chosen.items():
        space.say(-literal, *taken[id])
    some = space.any_of(chosen.values())
    found: list[Circle] = []
    told: list[frozenset[tuple[str, str]]] = []
    while space.possible(some):
        if len(found) == CIRCLES_MAX:
            return found, False
        case = space.witness(some)
        assert case is not None
        steps = _shortest(_leading(play, case, told))
        preferred = {_preference(play, step) for step in steps}
        case = space.witness(*preferred, *(play.applies[step.high] for step in steps)) or case
        found.append(Circle(case, steps, _beside(_leading(play, case), steps)))
        told.append(frozenset((step.tension.id, step.winner) for step in steps))
        elsewhere = -space.all_of(preferred)
        for takes in (takes for preference in told[-1] for takes in by_preference[preference]):
            space.say(-takes, elsewhere)
    return found, True


def _beside(leading: dict[str, dict[str, Step]], steps: tuple[Step, ...]) -> tuple[str, ...]:
    """The tensions of all steps that lie between what a circle leads to and what leads to it, without its own."""

    def reached(edges: dict[str, set[str]]) -> set[str]:
        seen: set[str] = set()
        left = [steps[0].high]
        while left:
            at = left.pop()
            if at not in seen:
                seen.add(at)
                left += edges.get(at, ())
        return seen

    back: dict[str, set[str]] = {}
    for high, lows in leading.items():
        for low in lows:
            back.setdefault(low, set()).add(high)
    round_ = reached({high: set(lows) for high, lows in leading.items()}) & reached(back)
    all_ = {s.tension.id for high in round_ for s in leading.get(high, {}).values() if s.low in round_}
    return tuple(sorted(all_ - {step.tension.id for step in steps}))


def _steps(play: Play) -> list[tuple[Step, int]]:
    """Every step that some case takes, with when."""
    found = []
    for tension in play.bundle.tensions:
        for first, second in play.pairs.get(tension.id, ()):
            for side, high, low in ((0, first, second), (1, second, first)):
                step = Step(high, low, tension, tension.sides[side])
                taken = play.space.all_of((_preference(play, step), play.both((high, low))))
                if play.space.possible(taken):
                    found.append((step, taken))
    return found


def _preference(play: Play, step: Step) -> int:
    """Whether the tension prefers the step's winner."""
    fires = zip(play.space.fires(step.tension), step.tension.rules, strict=True)
    return play.space.any_of(literal for literal, rule in fires if rule.outcome == Prefer(step.winner))


def _may_circle(play: Play, leads: list[tuple[Step, int]]) -> bool:
    """Whether a circle is left when whatever leads nowhere is taken away, again and again.

    Case by case where they are few, which is exact; else as if all steps were taken in one case.
    """
    cases = [play.space.cases(literal) for _, literal in leads]
    where = [1 if None in cases else taken or 0 for taken in cases]
    left = dict.fromkeys((step.high for step, _ in leads), -1)
    while True:
        kept = dict.fromkeys(left, 0)
        for (step, _), taken in zip(leads, where, strict=True):
            kept[step.high] |= taken & left.get(step.low, 0)
        if kept == left:
            return any(left.values())
        left = kept


def _leading(
    play: Play, case: dict[str, str], told: Iterable[frozenset[tuple[str, str]]] = ()
) -> dict[str, dict[str, Step]]:
    """The steps that a case takes, found without the solver: but those of circles `told` that it has all of."""
    outcomes = {tension.id: decide(tension, case)[1].outcome for tension in play.bundle.tensions}
    here = {(id, outcome.side) for id, outcome in outcomes.items() if isinstance(outcome, Prefer)}
    known = {preference for circle in told if circle <= here for preference in circle}
    present = {g for g, members in play.groups.items() if any(holds(p.applies, case) for p in members)}
    found: dict[str, dict[str, Step]] = {}
    for tension in play.bundle.tensions:
        outcome = outcomes[tension.id]
        if not isinstance(outcome, Prefer) or (tension.id, outcome.side) in known:
            continue
        for pair in play.pairs.get(tension.id, ()):
            if present.issuperset(pair):
                high, low = pair if outcome.side == tension.sides[0] else pair[::-1]
                found.setdefault(high, {})[low] = Step(high, low, tension, outcome.side)
    return found


def _shortest(leading: dict[str, dict[str, Step]]) -> tuple[Step, ...]:
    """A shortest circle; there has to be one."""
    best: tuple[Step, ...] = ()
    for start in sorted(leading):
        queue: deque[tuple[Step, ...]] = deque((step,) for step in leading[start].values())
        seen: set[str] = set()
        while queue:
            path = queue.popleft()
            at = path[-1].low
            if at == start:
                best = path if not best or len(path) < len(best) else best
                break
            if at not in seen and at in leading and not (best and len(path) >= len(best)):
                seen.add(at)
                queue.extend((*path, step) for step in leading[at].values())
    assert best, "a case that the solver gave has no circle"
    return best
