"""What `cai-compile init` writes and sets, at work in a git repository: diffs, hook, pre-commit, workflow."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from constitution_lang.cli import main

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
BASE = "base"
WHO = ("-c", "user.name=a", "-c", "user.email=a@example.org")
Git = Callable[..., subprocess.CompletedProcess[str]]


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {
        **kept,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "T",
        "GIT_AUTHOR_EMAIL": "t@example.org",
        "GIT_COMMITTER_NAME": "T",
        "GIT_COMMITTER_EMAIL": "t@example.org",
        "PRE_COMMIT_HOME": str(home / "pre-commit"),
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "our house"
    made.mkdir()
    (tmp_path / "home").mkdir()
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    subprocess.run(["git", "init", "-q"], cwd=made, check=True)
    assert main(["init", str(made), "--name", "clinic"]) == 0
    return made


@pytest.fixture
def git(folder: Path, tmp_path: Path) -> Git:
    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command, env = ("git", *arguments), _environment(tmp_path / "home")
        return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)

    return call


def _changed(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_a_diff_names_the_principle_with_nothing_set_by_hand(folder: Path, git: Git) -> None:
    git("add", ".")
    assert git("commit", "-qm", "one").returncode == 0
    _changed(folder / "clinic.const", "in plain words", "in simple words")
    assert '@@ principle help.answer "Answer the question"' in git("diff", "-U0").stdout


def test_git_meaning_says_what_an_edit_changes(folder: Path, git: Git) -> None:
    git("add", ".")
    assert git("commit", "-qm", "one").returncode == 0
    _changed(folder / "clinic.const", "prefer harm", "abstain")
    (folder / "below").mkdir()
    told = git("-C", "below", "meaning", "HEAD", "--", "../clinic.const")
    assert "decides otherwise" in told.stdout, told.stderr
    assert "../clinic.const" in told.stdout


def test_what_is_set_already_stays(folder: Path, git: Git, capsys: pytest.CaptureFixture[str]) -> None:
    git("config", "diff.const.xfuncname", "mine")
    capsys.readouterr()
    assert main(["init", str(folder), "--name", "clinic"]) == 0
    assert "set  " not in capsys.readouterr().out
    assert git("config", "diff.const.xfuncname").stdout == "mine\n"


def test_outside_of_a_repository_and_below_one_it_says_what_to_do(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path / "nowhere")]) == 0
    assert "after `git init`" in capsys.readouterr().out
    assert main(["init", str(folder / "below")]) == 0
    assert f"in {folder} only" in capsys.readouterr().out


def test_the_hook_reads_paths_with_spaces(folder: Path, git: Git) -> None:
    git("config", "core.hooksPath", ".githooks")
    (folder / "two words").mkdir()
    text = (folder / "clinic.const").read_text(encoding="utf-8")
    file = folder / "two words" / "a 'b' \"c\" é.const"
    file.write_text(text, encoding="utf-8")
    git("add", ".")
    good = git("commit", "-m", "one")
    assert good.returncode == 0, good.stdout + good.stderr
    file.write_text(text.replace("prefer harm", "prefer harn"), encoding="utf-8")
    git("add", ".")
    bad = git("commit", "-m", "two")
    assert bad.returncode == 1
    assert "E501" in bad.stdout + bad.stderr
    file.write_text(text.replace("weight: 2", "weight:   2"), encoding="utf-8")
    git("add", ".")
    assert git("commit", "-m", "three").returncode == 1
    assert git("rev-list", "--count", "HEAD").stdout == "1\n"


def test_the_hook_sees_that_a_used_file_is_gone(folder: Path, git: Git) -> None:
    git("config", "core.hooksPath", ".githooks")
    (folder / "more.const").write_text('category more "More"\n', encoding="utf-8")
    _changed(folder / "clinic.const", "\n# What a prompt", "\nuse ./more\n\n# What a prompt")
    git("add", ".")
    first = git("commit", "-m", "one")
    assert first.returncode == 0, first.stdout + first.stderr
    git("rm", "-q", "more.const")
    gone = git("commit", "-m", "two")
    assert gone.returncode == 1
    assert "E205" in gone.stdout + gone.stderr


def test_pre_commit_runs_the_hook(folder: Path, git: Git, tmp_path: Path) -> None:
    pytest.importorskip("pre_commit")
    env = _environment(tmp_path / "home")

    def pre_commit(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "-m", "pre_commit", *arguments)
        return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)

    git("add", ".")
    assert pre_commit("install").returncode == 0
    good = git("commit", "-m", "one")
    assert good.returncode == 0, good.stdout + good.stderr
    assert "Passed" in good.stdout + good.stderr
    assert pre_commit("run", "--all-files").returncode == 0
    _changed(folder / "clinic.const", "prefer harm", "prefer harn")
    git("add", ".")
    bad = git("commit", "-m", "two")
    assert bad.returncode == 1
    assert "E501" in bad.stdout + bad.stderr
    assert pre_commit("run", "--all-files").returncode == 1
    assert git("rev-list", "--count", "HEAD").stdout == "1\n"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """A Python that has all that the compiler needs and not the compiler, which pip finds in a folder as a wheel."""
    place = tmp_path_factory.mktemp("machine")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    here = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    subprocess.run([*pip, "wheel", "--no-deps", *here, "-w", str(place / "wheels"), str(ROOT)], check=True)
    needed = place / "needed"
    needed.mkdir()
    for each in Path(sysconfig.get_path("purelib")).iterdir():
        if "constitution" not in each.name and not each.name.startswith(("pip", "setuptools")):
            (needed / each.name).symlink_to(each)
    venv.create(place / "python", with_pip=True)
    [site] = (place / "python" / "lib").glob("python*/site-packages")
    (site / "needed.pth").write_text(f"{needed}\n", encoding="utf-8")
    (place / "home").mkdir()
    return {
        **_environment(place / "home"),
        "PATH": f"{place / 'python' / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(place / "wheels"),
        "CI": "true",
        "GITHUB_ACTIONS": "true",
    }


def _steps(folder: Path) -> list[str]:
    workflow = yaml.safe_load((folder / ".github" / "workflows" / "constitution.yaml").read_text(encoding="utf-8"))
    assert workflow[True] == ["push", "pull_request"]  # YAML reads the key `on` so
    [job] = workflow["jobs"].values()
    assert [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step] == [
        "actions/checkout",
        "actions/setup-python",
    ]
    return [step["run"].replace("${{ github.base_ref }}", BASE) for step in job["steps"] if "run" in step]


def test_the_workflow_runs_in_a_fresh_clone(folder: Path, git: Git, tmp_path: Path, machine: Mapping[str, str]) -> None:
    git("add", ".")
    assert git("commit", "-qm", "one").returncode == 0
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "-o", "origin", str(folder), str(clone)], check=True)
    subprocess.run(["git", "branch", "-q", "-M", BASE], cwd=clone, check=True)
    subprocess.run(["git", "update-ref", f"refs/remotes/origin/{BASE}", "HEAD"], cwd=clone, check=True)

    def step(command: str) -> subprocess.CompletedProcess[str]:
        shell = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command)  # as GitHub calls it
        return subprocess.run(shell, cwd=clone, env=machine, capture_output=True, text=True, check=False)

    install, *checks = _steps(clone)
    script = Path(machine["PATH"].split(os.pathsep)[0]) / "cai-compile"
    assert not script.exists()
    for command in (install, *checks):
        done = step(command)
        assert done.returncode == 0, command + done.stdout + done.stderr
    assert step("command -v cai-compile").stdout == f"{script}\n"
    _changed(clone / "clinic.const", "prefer harm", "prefer harn")
    results = [step(command) for command in checks]
    assert [done.returncode for done in results][1:3] == [1, 1]
    assert "::error file=clinic.const,line=" in results[1].stdout
    _changed(clone / "clinic.const", "prefer harn", "prefer harm")
    _changed(clone / "clinic.const", "weight: ", "weight: 1")  # a change, and no new version
    subprocess.run(["git", *WHO, "commit", "-qam", "two"], cwd=clone, check=True)
    compared = step(checks[-1])
    assert compared.returncode == 1
    assert "clinic.const" in compared.stdout
