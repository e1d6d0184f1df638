"""The formatter: a syntax tree as text, in the one form that it has.

Order, comments and prose stay as they were written; spaces and blank lines do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter

from constitution_lang.source import Source
from constitution_lang.syntax import nodes as n
from constitution_lang.syntax.spelling import (
    spell_condition,
    spell_expect,
    spell_number,
    spell_outcome,
    spell_percent,
    spell_rows,
    spell_text,
    spell_value,
)

__all__ = ["format"]

_SIDE_BY_SIDE = {("edition", "constitution"), ("use", "use"), ("retired", "retired"), ("template", "template")}
"""Neighbours with no blank line between them."""


@dataclass(slots=True)
class _Item:
    """A line of the output, with the prose below it.

    `depth` is 0 for a header, 1 for what belongs to it, 2 for the rows of a table.
    """

    at: int
    depth: int
    text: str
    prose: tuple[str, ...] = ()
    prose_at: int = 0
    lead: list[str] = field(default_factory=list)
    """Comments between a key and its text."""
    comment: bool = False
    trailing: str = ""
    blank_above: bool = False


def format(tree: n.FileTree) -> str:
    """The text of a file. What `parse` makes of it is the same tree, places apart."""
    items = _merged(tree)
    lines: list[str] = []
    previous: _Item | None = None
    header = ""
    for item in items:
        keyword = item.text.split(" ", 1)[0]
        if previous is not None and _blank_between(previous, item, (header, keyword)):
            lines.append("")
        lines.append("  " * item.depth + item.text + (f"  {item.trailing}" if item.trailing else ""))
        lines.extend(f"  {comment}" for comment in item.lead)
        lines.extend(f"    {line}" if line else "" for line in item.prose)
        if item.depth == 0 and not item.comment:
            header = keyword
        previous = item
    return "\n".join((*lines, "")) if lines else ""


def _blank_between(previous: _Item, item: _Item, neighbours: tuple[str, str]) -> bool:
    if item.depth:
        return item.blank_above and (previous.depth > 0)
    if previous.comment and previous.depth == 0:
        return item.blank_above
    return item.comment or previous.depth > 0 or neighbours not in _SIDE_BY_SIDE


def _merged(tree: n.FileTree) -> list[_Item]:
    """Headers, lines and comments in the order of the file."""
    items = [item for block in tree.blocks for item in _block_items(block)]
    source = tree.source
    if not source.text:  # a tree that was made and not read has no places
        return items
    starts = source.line_starts
    by_line = {source.position(item.at).line: item for item in items}
    leads = _leads(by_line, source)
    for comment in tree.comments:
        line = source.position(comment.span.start).line
        if source.text[starts[line - 1] : comment.span.start].strip():
            by_line[line].trailing = comment.text
        elif line in leads:
            leads[line].lead.append(comment.text)
        else:
            depth = int(comment.span.start > starts[line - 1])
            by_line[line] = _Item(comment.span.start, depth, comment.text, comment=True)
    merged = [by_line[line] for line in sorted(by_line)]
    for line, item in by_line.items():
        item.blank_above = line > 1 and not source.line(line - 1).strip()
    _indent_comments(merged)
    return merged


def _leads(by_line: dict[int, _Item], source: Source) -> dict[int, _Item]:
    """Of the lines between a key and its text, the key's."""
    return {
        between: item
        for line, item in by_line.items()
        if item.prose
        for between in range(line + 1, source.position(item.prose_at).line)
    }


def _indent_comments(items: list[_Item]) -> None:
    """A comment is indented where a line of the block follows it, and where it ends a block and was indented."""
    below = 0
    for item in reversed(items):
        if not item.comment:
            below = item.depth
        elif below:
            item.depth = below
    at_margin = True
    for item in items:
        if not item.comment:
            at_margin = False
        elif at_margin or not item.depth:
            item.depth = 0
            at_margin = True


def _block_items(block: n.Block) -> Iterator[_Item]:
    """The header of a block and its lines, in the order in which they were written."""
    yield _Item(block.span.start, 0, _header(block))
    lines: list[_Item] = []
    match block:
        case n.PrincipleBlock(applies=condition) if condition is not None:
            lines.append(_Item(condition.span.start, 1, f"applies when {spell_condition(condition)}"))
        case n.TensionBlock():
            if block.sides:
                sides = " and ".join(side.text for side in block.sides)
                lines.append(_Item(block.sides[0].span.start, 1, f"between {sides}"))
            lines.extend(_Item(rule.span.start, 1, _rule(rule)) for rule in block.rules)
        case n.TestBlock():
            lines.extend(_test_lines(block))
        case _:
            pass
    if not isinstance(block, n.EditionLine | n.UseLine | n.RetiredLine | n.TemplateLine | n.TestBlock):
        lines.extend(_field(one) for one in block.fields)
    yield from sorted(lines, key=attrgetter("at"))


def _test_lines(block: n.TestBlock) -> Iterator[_Item]:
    for case, expected in block.cases:
        pairs = ", ".join(f"{attribute.text} {value.text}" for attribute, value in case.values)
        yield _Item(case.span.start, 1, f"case {pairs}".rstrip())
        yield from (_Item(one.span.start, 1, f"expect {spell_expect(one)}") for one in expected)
    for table in block.tables:
        yield _Item(table.span.start, 1, f"table {', '.join(column.text for column in table.columns)} | expect")
        spelt = spell_rows(table.rows)
        yield from (_Item(row.span.start, 2, text) for row, text in zip(table.rows, spelt, strict=True))
    for model in block.models:
        at_least = f" at least {spell_percent(model.at_least)}" if model.at_least else ""
        yield _Item(model.span.start, 1, f"under {model.principle.text}{at_least}")
        yield from map(_field, model.fields)


def _rule(rule: n.Rule) -> str:
    opening = f"when {spell_condition(rule.condition)}" if rule.condition else "otherwise"
    return f"{opening}: {spell_outcome(rule.outcome)}"


def _field(one: n.Field) -> _Item:
    key = one.key.text
    if isinstance(one.value, n.Prose):
        return _Item(one.span.start, 1, f"{key}:", prose=one.value.lines, prose_at=one.value.span.start)
    return _Item(one.span.start, 1, f"{key}: {spell_value(key, one.value)}")


def _header(block: n.Block) -> str:  # noqa: C901, PLR0911 - one for each kind of block
    match block:
        case n.EditionLine():
            return f"edition {spell_number(block.year)}"
        case n.ConstitutionLine():
            return _titled(f"constitution {block.name.text} {block.version.text}", block.title)
        case n.UseLine():
            return f"use {block.path.text}"
        case n.AttributeBlock():
            return _titled(f"attribute {block.name.text}", block.question)
        case n.CategoryBlock():
            return _titled(f"category {block.name.text}", block.title)
        case n.PrincipleBlock():
            return _titled(f"principle {block.name.text}", block.title)
        case n.TensionBlock():
            return f"tension {block.name.text}"
        case n.SamplingBlock():
            return f"sampling {block.stage.text}"
        case n.ExampleBlock():
            return f"example {block.target.text}"
        case n.RetiredLine():
            replaced = f" replaced by {block.replaced_by.text}" if block.replaced_by else ""
            return f"retired {block.kind.text} {block.name.text} since {block.since.text}{replaced}"
        case n.TemplateLine():
            return f"template {block.kind.text} from {spell_text(block.path)}"
        case n.TestBlock():
            return f"test {spell_text(block.title)}"


def _titled(opening: str, title: n.Text | None) -> str:
    return f"{opening} {spell_text(title)}" if title else opening
