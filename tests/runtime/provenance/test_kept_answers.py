"""A kept answer that is none is named by its key, and so is a manifest that cannot be read; nothing ends the check."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from runtime.cli import main
from tests.runtime.provenance.reading import first, misfits
from tests.runtime.provenance.tampering import change_record, change_result, drop_result
from tests.runtime.small_run import RUN_FILE, write_run


def a_key(folder: Path, kind: str, step: str, *, nth: int = 0) -> str:
    """The key of an answer that a row names."""
    if kind == "Label":
        row = change_record(folder, kind, lambda r: r if r.votes else None, step=step, nth=nth)
        return str(row.votes[0].keys[0])
    return str(change_record(folder, kind, lambda r: r, step=step, nth=nth).key)


def changed(name: str, value: Any) -> Callable[[Any], Any]:
    return lambda answer: answer | {name: value}


@pytest.mark.parametrize(
    ("kind", "step", "change", "field", "should"),
    [
        ("Label", "label", changed("log_probabilities", [-0.5]), "log_probabilities", "2, one for each option"),
        ("Label", "evaluate", changed("log_probabilities", []), "log_probabilities", "2, one for each option"),
        ("Label", "label", changed("log_probabilities", [float("nan"), -1.0]), "log_probabilities", "logarithms of"),
        ("Label", "label", changed("log_probabilities", [1e308, -1e308]), "log_probabilities", "logarithms of"),
        ("Label", "evaluate", changed("log_probabilities", [-0.1, -0.2]), "log_probabilities", "logarithms of"),
        ("Label", "label", changed("log_probabilities", "x"), "answer", "an answer to choose"),
        ("Response", "respond", changed("finish", "stopx"), "answer", "an answer to generate"),
        ("Response", "pair", lambda _: None, "answer", "an answer to generate"),
        ("Critique", "revise", changed("tokens", [84, 104]), "tokens", "tokens of "),
        ("Response", "evaluate", changed("tokens", []), "tokens", "tokens of "),
    ],
)
def test_an_answer_that_is_none_to_its_question(
    copied: Path, kind: str, step: str, change: Callable[[Any], Any], field: str, should: str
) -> None:
    key = a_key(copied, kind, step, nth=1)
    change_result(copied, key, change)
    found = first(copied)
    assert (Path(found.file).name, found.kind, found.id, found.field) == ("ledger.sqlite", "answer", key, field)
    assert found.should.startswith(should)
    assert {m.id for m in misfits(copied / "out")} == {key}, "all else is checked, and fits"
    assert main(["verify", str(copied / "out"), "--quiet"]) == 1


def test_an_answer_to_another_operation(copied: Path) -> None:
    key = a_key(copied, "Critique", "revise")
    with closing(sqlite3.connect(copied / "out" / "ledger.sqlite", isolation_level=None)) as connection:
        connection.execute("UPDATE result SET operation = 'choose' WHERE key = ?", (key,))
    found = first(copied)
    assert (found.kind, found.id, found.field) == ("answer", key, "answer")


@pytest.mark.parametrize("spoil", [drop_result, lambda f, key: change_result(f, key, lambda _: None)])
def test_stale_does_not_know_what_an_answer_was_that_is_gone(
    copied: Path, spoil: Callable[[Path, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(copied, a_key(copied, "Response", "respond"))
    checkpoint = next((copied / "out" / "checkpoints").glob("sl-cai-*"))
    assert main(["stale", str(checkpoint), "--against", str(copied / "small.const"), "--quiet"]) == 1
    told = capsys.readouterr()
    assert "unknown until redone" in told.out
    assert "fault of ours" not in told.err


@pytest.mark.parametrize("field", ["models", "bundle", "config"])
def test_a_manifest_that_cannot_be_read(copied: Path, capsys: pytest.CaptureFixture[str], field: str) -> None:
    with closing(sqlite3.connect(copied / "out" / "ledger.sqlite", isolation_level=None)) as connection:
        [(id, body)] = connection.execute("SELECT id, body FROM run").fetchall()
        values = {"models": [["policy"]], "bundle": b"{", "config": b"{"}
        body = msgspec.msgpack.encode(msgspec.msgpack.decode(body) | {field: values[field]})
        connection.execute("UPDATE run SET body = ?", (body,))
    found = first(copied)
    assert (found.kind, found.row, found.id, found.field) == ("run", 1, id, "record")
    assert main(["verify", str(copied / "out"), "--quiet"]) == 1
    assert "what comes after" in capsys.readouterr().out


def test_a_column_with_a_value_that_the_constitution_does_not_have(tmp_path: Path) -> None:
    """The ledger's row is named: the file of the prompts was right when the run began."""
    file = write_run(tmp_path, run_file=RUN_FILE)
    prompts = tmp_path / "prompts.jsonl"
    lines = [msgspec.json.decode(line) for line in prompts.read_bytes().splitlines()]
    prompts.write_bytes(b"".join(msgspec.json.encode(x | {"severity": "minor"}) + b"\n" for x in lines))
    assert main(["run", str(file), "--quiet"]) == 0
    before = change_record(
        tmp_path, "PromptRecord", lambda r: msgspec.structs.replace(r, columns=(("severity", "minorx"),)), nth=2
    )
    found = first(tmp_path)
    assert (Path(found.file).name, found.kind, found.row, found.id) == ("ledger.sqlite", "PromptRecord", 3, before.id)
    assert (found.field, found.says) == ("columns (severity)", "minorx")
    assert "none, minor, grave" in found.should
    assert main(["verify", str(tmp_path / "out"), "--quiet"]) == 1
