"""Every reference means something that is declared, and no id comes back from retirement."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from constitution_lang.check.fields import Fields
from constitution_lang.check.program import Declarations, Named
from constitution_lang.check.suggest import did_you_mean, nearest
from constitution_lang.check.tensions import overlap
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Label
from constitution_lang.ir.model import PromptKind, Stage
from constitution_lang.source import Span
from constitution_lang.syntax import nodes

__all__ = [
    "check_references",
    "former_ids",
    "has_nameless_category",
    "has_unnamed",
    "references_elsewhere",
    "references_of",
]

_DECLARED_ELSEWHERE = ("principle", "category or principle", "principle or stage", "tension", "category", "attribute")
_STAGES = tuple(stage.value for stage in Stage)


def check_references(declared: Declarations) -> Iterator[Diagnostic]:
    """All references but those in conditions, which are resolved with their values."""
    yield from references_of(declared, declared.principles.values())
    yield from references_elsewhere(declared)


def references_of(declared: Declarations, principles: Iterable[nodes.PrincipleBlock]) -> Iterator[Diagnostic]:
    """Those of some principles."""
    for principle in principles:
        yield from _category_of(declared, principle.name)
        yield from _stages_of(declared, principle)


def references_elsewhere(declared: Declarations) -> Iterator[Diagnostic]:
    """Those of everything that is no principle, and those by former ids."""
    for name, candidates, what in _mentions(declared):
        yield from _known(declared, name, candidates, what)
    for category in declared.categories.values():
        yield from _stages_of(declared, category)
    for block in declared.repeated:
        if isinstance(block, nodes.CategoryBlock | nodes.PrincipleBlock):
            yield from _stages_of(declared, block)
    yield from _retired(declared)
    yield from _formerly(declared, declared.categories)
    yield from _formerly(declared, declared.principles)
    for test in declared.tests:
        for _, expectations in test.all_cases():
            for expect in expectations:
                yield from _expectation(declared, expect)
        for model in test.models:
            yield from _known(declared, model.principle, declared.principles, "principle")


def _mentions(declared: Declarations) -> Iterator[tuple[nodes.Name, Collection[str], str]]:
    """Names outside conditions and tests, what each could be, and what to call that."""
    for tension in (*declared.tensions.values(), *declared.repeated):
        if isinstance(tension, nodes.TensionBlock):
            for side in (*tension.sides, *_sides_of_rules(tension, _sides(declared))):
                yield side, _sides(declared), "category or principle"
    for example in declared.examples:
        if nodes.HEADER in declared.lost.get(example.span, ()):
            continue
        yield example.target, (*declared.principles, *_STAGES), "principle or stage"
    for stage in declared.sampling.values():
        yield stage.stage, _STAGES, "stage"
    for template in declared.templates.values():
        yield template.kind, [kind.value for kind in PromptKind], "template"


def _sides_of_rules(tension: nodes.TensionBlock, known: Collection[str]) -> Iterator[nodes.Name]:
    """The sides that rules name, where it is not known which two they should be."""
    sides = [side.text for side in tension.sides]
    if len(sides) == 2 and all(side in known for side in sides) and not overlap(tension):
        return
    for rule in tension.rules:
        match rule.outcome:
            case nodes.Prefer(side):
                named: tuple[nodes.Name, ...] = (side,)
            case nodes.Weigh(weights):
                named = tuple(side for side, _ in weights)
            case nodes.Abstain():
                named = ()
        yield from (side for side in named if side.text not in sides or side.text not in known)


def _stages_of(declared: Declarations, block: nodes.CategoryBlock | nodes.PrincipleBlock) -> Iterator[Diagnostic]:
    for share in Fields(block.fields).shares():
        if share.stage:
            yield from _known(declared, share.stage, _STAGES, "stage")


def _sides(declared: Declarations) -> tuple[str, ...]:
    return (*declared.categories, *declared.principles)


def _known(declared: Declarations, name: nodes.Name, candidates: Collection[str], what: str) -> Iterator[Diagnostic]:
    if name.text in candidates or name.text == nodes.UNREAD:
        return
    told_already = (
        name.text in declared.broken
        or (declared.incomplete and what in _DECLARED_ELSEWHERE)
        or any(has_unnamed(declared, kind) for kind in what.split(" or "))
        or ("category" in what and "." not in name.text and has_nameless_category(declared))
    )
    if not told_already and not _misread(declared, name):
        hint = did_you_mean(name.span, name.text, candidates, _there_is(candidates, what))
        yield codes.E201.at(name.span, f"there is no {what} `{name.text}`", **hint)


def _misread(declared: Declarations, name: nodes.Name) -> bool:
    """Whether a name seems to be that of a block whose first line can't be read."""
    nameless = [
        block.name.text
        for block in declared.repeated
        if not isinstance(block, nodes.SamplingBlock) and nodes.HEADER in declared.lost.get(block.span, ())
    ]
    begun = any(name.text.startswith(one) for one in nameless if one.endswith("."))
    return begun or nearest(name.text, nameless) is not None


def _there_is(candidates: Collection[str], what: str) -> str:
    if not candidates:
        return f"declare it first; there is no {what} yet"
    listed = ", ".join(f"`{name}`" for name in sorted(candidates)[:8])
    return f"there is {listed}{' and more' if len(candidates) > 8 else ''}"


def has_nameless_category(declared: Declarations) -> bool:
    """Whether there is a category whose name cannot be read, and which may be any."""
    return any(
        isinstance(block, nodes.CategoryBlock) and nodes.HEADER in declared.lost.get(block.span, ())
        for block in declared.repeated
    )


def has_unnamed(declared: Declarations, kind: str) -> bool:
    """Whether a block of a kind has nothing at all in the place of its name: it may be any."""
    return any(
        not isinstance(block, nodes.SamplingBlock)
        and block.name.text == kind
        and nodes.HEADER in declared.lost.get(block.span, ())
        for block in declared.repeated
    )


def _category_of(declared: Declarations, name: nodes.Name) -> Iterator[Diagnostic]:
    category, dot, _ = name.text.partition(".")
    if not dot:
        yield codes.E203.at(
            name.span,
            f"`{name.text}` does not say which category it belongs to",
            help=f"write the category first, as in `{next(iter(declared.categories), 'harm')}.{name.text}`",
        )
    elif category not in declared.categories and category not in declared.broken and not declared.incomplete:
        if has_nameless_category(declared):
            return  # it may be that one
        at = Span(name.span.file, name.span.start, name.span.start + len(category))
        hint = did_you_mean(at, category, declared.categories, f'add `category {category} "Its title"`')
        yield codes.E203.at(at, f"there is no category `{category}`", **hint)


def _retired(declared: Declarations) -> Iterator[Diagnostic]:
    families: dict[str, Mapping[str, Named]] = {
        "attribute": declared.attributes,
        "category": declared.categories,
        "principle": declared.principles,
        "tension": declared.tensions,
    }
    for line in declared.retired.values():
        family = families.get(line.kind.text)
        if family is None:  # the parser has told
            continue
        if reused := family.get(line.name.text):
            yield codes.E204.at(
                reused.name.span,
                f"`{line.name.text}` is retired and cannot come back",
                secondary=(Label(line.name.span, "retired here"),),
                help="give the new one an id of its own; records of earlier versions still use the old one",
            )
        if line.replaced_by:
            known = (*family, *(r.name.text for r in declared.retired.values() if r.kind.text == line.kind.text))
            yield from _known(declared, line.replaced_by, known, line.kind.text)
        current = declared.constitution
        if current and line.since.parts > current.version.parts:
            yield codes.E305.at(
                line.since.span,
                f"`{line.name.text}` is retired since a version that is still to come",
                secondary=(Label(current.version.span, "this version"),),
                help=f"write a version up to {current.version.text}",
            )


def former_ids(block: nodes.CategoryBlock | nodes.PrincipleBlock) -> tuple[nodes.Name, ...]:
    """The ids that it had before."""
    for field in block.fields:
        if field.key.text == "formerly":
            return Fields(block.fields).words("formerly")
    return ()


def _formerly(
    declared: Declarations, family: Mapping[str, nodes.CategoryBlock] | Mapping[str, nodes.PrincipleBlock]
) -> Iterator[Diagnostic]:
    claimed: dict[str, nodes.Name] = {}
    for block in family.values():
        for name in former_ids(block):
            other = claimed.setdefault(name.text, name)
            current = family.get(name.text)
            retired = declared.retired.get(name.text)
            clash = other if other is not name else current.name if current else retired.name if retired else None
            if clash:
                yield codes.E204.at(
                    name.span,
                    f"`{name.text}` cannot be the former id of `{block.name.text}`",
                    secondary=(Label(clash.span, "it is in use here"),),
                    help="an id has one meaning for ever: keep it in one place",
                )


def _expectation(declared: Declarations, expect: nodes.Expect) -> Iterator[Diagnostic]:
    match expect:
        case nodes.ExpectOver(winner, loser):
            sides: tuple[nodes.Name, ...] = (winner, loser)
        case nodes.ExpectWeigh(weights):
            sides = tuple(name for name, _ in weights)
        case nodes.ExpectAbstain(both):
            sides = both
        case nodes.ExpectApplies(principle):
            yield from _known(declared, principle, declared.principles, "principle")
            return
        case nodes.ExpectShare(target, bound):
            sides = (target,)
            if bound.stage:
                yield from _known(declared, bound.stage, _STAGES, "stage")
        case nodes.ExpectDecides(rule, tension):
            yield from _known(declared, tension, declared.tensions, "tension")
            yield from _rule_number(declared, rule, tension)
            return
    for side in sides:
        yield from _known(declared, side, _sides(declared), "category or principle")


def _rule_number(declared: Declarations, rule: nodes.Number, tension: nodes.Name) -> Iterator[Diagnostic]:
    block = declared.tensions.get(tension.text)
    if block is None or declared.may_be_lost(block, "when", "otherwise"):
        return
    if rule.value not in range(1, len(block.rules) + 1):
        yield codes.E305.at(
            rule.span,
            f"`{tension.text}` has no rule {rule.value:g}",
            help=f"its rules are counted from 1 to {len(block.rules)}; `otherwise` is the last",
        )
