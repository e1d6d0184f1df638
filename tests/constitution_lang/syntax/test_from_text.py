"""What the parser makes of each form, and of bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution_lang.diagnostics.model import Diagnostic
from constitution_lang.loader import source_of
from constitution_lang.source import Source
from constitution_lang.syntax import nodes as n
from constitution_lang.syntax.forms import BLOCKS, KEYWORDS, ValueKind
from constitution_lang.syntax.from_text import parse
from constitution_lang.syntax.spelling import spell_condition


def _one(text: str) -> n.Block:
    tree, findings = parse(Source("a.const", text))
    assert findings == ()
    (block,) = tree.blocks
    return block


def _findings(text: str) -> list[tuple[str, str]]:
    source = Source("a.const", text)

    def underlined(found: Diagnostic) -> str:
        return text[found.primary.span.start : found.primary.span.end]

    return [(found.code, underlined(found)) for found in parse(source)[1]]


@pytest.mark.parametrize(
    ("written", "spelt", "kind"),
    [
        ("a is b or c is d and e is f", "a is b or c is d and e is f", n.Or),
        ("(a is b or c is d) and e is f", "(a is b or c is d) and e is f", n.And),
        ("not a is b and c is d", "not a is b and c is d", n.And),
        ("not (a is b and c is d)", "not (a is b and c is d)", n.Not),
        ("((a   is  not   b))", "a is not b", n.BinaryTest),
        ("a is one of b, c or d < e", "a is one of b, c or d < e", n.Or),
        ("not a is one of b, c", "a is not one of b, c", n.Not),
        ("a is one", "a is one", n.BinaryTest),
        ("a >= b", "a >= b", n.BinaryTest),
    ],
)
def test_conditions_bind_as_usual(written: str, spelt: str, kind: type) -> None:
    block = _one(f"principle p\n  applies when {written}\n  statement:\n    S.\n")
    assert isinstance(block, n.PrincipleBlock)
    assert isinstance(block.applies, kind)
    assert spell_condition(block.applies) == spelt


def test_spans_are_those_of_the_file() -> None:
    text = '# first\nedition 2026\n\ncategory harm "Avoiding harm"  # c\n  statement:\n\n    One.\n\n    Two.  \n\n\n'
    tree, findings = parse(Source("a.const", text))
    assert findings == ()
    category = tree.blocks[1]
    assert isinstance(category, n.CategoryBlock)
    assert category.title

    def at(node: n.Name | n.Text | n.Prose | n.Comment | n.Field | n.CategoryBlock) -> str:
        return text[node.span.start : node.span.end]

    assert at(category.name) == "harm"
    assert at(category.title) == '"Avoiding harm"'
    assert at(category.fields[0].key) == "statement"
    prose = category.fields[0].value
    assert isinstance(prose, n.Prose)
    assert prose.lines == ("One.", "", "Two.")
    assert at(prose) == "One.\n\n    Two."
    assert at(category.fields[0]) == "statement:\n\n    One.\n\n    Two."
    assert [at(comment) for comment in tree.comments] == ["# first", "# c"]


def test_percentages_are_the_nearest_fractions() -> None:
    block = _one("sampling preference\n  decided: 0.1%\n  clamp: 29% to 57.5 %\n")
    assert isinstance(block, n.SamplingBlock)
    decided, clamp = (field.value for field in block.fields)
    assert isinstance(decided, n.Percent)
    assert isinstance(clamp, n.WordRange)
    assert (decided.value, clamp.low.value, clamp.high.value) == (0.001, 0.29, 0.575)


def test_a_case_may_be_all_defaults() -> None:
    block = _one('test "defaults"\n  case\n  expect a does not apply\n  expect rule 2 of t\n')
    assert isinstance(block, n.TestBlock)
    ((case, (applies, decides)),) = block.cases
    assert case.values == ()
    assert isinstance(applies, n.ExpectApplies)
    assert not applies.applies
    assert isinstance(decides, n.ExpectDecides)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", "  # indented\n\n"])
def test_a_file_may_be_empty(text: str) -> None:
    tree, findings = parse(Source("a.const", text))
    assert (tree.blocks, findings) == ((), ())
    assert len(tree.comments) == text.count("#")


@pytest.mark.parametrize("word", ["casea b c", "principlex", "use-std", "tensionß t"])
def test_a_keyword_ends_where_its_word_ends(word: str) -> None:
    text = f'test "t"\n  {word}\n  case a b\n  expect a over b\n' if word.startswith("case") else f"{word}\n"
    first, *others = (code for code, _ in _findings(text))
    assert first in ("E105", "E107")
    assert {*others} <= {"E110"}  # what a block of the keyword that was meant has to have


def test_every_mistake_of_a_block_is_found() -> None:
    text = 'category harm "No\n  wieght: 2\n  weight: x\n   owner: "a"\n  statement: S.\n  share: at least 5\n'
    assert _findings(text) == [
        ("E113", '"No'),
        ("E107", "wieght"),
        ("E108", "x"),
        ("E104", "   "),
        ("E111", "S."),
        ("E108", "at least 5"),
    ]


def test_the_name_of_a_broken_block_is_kept() -> None:
    tree, _ = parse(Source("a.const", 'principle harm.x\n\nprincipal harm.y "T"\n  weight: 2\ncategory c\n'))
    assert [name.text for name in tree.broken] == ["harm.y"]
    assert [name.text for name in tree.broken if name.span.start == 28] == ["harm.y"]
    assert len(tree.blocks) == 2


def test_a_fix_mends_what_it_is_about() -> None:
    text = "category harm “A”\n   wieght: 3\n\tshare: at least 5%\n  owner: me\n  statement: Be kind.\n"
    for _ in range(20):
        fixes = [found.fix for found in parse(Source("a.const", text))[1] if found.fix]
        if not fixes:
            break
        text = text[: fixes[0].span.start] + fixes[0].text + text[fixes[0].span.end :]
    block = _one(text)
    assert isinstance(block, n.CategoryBlock)
    assert [field.key.text for field in block.fields] == ["weight", "share", "owner", "statement"]


@given(st.binary())
def test_any_bytes_can_be_parsed(data: bytes) -> None:
    source = source_of("a.const", data)
    _, findings = parse(source)
    broken = any("\ud800" <= char <= "\udfff" for char in source.text)
    assert broken == any(found.code == "E101" for found in findings)


def test_bytes_that_are_not_utf_8_are_one_finding() -> None:
    _, findings = parse(source_of("a.const", b"edition 2026\n# caf\xe9\n# th\xe9\n"))
    assert [(found.code, found.primary.span.start) for found in findings] == [("E101", 18)]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_recognised(encoding: str) -> None:
    tree, (found,) = parse(source_of("a.const", "\ufeffedition 2026\nedition 2027\n".encode(encoding)))
    assert tree.blocks == ()
    assert "UTF-16" in str(found.help)


def test_a_condition_beyond_reason_leaves_no_block() -> None:
    text = f"principle p\n  applies when {'not ' * 60}a is b\n  statement:\n    S.\n"
    tree, findings = parse(Source("a.const", text))
    assert tree.blocks == ()
    assert [found.code for found in findings] == ["E116"]


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_the_example_of_every_form_parses(keyword: str) -> None:
    for form in [form for form in BLOCKS.values() if form.keyword.split()[0] == keyword]:
        header = "sampling revision" if keyword == "sampling" else form.header
        lines = [form.header if " " in form.keyword else header]
        lines += [f"  {line.example}\n{line.below}".rstrip() for line in form.lines]
        for field in form.fields:
            if field.key != "one of":
                below = field.kind is ValueKind.PROSE
                lines.append(f"  {field.key}:" + (f"\n    {field.example}" if below else f" {field.example}"))
        assert _findings("\n".join(lines) + "\n") == []


@pytest.mark.parametrize("blank", ["\t", " \t", "\t  ", "\u00a0", "  \u2003", "\u2028", "    \u3000\t"])
def test_a_line_of_what_cannot_be_seen_is_a_blank_line(blank: str) -> None:
    """Wherever it is: below a first line, between lines, in a text, between blocks."""
    text = (Path(__file__).parents[3] / "constitutions/pharmacy/pharmacy.const").read_text(encoding="utf-8")
    lines = text.split("\n")
    for at in range(1, len(lines)):
        tree, findings = parse(Source("a.const", "\n".join([*lines[:at], blank, *lines[at:]])))
        assert not findings
        assert tree.whole
        assert len(tree.blocks) == len(parse(Source("a.const", text))[0].blocks)
