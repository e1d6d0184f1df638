"""Export and import undo each other, for every form of the language."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings

from constitution_lang.compile import compile_path, compile_source
from constitution_lang.interchange.data import read_json, read_yaml
from constitution_lang.interchange.draft import WrongInputError
from constitution_lang.interchange.program_data import document_of, from_program_data, to_json, to_yaml
from constitution_lang.loader import folder_loader
from constitution_lang.source import Source
from constitution_lang.syntax import nodes as n
from constitution_lang.syntax import to_text
from tests.constitution_lang.syntax.trees import trees

ROOT = Path(__file__).parents[3]
FILES = sorted(ROOT.glob("constitutions/*/*.const"))
SAMPLE = ROOT / "tests/constitution_lang/syntax/sample.const"
COMMENTED = """\
# First.

# Second.
edition 2026  # this year
constitution house 1.0.0 "A house"

category harm  # a side
  # Above a field.
  weight: 2  # twice

  statement:
    Hurt nobody. # not a comment
    {{ not a slot }}

    Nor this.
  # At the end of the block.

# Between blocks.
principle harm.weapons
  statement:
    Give none.

test "rows"
  table severity | expect
    # Above a row.
    grave | harm.weapons applies  # beside one

# Last.
"""


def _formatted(text: str) -> str:
    from constitution_lang.syntax.from_text import parse

    tree, found = parse(Source("t.const", text))
    assert found == ()
    return to_text.format(tree)


def _both_ways(text: str) -> None:
    document, found = document_of(Source("t.const", text))
    assert found == ()
    assert document is not None
    for made, read in ((to_json(document), read_json), (to_yaml(document), read_yaml)):
        again = from_program_data(read(made), "t.const").text
        assert again == _formatted(text)
        assert document_of(Source("t.const", again))[0] == document


@given(trees)
@settings(max_examples=60)
def test_nothing_is_lost(tree: n.FileTree) -> None:
    _both_ways(to_text.format(tree))


def test_comments_and_blank_lines_stay() -> None:
    _both_ways(COMMENTED)
    _both_ways(SAMPLE.read_text(encoding="utf-8"))
    _both_ways("# alone\n")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_it_means_stays(path: Path) -> None:
    _both_ways(path.read_text(encoding="utf-8"))
    before = compile_path(path).bundle
    document, _ = document_of(Source(path.name, path.read_text(encoding="utf-8")))
    assert document is not None
    text = from_program_data(read_yaml(to_yaml(document)), path.name).text
    after = compile_source(Source(path.name, text), folder_loader(path.parent)).bundle
    assert before is not None
    assert after is not None
    assert (after.meaning_hash, after.metadata_hash) == (before.meaning_hash, before.metadata_hash)
    assert _without_places(msgspec.to_builtins(after)) == _without_places(msgspec.to_builtins(before))


def _without_places(value: object) -> object:
    if isinstance(value, dict):
        return {
            key: _without_places(part) for key, part in value.items() if key not in {"origin", "origins", "sources"}
        }
    return [_without_places(part) for part in value] if isinstance(value, list) else value


def _read(blocks: str, head: str = '"format": "constitution-program", "version": 1') -> str:
    with pytest.raises(WrongInputError) as caught:
        from_program_data(read_json(f'{{{head}, "blocks": {blocks}}}'), "t.const")
    return str(caught.value)


def test_what_is_wrong_is_told_with_its_place() -> None:
    assert _read('[{"block": "category", "id": 3}]').startswith("blocks[0].id: expected `str`")
    assert _read('[{"block": "edition", "year": 2026}, {"block": "kategory", "id": "a"}]').startswith(
        "blocks[1].block: `kategory` is not known here; it can be `edition`, `constitution`, "
    )
    assert _read('[{"block": "category", "id": "a b"}]').startswith("blocks[0]: ")
    assert (
        _read("[]", '"format": "constitution-program", "version": 2') == "version: `2` is not known here; it can be `1`"
    )
    two = '{"block": "category", "id": "a\\ncategory b"}'
    assert _read(f"[{two}]").startswith("blocks[0].id: this has a line break")
    prose = '{"block": "category", "id": "a", "lines": [{"line": "field", "key": "statement", "value": "tail \\nx"}]}'
    assert "lines" in _read(f"[{prose}]")
    assert _read('[{"block": "comment", "text": "no mark"}]').endswith("begins with `#`: write `# no mark`")
    assert "write `# no mark`" in _read('[{"block": "category", "id": "a", "remark": "no mark"}]')
    assert "lines[0].text" in _read(
        '[{"block": "category", "id": "a", "lines": [{"line": "comment", "text": "# a\\nweight: 2"}]}]'
    )
    with pytest.raises(WrongInputError, match="given twice"):
        read_json('{"a": 1, "a": 2}')
    with pytest.raises(WrongInputError, match="line 2: the key 'a' is given twice"):
        read_yaml("a: 1\na: 2\n")
    with pytest.raises(WrongInputError, match="line 2: write out"):
        read_yaml("a: &x 1\nb: *x\n")
    for unused in ("b: 1\na: &x 1\n", "b: 1\na: &x [1]\n", "b: 1\na: &x\n  c: 1\n"):
        with pytest.raises(WrongInputError, match="line 2: leave out &x: anchors are not read"):
            read_yaml(unused)
    with pytest.raises(WrongInputError, match="line 1: a name has to be a text"):
        read_yaml("no: 1\n")
    with pytest.raises(WrongInputError, match="line 1, column"):
        read_json("{")
    with pytest.raises(WrongInputError, match="too deep"):
        read_yaml("[" * 200 + "]" * 200)
    with pytest.raises(WrongInputError, match="too deep"):
        read_json("[" * 100_000 + "]" * 100_000)


@pytest.mark.parametrize(
    ("block", "path"),
    [
        ('"block": "principle", "id": "harm.a", "title": "One\\ntwo"', "blocks[0].title"),
        ('"block": "principle", "id": "harm.a\\nb"', "blocks[0].id"),
        ('"block": "tension", "id": "t", "lines": [{"line": "between", "sides": ["a", "b\\n"]}]',
         "blocks[0].lines[0].sides[1]"),
        ('"block": "category", "id": "a", "lines": [{"line": "field", "key": "share", "value": {"low": "1%\\n"}}]',
         "blocks[0].lines[0].value.low"),
    ],
)  # fmt: skip
def test_a_line_break_is_told_where_it_is(block: str, path: str) -> None:
    assert _read(f"[{{{block}}}]") == f"{path}: this has a line break, which only prose below a key can have"


def test_a_comment_of_two_lines_is_told_to_be_two() -> None:
    assert (
        _read('[{"block": "comment", "text": "# a\\nb"}]')
        == "blocks[0].text: a comment is one line: make one of each line"
    )


def test_words_that_the_form_does_not_know_are_told_with_those_it_does() -> None:
    line = '{"line": "applies when", "condition": {"test": "compare", "attribute": "a", "operator": "=", "value": "b"}}'
    said = _read(f'[{{"block": "principle", "id": "a.b", "lines": [{line}]}}]')
    assert "operator: `=` is not known here; it can be `is`, `is not`, `<`, `<=`, `>` or `>=`" in said
