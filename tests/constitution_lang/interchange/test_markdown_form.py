"""What Markdown says by its lines: tables, quotations, headings in other dress, underlines."""

from __future__ import annotations

import pytest

from constitution_lang.interchange.forms import read
from tests.constitution_lang.interchange.samples import SPEC, import_text, is_told


def test_rows_of_a_table_stay_lines_in_a_prompt() -> None:
    """With and without bars at its ends; what only has a bar in it is no table."""
    table = "Do so:\n\n| a | b |\n|---|:-:|\n| 1 | 2 |\n\nThat\nis all."
    bare = "a | b\n--- | ---\n1 | 2\n\nEither x | y\nor none."
    text = f"# One {{#one authority=user}}\n{table}\n\n# Two {{#two authority=user}}\n{bare}\n"
    imported, bundle = import_text(text, "markdown")
    assert [p.statement for p in bundle.principles] == [
        "Do so:\n\n  | a | b |\n  |---|:-:|\n  | 1 | 2 |\n\nThat is all.",
        "  a | b\n  --- | ---\n  1 | 2\n\nEither x | y or none.",
    ]
    assert is_told(imported, "line 1, #one", "tables are indented by two")


TABLE = "| a | b |\n|---|---|\n| 1 | 2 |"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (TABLE, "tables"),
        ("a | b\n--- | :-:\n1 | 2", "tables"),
        ("> Be kind.\n> Be brief.", "quotations"),
        ("~~~\n| no\n| table\n~~~", "code blocks"),
    ],
)
def test_lines_that_mean_something_stay_lines_in_a_prompt(text: str, what: str) -> None:
    imported, bundle = import_text(SPEC.replace("- One\n- Two", f"Above.\n\n{text}\n\nBelow."), "markdown")
    kept = "\n".join(f"  {line}" for line in text.split("\n"))
    assert any(f"Above.\n\n{kept}\n\nBelow." in principle.statement for principle in bundle.principles)
    notes = [note.what for note in imported.notes if note.place == "line 44, #deeper"]
    assert notes == [f"{what} are indented by two, which keeps their lines in a prompt"]


@pytest.mark.parametrize("written", ["| a | b |", "> Be kind.", "One | two", "a\n---|"])
def test_a_line_that_is_no_table_and_no_quotation_stays_as_it_is(written: str) -> None:
    imported, _ = import_text(SPEC.replace("- One\n- Two", f"{written}\n\nBelow."), "markdown")
    assert not is_told(imported, "#deeper", "indented by two")


@pytest.mark.parametrize(
    "heading",
    [
        "Deeper {#deeper authority=user}\n------",
        "Dee\nper {#deeper authority=user}\n===",
        "  ## Deeper {#deeper authority=user}",
        '## Deeper {#deeper authority="user"}',
    ],
)
def test_headings_in_other_dress(heading: str) -> None:
    imported, bundle = import_text(SPEC.replace("### Deeper {#deeper}", heading), "markdown")
    found = {principle.id: principle for principle in bundle.principles}
    assert found["user.deeper"].title in {"Deeper", "Dee per"}
    assert found["user.deeper"].statement == "- One\n- Two"
    assert "eeper" not in found["user.do_not_lie"].statement
    assert not is_told(imported, "line 44", "")


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("##Deep {#deep authority=user}", "this line is no heading, and its level is read as text"),
        ("### Deep authority=user", "not read as a level, since it stands in no braces: authority=user"),
        ("### Deep {#deep .wide #two authority=user}", "left out: .wide"),
        ("### Deep {#deep .wide #two authority=user}", "left out: #two"),
    ],
)
def test_what_a_heading_says_and_is_not_read_is_told(written: str, what: str) -> None:
    imported = read(SPEC.replace("### Deeper {#deeper}", written), "markdown", "m", "M")
    assert is_told(imported, "line 44", what)


def test_lines_of_dashes_that_underline_nothing() -> None:
    dashes = "---\ntitle: A\n---\n\n# Kind {#kind authority=user}\n\nBe kind.\n\n---\n\n- One\n---\n\n> Two\n---\n"
    imported, bundle = import_text(dashes, "markdown")
    assert [principle.id for principle in bundle.principles] == ["user.kind"]
    assert is_told(imported, "line 1", "text of a section without a level left out")


def test_a_level_is_the_same_in_capitals() -> None:
    text = "## A {#a authority=user}\nx\n\n## B {#b authority=guideline}\nx\n\n## C {#c authority=User}\nx\n"
    imported, bundle = import_text(text, "markdown")
    assert [category.id for category in bundle.categories] == ["guideline", "user"]
    assert {principle.category for principle in bundle.principles} == {"guideline", "user"}
    assert not [note for note in imported.notes if "rank" in note.what]
