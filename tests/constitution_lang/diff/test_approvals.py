"""An approval is of one constitution, also where two in its folder have one name."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from constitution_lang.cli import main
from tests.constitution_lang.diff.test_command import EDITED, git, repository, run
from tests.constitution_lang.texts import WHOLE

__all__ = ["repository"]

CHANGE = "tension/care/outcome"
MEANT = ("--approve", CHANGE, "--reason", "meant", "--by", "Ada")
OPEN = ("--fail-on", "behaviour")


@pytest.fixture
def twins(repository: Path) -> Path:
    """`house.const` and `twin.const`, both called house in main, with one edit in the working tree."""
    (repository / "twin.const").write_text(WHOLE)
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "twins")
    for name in ("house", "twin"):
        (repository / f"{name}.const").write_text(EDITED)
    return repository


def files(folder: Path) -> list[str | None]:
    """Which file each approval names."""
    return [row.get("file") for row in tomllib.loads((folder / "approvals.toml").read_text())["approved"]]


def test_an_approval_of_one_of_two_does_not_count_for_the_other(
    twins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "main", "house.const", *MEANT)[0] == 0
    assert files(twins) == ["house.const"]
    assert run(capsys, "main", "house.const", *OPEN)[0] == 0
    code, out, _ = run(capsys, "main", "twin.const", *OPEN)
    assert code == 1
    assert "approved" not in out
    assert "of no change that is here" not in out, "it is the neighbour's, and not to be deleted"
    assert run(capsys, "main", *OPEN)[0] == 1
    assert run(capsys, "main", *MEANT)[0] == 0
    assert files(twins) == ["house.const", "twin.const"]
    assert run(capsys, "main", *OPEN)[0] == 0


def test_two_revisions_are_read_in_the_same_way(twins: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "main", "house.const", *MEANT)[0] == 0
    git(twins, "checkout", "-qb", "work")
    git(twins, "add", ".")
    git(twins, "commit", "-qm", "edited")
    assert run(capsys, "main..work", "house.const", *OPEN)[0] == 0
    assert run(capsys, "main..work", "twin.const", *OPEN)[0] == 1


def test_an_approval_that_can_be_of_two_is_refused(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It was given when there was one of its name."""
    (repository / "house.const").write_text(EDITED)
    assert run(capsys, "main", *MEANT)[0] == 0
    assert files(repository) == [None]
    (repository / "twin.const").write_text(EDITED)
    code, _, err = run(capsys, "main", *OPEN)
    assert code == 2
    assert "house.const and twin.const are called that" in err
    assert 'such as `file = "house.const"`' in err
    text = (repository / "approvals.toml").read_text()
    (repository / "approvals.toml").write_text(text + 'file = "house.const"\n')
    code, out, _ = run(capsys, "main", *OPEN)
    assert code == 0
    assert "approved by Ada" in out
    (repository / "approvals.toml").write_text(text.replace("1.0.0", "0.9.0"))
    assert run(capsys, "main", *OPEN)[0] == 1, "an approval of an earlier release says nothing, and stands in no way"


def test_a_file_that_is_moved_takes_its_approvals_along(twins: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "main", "house.const", *MEANT)[0] == 0
    (twins / "house.const").rename(twins / "moved.const")
    assert run(capsys, "main:house.const", "moved.const", *OPEN)[0] == 0
    assert run(capsys, "main", "twin.const", *OPEN)[0] == 1


def test_another_file_in_the_place_of_one_that_was_moved(twins: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The approval stays with the place, which is what a comparison goes by as well."""
    assert run(capsys, "main", "house.const", *MEANT)[0] == 0
    (twins / "house.const").rename(twins / "moved.const")
    (twins / "twin.const").rename(twins / "house.const")
    code, out, _ = run(capsys, "main:twin.const", "moved.const", *OPEN)
    assert (code, "approved" in out) == (1, False)
    assert run(capsys, "main:house.const", "moved.const", *OPEN)[0] == 1
    assert run(capsys, "main", "house.const", *OPEN)[0] == 0


def test_a_name_that_only_one_has_is_enough_wherever_it_lies(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "house.const").write_text(EDITED)
    assert run(capsys, "main", *MEANT)[0] == 0
    (repository / "house.const").rename(repository / "moved.const")
    assert run(capsys, "main", *OPEN)[0] == 0
    assert files(repository) == [None]


def test_an_approval_of_a_file_that_is_nowhere_is_told(twins: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "main", "house.const", *MEANT)[0] == 0
    text = (twins / "approvals.toml").read_text()
    (twins / "approvals.toml").write_text(text.replace('"house.const"', '"lost.const"'))
    code, out, _ = run(capsys, "main", "house.const", *OPEN)
    assert code == 1
    assert "1 approval is of no change that is here" in out


def test_one_of_two_that_is_given_up(twins: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gone = ("--approve", "constitution/house/removed", "--reason", "The pilot ended")
    (twins / "twin.const").unlink()
    assert run(capsys, "main", "twin.const", *gone)[0] == 0
    assert files(twins) == ["twin.const"]
    (twins / "house.const").unlink()
    assert run(capsys, "main", "twin.const")[0] == 0
    assert run(capsys, "main", "house.const")[0] == 1
    assert run(capsys, "main")[0] == 1


def test_one_file_of_approvals_for_several_folders(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        (repository / name).mkdir()
        (repository / name / "house.const").write_text(WHOLE)
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "two")
    for name in ("one", "two"):
        (repository / name / "house.const").write_text(EDITED)
    kept = ("--approvals", "approvals.toml")
    assert run(capsys, "main", "one/house.const", *MEANT, *kept)[0] == 0
    assert files(repository) == ["one/house.const"]
    assert run(capsys, "main", "one/house.const", *OPEN, *kept)[0] == 0
    assert run(capsys, "main", "two/house.const", *OPEN, *kept)[0] == 1
    text = (repository / "approvals.toml").read_text().replace('file = "one/house.const"\n', "")
    (repository / "approvals.toml").write_text(text)
    code, _, err = run(capsys, "main", *kept)
    assert code == 2
    assert "house.const and one/house.const and two/house.const are called that" in err


def test_a_bundle_is_of_the_one_constitution_here(twins: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "house.const", "-o", "house.json"]) == 0
    code, _, err = run(capsys, "main:house.const", "house.json", *MEANT)
    assert code == 2
    assert "house.json does not say of which it was made" in err
    git(twins, "rm", "-qf", "twin.const")
    git(twins, "commit", "-qm", "one")
    assert run(capsys, "main:house.const", "house.json", *MEANT)[0] == 0
    assert run(capsys, "main:house.const", "house.json", *OPEN)[0] == 0
    assert run(capsys, "main", *OPEN)[0] == 0
