"""What an import leaves out it says, and what reads alike is told apart."""

from __future__ import annotations

import pytest

from constitution_lang.interchange.data import read_json, read_yaml
from constitution_lang.interchange.draft import Imported, WrongInputError
from constitution_lang.interchange.program_data import document_of, from_program_data, to_json, to_yaml
from constitution_lang.interchange.propositions_yaml import from_propositions
from constitution_lang.interchange.spec_markdown import from_markdown
from constitution_lang.source import Source
from constitution_lang.syntax import to_text
from constitution_lang.syntax.from_text import parse

MARKDOWN = """# A {#a authority=user}
Be kind. <!-- to do: rewrite -->
### Notes
One.
<!--
## Hidden {#hidden authority=root}
Gone.
-->
# B {#b authority=developer}
Be brief: `<!-- kept -->`.
### Notes
Two.
"""
CLASSES = """
simple_propositions:
  a: {prompt: "Is it so?"}
derived_propositions:
  used: {a: true}
  unused: {a: false}
completion_classes:
  ideal: {comply: {used: true}}
  bad: {}
completion_class_order: [ideal, bad]
"""
COMMENTED = """edition 2026
constitution house 1.0.0

category harm

principle harm.a
  statement:  # beside the key
  # between
  # key and text
    Do no harm.
  # below
  critique:
    Say so.
"""


def _notes(made: Imported) -> str:
    return "\n".join(map(str, made.notes))


def test_comments_of_markdown_are_left_out_and_noted() -> None:
    made = from_markdown(MARKDOWN, "m", "M")
    assert "rewrite" not in made.text
    assert "hidden" not in made.text.lower()
    assert "`<!-- kept -->`" in made.text
    assert _notes(made).count("a comment of") == 2


def test_what_looks_like_structure_in_code_is_code() -> None:
    code = "```\n**Example**: short title\n!!! note\n[^1]: x\n```"
    made = from_markdown(f"# A {{#a authority=user}}\n\n{code}\nText.\n", "m", "M")
    assert all(line in made.text for line in code.split("\n"))
    assert "left out" not in _notes(made)


@pytest.mark.parametrize("value", ["!!bool x", "!!timestamp x"])
def test_yaml_values_that_do_not_fit_their_tags(value: str) -> None:
    with pytest.raises(WrongInputError, match="not YAML"):
        read_yaml(f"a: {value}\n")


def test_headings_that_read_alike_get_ids_of_their_own() -> None:
    text = from_markdown(MARKDOWN, "m", "M").text
    assert "principle user.notes " in text
    assert "principle developer.notes_2 " in text


def test_classes_and_propositions_that_come_to_nothing_are_noted() -> None:
    notes = _notes(from_propositions(read_yaml(CLASSES), "r", "R"))
    assert "written out where used" in notes
    assert "no class asks for it" in notes
    assert "no kind of request says what makes this class" in notes


def test_propositions_upon_propositions_have_a_bound() -> None:
    lines = [f"  d{i}: {{d{i - 1}: false}}" for i in range(1, 60)]
    text = CLASSES.replace("  used: {a: true}", "\n".join(("  used: {d59: true}", "  d0: {a: true}", *lines)))
    with pytest.raises(WrongInputError, match="more than 40 others"):
        from_propositions(read_yaml(text), "r", "R")


@pytest.mark.parametrize("number", ["1" + "0" * 400, "1e400", "12345678901234567"])
def test_numbers_that_the_language_cannot_hold_are_refused(number: str) -> None:
    document, _ = document_of(Source("c.const", COMMENTED.replace("category harm\n", "category harm\n  weight: 2.5\n")))
    assert document
    with pytest.raises(WrongInputError, match="too many digits"):
        from_program_data(read_json(to_json(document).replace("2.5", number)), "c.const")


def test_a_comment_between_a_key_and_its_text_stays_there() -> None:
    assert to_text.format(parse(Source("c.const", COMMENTED))[0]) == COMMENTED
    document, _ = document_of(Source("c.const", COMMENTED))
    assert document
    assert from_program_data(read_json(to_json(document)), "c.const").text == COMMENTED
    assert from_program_data(read_yaml(to_yaml(document)), "c.const").text == COMMENTED
