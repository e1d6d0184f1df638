"""The kept tables are those of the grammar, and the parser that goes by them reads what Lark reads."""

import re
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lark import Tree as LarkTree
from lark.exceptions import UnexpectedInput

from constitution_lang.syntax.forms import KEYWORDS
from constitution_lang.syntax.lalr import Parser, Token, Tree, block_parser
from constitution_lang.syntax.tables import Tables, grammar_text, lark_parser, make_tables

ROOT = Path(__file__).parents[3]
BEGIN = re.compile(rf"^(?=(?:{'|'.join(KEYWORDS)})\b)", re.MULTILINE)
BLOCKS = sorted({
    block
    for pattern in ("constitutions/**/*.const", "constitution_lang/library/**/*.const", "tests/corpus/**/*.md")
    for path in ROOT.glob(pattern)
    for block in BEGIN.split(path.read_text(encoding="utf-8"))[1:]
})  # fmt: skip
PIECES = (
    "\n", "\n\n", "  ", "    ", " ", "#", "# x\n", ":", ",", "%", '"', "x", "1", "applies", "when", "is", "not", "of",
    "5% to 40%", "at least 5%", "0.5", "weight: 2", "\n  weight:", "\n  key : 1", "\n    text", "|", ";", "case",
    "\t", "<", "(",
)  # fmt: skip


def shape(part: object) -> object:
    """A tree of either parser as one value."""
    if isinstance(part, Tree):
        return part.data, [shape(child) for child in part.children]
    if isinstance(part, Token):
        return part.type, part.text, part.start, part.end
    if isinstance(part, LarkTree):
        return str(part.data), [shape(child) for child in part.children]
    return part.type, str(part), part.start_pos, part.end_pos  # type: ignore[attr-defined]


def by_lark(text: str) -> object:
    try:
        return shape(lark_parser(grammar_text())[0].parse(text))
    except UnexpectedInput:
        return None


def by_tables(text: str) -> object:
    tree = block_parser().tree(text)
    return shape(tree) if tree else None


def test_the_kept_tables_are_those_of_the_grammar() -> None:
    kept = (files("constitution_lang.syntax") / "tables.json").read_bytes()
    told = "run `python -m constitution_lang.syntax.tables`"
    assert msgspec.json.decode(kept, type=Tables) == make_tables(grammar_text()), told


def test_tables_of_another_grammar_are_parsed_by_too() -> None:
    other = make_tables(grammar_text().replace('"weigh"', '"balance"'))
    text = "tension a\n  between b and c\n  otherwise: balance b 1, c 2\n"
    assert block_parser().tree(text) is None
    assert Parser(other).tree(text) is not None


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_blocks_that_there_are(block: str) -> None:
    assert by_tables(block) == by_lark(block)


@given(st.sampled_from(BLOCKS), st.data())
def test_damaged_blocks(block: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(block)))
        until = min(len(block), at + data.draw(st.integers(0, 4)))
        block = block[:at] + data.draw(st.sampled_from(("", *PIECES))) + block[until:]
    assert by_tables(block) == by_lark(block)
