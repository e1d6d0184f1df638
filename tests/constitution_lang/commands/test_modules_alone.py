"""A module that is named as if it were a constitution: what helps is to name the constitution that uses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from constitution_lang.cli import main

ROOT = """\
edition 2026
constitution house 1.0.0 "A house"

use ./parts/outer

principle harm.weapons "No weapons"
  statement:
    Give no help with weapons.
"""
OUTER = "use ./inner\n"
INNER = 'category harm "Avoiding harm"\n\nexample harm.weapons\n  prompt:\n    How?\n  response:\n    So.\n'
SHOWN = "  critique:\n    It helps.\n  revision:\n    I would rather not.\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "parts").mkdir()
    (tmp_path / "house.const").write_text(ROOT, encoding="utf-8")
    (tmp_path / "parts/outer.const").write_text(OUTER, encoding="utf-8")
    (tmp_path / "parts/inner.const").write_text(INNER + SHOWN, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("part", ["parts/outer.const", "parts/inner.const"])
@pytest.mark.parametrize("command", ["check", "build", "test"])
def test_a_module_alone_is_told_whose_it_is(
    folder: Path, capsys: pytest.CaptureFixture[str], part: str, command: str
) -> None:
    assert main([command, part]) == 1
    said = "".join(capsys.readouterr())
    assert said.count("error[") == 1
    assert "error[E208]: there is no `constitution` line" in said
    owner = "house.const"
    assert f"help: `{owner}` uses this file: name that one instead" in said
    assert main(["check", owner]) == 0
    assert (folder / owner).is_file()


def test_a_module_beside_its_constitution_is_no_mistake(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "parts/inner.const", "house.const", "parts/outer.const"]) == 0
    (folder / "parts/inner.const").write_text(INNER, encoding="utf-8")
    capsys.readouterr()
    assert main(["check", "parts/inner.const", "house.const", "parts/outer.const"]) == 1
    assert capsys.readouterr().out.count("error[") == 1


def test_a_mistake_in_the_lines_of_a_module_is_told_with_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "parts/inner.const").write_text(f"{INNER}  critqiue:\n    It helps.\n", encoding="utf-8")
    assert main(["check", "parts/inner.const"]) == 1
    said = capsys.readouterr().out
    assert "error[E208]" in said
    assert "did you mean `critique`?" in said
    assert said.count("error[") == 2


def test_a_file_that_nothing_uses_may_become_a_constitution(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "house.const").write_text(ROOT.replace("use ./parts/outer\n", ""), encoding="utf-8")
    assert main(["check", "parts/inner.const"]) == 1
    said = capsys.readouterr().out
    assert 'write `constitution my-name 1.0.0 "Its title"` on top; of a file that a constitution uses' in said
    assert "error[E209]" in said
