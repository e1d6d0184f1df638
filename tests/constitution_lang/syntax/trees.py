"""Syntax trees to test with: every form of the language, made by hypothesis, without places."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import msgspec
from hypothesis import strategies as st

from constitution_lang.source import Source, Span
from constitution_lang.syntax import nodes as n
from constitution_lang.syntax.forms import BLOCKS, RETIRABLE, BlockForm, FieldForm, ValueKind

NOWHERE = Span("", 0, 0)

_WORDS = st.sampled_from(["harm", "harm.weapons", "be-kind", "a_b", "x1", "over", "when", "prefer", "is", "not", "B"])
names = _WORDS.map(lambda text: n.Name(text, NOWHERE))
# Reserved where a condition or a value may begin.
plain_names = _WORDS.filter(lambda text: text != "not").map(lambda text: n.Name(text, NOWHERE))
_AMOUNTS = st.one_of(st.integers(0, 10**9).map(float), st.decimals(0, 1000, places=3).map(float))
numbers = _AMOUNTS.map(lambda value: n.Number(value, NOWHERE))
percents = st.decimals(0, 100, places=2).map(lambda value: n.Percent(float(value.scaleb(-2)), NOWHERE))
_LINE = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff"), max_size=30)
texts = _LINE.filter(lambda text: '"' not in text).map(lambda text: n.Text(text, NOWHERE))
_FULL = _LINE.map(str.rstrip).filter(bool)
proses = st.builds(
    lambda first, middle, last: n.Prose((first, *middle, last), NOWHERE),
    _FULL, st.lists(st.one_of(st.just(""), _FULL, _FULL.map(lambda line: f"  {line}")), max_size=3), _FULL,
)  # fmt: skip
versions = st.tuples(*[st.integers(0, 999)] * 3).map(lambda p: n.Version(".".join(map(str, p)), p, NOWHERE))


@st.composite
def shares(draw: st.DrawFn) -> n.ShareBound:
    low, high = draw(st.sampled_from([(True, False), (False, True), (True, True)]))
    return n.ShareBound(
        draw(percents) if low else None, draw(percents) if high else None, draw(st.none() | names), NOWHERE
    )


_TESTS = st.one_of(
    st.builds(
        n.BinaryTest,
        plain_names,
        st.sampled_from(["is", "is not", "<", "<=", ">", ">="]),
        plain_names,
        st.just(NOWHERE),
    ),
    st.builds(n.MemberTest, plain_names, st.lists(names, min_size=1, max_size=3).map(tuple), st.just(NOWHERE)),
)
conditions = st.recursive(
    _TESTS,
    lambda inner: st.one_of(
        st.builds(n.Not, inner, st.just(NOWHERE)),
        st.builds(n.And, st.lists(inner, min_size=2, max_size=3).map(tuple), st.just(NOWHERE)),
        st.builds(n.Or, st.lists(inner, min_size=2, max_size=3).map(tuple), st.just(NOWHERE)),
    ),
    max_leaves=6,
)
_SIDES = st.lists(st.tuples(names, numbers), min_size=1, max_size=3).map(tuple)
outcomes = st.one_of(
    st.builds(n.Prefer, names, st.just(NOWHERE)),
    st.builds(n.Weigh, _SIDES, st.just(NOWHERE)),
    st.just(n.Abstain(NOWHERE)),
)
expects = st.one_of(
    st.builds(n.ExpectOver, names, names, st.just(NOWHERE)),
    st.builds(n.ExpectWeigh, _SIDES, st.just(NOWHERE)),
    st.builds(n.ExpectAbstain, st.tuples(names, names), st.just(NOWHERE)),
    st.builds(n.ExpectApplies, names, st.booleans(), st.just(NOWHERE)),
    st.builds(n.ExpectShare, names, shares(), st.just(NOWHERE)),
    st.builds(n.ExpectDecides, numbers, names, st.just(NOWHERE)),
)


def _value(form: FieldForm) -> st.SearchStrategy[Any]:  # noqa: C901, PLR0911 - one for each kind
    match form.kind:
        case ValueKind.NUMBER:
            return numbers
        case ValueKind.WHOLE:
            return st.integers(0, 99).map(lambda value: n.Number(float(value), NOWHERE))
        case ValueKind.PERCENT:
            return percents
        case ValueKind.RANGE:
            return st.builds(n.WordRange, percents, percents, st.just(NOWHERE))
        case ValueKind.SHARE:
            return shares()
        case ValueKind.TEXT:
            return texts
        case ValueKind.PROSE:
            return proses
        case ValueKind.NAME:
            return names
        case ValueKind.NAMES | ValueKind.LEVELS:
            return st.lists(names, min_size=1, max_size=3).map(tuple)
        case ValueKind.CHOICE:
            return st.sampled_from(form.choices).map(lambda text: n.Name(text, NOWHERE))


@st.composite
def field_lists(draw: st.DrawFn, form: BlockForm) -> tuple[n.Field, ...]:
    chosen = [one for one in form.fields if one.required or draw(st.booleans())]
    if form.keyword == "attribute":
        values = form.field(draw(st.sampled_from(["levels", "one of"])))
        chosen = [one for one in chosen if one.key not in {"levels", "one of"}] + [values]
    return tuple(n.Field(n.Name(one.key, NOWHERE), draw(_value(one)), NOWHERE) for one in draw(st.permutations(chosen)))


def _named(kind: Any, keyword: str) -> st.SearchStrategy[Any]:
    return st.builds(kind, names, st.none() | texts, field_lists(BLOCKS[keyword]), st.just(NOWHERE))


@st.composite
def _tensions(draw: st.DrawFn) -> n.TensionBlock:
    rules = draw(st.lists(st.builds(n.Rule, conditions, outcomes, st.just(NOWHERE)), max_size=3))
    rules.append(n.Rule(None, draw(outcomes), NOWHERE))
    sides = draw(st.tuples(names, names))
    return n.TensionBlock(draw(names), sides, tuple(rules), draw(field_lists(BLOCKS["tension"])), NOWHERE)


@st.composite
def _samplings(draw: st.DrawFn) -> n.SamplingBlock:
    stage = draw(st.sampled_from(["revision", "preference"]))
    return n.SamplingBlock(n.Name(stage, NOWHERE), draw(field_lists(BLOCKS[f"sampling {stage}"])), NOWHERE)


@st.composite
def _tables(draw: st.DrawFn) -> n.Table:
    columns = draw(st.lists(names, min_size=1, max_size=3).map(tuple))
    cells = st.lists(names, min_size=len(columns), max_size=len(columns)).map(tuple)
    rows = st.lists(st.builds(n.TableRow, cells, _EXPECTED, st.just(NOWHERE)), min_size=1, max_size=3).map(tuple)
    return n.Table(columns, draw(rows), NOWHERE)


@st.composite
def _models(draw: st.DrawFn) -> n.ModelCase:
    keys = draw(st.permutations(["prompt", "better", "worse"]))
    pair = tuple(n.Field(n.Name(key, NOWHERE), draw(proses), NOWHERE) for key in keys)
    return n.ModelCase(draw(names), draw(st.none() | percents), pair, NOWHERE)


@st.composite
def _tests(draw: st.DrawFn) -> n.TestBlock:
    parts = draw(st.lists(st.sampled_from(["cases", "tables", "models"]), min_size=1, unique=True))
    cases = draw(st.lists(st.tuples(_CASES, _EXPECTED), min_size="cases" in parts, max_size=2 * ("cases" in parts)))
    tables = draw(st.lists(_tables(), min_size="tables" in parts, max_size=2 * ("tables" in parts)))
    models = draw(st.lists(_models(), min_size="models" in parts, max_size=2 * ("models" in parts)))
    return n.TestBlock(draw(texts), tuple(cases), NOWHERE, tuple(tables), tuple(models))


_CASES = st.builds(n.CaseLine, st.lists(st.tuples(names, names), max_size=3).map(tuple), st.just(NOWHERE))
_EXPECTED = st.lists(expects, min_size=1, max_size=2).map(tuple)
blocks = st.one_of(
    st.builds(n.EditionLine, st.integers(2000, 3000).map(lambda y: n.Number(float(y), NOWHERE)), st.just(NOWHERE)),
    st.builds(
        n.ConstitutionLine, names, versions, st.none() | texts, field_lists(BLOCKS["constitution"]), st.just(NOWHERE)
    ),
    st.builds(
        n.UseLine,
        st.sampled_from(["std/cases", "./topics/medical", "../x"]).map(lambda path: n.Name(path, NOWHERE)),
        st.just(NOWHERE),
    ),
    st.builds(n.AttributeBlock, names, texts, field_lists(BLOCKS["attribute"]), st.just(NOWHERE)),
    _named(n.CategoryBlock, "category"),
    st.builds(
        n.PrincipleBlock,
        names, st.none() | texts, st.none() | conditions, field_lists(BLOCKS["principle"]), st.just(NOWHERE),
    ),
    _tensions(),
    _samplings(),
    st.builds(n.ExampleBlock, names, field_lists(BLOCKS["example"]), st.just(NOWHERE)),
    st.builds(
        n.RetiredLine,
        st.sampled_from(RETIRABLE).map(lambda kind: n.Name(kind, NOWHERE)),
        names, versions, st.none() | names, st.just(NOWHERE),
    ),
    st.builds(n.TemplateLine, names, texts, st.just(NOWHERE)),
    _tests(),
)  # fmt: skip
trees = st.lists(blocks, max_size=5).map(lambda made: n.FileTree(Source("t.const", ""), tuple(made), ()))


def without_places(node: Any) -> Any:
    """The same node with every span the same, to compare what is meant and not where it stands."""
    if isinstance(node, Span):
        return NOWHERE
    if isinstance(node, tuple):
        return tuple(without_places(part) for part in node)
    if isinstance(node, msgspec.Struct):
        return type(node)(*(without_places(getattr(node, name)) for name in node.__struct_fields__))
    if is_dataclass(node) and not isinstance(node, type):
        return type(node)(**{one.name: without_places(getattr(node, one.name)) for one in fields(node)})
    return node
