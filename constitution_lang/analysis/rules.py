"""What becomes of each rule: where it decides, or what decides before it."""

from __future__ import annotations

import msgspec

from constitution_lang.analysis.play import Play
from constitution_lang.ir.model import Tension

__all__ = ["RuleFate", "fates"]


class RuleFate(msgspec.Struct, frozen=True):
    """One rule. `index` is from 0; a witness is a whole case.

    `case` is one in which the rule decides, with both sides in play where that can be; None where no case reaches it.
    `acts` says whether in some such case both sides are in play. `holds` is a case in which the condition of a rule
    that never decides holds, and `by` the earlier rules that together decide before it, none of which can be left out.
    """

    index: int
    case: dict[str, str] | None
    acts: bool
    holds: dict[str, str] | None = None
    by: tuple[int, ...] = ()


def fates(play: Play, tension: Tension) -> tuple[RuleFate, ...]:
    """Of every rule of a tension, in order."""
    return tuple(_fate(play, tension, index) for index in range(len(tension.rules)))


def _fate(play: Play, tension: Tension, index: int) -> RuleFate:
    space = play.space
    fires, acts = space.fires(tension)[index], play.acts(tension)
    if space.possible(fires, acts):
        return RuleFate(index, space.witness(fires, acts), acts=True)
    if space.possible(fires):
        return RuleFate(index, space.witness(fires), acts=False)
    holding = [space.literal(rule.condition) for rule in tension.rules[: index + 1]]
    holds = space.witness(holding[index], acts) or space.witness(holding[index])
    if holds is None:
        return RuleFate(index, None, acts=False)
    same = next((i for i, literal in enumerate(holding[:index]) if literal == holding[index]), None)
    if same is not None:
        return RuleFate(index, None, acts=False, holds=holds, by=(same,))
    blamed = space.blame(holding[index], *(-literal for literal in holding[:index]))
    by = {holding.index(-literal) for literal in blamed if -literal in holding[:index]}
    return RuleFate(index, None, acts=False, holds=holds, by=tuple(sorted(by)))
