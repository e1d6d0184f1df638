"""What becomes of each rule: where it decides, or what decides before it."""

from __future__ import annotations

import msgspec

from constitution_lang.analysis.play import Play
from constitution_lang.ir.model import Tension

__all__ = ["RuleFate", "TensionFate", "fates", "idle"]


class RuleFate(msgspec.Struct, frozen=True):
    """One rule. `index` is from 0; a witness is a whole case.

    `case` is one in which the rule decides, with both sides in play where that can be; None where no case reaches it.
    `acts` says whether in some such case the tension has something to decide. Of a rule that never acts, `holds` is a
    case in which its condition holds, with both sides in play where that can be; `by` the earlier rules that together
    decide before it there, none of which can be left out; and `instead` the other tensions (ids) that decide where it
    would.
    """

    index: int
    case: dict[str, str] | None
    acts: bool
    holds: dict[str, str] | None = None
    by: tuple[int, ...] = ()
    instead: tuple[str, ...] = ()


class TensionFate(msgspec.Struct, frozen=True):
    """A tension that never has anything to decide.

    `case` is one in which principles of both sides apply, and `instead` the tensions (ids) that decide in all such
    cases; None and nothing where there is none. `empty` are the sides that have no principle at all.
    """

    case: dict[str, str] | None
    instead: tuple[str, ...]
    empty: tuple[str, ...]


def idle(play: Play, tension: Tension) -> TensionFate | None:
    """Why a tension never acts; None where it does in some case."""
    if play.space.possible(play.acts(tension)):
        return None
    return TensionFate(play.space.witness(play.meets(tension)), play.taken(tension), play.empty(tension))


def fates(play: Play, tension: Tension) -> tuple[RuleFate, ...]:
    """Of every rule of a tension, in order."""
    return tuple(_fate(play, tension, index) for index in range(len(tension.rules)))


def _fate(play: Play, tension: Tension, index: int) -> RuleFate:
    space = play.space
    fires, acts = space.fires(tension)[index], play.acts(tension)
    if space.possible(fires, acts):
        return RuleFate(index, space.witness(fires, acts), acts=True)
    holding = space.literal(tension.rules[index].condition)
    case = space.witness(fires, play.meets(tension)) or space.witness(fires)
    holds = space.witness(holding, acts) or case or space.witness(holding)
    if holds is None:
        return RuleFate(index, None, acts=False)
    if case is None:
        by = _before(play, tension, index)
    else:
        by = _before(play, tension, index, acts) if space.possible(holding, acts) else ()
    return RuleFate(index, case, acts=False, holds=holds, by=by, instead=play.taken(tension, fires))


def _before(play: Play, tension: Tension, index: int, *given: int) -> tuple[int, ...]:
    """The earlier rules that decide wherever a rule holds and `given` is true, as few as it takes."""
    space = play.space
    *earlier, holding = [space.literal(rule.condition) for rule in tension.rules[: index + 1]]
    same = next((i for i, literal in enumerate(earlier) if literal == holding), None)
    if same is not None:
        return (same,)
    known = dict.fromkeys((holding, *given))
    taking = {-literal: i for i, literal in reversed([*enumerate(earlier)])}
    blamed = space.blame(*taking, given=known)
    return tuple(sorted(taking[literal] for literal in blamed))
