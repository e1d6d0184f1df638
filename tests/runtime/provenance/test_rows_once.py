"""What is added to a run or taken from it is named, also where nothing that is left says anything wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from runtime.cli import main
from runtime.records import TrainedKind
from tests.runtime.provenance.reading import first, misfits
from tests.runtime.provenance.tampering import change_record, double_record, drop_record
from tests.runtime.small_run import CONSTITUTION, write_run


def _other_case(case: Any) -> Any:
    return replace(case, values=(replace(case.values[0], value="grave"), *case.values[1:]))


@pytest.mark.parametrize(
    ("kind", "step", "change"),
    [
        ("PromptRecord", "data", lambda row: replace(row, kind="benign")),
        ("PromptRecord", "data", lambda row: row),
        ("CaseRecord", "tag", _other_case),
        ("CaseRecord", "tag", lambda row: row),
        ("Response", "respond", lambda row: row),
        ("Response", "respond", lambda row: replace(row, id="0" * 32, text="Something else.")),
        ("Response", "pair", lambda row: replace(row, text="Something else.")),
        ("Comparison", "pair", lambda row: row),
        ("Label", "label", lambda row: replace(row, probability=0.999)),
        ("Label", "label", lambda row: row),
        ("PreferenceRow", "label", lambda row: row),
        ("Checkpoint", "dpo", lambda row: replace(row, weights="0" * 32)),
        ("TrainingStep", "sft", lambda row: row),
    ],
)
def test_a_second_row(copied: Path, kind: str, step: str, change: Callable[[Any], Any]) -> None:
    double_record(copied, kind, step, change)
    found = first(copied)
    assert (Path(found.file).name, found.kind, found.field) == ("ledger.sqlite", kind, "row")
    assert found.says.startswith("a second ")
    assert found.row > 1


def test_a_second_row_before_all_others(copied: Path) -> None:
    double_record(copied, "Label", "label", lambda row: replace(row, probability=0.999), number=-5)
    found = first(copied)
    assert (found.kind, found.field) == ("Label", "row")


def test_a_step_of_a_training_that_is_left_out(copied: Path) -> None:
    drop_record(copied, "TrainingStep", "sft")
    found = first(copied)
    assert (found.kind, found.field) == ("TrainingStep", "sft: steps")


def test_a_checkpoint_that_no_row_names(copied: Path) -> None:
    drop_record(copied, "Checkpoint", "sft")
    found = first(copied)
    assert (found.kind, found.field, found.says) == ("Checkpoint", "sft", "missing")


@pytest.mark.parametrize(("gone", "named"), [("*", "sft"), ("sft.*", "sft"), ("preference.*", "preference")])
def test_a_data_set_that_is_taken_away(copied: Path, gone: str, named: str) -> None:
    for file in (copied / "out" / "data").glob(gone):
        file.unlink()
    found = first(copied)
    assert (Path(found.file).name, found.field, found.says) == (named, "data set", "missing")


def test_pairs_for_people_that_are_taken_away(tmp_path: Path) -> None:
    text = CONSTITUTION.replace("otherwise: weigh harm 2, autonomy 1", "otherwise: abstain").replace("60%", "51%")
    file = write_run(tmp_path, constitution=text)
    file.write_text(file.read_text().replace("seed = 3", "seed = 4"))
    assert main(["run", str(file), "--quiet"]) == 0
    assert misfits(tmp_path / "out") == ()
    (tmp_path / "out" / "data" / "review.jsonl").unlink()
    assert [Path(m.file).name for m in misfits(tmp_path / "out")] == ["review.jsonl"]


@pytest.fixture(scope="module")
def two_runs(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, and a second one under other words, which trained everything anew."""
    folder = tmp_path_factory.mktemp("two") / "run"
    shutil.copytree(finished, folder)
    text = CONSTITUTION.replace("  statement:\n    ", "  statement:\n    Always. ").replace(
        "small 1.0.0", "small 1.1.0"
    )
    (folder / "small.const").write_text(text)
    assert main(["run", str(folder / "run.toml"), "--quiet"]) == 0
    return folder


def _earlier(folder: Path, finished: Path) -> Path:
    """The first run's DPO policy in the second's folder."""
    name = next((finished / "out" / "checkpoints").glob("dpo-*")).name
    return folder / "out" / "checkpoints" / name


def test_both_runs_of_a_folder_fit(two_runs: Path, finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(two_runs / "out"), "--quiet"]) == 0
    told = capsys.readouterr().out
    assert "8 checkpoints" in told
    assert "not checked: rows of the earlier run" in told
    assert main(["verify", str(_earlier(two_runs, finished)), "--quiet"]) == 0
    assert "not checked" not in capsys.readouterr().out


def test_the_card_of_an_earlier_run(two_runs: Path, finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(two_runs, folder)
    path = _earlier(folder, finished) / "card.json"
    card = json.loads(path.read_text())
    path.write_text(json.dumps(card | {"rows": 3}))
    for target in (path.parent, folder / "out"):
        assert [(Path(m.file), m.field) for m in misfits(target)] == [(path, "rows")]


def test_the_rows_of_an_earlier_run_are_those_that_its_checkpoint_is_held_against(
    two_runs: Path, finished: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(two_runs, folder)
    double_record(folder, "Label", "label", lambda row: replace(row, probability=0.999))  # the first run's
    assert misfits(folder / "out") == ()
    assert misfits(_earlier(folder, finished))[0].kind == "Label"


def test_a_folder_that_no_run_trained(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    strange = copied / "out" / "checkpoints" / "mine"
    shutil.copytree(next((copied / "out" / "checkpoints").glob("dpo-*")), strange)
    assert main(["verify", str(copied / "out"), "--quiet"]) == 0
    assert f"not checked: {strange}: no run of the ledger trained it" in capsys.readouterr().out


def test_what_is_named_twice_counts_once(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(finished / "out"), str(finished / "out"), "--quiet"]) == 0
    assert "of 1 run, 2 data sets, 4 checkpoints" in capsys.readouterr().out


def test_a_step_of_another_training(copied: Path) -> None:
    change_record(copied, "TrainingStep", lambda row: replace(row, trainer=TrainedKind.DPO), step="sft", nth=1)
    found = first(copied)
    assert (found.kind, found.field, found.says, found.should) == ("TrainingStep", "trainer", "dpo", "sl-cai")
