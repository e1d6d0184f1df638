"""Which versions `cai-compile diff` finds for what was named, and what it says where one side has none."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests.constitution_lang.diff.test_command import EDITED, TEMPLATE, changed, git, repository, run
from tests.constitution_lang.texts import BASE, TENSION, WHOLE

__all__ = ["repository"]


def test_a_constitution_that_is_gone_is_an_error_everywhere(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "house.const").unlink()
    code, out, _ = run(capsys, "main")
    assert code == 1
    assert "error: identity  house is gone" in out
    assert "main:house.const:2" in out
    _, out, _ = run(capsys, "main", "--format", "markdown")
    assert "| **identity: error** | house is gone" in out
    _, out, _ = run(capsys, "main", "--format", "github")
    assert out.startswith("::error file=house.const,")
    assert run(capsys, "main", "--format", "sarif")[0] == 1
    assert changed(capsys, "main") == ["constitution/house/removed"]
    approve = ("--approve", "constitution/house/removed", "--reason", "The pilot ended", "--by", "Ada")
    assert run(capsys, "main", *approve)[0] == 0
    code, out, _ = run(capsys, "main", "--fail-on", "identity")
    assert code == 0
    assert "approved by Ada" in out
    assert "error" not in out


def test_each_constitution_that_is_gone_is_told(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "other.const").write_text(WHOLE)
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "two")
    (repository / "house.const").unlink()
    (repository / "other.const").unlink()
    assert changed(capsys, "HEAD") == ["constitution/house/removed"] * 2


def test_a_constitution_that_is_new(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "other.const").write_text(WHOLE.replace("house", "other", 1))
    code, out, _ = run(capsys, "main", "--format", "markdown", "--fail-on", "mix")
    assert code == 0
    assert "| metadata | other is new, with 2 principles" in out
    (repository / "other.const").write_text(WHOLE.replace("house", "other", 1).replace("is grave", "is heavy"))
    code, out, _ = run(capsys, "main", "--format", "github")
    assert code == 1
    assert "::error file=other.const,line=31," in out


def test_the_same_bytes_elsewhere_are_no_change(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "copy.const").write_text(WHOLE)
    assert changed(capsys, "house.const", "copy.const") == []
    (repository / "copy.const").unlink()
    (repository / "sub").mkdir()
    git(repository, "mv", "house.const", "sub/home.const")
    assert run(capsys, "main")[0] == 0
    assert changed(capsys, "main") == []


def test_a_block_in_another_file_is_no_change(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "house.const").write_text(BASE + "\nuse ./rules\n")
    (repository / "rules.const").write_text(TENSION)
    code, out, _ = run(capsys, "main")
    assert code == 0
    assert "no change" in out
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "moved")
    (repository / "house.const").write_text(BASE + "\nuse ./decisions\n")
    (repository / "rules.const").rename(repository / "decisions.const")
    assert run(capsys, "HEAD")[0] == 0
    assert changed(capsys, "HEAD") == []


def test_a_module_alone_is_told_to_be_one(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "rules.const").write_text(TENSION)
    code, _, err = run(capsys, "house.const", "rules.const")
    assert code == 2
    assert "rules.const has no `constitution` line: it is a module" in err
    (repository / "rules.const").write_text(WHOLE.replace("constitution", "constitutoin"))
    code, _, err = run(capsys, "house.const", "rules.const")
    assert (code, "is a module" in err) == (1, False)


def test_a_file_of_a_revision_alone_is_compared_with_the_working_tree(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "house.const").write_text(EDITED)
    assert changed(capsys, "main:house.const") == changed(capsys, "main", "--", "house.const") != []
    (repository / "house.const").unlink()
    code, out, _ = run(capsys, "main:house.const")
    assert (code, "house is gone" in out) == (1, True)
    code, _, err = run(capsys, "main:nothing.const")
    assert (code, "nothing.const" in err) == (2, True)


def test_a_comment_is_cosmetic_with_both_places(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "house.const").write_text(BASE + "\nuse ./rules\n")
    (repository / "rules.const").write_text("# Which comes first.\n" + TENSION)
    code, out, _ = run(capsys, "main")
    assert code == 1  # the version did not grow
    assert "house.const and rules.const differ in comments, layout, the version number or" in out
    assert "house.const:1 (was main:house.const:1)" in out


def test_a_name_that_nobody_has_written_yet(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "bad.const").write_text("edition 2026\nconstitution \n")
    code, _, err = run(capsys, "main")
    assert code == 1
    assert "bad.const has errors" in err
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "bad")
    (repository / "bad.const").unlink()
    code, _, err = run(capsys, "HEAD")
    assert code == 1
    assert "HEAD:bad.const has errors" in err


def test_a_bundle_that_somebody_changed_is_refused(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from constitution_lang.cli import main

    assert main(["build", "house.const", "-o", "house.json"]) == 0
    path = repository / "house.json"
    path.write_text(path.read_text().replace("Respect choices", "Respect nobody"))
    code, _, err = run(capsys, "house.json", "house.const")
    assert code == 2
    assert "house.json: prompt critique/autonomy.choice: its hash is not that of its text" in err


@pytest.mark.usefixtures("repository")
def test_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def typed(*arguments: str) -> list[str]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(EDITED.encode())))
        return changed(capsys, *arguments)

    assert typed("house.const", "-") == ["tension/care/outcome"]
    assert typed("main:house.const", "-") == ["tension/care/outcome"]
    code, _, err = run(capsys, "main", "-")
    assert code == 2
    assert "main:FILE" in err


def test_the_repository_is_that_of_the_named_file(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    (repository / "house.const").write_text(EDITED)
    assert changed(capsys, str(repository / "house.const")) == ["tension/care/outcome"]
    assert changed(capsys, "main", "--", str(repository / "house.const")) == ["tension/care/outcome"]


def test_a_shallow_clone_is_told(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    git(repository, "commit", "-q", "--allow-empty", "-m", "two")
    clone = tmp_path_factory.mktemp("clone")
    git(clone, "clone", "-q", "--depth", "1", f"file://{repository}", "here")
    monkeypatch.chdir(clone / "here")
    code, _, err = run(capsys, "HEAD~1")
    assert code == 2
    assert "git fetch --unshallow" in err


def test_metadata_of_the_constitution_has_its_place(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "house.const").write_text("# A comment.\n" + WHOLE.replace("A house", "Our house"))
    _, out, _ = run(capsys, "main", "--format", "json")
    [row] = json.loads(out)["differences"][0]["changes"]
    assert (row["change"]["old"]["line"], row["change"]["new"]["line"]) == (2, 3)


def test_only_a_template_is_edited(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The constitution's own bytes are those of before, and what it takes its prompts from is not."""
    (repository / "house.const").write_text(WHOLE + '\ntemplate critique from "critique.j2"\n')
    (repository / "critique.j2").write_text(TEMPLATE)
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "two")
    assert changed(capsys, "HEAD") == []
    (repository / "critique.j2").write_text(TEMPLATE.replace("{% user %}", "{% user %}Look: "))
    assert changed(capsys, "HEAD") == ["template/critique/wording"]
    assert "critique.j2:1 (was HEAD:critique.j2:1)" in run(capsys, "HEAD")[1]
    assert "::warning file=critique.j2,line=1," in run(capsys, "HEAD", "--format", "github")[1]


def test_each_of_several_templates_has_its_own_place(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = '\ntemplate critique from "critique.j2"\ntemplate refusal from "no.j2"\n'
    (repository / "house.const").write_text(WHOLE + lines)
    (repository / "critique.j2").write_text(TEMPLATE)
    refusal = "{% user %}Does {{ response }} refuse {{ prompt }}?{% enduser %}{% opening %}({% endopening %}\n"
    (repository / "no.j2").write_text(refusal)
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "two")
    (repository / "critique.j2").write_text(TEMPLATE.replace("{% user %}", "{% user %}Look: "))
    (repository / "also.j2").write_text(refusal.replace("Does", "So: does"))
    (repository / "house.const").write_text(WHOLE + lines.replace("no.j2", "also.j2"))
    assert changed(capsys, "HEAD") == ["template/critique/wording", "template/refusal/wording"]
    told = run(capsys, "HEAD")[1]
    assert "critique.j2:1 (was HEAD:critique.j2:1)" in told
    assert "also.j2:1 (was HEAD:no.j2:1)" in told


def test_a_named_file_that_came_or_went_is_told_as_such(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the workflow names it in the pull request that brings it."""
    git(repository, "checkout", "-qb", "brings")
    (repository / "second.const").write_text(WHOLE.replace("constitution house", "constitution second"))
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "two")
    code, told, _ = run(capsys, "main...HEAD", "second.const")
    assert code == 0
    assert "second is new" in told
    (repository / "second.const").unlink()
    for named in (["HEAD", "second.const"], ["HEAD..main", "second.const"]):
        code, told, _ = run(capsys, *named)
        assert code == 1
        assert "second is gone" in told
