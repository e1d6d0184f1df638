"""Values in their bounds: weights, percentages, counts, attributes, conditions and tensions."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping

from constitution_lang.check.bounds import check_share, check_weight
from constitution_lang.check.conditions import ConditionChecker
from constitution_lang.check.exemplars import check_example
from constitution_lang.check.fields import Fields
from constitution_lang.check.program import (
    CheckedAttribute,
    CheckedPrinciple,
    CheckedProgram,
    CheckedRule,
    CheckedTension,
    Declarations,
    Named,
)
from constitution_lang.check.references import has_unnamed
from constitution_lang.check.suggest import did_you_mean
from constitution_lang.check.tensions import check_pairs, check_tension
from constitution_lang.check.test_blocks import check_tests
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Label
from constitution_lang.ir import model as ir
from constitution_lang.syntax import nodes

__all__ = ["CLAMP_DEFAULT", "DECIDED_DEFAULT", "VALUES_MAX", "check_values"]

VALUES_MAX = 26
"""Values are offered to a model as the letters A to Z."""
DECIDED_DEFAULT = 0.6
CLAMP_DEFAULT = (0.4, 0.6)


def check_values(
    declared: Declarations, only: Mapping[str, nodes.PrincipleBlock] | None = None
) -> tuple[CheckedProgram | None, list[Diagnostic]]:
    """The checked program, where the root says what constitution it is; its findings may still forbid its use.

    With `only`, no other principles are looked into, and the program has no others.
    """
    looked_into = declared.principles if only is None else only
    found: list[Diagnostic] = []
    attributes: dict[str, CheckedAttribute] = {}
    for id, block in declared.attributes.items():
        attribute, wrong = _attribute(block)
        found += wrong
        if attribute:
            attributes[id] = attribute
    conditions = ConditionChecker(
        attributes,
        declared.broken | declared.attributes.keys(),
        incomplete=declared.incomplete or has_unnamed(declared, "attribute"),
    )
    principles = {
        id: CheckedPrinciple(block, id.partition(".")[0], conditions.resolve(block.applies))
        for id, block in looked_into.items()
    }
    sides = declared.categories.keys() | declared.principles.keys()
    tensions, wrong = _tensions(declared, sides, conditions)
    found += wrong
    found += check_pairs(tensions)
    blocks: tuple[Named | nodes.SamplingBlock, ...] = (
        *declared.categories.values(),
        *looked_into.values(),
        *declared.repeated,
    )
    for declaring in blocks:
        if isinstance(declaring, nodes.SamplingBlock):
            found += _sampling(declaring, declared)
        else:
            found += _own_values(declaring, sides)
    for repeated in declared.repeated:
        _conditions_of(repeated, conditions)
    for sampling in declared.sampling.values():
        found += _sampling(sampling, declared)
    for example in declared.examples:
        found += check_example(example, declared.sampling.get("preference"), declared.lost.get(example.span, ()))
    found += check_tests(declared, conditions)
    found += conditions.found
    if declared.constitution is None or declared.edition is None:
        return None, found
    if not (declared.principles or declared.broken or declared.incomplete):
        found.append(
            codes.E304.at(
                declared.constitution.name.span,
                f"`{declared.constitution.name.text}` has no principle",
                help="add a `category`, and a `principle` in it with a `statement`",
            )
        )
    program = CheckedProgram(
        files=declared.files,
        edition=int(declared.edition.year.value),
        constitution=declared.constitution,
        attributes=attributes,
        categories=declared.categories,
        principles=principles,
        tensions=tensions,
        sampling={ir.Stage(id): block for id, block in declared.sampling.items() if id in tuple(ir.Stage)},
        examples=declared.examples,
        retired=tuple(declared.retired.values()),
        tests=declared.tests,
    )
    return program, found


def _attribute(block: nodes.AttributeBlock) -> tuple[CheckedAttribute | None, list[Diagnostic]]:
    fields = Fields(block.fields)
    levels, one_of = fields.words("levels"), fields.words("one of")
    names = levels or one_of
    if not names or (levels and one_of):
        return None, []  # the parser has told
    at = fields.key("levels" if levels else "one of") or block.name.span
    wrong: list[Diagnostic] = []
    if len(names) < 2 or len(names) > VALUES_MAX:
        found = f"`{block.name.text}` has {len(names)} value{'' if len(names) == 1 else 's'}"
        help = f"an attribute has from 2 to {VALUES_MAX} values"
        wrong.append(codes.E306.at(at, found, help=help))
    first: dict[str, nodes.Name] = {}
    for name in names:
        kept = first.setdefault(name.text, name)
        if kept is not name:
            twice = codes.E306.at(
                name.span,
                f"`{block.name.text}` has the value `{name.text}` twice",
                secondary=(Label(kept.span, "the first one"),),
                help="delete one of the two",
            )
            wrong.append(twice)
    if len(first) < 2:  # which values there should be is not known
        return None, wrong
    kind = ir.AttributeKind.LEVELS if levels else ir.AttributeKind.ONE_OF
    values = tuple(first)
    default = fields.word("default")
    if default is None:  # the parser has told
        return CheckedAttribute(block, kind, values, values[0]), wrong
    if default.text not in values:
        listed = ", ".join(f"`{value}`" for value in values)
        hint = did_you_mean(default.span, default.text, values, f"its values are {listed}")
        wrong.append(
            codes.E307.at(default.span, f"the default of `{block.name.text}` is not one of its values", **hint)
        )
    return CheckedAttribute(block, kind, values, default.text), wrong


def _tensions(
    declared: Declarations, sides: Collection[str], conditions: ConditionChecker
) -> tuple[dict[str, CheckedTension], list[Diagnostic]]:
    found: list[Diagnostic] = []
    tensions: dict[str, CheckedTension] = {}
    for id, tension in declared.tensions.items():
        rules = tuple(CheckedRule(rule, conditions.resolve(rule.condition)) for rule in tension.rules)
        wrong = list(check_tension(tension, sides))
        found += wrong
        if not wrong and len(tension.sides) == 2 and all(side.text in sides for side in tension.sides):
            low, high = sorted(side.text for side in tension.sides)
            tensions[id] = CheckedTension(tension, (low, high), rules)
    return tensions, found


def _own_values(block: Named, sides: Collection[str]) -> Iterator[Diagnostic]:
    """What is wrong with a block by itself, conditions excepted."""
    match block:
        case nodes.AttributeBlock():
            yield from _attribute(block)[1]
        case nodes.TensionBlock():
            yield from check_tension(block, sides)
        case nodes.CategoryBlock() | nodes.PrincipleBlock():
            for field in block.fields:
                if isinstance(field.value, nodes.ShareBound):
                    yield from check_share(field.value)
            yield from _weight(block)


def _conditions_of(block: Named | nodes.SamplingBlock, conditions: ConditionChecker) -> None:
    """Check the conditions of a block whose id is taken."""
    if isinstance(block, nodes.PrincipleBlock):
        conditions.resolve(block.applies)
    elif isinstance(block, nodes.TensionBlock):
        for rule in block.rules:
            conditions.resolve(rule.condition)


def _weight(block: nodes.CategoryBlock | nodes.PrincipleBlock) -> Iterator[Diagnostic]:
    weight = Fields(block.fields).number("weight")
    if weight:
        help = "retire what must never be drawn; make it rare with a small weight, such as `0.1`"
        yield from check_weight(weight, f"the weight of `{block.name.text}`", help)


def _sampling(block: nodes.SamplingBlock, declared: Declarations) -> Iterator[Diagnostic]:
    fields = Fields(block.fields)
    for key in ("rounds", "draw"):
        count = fields.number(key)
        if count and (count.value < 1 or count.value != int(count.value)):
            yield codes.E305.at(count.span, f"`{key}` is a whole number from 1 up", help=f"write `{key}: 1` or more")
        elif (
            count
            and key == "draw"
            and 0 < len(declared.principles) < count.value
            and not (declared.broken or declared.incomplete or declared.repeated)
        ):
            yield codes.E309.at(
                count.span,
                f"{count.value:g} principles cannot be drawn from {len(declared.principles)}",
                help=f"write `draw: {len(declared.principles)}` or fewer, or add principles",
            )
    decided, clamp = fields.percent("decided"), fields.range("clamp")
    if decided and not 0.5 < decided.value <= 1:
        yield codes.E305.at(
            decided.span,
            "`decided` lies above 50% and not above 100%",
            help="at 50% every answer would be decided; write, for example, `decided: 60%`",
        )
    if clamp and not 0 <= clamp.low.value < 0.5 < clamp.high.value <= 1:
        yield codes.E305.at(
            clamp.span, "`clamp` goes from below 50% to above 50%", help="write, for example, `clamp: 40% to 60%`"
        )
    elif clamp and not math.isclose(clamp.low.value, 1 - clamp.high.value, abs_tol=1e-9):
        half = 100 * max(clamp.high.value - 0.5, 0.5 - clamp.low.value)
        yield codes.E310.at(
            clamp.span,
            "`clamp` does not reach as far below 50% as above",
            help=f"write `clamp: {50 - half:.10g}% to {50 + half:.10g}%`",
        )
    reasoning = fields.word("reasoning")
    reach = clamp.high.value if clamp else CLAMP_DEFAULT[1]
    least = decided.value if decided else DECIDED_DEFAULT
    known = not declared.may_be_lost(block, "decided", "clamp")
    if reasoning and reasoning.text == "yes" and least > reach and known:
        yield codes.W504.at(
            (decided or clamp or reasoning).span,
            f"no side is ever decided: a probability is clamped to {reach:.0%}, and {least:.0%} decides",
            help="lower `decided`, or raise the upper bound of `clamp`",
        )
