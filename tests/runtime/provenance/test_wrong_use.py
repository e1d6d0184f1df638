"""What cannot be meant is refused with what to write instead."""

from pathlib import Path

from tests.runtime.small_run import cai_run


def test_a_path_and_a_run_are_not_both_verified(tmp_path: Path) -> None:
    done = cai_run("verify", tmp_path, "--run", tmp_path, cwd=tmp_path)
    assert done.returncode == 2
    assert "leave one of the two out" in done.stderr


def test_a_folder_without_a_card_is_no_checkpoint(tmp_path: Path) -> None:
    done = cai_run("stale", tmp_path, "--against", "x.const", cwd=tmp_path)
    assert done.returncode == 2
    assert "Errno" not in done.stderr
    assert "help: " in done.stderr


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    done = cai_run("verify", tmp_path, "--model", tmp_path / "none", cwd=tmp_path)
    assert done.returncode == 2
    assert "there is no such folder" in done.stderr
