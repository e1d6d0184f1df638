"""What `cai-compile init` writes works, in a repository of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from constitution_lang.cli import main
from runtime.cli import main as run

GIT = ("git", "-c", "user.name=T", "-c", "user.email=t@example.org")


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    made = tmp_path / "a house"
    assert main(["init", str(made), "--name", "clinic"]) == 0
    assert "wrote" in capsys.readouterr().out
    return made


def test_it_checks_clean_is_in_form_and_passes_its_tests(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(folder / "clinic.const")
    assert main(["check", file]) == 0
    assert "no findings" in capsys.readouterr().out
    assert main(["fmt", "--check", file]) == 0
    assert main(["test", file]) == 0


def test_it_rehearses(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert run(["run", "run.toml", "--rehearse"]) == 0


def test_it_overwrites_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    (folder / "run.toml").write_text("mine")
    before[folder / "run.toml"] = b"mine"
    (folder / ".gitattributes").unlink()
    assert main(["init", str(folder), "--name", "clinic"]) == 0
    out = capsys.readouterr().out
    assert out.count("wrote") == 1
    assert out.count("kept") == len(before) - 1
    assert f"note: {folder / 'run.toml'} lacks `clinic.const`" in out
    assert out.count(" lacks ") == 1
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", ["", "1st", "a b", "../x", "a/b", "x\n"])
def test_a_bad_name_is_refused(tmp_path: Path, name: str) -> None:
    assert main(["init", str(tmp_path / "x"), "--name", name]) == 2
    assert not (tmp_path / "x").exists()


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x").write_text("")
    assert main(["init", str(tmp_path / "x")]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_the_hook_refuses_a_bad_commit_and_takes_a_good_one(folder: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PATH": path}
        return subprocess.run(
            [*GIT, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )

    git("init", "-q")
    git("config", "core.hooksPath", ".githooks")
    git("add", ".")
    good = git("commit", "-m", "one")
    assert good.returncode == 0, good.stdout + good.stderr
    file = folder / "clinic.const"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("prefer harm", "prefer harn"), encoding="utf-8")
    git("add", ".")
    file.write_text(text, encoding="utf-8")  # what counts is what is staged
    bad = git("commit", "-m", "two")
    assert bad.returncode == 1
    assert "E501" in bad.stdout + bad.stderr
    file.write_text(text.replace("weight: 2", "weight:  2"), encoding="utf-8")
    git("add", ".")
    assert git("commit", "-m", "three").returncode == 1
    file.write_text(text.replace("in plain words", "in simple words"), encoding="utf-8")
    git("add", ".")
    assert git("commit", "-m", "four").returncode == 0
    assert git("rev-list", "--count", "HEAD").stdout == "2\n"
