"""A later release of a document, as the version after the one that was imported before."""

from __future__ import annotations

from pathlib import Path

import pytest

from constitution_lang.cli import main
from constitution_lang.diff.compare import diff
from constitution_lang.diff.model import Aspect, Grade
from constitution_lang.interchange.draft import Imported, WrongInputError
from constitution_lang.interchange.spec_markdown import from_markdown
from constitution_lang.interchange.succession import succeeding
from constitution_lang.ir.model import Bundle
from tests.constitution_lang.texts import bundle_of

FIRST = """
## Follow the law {#law authority=platform}
Comply with the law.
## Keep secrets {#secrets authority=platform}
Keep what was told in confidence.
## Do not flatter {#flattery authority=user}
Say what you think of a text, also where it is bad.
## Be warm {#warm authority=guideline}
Be friendly, and ask how a thing went that was told before.
"""
LATER = """
## Do not flatter {#flattery authority=guideline}
Say what you think of a text, also where it is bad.
## Follow the law {#law authority=root}
Comply with the law.
## Keep secrets {#secrets authority=root}
Keep what was told in confidence.
## Be engaging {#engaging authority=guideline}
Be friendly, and ask how a thing went that was told before.
## New {#new authority=user}
Something new.
"""


def imported(text: str) -> Imported:
    return from_markdown(text, "spec", "Spec")


def both() -> tuple[Bundle, Bundle]:
    old = bundle_of(imported(FIRST).text)
    return old, bundle_of(succeeding(imported(LATER), old).text)


def test_what_has_its_name_keeps_its_draws() -> None:
    old, new = both()
    keys = {p.id: p.key for p in new.principles}
    assert keys == {
        "guideline.engaging": "guideline.engaging",
        "guideline.flattery": "user.flattery",
        "root.law": "platform.law",
        "root.secrets": "platform.secrets",
        "user.new": "user.new",
    }
    found = diff(old, new)
    assert found.renamed == (
        ("platform", "root"),
        ("platform.law", "root.law"),
        ("platform.secrets", "root.secrets"),
        ("user.flattery", "guideline.flattery"),
    )
    assert found.grade is Grade.BEHAVIOUR
    assert found.verdict.holds
    by_id = {c.id: c for c in found.changes}
    assert by_id["principle/guideline.flattery/moved"].grade is Grade.BEHAVIOUR
    assert "guideline.engaging is new and reads like it" in by_id["principle/guideline.warm/retired"].help
    assert not [c for c in found.changes if c.aspect is Aspect.REMOVED]


def test_without_the_earlier_version_every_id_is_a_mistake_that_says_what_to_write() -> None:
    old = bundle_of(imported(FIRST).text)
    found = diff(old, bundle_of(imported(LATER).text))
    helps = {c.id: c.help for c in found.changes if c.grade is Grade.IDENTITY}
    assert "write `formerly: platform.law` in root.law" in helps["principle/platform.law/moved"]
    assert "write `formerly: guideline.warm` in guideline.engaging" in helps["principle/guideline.warm/removed"]


def test_a_third_release_keeps_what_the_second_said() -> None:
    _, second = both()
    third = bundle_of(succeeding(imported(LATER), second).text)
    assert third.version == second.version
    assert diff(second, third).changes == ()
    assert [line.id for line in third.retired] == [line.id for line in second.retired]


def test_an_id_that_comes_back_from_retirement_is_refused() -> None:
    _, second = both()
    with pytest.raises(WrongInputError, match=r"retired.*give the section another id"):
        succeeding(imported(LATER + "## Be warm {#warm authority=guideline}\nBe cold.\n"), second)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in (("first.md", FIRST), ("later.md", LATER)):
        (tmp_path / name).write_text(text)
    old, new = tmp_path / "spec.const", tmp_path / "later.const"
    assert main(["import", str(tmp_path / "first.md"), "--name", "spec", "-o", str(old)]) == 0
    assert main(["import", str(tmp_path / "later.md"), "--after", str(old), "-o", str(new)]) == 0
    assert "constitution spec 1.0.0" in new.read_text()
    capsys.readouterr()
    assert main(["diff", str(old), str(new)]) == 0
    assert "user.flattery moved to guideline" in capsys.readouterr().out
