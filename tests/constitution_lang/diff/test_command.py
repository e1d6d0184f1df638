"""`cai-compile diff` on files, folders, Bundles and real git repositories."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from constitution_lang.cli import main
from tests.constitution_lang.texts import BASE, TENSION, WHOLE

EDITED = WHOLE.replace("when severity is grave", "when severity >= minor").replace("1.0.0", "2.0.0")
TEMPLATE = "{% user %}{{ prompt }} {{ response }} {{ critique_request }}{% enduser %}\n"


def git(folder: Path, *arguments: str) -> str:
    named = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    return subprocess.run(["git", *named, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit on main, and the working tree as that has it."""
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "house.const").write_text(WHOLE)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["diff", *arguments])
    return code, *capsys.readouterr()


def changed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """The ids of the changes."""
    _, out, _ = run(capsys, "--format", "json", *arguments)
    return [row["id"] for found in json.loads(out)["differences"] for row in found["changes"]]


def test_the_working_tree_against_a_revision(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "main")[:2] == (
        0, "house 1.0.0 → 1.0.0  main:house.const → house.const\nno change\n\nversion: 1.0.0 stays: nothing changed\n",
    )  # fmt: skip
    (repository / "house.const").write_text(EDITED)
    code, out, _ = run(capsys, "main")
    assert code == 0
    assert "care decides otherwise between autonomy and harm in 2 of 6 cases (33.3%)" in out
    assert "harm gains on autonomy, for example where severity is minor" in out
    assert "house.const:29 (was main:house.const:29)" in out
    outcome = ["tension/care/outcome"]
    assert changed(capsys, "main") == outcome
    assert changed(capsys, "house.const") == outcome
    assert changed(capsys, "main", "--", "house.const") == outcome
    assert changed(capsys, "main", "--fail-on", "identity", "--", "house.const") == outcome
    assert changed(capsys, ".") == outcome
    assert changed(capsys, "main:house.const", "house.const") == outcome


def test_two_revisions(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(repository, "checkout", "-qb", "work")
    (repository / "house.const").write_text(EDITED)
    git(repository, "commit", "-qam", "two")
    git(repository, "checkout", "-q", "main")
    (repository / "house.const").write_text(WHOLE.replace("weight: 3", "weight: 5"))
    git(repository, "commit", "-qam", "three")
    assert changed(capsys, "main..work") == ["tension/care/outcome", "category/harm/weight"]
    assert changed(capsys, "main...work") == ["tension/care/outcome"]
    assert changed(capsys, "main~1", "work", "--", "house.const") == ["tension/care/outcome"]
    assert changed(capsys, "main~1", "main") == ["category/harm/weight"]
    assert changed(capsys, "work:house.const", "main:house.const") == ["tension/care/outcome", "category/harm/weight"]


def test_what_a_constitution_uses_comes_from_its_revision(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = repository / "values"
    folder.mkdir()
    template = 'template critique from "critique.j2"\n'
    (folder / "root.const").write_text(BASE.replace("house", "other", 1) + "\nuse ./rules\n" + template)
    (folder / "rules.const").write_text(TENSION)
    (folder / "critique.j2").write_text(TEMPLATE)
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "two")
    (folder / "rules.const").write_text(TENSION.replace("prefer harm", "abstain"))
    (folder / "critique.j2").write_text(TEMPLATE.replace(" {{ response }}", "\n{{ response }}"))
    assert changed(capsys, "HEAD", "--", "values") == ["tension/care/outcome", "template/critique/wording"]
    _, out, _ = run(capsys, "HEAD", "--", "values/root.const")
    assert "values/rules.const:2 (was HEAD:values/rules.const:2)" in out
    assert changed(capsys, "HEAD") == ["tension/care/outcome", "template/critique/wording"]


def test_bundles_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = tmp_path / "old.const", tmp_path / "new.const"
    old.write_text(WHOLE)
    new.write_text(EDITED)
    bundle = tmp_path / "old.json"
    assert main(["build", str(old), "-o", str(bundle)]) == 0
    assert changed(capsys, str(bundle), str(new)) == ["tension/care/outcome"]
    assert changed(capsys, str(old), str(bundle)) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "there is no revision nowhere"),
        (["main", "--", "gone.const"], "there is no file gone.const in main"),
        (["HEAD~9..main"], "there is no revision HEAD~9"),
        (["main", "two"], "there are 2 constitutions in main:two; name one of two/a.const, two/b.const"),
        (["main", "empty"], "there is no constitution in main:empty"),
        (["a", "b", "c", "d"], "4 are too many: name two versions, or two revisions and then one file or folder"),
        (["a", "b", "c"], "three are too many, and there is no revision a: name two versions, or"),
        (["main", "b", "house.const"], "three are too many, and there is no revision b: name two versions, or"),
        (["house.const", "main", "house.const"], "three are too many, and house.const is no revision but a path"),
        (["/dev/null", "house.const"], "/dev/null is no version of a constitution; one that is new, or gone, is told"),
        (["main", "/dev/null"], "/dev/null is no version of a constitution"),
        (["empty.const", "house.const"], "there is nothing in empty.const; a constitution that is new, or gone, is"),
        (["main", "--approve", "x"], "--approve and --reason go together"),
        (["main", "--approve", "x", "--reason", "y"], "nothing changed"),
    ],
)
def test_wrong_use(repository: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    (repository / "empty").mkdir()
    (repository / "empty.const").write_text("\n")
    (repository / "two").mkdir()
    for name in ("a", "b"):
        (repository / "two" / f"{name}.const").write_text(WHOLE)
    if "two" in arguments:
        git(repository, "add", ".")
        git(repository, "commit", "-qm", "two")
    if "--approve" in arguments:
        (repository / "two" / "a.const").unlink()
        (repository / "two" / "b.const").unlink()
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert said in err


def test_outside_of_a_repository(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "house.const").write_text(WHOLE)
    code, _, err = run(capsys, "main", "house.const")
    assert code == 2
    assert "in no git repository" in err


def test_a_name_that_is_both_is_asked_about(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "main").mkdir()
    code, _, err = run(capsys, "main")
    assert code == 2
    assert "write ./main for the first, refs/heads/main for a branch" in err


def test_a_side_with_errors_is_shown_with_its_revision(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "house.const").write_text(WHOLE.replace("severity is grave", "severity is heavy"))
    git(repository, "commit", "-qam", "wrong")
    (repository / "house.const").write_text(WHOLE)
    code, out, err = run(capsys, "HEAD")
    assert code == 1
    assert out == ""
    assert "HEAD:house.const has errors" in err
    assert "--> HEAD:house.const:31:20" in err


def test_the_version_has_to_grow(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "house.const").write_text(EDITED.replace("2.0.0", "1.1.0"))
    code, out, _ = run(capsys, "main")
    assert code == 1
    assert "the version grew from 1.0.0 to 1.1.0, which is not enough" in out
    assert "write version 2.0.0" in out


def test_approving(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "house.const").write_text(EDITED)
    assert run(capsys, "main", "--fail-on", "behaviour")[0] == 1
    assert run(capsys, "main", "--fail-on", "identity")[0] == 0
    reason = 'Agreed, as "minor" is not harmless'
    lines = reason.replace(", ", ",\n")
    code, out, _ = run(capsys, "main", "--approve", "tension/care/outcome", "--reason", lines, "--by", "Ada")
    assert code == 0
    assert out.startswith("approvals.toml: approved tension/care/outcome (")
    code, out, _ = run(capsys, "main", "--fail-on", "behaviour")
    assert code == 0
    assert "approved by Ada on " in out
    assert reason in out
    (repository / "house.const").write_text(EDITED.replace("weigh harm 2", "weigh harm 3"))
    code, out, _ = run(capsys, "main", "--fail-on", "behaviour")
    assert code == 1
    assert "1 approval is of no change that is here: tension/care/outcome" in out
    (repository / "approvals.toml").write_text("[[approved]]\nchange = 3\n")
    code, _, err = run(capsys, "main")
    assert code == 2
    assert "approvals.toml beside house.const" in err


def test_an_approval_is_of_one_constitution(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its neighbour in the folder has the same file of approvals, and is not told to delete what is not its own."""
    (repository / "other.const").write_text(WHOLE.replace("constitution house", "constitution other"))
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "two")
    (repository / "house.const").write_text(EDITED)
    assert run(capsys, "main", "--approve", "tension/care/outcome", "--reason", "meant")[0] == 0
    code, out, _ = run(capsys, "main", "--fail-on", "behaviour")
    assert code == 0
    assert "of no change that is here" not in out
    (repository / "other.const").write_text(EDITED.replace("constitution house", "constitution other"))
    assert run(capsys, "main", "--fail-on", "behaviour")[0] == 1, "nobody approved it there"


def test_one_edit_of_two_constitutions_is_approved_in_both(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("house", "other"):
        (repository / f"{name}.const").write_text(WHOLE.replace("constitution house", f"constitution {name}"))
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "two")
    for name in ("house", "other"):
        (repository / f"{name}.const").write_text(EDITED.replace("constitution house", f"constitution {name}"))
    code, out, _ = run(capsys, "main", "--approve", "tension/care/outcome", "--reason", "meant")
    assert (code, out.count("approvals.toml: approved")) == (0, 2)
    assert run(capsys, "main", "--fail-on", "behaviour")[0] == 0


def test_a_lost_id_fails_and_cannot_be_approved(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "house.const").write_text(WHOLE.replace("autonomy.choice", "autonomy.respect").replace("1.0", "2.0"))
    code, out, _ = run(capsys, "main")
    assert code == 1
    assert "error: identity  autonomy.choice is gone, and reads like autonomy.respect" in out
    assert "write `formerly: autonomy.choice` in autonomy.respect" in out
    code, _, err = run(capsys, "main", "--approve", "principle/autonomy.choice/removed", "--reason", "meant")
    assert code == 2
    assert "cannot be approved" in err


def test_formats(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "house.const").write_text(EDITED.replace("Respect choices", "Respect their choices"))
    _, out, _ = run(capsys, "main", "--format", "markdown")
    table, details = out.index("| grade |"), out.index("<details>")
    assert table < details
    assert "> Respect <b>their</b> choices." in out
    _, out, _ = run(capsys, "main", "--format", "github")
    assert "::warning file=house.const,line=29," in out
    _, out, _ = run(capsys, "main", "--format", "sarif")
    found = json.loads(out)["runs"][0]["results"]
    assert [row["ruleId"] for row in found] == ["diff-wording", "diff-behaviour"]
    assert found[1]["locations"][0]["physicalLocation"]["region"]["startLine"] == 29
    _, out, _ = run(capsys, "main", "--format", "json")
    document = json.loads(out)
    assert document["schema"] == 2
    cases = document["differences"][0]["changes"][0]["change"]["cases"]
    assert (cases["changed"], cases["total"], cases["direction"]) == (2, 6, "shifted")
    _, out, _ = run(capsys, "main")
    assert "\x1b" not in out
    assert "{+their +}" in out
