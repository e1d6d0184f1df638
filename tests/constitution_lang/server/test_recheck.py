"""What is kept from one look to the next never changes what is found."""

from __future__ import annotations

from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from constitution_lang.server.documents import Documents
from constitution_lang.server.program import Program, load_program
from constitution_lang.source import Source

TEXT = """edition 2026
constitution house 1.0.0 "A house"

use std/cases

attribute mood "How is it?"
  levels: low < high
  default: low

category harm "Harm"
  weight: 3

category help "Help"
  share: at least 5% in revision

principle harm.weapons "Weapons 🔫"
  applies when mood is high or topic is medical
  formerly: harm.arms
  statement:
    Give no help.

principle harm.insults
  weight: 2
  share: at most 60%
  statement:
    Insult nobody.

principle help.answer
  statement:
    Answer.

tension care
  between harm and help
  when mood >= high: prefer harm
  otherwise: weigh harm 2, help 1

sampling revision
  draw: 2

example harm.insults
  prompt:
    a
  response:
    b
  critique:
    c
  revision:
    d

retired principle harm.old since 0.9.0 replaced by harm.insults

test "t"
  case mood high
  expect harm over help
  expect harm.weapons applies
"""
LINES = TEXT.splitlines(keepends=True)
INSULTS = "principle harm.insults\n"
WORDS = sorted({word for word in TEXT.replace(":", " : ").replace(",", " , ").split() if word.isprintable()})

_place = st.integers(0, 10_000)
_edit = st.one_of(
    st.tuples(st.just("word"), _place, st.sampled_from(WORDS)),
    st.tuples(st.just("delete"), _place, st.just("")),
    st.tuples(st.just("line"), _place, st.sampled_from(LINES)),
    st.tuples(st.just("character"), _place, st.sampled_from(list(' \n#:.,xé🔫\t"'))),
)


def _after(text: str, kind: str, place: int, new: str) -> str:
    lines = text.splitlines(keepends=True) or ["\n"]
    number = place % len(lines)
    match kind:
        case "word":
            words = lines[number].split(" ")
            words[place % len(words)] = new + ("\n" if words[place % len(words)].endswith("\n") else "")
            lines[number] = " ".join(words)
        case "delete":
            del lines[number]
        case "line":
            lines.insert(number, new)
        case _:
            return text[: place % (len(text) + 1)] + new + text[place % (len(text) + 1) :]
    return "".join(lines)


def _looked_at(documents: Documents, root: Path, before: Program | None) -> Program:
    program = load_program(documents, root, before=before)
    assert program
    return program


@settings(max_examples=150)
@given(edits=st.lists(_edit, min_size=1, max_size=6))
@example(edits=[("word", LINES.index("  share: at most 60%\n"), "harm.insults"), ("delete", 0, "")])
@example(edits=[("word", 2047, '"A'), ("delete", 2047, "")])
@example(edits=[("line", LINES.index(INSULTS), INSULTS), ("delete", LINES.index(INSULTS), "")])
@example(edits=[("line", LINES.index(INSULTS) + 1, INSULTS), ("delete", LINES.index(INSULTS) + 1, "")])
@example(edits=[("line", LINES.index(INSULTS), INSULTS), ("line", LINES.index(INSULTS), "\n")])
def test_a_look_after_edits_finds_what_a_first_look_finds(edits: list[tuple[str, int, str]]) -> None:
    root = Path("/nowhere/house.const")
    documents = Documents()
    uri = root.as_uri()
    documents.opened(uri, 1, TEXT)
    program: Program | None = _looked_at(documents, root, None)
    text = TEXT
    for edit in edits:
        text = _after(text, *edit)
        documents.open[uri].source = Source("house.const", text)
        program = _looked_at(documents, root, program)
        fresh = Documents()
        fresh.opened(uri, 1, text)
        first = _looked_at(fresh, root, None)
        assert [block.text for block in program.files["house.const"].blocks] == [
            block.text for block in first.files["house.const"].blocks
        ]
        assert program.files["house.const"].starts == first.files["house.const"].starts
        assert set(program.found) == set(first.found)
        assert program.declared.principles.keys() == first.declared.principles.keys()


@given(text=st.text(alphabet="a\né🔫", max_size=40), data=st.data())
def test_an_edited_source_knows_its_lines(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    new = data.draw(st.text(alphabet="b\n", max_size=8))
    edited = Source("x", text).edited(start, end, new)
    assert edited.text == text[:start] + new + text[end:]
    assert edited.line_starts == Source("x", edited.text).line_starts
