"""What only cases can tell: rules that never decide, circles of preference, principles that are never drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import fsum, prod

from constitution_lang.check.fields import Fields
from constitution_lang.check.program import CheckedProgram
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Label
from constitution_lang.ir.cases import Case, attributes_of, cases, complete, decide, decisions, holds
from constitution_lang.ir.model import ALWAYS, Attribute, Bundle, Outcome, Prefer, Stage, Tension, Weigh
from constitution_lang.sampling.weights import shares
from constitution_lang.syntax.nodes import ShareBound

__all__ = ["CASES_MAX", "check_cases"]

CASES_MAX = 4096
"""Up to this many cases are looked at one by one."""
_ROUNDING = 1e-9


def check_cases(program: CheckedProgram, draft: Bundle) -> Iterator[Diagnostic]:
    """All findings about cases; `draft` may lack its prompts."""
    for tension in draft.tensions:
        yield from _rules(program, draft, tension)
    yield from _never_drawn(program, draft)
    yield from _overruled(program, draft)
    yield from _circles(program, draft)
    yield from _shares(program, draft)


def _size(attributes: tuple[Attribute, ...]) -> int:
    return prod(len(attribute.values) for attribute in attributes)


def _space(draft: Bundle, names: frozenset[str]) -> list[dict[str, str]] | None:
    """Every case of some attributes; None where there are too many."""
    attributes = tuple(a for a in draft.attributes if a.id in names)
    return list(cases(attributes)) if _size(attributes) <= CASES_MAX else None


def _rules(program: CheckedProgram, draft: Bundle, tension: Tension) -> Iterator[Diagnostic]:
    space = _space(draft, frozenset().union(*(attributes_of(rule.condition) for rule in tension.rules)))
    block = program.tensions[tension.id].block
    reached = None if space is None else {decide(tension, case)[0] for case in space}
    for index, rule in enumerate(tension.rules[:-1] if reached is None else tension.rules):
        earlier = tension.rules[:index]
        shadow = next((i for i, other in enumerate(earlier) if other.condition in (ALWAYS, rule.condition)), None)
        if shadow is None and (reached is None or index in reached):
            continue
        if rule.condition == ALWAYS and shadow is None:
            continue  # the rules before happen to cover every case; `otherwise` has to be there all the same
        if shadow is None and space is not None:
            holding = [case for case in space if holds(rule.condition, case)]
            shadow = decide(tension, holding[0])[0] if holding else None
            why = "whenever it holds, an earlier rule decides" if holding else "no case makes its condition true"
        else:
            why = "an earlier rule has the same condition"
        secondary = () if shadow is None else (Label(block.rules[shadow].span, "this one decides before it"),)
        yield codes.W501.at(
            block.rules[index].span,
            f"rule {index + 1} of `{tension.id}` never decides: {why}",
            secondary=secondary,
            help="move the more special rule up, or delete this one",
        )


def _never_drawn(program: CheckedProgram, draft: Bundle) -> Iterator[Diagnostic]:
    for principle in draft.principles:
        space = _space(draft, attributes_of(principle.applies))
        if space is not None and not any(holds(principle.applies, case) for case in space):
            block = program.principles[principle.id].block
            yield codes.W502.at(
                block.applies.span if block.applies else block.name.span,
                f"no case draws `{principle.id}`: its condition is never true",
                help="an attribute has one value at a time; `or` and `is one of` say that any will do",
            )


def _overruled(program: CheckedProgram, draft: Bundle) -> Iterator[Diagnostic]:
    """A tension about a principle wins over one about its category; say so where they differ."""
    for narrow in draft.tensions:
        for wide in draft.tensions:
            widened = _widened(narrow, wide)
            if widened is None:
                continue
            named = frozenset().union(*(attributes_of(rule.condition) for rule in (*narrow.rules, *wide.rules)))
            for case in _space(draft, named) or ():
                special = _oriented(decide(narrow, case)[1].outcome, narrow.sides, widened)
                general = _oriented(decide(wide, case)[1].outcome, wide.sides, wide.sides)
                if special != general:
                    yield codes.W503.at(
                        program.tensions[narrow.id].block.name.span,
                        f"`{narrow.id}` wins over `{wide.id}`, and differs from it {_where(case)}",
                        secondary=(Label(program.tensions[wide.id].block.name.span, "the one about the category"),),
                        help="nothing to do if that is meant; say why under `because:`",
                    )
                    break


def _widened(narrow: Tension, wide: Tension) -> tuple[str, str] | None:
    """For each side of `narrow` the side of `wide` that holds it, where `wide` is the more general."""
    if narrow.id == wide.id:
        return None
    for order in (wide.sides, wide.sides[::-1]):
        pairs = list(zip(narrow.sides, order, strict=True))
        if all(side == general or side.startswith(general + ".") for side, general in pairs):
            return order[0], order[1]
    return None


def _oriented(outcome: Outcome, sides: tuple[str, str], names: tuple[str, str]) -> object:
    """The outcome with its sides under other names, so that two tensions compare."""
    if isinstance(outcome, Prefer):
        return names[sides.index(outcome.side)]
    if isinstance(outcome, Weigh):
        return frozenset({(names[0], outcome.first / outcome.second), (names[1], outcome.second / outcome.first)})
    return outcome


def _circles(program: CheckedProgram, draft: Bundle) -> Iterator[Diagnostic]:
    """In no case may principles come before each other in a circle."""
    told: set[frozenset[str]] = set()
    for case in _space(draft, _named(draft)) or ():
        before: dict[str, dict[str, Tension]] = {}
        for decision in decisions(draft, case):
            if isinstance(decision.rule.outcome, Prefer):
                for first, second in decision.pairs:
                    wins = decision.rule.outcome.side == decision.tension.sides[0]
                    high, low = (first, second) if wins else (second, first)
                    before.setdefault(high, {})[low] = decision.tension
        circle = _circle(before)
        if not circle:
            continue
        tensions = [before[a][b] for a, b in zip(circle, [*circle[1:], circle[0]], strict=True)]
        key = frozenset(tension.id for tension in tensions)
        if key in told:
            continue
        told.add(key)
        blocks = [program.tensions[tension.id].block for tension in tensions]
        yield codes.E505.at(
            blocks[0].name.span,
            f"preferences go in a circle {_where(case)}: {' over '.join([*circle, circle[0]])}",
            secondary=tuple(Label(b.name.span, "this one takes part") for b in blocks[1:] if b is not blocks[0]),
            help=f"change one of these for `case {', '.join(f'{k} {v}' for k, v in case.items())}`"
            if case
            else "change the outcome of one of these",
        )


def _shares(program: CheckedProgram, draft: Bundle) -> Iterator[Diagnostic]:
    """A declared share holds in every case in which its target can be drawn."""
    places = {id: Fields(block.fields).shares() for id, block in program.categories.items()}
    places |= {id: Fields(principle.block.fields).shares() for id, principle in program.principles.items()}
    declared = [(id, bound) for id, bounds in places.items() for bound in bounds]
    told: set[ShareBound] = set()
    for case in (_space(draft, _named(draft)) or ()) if declared else ():
        by_stage = {stage: shares(draft, stage, complete(draft, case)) for stage in Stage}
        for id, bound in declared:
            stages = (Stage(bound.stage.text),) if bound.stage else tuple(Stage)
            for share in (_share_of(id, by_stage[stage]) for stage in stages):
                low, high = bound.low.value if bound.low else 0.0, bound.high.value if bound.high else 1.0
                if share is None or bound in told or low - _ROUNDING <= share <= high + _ROUNDING:
                    continue
                told.add(bound)
                yield codes.E506.at(
                    bound.span,
                    f"`{id}` has a share of {share:.1%} {_where(case)}",
                    help="change the weights, or the bound",
                )


def _share_of(id: str, shares: Mapping[str, float]) -> float | None:
    """Of a principle, or of a whole category; None where nothing of it is drawn."""
    found = [share for principle, share in shares.items() if principle == id or principle.startswith(id + ".")]
    return fsum(found) if found else None


def _named(draft: Bundle) -> frozenset[str]:
    """Every attribute that some condition names."""
    conditions = (*(p.applies for p in draft.principles), *(r.condition for t in draft.tensions for r in t.rules))
    return frozenset().union(*(attributes_of(condition) for condition in conditions))


def _circle(before: dict[str, dict[str, Tension]]) -> list[str]:
    """Some circle, found by walking depth first; empty where there is none."""
    done: set[str] = set()

    def walk(node: str, path: list[str]) -> list[str]:
        if node in path:
            return path[path.index(node) :]
        if node in done:
            return []
        for low in sorted(before.get(node, {})):
            if found := walk(low, [*path, node]):
                return found
        done.add(node)
        return []

    for start in sorted(before):
        if found := walk(start, []):
            return found
    return []


def _where(case: Case) -> str:
    return "in every case" if not case else f"where {', '.join(f'{name} is {value}' for name, value in case.items())}"
