"""From the parser's tree of one block to its node, with places in the whole file."""

from __future__ import annotations

from typing import Any, TypeAlias, cast

from constitution_lang.diagnostics import codes
from constitution_lang.source import Span
from constitution_lang.syntax import nodes as n
from constitution_lang.syntax.block_rules import BlockLines
from constitution_lang.syntax.build_parts import PartBuilder, last_token
from constitution_lang.syntax.forms import BLOCKS, RETIRABLE
from constitution_lang.syntax.lalr import Token, Tree
from constitution_lang.syntax.line_faults import wrong_choice

Parts: TypeAlias = list[Any]
"""Tokens and trees: the grammar says which stands where."""

__all__ = ["BlockBuilder"]


class BlockBuilder(PartBuilder):
    """Builds the node of one block that begins `base` characters into `file`.

    `lost` are the keys and openings of lines that could not be read (`mending`): nothing is said of their being
    missing. Those whose value is of the wrong kind come in addition.
    """

    def __init__(self, file: str, base: int, lost: frozenset[str] = frozenset()) -> None:
        super().__init__(file, base)
        self.lost = set(lost)

    def block(self, tree: Tree) -> n.Block:
        """The block that a tree stands for."""
        parts = tree.children
        span = self._span(parts[0], last_token(tree))
        return cast("n.Block", getattr(self, f"_{tree.data}")(parts, span))

    # --- one line ---

    def _edition(self, parts: Parts, span: Span) -> n.EditionLine:
        return n.EditionLine(self._number(parts[1]), span)

    def _use(self, parts: Parts, span: Span) -> n.UseLine:
        return n.UseLine(self._name(parts[1]), span)

    def _retired(self, parts: Parts, span: Span) -> n.RetiredLine:
        kind = self._name(parts[1])
        self.diagnostics.extend(wrong_choice(kind, RETIRABLE, "only these can be retired"))
        replaced_by = self._name(parts[7]) if len(parts) > 5 else None
        return n.RetiredLine(kind, self._name(parts[2]), self._version(parts[4]), replaced_by, span)

    def _template(self, parts: Parts, span: Span) -> n.TemplateLine:
        return n.TemplateLine(self._name(parts[1]), self._text(parts[3]), span)

    # --- a header and fields ---

    def _constitution(self, parts: Parts, span: Span) -> n.ConstitutionLine:
        name, version = self._name(parts[1]), self._version(parts[2])
        title, rest = self._title(parts, 3)
        return n.ConstitutionLine(name, version, title, self._fields("constitution", parts, rest), span)

    def _attribute(self, parts: Parts, span: Span) -> n.AttributeBlock:
        name = self._name(parts[1])
        question, rest = self._title(parts, 2)
        fields = self._fields("attribute", parts, rest)
        if question is None and n.TITLE not in self.lost:
            help = f'write it after the name: attribute {name.text} "How bad is the worst outcome?"'
            self.diagnostics.append(codes.E110.at(name.span, f"attribute `{name.text}` asks no question", help=help))
        return n.AttributeBlock(name, question, fields, span)

    def _category(self, parts: Parts, span: Span) -> n.CategoryBlock:
        title, rest = self._title(parts, 2)
        return n.CategoryBlock(self._name(parts[1]), title, self._fields("category", parts, rest), span)

    def _sampling(self, parts: Parts, span: Span) -> n.SamplingBlock:
        stage = self._name(parts[1])
        wrong = wrong_choice(stage, BLOCKS["sampling"].choices, "these are the two stages that draw principles")
        self.diagnostics.extend(wrong)
        if wrong:
            self.lost.add(n.HEADER)
            best = wrong[0].fix
            stage = n.Name(best.text if best else n.UNREAD, stage.span)
        fields = self._fields(f"sampling {stage.text}", parts, parts[2:]) if stage.text else ()
        return n.SamplingBlock(stage, fields, span)

    def _example(self, parts: Parts, span: Span) -> n.ExampleBlock:
        return n.ExampleBlock(self._name(parts[1]), self._fields("example", parts, parts[2:]), span)

    def _title(self, parts: Parts, at: int) -> tuple[n.Text | None, Parts]:
        """The quoted text of a header, where it has one, and the lines below."""
        if len(parts) > at and isinstance(parts[at], Token):
            return self._text(parts[at]), parts[at + 1 :]
        return None, parts[at:]

    def _lines(self, form: str, parts: Parts) -> BlockLines:
        header = self._span(parts[0], parts[1])
        titled = any(isinstance(part, Token) and part.type == "TEXT" for part in parts[1:4])
        return BlockLines(BLOCKS[form], header, parts[1].text, self.diagnostics, self.lost, titled=titled)

    def _fields(self, form: str, parts: Parts, rest: Parts) -> tuple[n.Field, ...]:
        lines = self._lines(form, parts)
        fields = self._known_fields(lines, rest)
        listed = (f.value for f in fields if f.key.text in ("levels", "one of"))
        values = next((value for value in listed if isinstance(value, tuple)), ())
        lines.finish({"default": f"default: {values[0].text}"} if values else {})
        return fields

    def _known_fields(self, lines: BlockLines, trees: Parts) -> tuple[n.Field, ...]:
        return tuple([field for field in [self._field(lines, tree) for tree in trees] if field is not None])

    def _field(self, lines: BlockLines, tree: Tree) -> n.Field | None:
        """The field, unless something is wrong with it; then that is said."""
        written_key, colon, value = tree.children
        word = written_key.text
        key = n.Name(" ".join(word.split()) if " " in word else word, self._span(written_key))
        return lines.field(key, self._base + colon.start, self._written(value))

    # --- a header and lines of other forms ---

    def _principle(self, parts: Parts, span: Span) -> n.PrincipleBlock:
        title, rest = self._title(parts, 2)
        lines = self._lines("principle", parts)
        applies: n.Condition | None = None
        fields: list[n.Field | None] = []
        for tree in rest:
            if tree.data == "applies":
                lines.line("applies when", self._span_of(tree))
                applies = self._condition(tree.children[2])
            else:
                fields.append(self._field(lines, tree))
        lines.finish()
        known = tuple([field for field in fields if field is not None])
        return n.PrincipleBlock(self._name(parts[1]), title, applies, known, span)

    def _tension(self, parts: Parts, span: Span) -> n.TensionBlock:
        lines = self._lines("tension", parts)
        sides: tuple[n.Name, ...] = ()
        rules: list[n.Rule] = []
        fields: list[n.Field | None] = []
        for part in parts[2:]:
            tree = part
            children = tree.children
            match tree.data:
                case "field":
                    fields.append(self._field(lines, tree))
                case "between":
                    lines.line("between", self._span_of(tree))
                    sides = (self._name(children[1]), self._name(children[3]))
                case "rule":
                    lines.rule(self._span_of(tree))
                    condition, outcome = self._condition(children[1]), self._outcome(children[3])
                    rules.append(n.Rule(condition, outcome, self._span_of(tree)))
                case _:
                    lines.line("otherwise", self._span_of(tree))
                    rules.append(n.Rule(None, self._outcome(children[2]), self._span_of(tree)))
        first, second = [side.text for side in sides] or [*_named(rules), "", ""][:2]
        if first and second:
            both = {"otherwise": f"otherwise: weigh {first} 2, {second} 1", "between": f"between {first} and {second}"}
        lines.finish(both if first and second else {})
        known = tuple(field for field in fields if field is not None)
        return n.TensionBlock(self._name(parts[1]), sides, tuple(rules), known, span)

    def _test(self, parts: Parts, span: Span) -> n.TestBlock:
        lines = self._lines("test", parts)
        title = self._text(parts[1])
        cases: list[tuple[n.CaseLine, list[n.Expect]]] = []
        tables: list[n.Table] = []
        models: list[tuple[n.Name, n.Percent | None, list[n.Field], Span]] = []
        for part in parts[2:]:
            tree = part
            place = self._span_of(tree)
            if tree.data == "case":
                lines.line("case", place)
                names = [self._name(word) for word in tree.children[1:] if word.type == "NAME"]
                cases.append((n.CaseLine(tuple(zip(names[::2], names[1::2], strict=True)), place), []))
            elif tree.data == "table":
                tables.append(self._table(lines, tree))
            elif tree.data == "under":
                lines.under(place)
                at_least = self._percent(tree.children[3]) if len(tree.children) > 2 else None
                models.append((self._name(tree.children[1]), at_least, [], place))
            elif tree.data == "field":
                field = self._field(lines, tree)
                if models and field is not None:
                    models[-1][2].append(field)
            else:
                lines.expectation(place)
                expected = self._expectation(tree.children[1], place)
                if cases:
                    cases[-1][1].append(expected)
        if any(expected for _, expected in cases):
            lines.cases_expect(case.span for case, expected in cases if not expected)
        lines.finish()
        return n.TestBlock(
            title,
            tuple((case, tuple(expected)) for case, expected in cases),
            span,
            tuple(tables),
            tuple(n.ModelCase(name, at_least, tuple(fields), place) for name, at_least, fields, place in models),
        )

    def _table(self, lines: BlockLines, tree: Tree) -> n.Table:
        """A table with its rows; one without a row is told."""
        head = [part for part in tree.children if isinstance(part, Token)]
        place = self._span(head[0], head[-1])
        columns = tuple(self._name(word) for word in head if word.type == "NAME")
        rows = tuple(self._row(part) for part in tree.children[len(head) :])
        lines.table(place, columns, rows)
        return n.Table(columns, rows, place)

    def _row(self, tree: Tree) -> n.TableRow:
        cells = tuple(self._name(part) for part in tree.children if isinstance(part, Token) and part.type == "NAME")
        expected = [part for part in tree.children if not isinstance(part, Token)]
        found = tuple(self._expectation(part, self._span_of(part)) for part in expected)
        return n.TableRow(cells, found, self._span_of(tree))


def _named(rules: list[n.Rule]) -> list[str]:
    """What rules prefer and weigh, each once."""
    found: dict[str, None] = {}
    for rule in rules:
        match rule.outcome:
            case n.Prefer(side):
                found[side.text] = None
            case n.Weigh(weights):
                found |= {side.text: None for side, _ in weights}
    return [*found]
