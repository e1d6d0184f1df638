"""What only cases can tell: rules that never decide, circles of preference, principles that are never drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from constitution_lang.analysis.circles import CIRCLES_MAX, Circle, circles
from constitution_lang.analysis.pairs import Meeting, differences, gathered, meetings, undrawable
from constitution_lang.analysis.paste import (
    bound_test,
    circle_test,
    difference_test,
    meeting_test,
    rule_test,
    tension_test,
)
from constitution_lang.analysis.play import Play, where
from constitution_lang.analysis.rules import RuleFate, TensionFate, fates, idle
from constitution_lang.check.case_fixes import new_tensions, without_rule, without_tension
from constitution_lang.check.fields import Fields
from constitution_lang.check.program import CheckedProgram
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Label
from constitution_lang.diagnostics.numbers import percent
from constitution_lang.ir.model import ALWAYS, Bundle, ShareBound, Tension
from constitution_lang.source import Span
from constitution_lang.syntax.words import listed

if TYPE_CHECKING:
    from constitution_lang.analysis.shares import Extreme

__all__ = ["check_cases"]

_NAMED_MAX = 3


def check_cases(program: CheckedProgram, draft: Bundle) -> Iterator[Diagnostic]:
    """All findings about cases; `draft` may lack its prompts."""
    play = Play(draft)
    for tension in draft.tensions:
        yield from _rules(program, play, tension)
    yield from _never_drawn(program, play)
    yield from _overruled(program, play)
    yield from _circles(program, play)
    yield from _shares(program, play)
    yield from _open(program, play)


def _rules(program: CheckedProgram, play: Play, tension: Tension) -> Iterator[Diagnostic]:
    block = program.tensions[tension.id].block
    never = idle(play, tension)
    if never is not None:
        yield _idle(program, play, tension, never)
    for fate in fates(play, tension):
        rule = tension.rules[fate.index]
        earlier = tension.rules[: fate.index]
        if rule.condition == ALWAYS and ALWAYS not in (other.condition for other in earlier):
            continue  # the rules before happen to cover every case; `otherwise` has to be there all the same
        if fate.acts or (never is not None and fate.case is not None):
            continue  # it decides, or what keeps the whole tension from acting is told
        others = tuple(Label(program.tensions[id].block.name.span, "this one decides instead") for id in fate.instead)
        yield replace(
            codes.W501.at(
                block.rules[fate.index].span,
                f"rule {fate.index + 1} of `{tension.id}` never decides: {_why(fate)}",
                secondary=(*(Label(block.rules[i].span, _decides_before(fate)) for i in fate.by), *others),
                help=_remedy(fate),
                fix=without_rule(program, tension, fate.index),
            ),
            test=rule_test(play, tension, fate) or None,
        )


def _idle(program: CheckedProgram, play: Play, tension: Tension, never: TensionFate) -> Diagnostic:
    """A tension that never acts: others decide instead, a side has no principle, or no case has both."""
    if never.instead:
        why = f"wherever both of its sides are in play, {_one_of(never.instead)} decides"
        remedy = "delete it, or let it speak of principles that no more special tension names"
    elif never.empty:
        sides = " and ".join(f"`{side}`" for side in never.empty)
        why = f"{sides} {'has' if len(never.empty) == 1 else 'have'} no principle"
        remedy = "delete it, or write a principle of that category"
    else:
        why = "no case has both of its sides in play"
        remedy = "delete it, or change when the principles of its sides apply"
    return replace(
        codes.W505.at(
            program.tensions[tension.id].block.name.span,
            f"`{tension.id}` never acts: {why}",
            secondary=tuple(
                Label(program.tensions[id].block.name.span, "this one decides instead") for id in never.instead
            ),
            help=remedy,
            fix=without_tension(program, tension),
        ),
        test=tension_test(play, tension, never) or None,
    )


def _why(fate: RuleFate) -> str:
    if fate.holds is None:
        return "no case makes its condition true"
    reasons = []
    if fate.by:
        reasons.append("an earlier rule decides" if len(fate.by) == 1 else "one of the earlier rules decides")
    if fate.instead:
        reasons.append(f"{_one_of(fate.instead)} decides")
    if not reasons:
        return "no case that reaches it has both sides in play"
    if fate.case is None:
        return f"whenever it holds, {reasons[0]}"
    return f"wherever it holds with both sides in play, {' or '.join(reasons)}"


def _one_of(tensions: tuple[str, ...]) -> str:
    names = ", ".join(f"`{id}`" for id in tensions)
    return f"the tension {names}" if len(tensions) == 1 else f"one of the tensions {names}"


def _remedy(fate: RuleFate) -> str:
    if fate.by:
        return "move the more special rule up, or delete this one"
    if fate.holds is None:
        return "correct its condition, or delete it"
    if fate.instead:
        return "delete it, or write it in the tension that decides instead"
    return "delete it, or change when the principles of the two sides apply"


def _decides_before(fate: RuleFate) -> str:
    return "this one decides before it" if len(fate.by) == 1 else "this one decides some of its cases"


def _never_drawn(program: CheckedProgram, play: Play) -> Iterator[Diagnostic]:
    for id in undrawable(play):
        block = program.principles[id].block
        yield codes.W502.at(
            block.applies.span if block.applies else block.name.span,
            f"no case draws `{id}`: its condition is never true",
            help="an attribute has one value at a time; `or` and `is one of` say that any will do",
        )


def _overruled(program: CheckedProgram, play: Play) -> Iterator[Diagnostic]:
    """A tension about a principle wins over one about its category; say so where they differ."""
    for found in differences(play):
        narrow, wide = (program.tensions[tension.id].block for tension in (found.narrow, found.wide))
        yield replace(
            codes.W503.at(
                narrow.name.span,
                f"`{found.narrow.id}` wins over `{found.wide.id}`, and differs from it {where(play, found.case)}",
                secondary=(Label(wide.name.span, "the one about the category"),),
                help="nothing to do if that is meant; say why under `because:`",
            ),
            test=difference_test(play, found),
        )


def _circles(program: CheckedProgram, play: Play) -> Iterator[Diagnostic]:
    """In no case may principles come before each other in a circle."""
    found, all_ = circles(play)
    for circle in found:
        yield _circle(program, play, circle)
    if not all_:
        yield codes.A502.at(
            program.constitution.name.span,
            f"not decided: there are more circles than the {CIRCLES_MAX} that are told",
            help="correct some of them, and check again",
        )


def _circle(program: CheckedProgram, play: Play, circle: Circle) -> Diagnostic:
    blocks = [program.tensions[step.tension.id].block for step in circle.steps]
    case = play.unusual(circle.case)
    return replace(
        codes.E505.at(
            blocks[0].name.span,
            f"preferences go in a circle {where(play, circle.case)}: "
            + " over ".join([*(step.high for step in circle.steps), circle.steps[0].high]),
            secondary=tuple(Label(b.name.span, "this one takes part") for b in blocks[1:] if b is not blocks[0]),
            help=(
                f"change one of these for `case {', '.join(f'{k} {v}' for k, v in case.items())}`"
                if case
                else "change the outcome of one of these"
            )
            + _beside(circle),
        ),
        test=circle_test(play, circle),
    )


def _beside(circle: Circle) -> str:
    if not circle.beside:
        return ""
    some, more = circle.beside[:_NAMED_MAX], len(circle.beside) - _NAMED_MAX
    named = f"{', '.join(f'`{id}`' for id in some)} and {more} more" if more > 0 else listed(some, "and")
    return f"; {named} {'goes' if len(circle.beside) == 1 else 'go'} in circles with these there"


def _shares(program: CheckedProgram, play: Play) -> Iterator[Diagnostic]:
    """A declared share holds in every case in which its target can be drawn."""
    bounds: dict[str, tuple[ShareBound, ...]] = {c.id: c.shares for c in play.bundle.categories}
    bounds |= {p.id: p.shares for p in play.bundle.principles}
    if not any(bounds.values()):
        return

    places = {id: Fields(block.fields).shares() for id, block in program.categories.items()}
    places |= {id: Fields(principle.block.fields).shares() for id, principle in program.principles.items()}
    from constitution_lang.analysis.shares import Shares

    answers = Shares(play)
    for id in sorted(places):  # a category beside its principles: what was made for the one serves the others
        for place, bound in zip(places[id], bounds[id], strict=True):
            least = answers.least(id) if bound.low > 0 else None
            greatest = answers.greatest(id) if bound.high < 1 else None
            yield from _share(play, (id, place.span), bound, least, greatest)


def _share(
    play: Play, target: tuple[str, Span], bound: ShareBound, least: Extreme | None, greatest: Extreme | None
) -> Iterator[Diagnostic]:
    from constitution_lang.analysis.shares import breaking

    id, span = target
    broken = breaking(bound, least, greatest)
    open_ = next((x for x, past in ((least, -1), (greatest, 1)) if x and _may_pass(bound, x, past)), None)
    if broken:
        shares = " and ".join(f"{percent(worst.share)} {where(play, worst.case)}" for worst in broken)
        yield replace(
            codes.E506.at(
                span,
                f"`{id}` has a share of {shares}",
                help="change the weights, or the bound",
            ),
            test=bound_test(play, id, bound, *broken, broken=True),
        )
    elif open_ is not None:
        reached = [percent(extreme.bound) for extreme in (least, greatest) if extreme is not None]
        yield replace(
            codes.A502.at(
                span,
                f"not decided: no case was found that breaks this, and `{id}` may reach {' or '.join(reached)}",
                help="widen the bound, or let the weights depend on fewer attributes",
            ),
            test=bound_test(play, id, bound, open_, broken=False),
        )


def _may_pass(bound: ShareBound, extreme: Extreme, past: int) -> bool:
    from constitution_lang.analysis.shares import ROUNDING

    return extreme.bound < bound.low - ROUNDING if past < 0 else extreme.bound > bound.high + ROUNDING


def _open(program: CheckedProgram, play: Play) -> Iterator[Diagnostic]:
    """Categories that meet where no tension says which comes first: one finding for each, and for each case it takes.

    Where there is no tension at all one finding is enough.
    """
    met = list(meetings(play))
    if met and not play.bundle.tensions:
        yield _no_tension(program, play, met)
        return
    for together in gathered(play, met):
        category, others = together[0].categories[0], [meeting.categories[1] for meeting in together]
        named = ", ".join(f"`{other}`" for other in others)
        yield replace(
            codes.A501.at(
                program.categories[category].name.span,
                f"no tension says what comes first between `{category}` and {named}, which meet "
                f"{where(play, together[0].case)}",
                secondary=tuple(Label(program.categories[other].name.span) for other in others),
                help="nothing to do if their weights say enough; else add a tension",
                fix=new_tensions(program, together),
            ),
            test=meeting_test(play, *together),
        )


def _no_tension(program: CheckedProgram, play: Play, met: list[Meeting]) -> Diagnostic:
    one, other = met[0].categories
    pairs = "" if len(met) == 1 else f", the first of {len(met)} pairs that meet"
    return replace(
        codes.A501.at(
            program.categories[one].name.span,
            f"there is no tension: only weights decide between `{one}` and `{other}` {where(play, met[0].case)}{pairs}",
            secondary=(Label(program.categories[other].name.span),),
            help="nothing to do if the weights say enough; else add a tension",
            fix=new_tensions(program, (met[0],)),
        ),
        test=meeting_test(play, met[0]),
    )
