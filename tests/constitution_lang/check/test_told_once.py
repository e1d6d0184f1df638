"""What an unknown name is told as, where files and numbers matter; the rest is in `tests/corpus/names`."""

from __future__ import annotations

from unittest import mock

from constitution_lang.check import told_once as told_once_module
from constitution_lang.compile import Compilation, check_source
from constitution_lang.source import Source
from constitution_lang.syntax.words import closest

HEAD = 'edition 2026\nconstitution house 1.0.0 "A house"\n\nuse ./shared\n\ncategory harm "Avoiding harm"\n'
SHARED = 'attribute mode "How does it sound?"\n  one of: calm, cross\n  default: calm\n'
PRINCIPLE = '\nprinciple {category}.p{i} "Number {i}"\n  applies when {when}\n  statement:\n    Be kind.\n'


def _checked(principles: str, shared: str = SHARED) -> Compilation:
    return check_source(
        Source("main.const", HEAD + principles), lambda name: Source(name, shared) if name == "shared.const" else None
    )


def test_the_declaration_of_another_file_is_not_told_as_wrong() -> None:
    """Other constitutions may use that file, and name what is in it as it is written there: so no edit is sure."""
    uses = "".join(PRINCIPLE.format(category="harm", i=i, when="mood is calm") for i in range(2))
    found = _checked(uses).diagnostics
    assert [(one.primary.span.file, one.help, one.fix) for one in found] == [
        ("main.const", "did you mean `mode`? If that is misspelt, write `mood` there", None)
    ]
    assert [label.span.file for label in found[0].secondary] == ["main.const", "shared.const"]
    once = _checked(PRINCIPLE.format(category="harm", i=0, when="mood is calm")).diagnostics
    assert [(one.help, one.fix is not None and one.fix.sure) for one in once] == [("did you mean `mode`?", True)]


def test_of_many_places_some_are_shown_and_the_rest_are_counted() -> None:
    uses = "".join(PRINCIPLE.format(category="privacy", i=i, when="mode is calm") for i in range(20))
    uses += PRINCIPLE.format(category="harm", i=0, when="mode is calm")
    (found,) = (one for one in _checked(uses).diagnostics if one.code == "E203")
    assert [label.text for label in found.secondary] == [*["and here"] * 5, "and here, and in 13 more places"]


def test_a_word_in_many_rows_is_one_mistake() -> None:
    rows = "".join(f"    {row} | harm.p0 applies\n" for row in ("calm", "furious", "furious", "cros", "cros"))
    test = f'\ntest "moods"\n  table mode | expect\n{rows}'
    found = _checked(PRINCIPLE.format(category="harm", i=0, when="mode is calm") + test).diagnostics
    assert [(one.message, one.help) for one in found] == [
        ("`mode` has no value `furious`", "its values are `calm`, `cross`"),
        ("`mode` has no value `cros`", "did you mean `cross`? If that is misspelt, write `cros` there"),
    ]


def test_uses_of_a_principle_whose_category_is_misspelled_are_consequences() -> None:
    text = PRINCIPLE.format(category="hram", i=0, when="mode is calm") + PRINCIPLE.format(
        category="harm", i=1, when="mode is calm"
    )
    uses = '\ntest "moods"\n  case mode calm\n  expect harm.p0 over harm.p1\n  expect harm.p0 applies\n'
    assert [(one.code, one.help) for one in _checked(text + uses).diagnostics] == [("E203", "did you mean `harm`?")]


def test_a_name_in_use_that_is_nearer_is_meant() -> None:
    shared = SHARED + '\nattribute modes "Which?"\n  one of: one, two\n  default: one\n'
    uses = "".join(PRINCIPLE.format(category="harm", i=i, when="modde is calm") for i in range(2))
    named = PRINCIPLE.format(category="harm", i=2, when="mode is calm")
    found = _checked(uses + named, shared).diagnostics
    assert [one.help for one in found] == ["did you mean `mode`?"] * 2


def test_a_renamed_attribute_is_shown_beside_its_former_name() -> None:
    uses = "".join(PRINCIPLE.format(category="harm", i=i, when="tone is calm") for i in range(2))
    (found,) = _checked(uses).diagnostics
    assert [label.text for label in found.secondary] == ["and here", "no place names this one"]


def test_of_very_many_names_only_some_are_held_against_the_declarations() -> None:
    number = told_once_module.LOOKED_AT_MAX * 2
    categories = "".join(f'\ncategory cate{i}x "C"\n' for i in range(number))
    principles = "".join(PRINCIPLE.format(category=f"cate{i}y", i=i, when="mode is calm") for i in range(number))
    with mock.patch.object(told_once_module, "closest", side_effect=closest) as asked:
        found = _checked(categories + principles).diagnostics
    assert asked.call_count == told_once_module.LOOKED_AT_MAX
    assert len(found) == number
