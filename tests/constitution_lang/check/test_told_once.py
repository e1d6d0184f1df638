"""What an unknown name is told as, where files and numbers matter; the rest is in `tests/corpus/names`."""

from __future__ import annotations

from constitution_lang.compile import Compilation, check_source
from constitution_lang.source import Source

HEAD = 'edition 2026\nconstitution house 1.0.0 "A house"\n\nuse ./shared\n\ncategory harm "Avoiding harm"\n'
SHARED = 'attribute mode "How does it sound?"\n  one of: calm, cross\n  default: calm\n'
PRINCIPLE = '\nprinciple {category}.p{i} "Number {i}"\n  applies when {when}\n  statement:\n    Be kind.\n'


def _checked(principles: str, shared: str = SHARED) -> Compilation:
    return check_source(
        Source("main.const", HEAD + principles), lambda name: Source(name, shared) if name == "shared.const" else None
    )


def test_the_declaration_of_another_file_is_not_told_as_wrong() -> None:
    """Other constitutions may use that file, and name what is in it as it is written there."""
    uses = "".join(PRINCIPLE.format(category="harm", i=i, when="mood is calm") for i in range(2))
    found = _checked(uses).diagnostics
    assert [(one.primary.span.file, one.help) for one in found] == [("main.const", "did you mean `mode`?")] * 2


def test_of_many_places_some_are_shown_and_the_rest_are_counted() -> None:
    uses = "".join(PRINCIPLE.format(category="privacy", i=i, when="mode is calm") for i in range(20))
    (found,) = (one for one in _checked(uses).diagnostics if one.code == "E203")
    assert [label.text for label in found.secondary] == [*["and here"] * 5, "and here, and in 13 more places"]


def test_a_word_in_many_rows_is_one_mistake() -> None:
    rows = "".join(f"    {row} | harm.p0 applies\n" for row in ("calm", "furious", "furious", "cros", "cros"))
    test = f'\ntest "moods"\n  table mode | expect\n{rows}'
    found = _checked(PRINCIPLE.format(category="harm", i=0, when="mode is calm") + test).diagnostics
    assert [(one.message, one.help) for one in found] == [
        ("`mode` has no value `furious`", "its values are `calm`, `cross`"),
        ("`mode` has no value `cros`", "did you mean `cross`?"),
        ("`mode` has no value `cros`", "did you mean `cross`?"),
    ]
