"""What is true of every Bundle. Each invariant has a name; a broken one is a fault of the compiler or of the file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

from constitution_lang.ir.codec import verify
from constitution_lang.ir.model import (
    ALWAYS,
    AllOf,
    AnyOf,
    Bundle,
    Category,
    Compare,
    Condition,
    Literal,
    Not,
    Prefer,
    Principle,
    Role,
    Slot,
    Weigh,
)

__all__ = ["INVARIANTS", "broken_invariants"]


def ids_sorted_and_unique(bundle: Bundle) -> Iterator[str]:
    """Ids are unique and sorted in every tuple."""
    families: tuple[tuple[str, list[str]], ...] = (
        ("attributes", [a.id for a in bundle.attributes]),
        ("categories", [c.id for c in bundle.categories]),
        ("principles", [p.id for p in bundle.principles]),
        ("tensions", [t.id for t in bundle.tensions]),
        ("prompts", [p.id for p in bundle.prompts]),
        ("sources", [s.name for s in bundle.sources]),
    )
    for family, ids in families:
        if any(a >= b for a, b in pairwise(ids)):
            yield f"{family} are not sorted, or hold an id twice"


def names_resolve(bundle: Bundle) -> Iterator[str]:
    """Every id that is referred to is declared."""
    categories = {c.id for c in bundle.categories}
    sides = categories | {p.id for p in bundle.principles}
    attributes = {a.id: set(a.values) for a in bundle.attributes}
    for principle in bundle.principles:
        if principle.category not in categories:
            yield f"principle {principle.id} has no category"
    for tension in bundle.tensions:
        if not set(tension.sides) <= sides:
            yield f"tension {tension.id} has a side that is not declared"
    for prompt in bundle.prompts:
        if not set(prompt.over) <= sides or prompt.principle not in {None, *sides}:
            yield f"prompt {prompt.id} names something that is not declared"
    for compare in _compares(bundle):
        if not set(compare.values) <= attributes.get(compare.attribute, set()):
            yield f"a condition names a value that {compare.attribute} does not have"


def tests_resolve(bundle: Bundle) -> Iterator[str]:
    """Every test for a model is under a principle, and no number that it asks for is out of reach."""
    principles = {p.id for p in bundle.principles}
    for test in bundle.model_tests:
        if test.principle not in principles or not 0.5 <= (test.at_least or 0.5) <= 1:
            yield f"the test {test.title!r} can't be run"


def numbers_in_bounds(bundle: Bundle) -> Iterator[str]:
    """Weights are positive and finite, probabilities and shares lie between 0 and 1, counts are at least 1."""
    weighted: tuple[Category | Principle, ...] = (*bundle.categories, *bundle.principles)
    for node in weighted:
        if not (node.weight > 0 and math.isfinite(node.weight)):
            yield f"the weight of {node.id} is {node.weight}"
        if any(not 0 <= share.low <= share.high <= 1 for share in node.shares):
            yield f"a share of {node.id} is out of bounds"
    for tension in bundle.tensions:
        weights = [
            w for r in tension.rules if isinstance(r.outcome, Weigh) for w in (r.outcome.first, r.outcome.second)
        ]
        if any(not (weight > 0 and math.isfinite(weight)) for weight in weights):
            yield f"tension {tension.id} has a weight out of bounds"
    preference = bundle.preference
    if not 0 <= preference.clamp_low < preference.clamp_high <= 1 or not 0.5 < preference.decided <= 1:
        yield "a probability of the preference stage is out of bounds"
    if not math.isclose(preference.clamp_low, 1 - preference.clamp_high, abs_tol=1e-9):
        yield "the bounds of a clamped probability are not as far from a half"
    if min(bundle.revision.rounds, bundle.revision.draw, preference.draw) < 1:
        yield "a count is below 1"


def tensions_total(bundle: Bundle) -> Iterator[str]:
    """The sides of a tension are sorted, its last rule always holds, and `prefer` names one of its sides."""
    for tension in bundle.tensions:
        if not tension.rules or tension.rules[-1].condition != ALWAYS:
            yield f"tension {tension.id} does not decide every case"
        if tension.sides[0] >= tension.sides[1]:
            yield f"the sides of tension {tension.id} are not sorted"
        if any(isinstance(r.outcome, Prefer) and r.outcome.side not in tension.sides for r in tension.rules):
            yield f"tension {tension.id} prefers something that is not its side"


def prompts_well_formed(bundle: Bundle) -> Iterator[str]:
    """Turns alternate and the user's is last; neighbouring literals are one; options and values pair up."""
    for prompt in bundle.prompts:
        roles = [message.role for message in prompt.messages]
        spoken = roles[1:] if roles[:1] == [Role.SYSTEM] else roles
        if spoken != [Role.USER if i % 2 == 0 else Role.ASSISTANT for i in range(len(spoken))] or len(spoken) % 2 == 0:
            yield f"the turns of prompt {prompt.id} do not alternate"
        for message in prompt.messages:
            kinds = [type(part) for part in message.parts]
            if not kinds or any(a is b is Literal for a, b in pairwise(kinds)):
                yield f"a message of prompt {prompt.id} is not in normal form"
            if any(not isinstance(part, Slot) and not part.text for part in message.parts):
                yield f"a literal of prompt {prompt.id} is empty"
        if len(prompt.options) != len(prompt.values) or len(set(prompt.options)) != len(prompt.options):
            yield f"the options of prompt {prompt.id} and their values do not pair up"


def hashes_hold(bundle: Bundle) -> Iterator[str]:
    """Every hash is that of what it covers."""
    yield from verify(bundle)


INVARIANTS: tuple[Callable[[Bundle], Iterable[str]], ...] = (
    ids_sorted_and_unique,
    names_resolve,
    tests_resolve,
    numbers_in_bounds,
    tensions_total,
    prompts_well_formed,
    hashes_hold,
)


def broken_invariants(bundle: Bundle) -> tuple[str, ...]:
    """`name: what is wrong` for each invariant that does not hold."""
    return tuple(f"{invariant.__name__}: {found}" for invariant in INVARIANTS for found in invariant(bundle))


def _compares(bundle: Bundle) -> Iterator[Compare]:
    for principle in bundle.principles:
        yield from _in(principle.applies)
    for tension in bundle.tensions:
        for rule in tension.rules:
            yield from _in(rule.condition)


def _in(condition: Condition) -> Iterator[Compare]:
    match condition:
        case Compare():
            yield condition
        case AllOf(operands) | AnyOf(operands):
            for operand in operands:
                yield from _in(operand)
        case Not(operand):
            yield from _in(operand)
