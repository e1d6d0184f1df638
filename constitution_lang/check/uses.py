"""What each name means, where it is declared and where it is used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet

import msgspec

from constitution_lang.check.fields import Fields
from constitution_lang.source import Span
from constitution_lang.syntax import nodes as n

__all__ = ["Meaning", "Named", "Use", "named", "uses", "uses_in_mended"]


class Meaning(msgspec.Struct, frozen=True):
    """What a name stands for. `of` is the attribute of a value, and empty otherwise."""

    kind: str
    id: str
    of: str = ""


class Use(msgspec.Struct, frozen=True):
    """A name at its place. `declares` where it is what the name is declared by."""

    meaning: Meaning
    span: Span
    declares: bool = False


class Named(msgspec.Struct, frozen=True):
    """The names of a program as questions about unknown ones need them.

    `near` are those of the blocks that are asked about, in the order of the text; `used` is what is named anywhere but
    by its declaration; `declared` gives what is declared of a kind and, for values, of an attribute.
    """

    near: tuple[Use, ...]
    used: AbstractSet[Meaning]
    declared: Callable[[str, str], Iterable[Use]]


def named(found: Iterable[Use]) -> Named:
    """From all names of a program."""
    all_ = tuple(found)
    declaring = [use for use in all_ if use.declares]

    def declared(kind: str, of: str) -> Iterator[Use]:
        return (use for use in declaring if use.meaning.kind == kind and use.meaning.of == of)

    return Named(all_, {use.meaning for use in all_ if not use.declares}, declared)


def uses(tree: n.FileTree) -> tuple[Use, ...]:
    """All names of a tree; those of a block that could not be read as far as its header tells."""
    found = [*_of_blocks(tree.blocks)]
    for name in tree.broken:
        keyword = tree.source.text[: name.span.start].rsplit("\n", 1)[-1].split(None, 1)
        if keyword and keyword[0] in ("attribute", "category", "principle", "tension"):
            found.append(Use(Meaning(keyword[0], name.text), name.span, declares=True))
    return tuple(found)


def uses_in_mended(tree: n.FileTree) -> Iterator[Use]:
    """The names in what can be read of blocks that could not be read as a whole."""
    return _of_blocks(tree.mended)


def _of_blocks(blocks: Iterable[n.Block]) -> Iterator[Use]:
    return (use for block in blocks for use in _block(block))


def _block(block: n.Block) -> Iterator[Use]:  # noqa: C901, PLR0912 - one case for each kind of block
    match block:
        case n.AttributeBlock():
            yield _declared("attribute", block.name)
            yield from _values(block)
        case n.CategoryBlock():
            yield _declared("category", block.name)
        case n.PrincipleBlock():
            yield from _principle(block.name, declares=True)
            if block.applies:
                yield from _condition(block.applies)
        case n.TensionBlock():
            yield _declared("tension", block.name)
            for side in block.sides:
                yield from _side(side)
            for rule in block.rules:
                yield from _rule(rule)
        case n.ExampleBlock() if "." in block.target.text:
            yield from _principle(block.target)
        case n.RetiredLine(replaced_by=name) if name:
            if block.kind.text in ("category", "principle"):
                yield from _side(name)
            else:
                yield Use(Meaning(block.kind.text, name.text), name.span)
        case n.TestBlock():
            yield from _test(block)
        case _:
            pass


def _declared(kind: str, name: n.Name) -> Use:
    return Use(Meaning(kind, name.text), name.span, declares=True)


def _principle(name: n.Name, *, declares: bool = False) -> Iterator[Use]:
    """A principle's id, and the category in front of its dot."""
    yield Use(Meaning("principle", name.text), name.span, declares)
    category, dot, _ = name.text.partition(".")
    if dot:
        yield Use(Meaning("category", category), Span(name.span.file, name.span.start, name.span.start + len(category)))


def _side(name: n.Name) -> Iterator[Use]:
    if "." in name.text:
        yield from _principle(name)
    else:
        yield Use(Meaning("category", name.text), name.span)


def _value(attribute: n.Name, value: n.Name, *, declares: bool = False) -> Use:
    return Use(Meaning("value", value.text, attribute.text), value.span, declares)


def _values(block: n.AttributeBlock) -> Iterator[Use]:
    fields = Fields(block.fields)
    for value in (*fields.words("levels"), *fields.words("one of")):
        yield _value(block.name, value, declares=True)
    for value in fields.words("default"):
        yield _value(block.name, value)


def _condition(condition: n.Condition) -> Iterator[Use]:
    match condition:
        case n.BinaryTest():
            yield Use(Meaning("attribute", condition.attribute.text), condition.attribute.span)
            yield _value(condition.attribute, condition.value)
        case n.MemberTest():
            yield Use(Meaning("attribute", condition.attribute.text), condition.attribute.span)
            yield from (_value(condition.attribute, value) for value in condition.values)
        case n.Not():
            yield from _condition(condition.operand)
        case n.And() | n.Or():
            for operand in condition.operands:
                yield from _condition(operand)


def _rule(rule: n.Rule) -> Iterator[Use]:
    if rule.condition:
        yield from _condition(rule.condition)
    match rule.outcome:
        case n.Prefer(side):
            yield from _side(side)
        case n.Weigh(sides):
            for side, _ in sides:
                yield from _side(side)
        case n.Abstain():
            pass


def _test(block: n.TestBlock) -> Iterator[Use]:
    for table in block.tables:
        for column in table.columns:
            yield Use(Meaning("attribute", column.text), column.span)
        for row in table.rows:
            for column, cell in zip(table.columns, row.cells, strict=False):
                yield _value(column, cell)
            for expected in row.expected:
                yield from _expected(expected)
    for case, expectations in block.cases:
        for attribute, value in case.values:
            yield Use(Meaning("attribute", attribute.text), attribute.span)
            yield _value(attribute, value)
        for expected in expectations:
            yield from _expected(expected)
    for model in block.models:
        yield from _principle(model.principle)


def _expected(expected: n.Expect) -> Iterator[Use]:
    match expected:
        case n.ExpectOver(winner, loser):
            sides: tuple[n.Name, ...] = (winner, loser)
        case n.ExpectWeigh(weighed):
            sides = tuple(side for side, _ in weighed)
        case n.ExpectAbstain(both):
            sides = both
        case n.ExpectApplies(principle):
            sides = (principle,)
        case n.ExpectShare(target):
            sides = (target,)
        case n.ExpectDecides(tension=tension):
            yield Use(Meaning("tension", tension.text), tension.span)
            return
    for side in sides:
        yield from _side(side)
