"""Preferences that go in a circle in some case: A over B, B over C, C over A, all in play."""

from __future__ import annotations

from collections import deque

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
    """A case, and the steps round; the last one ends where the first begins."""

    case: dict[str, str]
    steps: tuple[Step, ...]


def circles(play: Play) -> tuple[list[Circle], bool]:
    """Circles, one for each set of preferences that makes one; and whether these are all.

    A shortest circle has no two groups that tensions cannot tell apart, so it is enough to look at groups.
    """
    space = play.space
    leads = list(_steps(play))
    if not _may_circle(play, leads):
        return [], True
    chosen = {id: space.new() for step, _ in leads for id in (step.high, step.low)}
    after: dict[str, list[int]] = {id: [] for id in chosen}
    for step, literal in leads:
        after[step.high].append(space.all_of((literal, chosen[step.low])))
    # A set of groups, not empty, each with a successor in the set: there is one exactly where there is a circle.
    for id, literal in chosen.items():
        space.say(-literal, space.any_of(after[id]))
    some = space.any_of(chosen.values())
    active = space.new()
    found: list[Circle] = []
    while space.possible(some, active):
        if len(found) == CIRCLES_MAX:
            return found, False
        case = space.witness(some, active)
        assert case is not None
        steps = _shortest(_leading(play, case))
        circle = {_preference(play, step) for step in steps} | {play.applies[step.high] for step in steps}
        found.append(Circle(space.witness(*circle) or case, steps))
        space.say(-active, *{-_preference(play, step) for step in steps})
    return found, True


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


def _leading(play: Play, case: dict[str, str]) -> dict[str, dict[str, Step]]:
    """The steps that a case takes, found without the solver."""
    present = {g for g, members in play.groups.items() if any(holds(p.applies, case) for p in members)}
    found: dict[str, dict[str, Step]] = {}
    for tension in play.bundle.tensions:
        outcome = decide(tension, case)[1].outcome
        if not isinstance(outcome, Prefer):
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
