"""The card of a checkpoint: what it was trained on, and for which later runs it stands."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from runtime.cli import main
from runtime.ledger.runs import Step
from runtime.ledger.store import Ledger
from runtime.opening import prepare
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
        ("dpo", "preference_model", "0" * 32),
        ("sl-cai", "preference_model", "somebody-else"),
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


@pytest.mark.parametrize("field", ["meaning_hash", "metadata_hash", "bundle_sha256"])
@pytest.mark.parametrize("name", ["sl-cai", "preference-model", "dpo", "ppo"])
def test_a_hash_of_the_constitution_on_a_checkpoint(copied: Path, name: str, field: str) -> None:
    path = card_file(copied, name)
    card = json.loads(path.read_text())
    path.write_text(json.dumps(card | {"provenance": card["provenance"] | {field: "0" * 64}}))
    should = json.loads((copied / "out" / "data" / "sft.card.json").read_text())["provenance"][field]
    for target in (copied / "out", path.parent):
        [found] = misfits(target)
        assert (found.file, found.field, found.says) == (str(path), f"provenance.{field}", "0" * 64)
        assert found.should == should


# --- the same run under another name, version or layout ------------------------------------------

SAME_RUN = (
    "# A comment.\n" + CONSTITUTION.replace("small 1.0.0", "small 1.0.1"),
    CONSTITUTION.replace("small", "tiny"),
)


@pytest.fixture(scope="module")
def renamed(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was begun again under another version, and once more under another name: nothing is made anew."""
    folder = tmp_path_factory.mktemp("renamed") / "run"
    shutil.copytree(finished, folder)
    for text in SAME_RUN:
        (folder / "small.const").write_text(text)
        assert main(["run", str(folder / "run.toml"), "--quiet"]) == 0
    return folder


def test_a_checkpoint_keeps_the_version_under_which_it_was_trained(renamed: Path) -> None:
    assert misfits(renamed / "out") == ()
    card = json.loads(card_file(renamed, "dpo").read_text())["provenance"]
    data = json.loads((renamed / "out" / "data" / "preference.card.json").read_text())["provenance"]
    assert (card["constitution"], card["version"], data["constitution"]) == ("small", "1.0.0", "tiny")
    with Ledger.open(renamed / "out" / "ledger.sqlite", read_only=True) as ledger:
        assert {run.id: run.version for run in ledger.runs()}[card["run"]] == "1.0.1", "it was begun again"
    assert misfits(card_file(renamed, "dpo").parent) == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [("version", "1.0.1"), ("version", "9.9.9"), ("constitution", "tiny"), ("constitution", "x"),
     ("bundle_sha256", "0" * 64), ("meaning_hash", "0" * 64), ("metadata_hash", "0" * 64)],
)  # fmt: skip
def test_what_a_card_that_keeps_its_version_says(renamed: Path, tmp_path: Path, field: str, value: str) -> None:
    """A version that the run had at another time is another one than its own hash has."""
    shutil.copytree(renamed, tmp_path / "copy")
    path = card_file(tmp_path / "copy", "dpo")
    card = json.loads(path.read_text())
    path.write_text(json.dumps(card | {"provenance": card["provenance"] | {field: value}}))
    found = first(tmp_path / "copy")
    assert (found.file, found.field, found.says) == (str(path), f"provenance.{field}", value)
    assert found.should == card["provenance"][field]


def test_a_run_that_is_stopped_right_after_it_began_under_another_version(renamed: Path, tmp_path: Path) -> None:
    """The data sets are of the version before, until they are published anew, and labels name the lines of before."""
    shutil.copytree(renamed, tmp_path / "copy")
    (tmp_path / "copy" / "small.const").write_text("# More.\n\n" + CONSTITUTION.replace("small 1.0.0", "small 1.0.2"))
    run = prepare(tmp_path / "copy" / "run.toml", rehearse=False, say=lambda _: None)
    with Ledger.open(tmp_path / "copy" / "out" / "ledger.sqlite") as ledger:
        ledger.begin(run.manifest)
    assert misfits(tmp_path / "copy" / "out") == ()


def test_a_constitution_that_a_run_was_begun_under(copied: Path) -> None:
    with closing(sqlite3.connect(copied / "out" / "ledger.sqlite", isolation_level=None)) as connection:
        connection.execute("UPDATE constitution SET body = CAST(replace(body, 'small', 'large') AS BLOB)")
    assert ("constitution", "sha256") in {(m.kind, m.field) for m in misfits(copied / "out")}
    with closing(sqlite3.connect(copied / "out" / "ledger.sqlite", isolation_level=None)) as connection:
        connection.execute("DELETE FROM constitution")
    assert ("run", "bundle") in {(m.kind, m.field) for m in misfits(copied / "out")}


def test_an_older_ledger_has_kept_no_names_of_before(
    renamed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(renamed, tmp_path / "copy")
    out = tmp_path / "copy" / "out"
    with closing(sqlite3.connect(out / "ledger.sqlite", isolation_level=None)) as connection:
        connection.executescript("DROP TABLE constitution; PRAGMA user_version = 2;")
    assert main(["verify", str(out), "--quiet"]) == 0
    assert "not checked: name, version and bytes of constitutions on cards" in capsys.readouterr().out
    path = card_file(tmp_path / "copy", "dpo")
    path.write_text(path.read_text().replace('"meaning_hash": "', '"meaning_hash": "0'))
    assert first(tmp_path / "copy").field == "provenance.meaning_hash"


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
