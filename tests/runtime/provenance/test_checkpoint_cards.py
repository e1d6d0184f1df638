"""The card of a checkpoint: what it was trained on, and for which later runs it stands."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from runtime.cli import main
from runtime.ledger.runs import Step
from tests.runtime.provenance.reading import first, jsonl, misfits
from tests.runtime.provenance.tampering import change_record, stop_before
from tests.runtime.small_run import CONSTITUTION


def card_file(folder: Path, name: str) -> Path:
    return next((folder / "out" / "checkpoints").glob(f"{name}-*")) / "card.json"


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("sl-cai", "weights", "0" * 32),
        ("sl-cai", "data", ["0" * 32]),
        ("sl-cai", "seed", 1),
        ("dpo", "base", "0" * 32),
        ("dpo", "rows", 1),
        ("dpo", "steps", 999),
        ("preference-model", "base", "0" * 32),
        ("ppo", "preference_model", "0" * 32),
    ],
)
def test_a_card_of_a_checkpoint(copied: Path, name: str, field: str, value: object) -> None:
    path = card_file(copied, name)
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    found = first(copied)
    assert (Path(found.file), found.field) == (path, field)
    assert found.says == (value[0] if isinstance(value, list) else str(value))


def test_the_settings_on_a_card(copied: Path) -> None:
    path = card_file(copied, "sl-cai")
    card = json.loads(path.read_text())
    path.write_text(json.dumps(card | {"settings": card["settings"] | {"learning_rate": 1.0}}))
    found = first(copied)
    assert (Path(found.file), found.field, found.says) == (path, "settings.learning_rate", "1.0")
    path.write_text(json.dumps(card | {"settings": {}}))
    assert first(copied).field.startswith("settings")


# The same texts under another meaning: all rows have other ids, and nothing is trained anew.
SAME_TEXTS = CONSTITUTION.replace("small 1.0.0", "small 1.1.0").replace(
    "tension safety",
    """principle harm.never "Never"
  applies when severity is grave and severity is none
  statement:
    Never.

tension safety""",
)


@pytest.fixture(scope="module")
def later(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, and a later one that took its checkpoints over."""
    folder = tmp_path_factory.mktemp("later") / "run"
    shutil.copytree(finished, folder)
    before = {row["id"] for row in jsonl(folder, "sft")}
    (folder / "small.const").write_text(SAME_TEXTS)
    assert main(["run", str(folder / "run.toml"), "--quiet"]) == 0
    assert before.isdisjoint({row["id"] for row in jsonl(folder, "sft")})
    assert len(list((folder / "out" / "checkpoints").iterdir())) == 4
    return folder


def test_a_checkpoint_that_is_taken_over_says_which_rows_it_stands_for(later: Path) -> None:
    assert misfits(later / "out") == ()
    card = json.loads(card_file(later, "dpo").read_text())
    assert card["provenance"]["version"] == "1.0.0"
    [entry] = card["stands_for"]
    data = json.loads((later / "out" / "data" / "preference.card.json").read_text())
    assert entry["provenance"] == data["provenance"]
    assert entry["rows"] == len(jsonl(later, "preference"))
    assert entry["data"] != card["data"][0]
    assert json.loads(card_file(later, "ppo").read_text())["stands_for"] == []  # its prompts have the ids of before


def test_explain_and_stale_know_a_checkpoint_that_was_taken_over(
    later: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = jsonl(later, "preference")[0]["id"]
    assert main(["explain", row, "--run", str(later / "out")]) == 0
    folder = card_file(later, "dpo").parent
    told = capsys.readouterr().out
    assert folder.name in told
    assert main(["stale", str(folder), "--against", str(later / "small.const"), "--quiet"]) == 0
    assert "not stale" in capsys.readouterr().out


def test_going_on_and_going_back_keep_what_a_card_says(later: Path, tmp_path: Path) -> None:
    shutil.copytree(later, tmp_path / "copy")
    path = card_file(tmp_path / "copy", "sl-cai")
    before = path.read_text()
    assert main(["run", str(tmp_path / "copy" / "run.toml"), "--quiet"]) == 0
    assert path.read_text() == before
    (tmp_path / "copy" / "small.const").write_text(CONSTITUTION)
    assert main(["run", str(tmp_path / "copy" / "run.toml"), "--quiet"]) == 0
    assert path.read_text() == before
    assert misfits(tmp_path / "copy" / "out") == ()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda c: c | {"stands_for": []}, "stands_for"),
        (lambda c: c | {"data": ["0" * 32]}, "data"),
        (lambda c: c | {"stands_for": [c["stands_for"][0] | {"data": "0" * 32}]}, "data"),
        (lambda c: c | {"stands_for": [c["stands_for"][0] | {"rows": 1}]}, "rows"),
    ],
)
def test_what_a_card_says_of_a_later_run(later: Path, tmp_path: Path, change: Callable[[Any], Any], field: str) -> None:
    shutil.copytree(later, tmp_path / "copy")
    path = card_file(tmp_path / "copy", "dpo")
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    found = first(tmp_path / "copy")
    assert Path(found.file) == path
    assert found.field.endswith(field)


def test_a_checkpoint_of_other_texts_stands_for_nothing_here(later: Path, tmp_path: Path) -> None:
    """Rows of the run that trained it are changed, with the hash that its card has: only the texts tell."""
    shutil.copytree(later, tmp_path / "copy")
    change_record(tmp_path / "copy", "SftRow", lambda r: replace(r, completion="Something else."), step="sft")
    found = first(tmp_path / "copy")
    assert (Path(found.file).name, found.field) == ("card.json", "data")
    assert "other texts" in found.says


def test_a_hash_of_the_constitution_on_a_checkpoint(copied: Path) -> None:
    path = card_file(copied, "dpo")
    card = json.loads(path.read_text())
    path.write_text(json.dumps(card | {"provenance": card["provenance"] | {"metadata_hash": "0" * 64}}))
    found = first(copied)
    assert (found.file, found.field, found.says) == (str(path), "provenance.metadata_hash", "0" * 64)


def test_the_weights_of_a_checkpoint(copied: Path, tiny_model: Path) -> None:
    """Also where size and time of the file stay as they were remembered."""
    from runtime.identity import model_identity, weights_sha256

    stop_before(copied, Step.EVALUATE)  # what was evaluated was a policy of other weights
    path = card_file(copied, "dpo")
    folder = path.parent
    for file in tiny_model.iterdir():
        shutil.copy(file, folder / file.name)
    card = json.loads(path.read_text())
    card |= {"rehearsed": False, "files": weights_sha256(folder), "weights": model_identity(folder)}
    path.write_text(json.dumps(card))
    checkpoint = change_record(copied, "Checkpoint", lambda r: replace(r, weights=card["weights"]), step="dpo")
    assert checkpoint.kind == "dpo"
    assert misfits(copied / "out") == ()
    weights = folder / "model.safetensors"
    stat, body = weights.stat(), bytearray(weights.read_bytes())
    body[-1] ^= 1
    weights.write_bytes(bytes(body))
    import os

    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    found = first(copied)
    assert (Path(found.file).name, found.field) == ("model.safetensors", "sha256")
    assert misfits(folder)[0] == found
