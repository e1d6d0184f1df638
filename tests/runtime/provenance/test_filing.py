"""What no row follows from: what prompts are for, where rows are filed, and the marks of steps."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from runtime.cli import main
from runtime.ledger.runs import Step, StepId
from runtime.ledger.store import Ledger
from runtime.provenance import prompt_checks
from runtime.records import Comparison, PromptRecord, PromptUse
from tests.runtime.provenance.reading import first, misfits
from tests.runtime.provenance.tampering import change_record, drop_record, stop_before
from tests.runtime.small_run import CONSTITUTION, RUN_FILE, write_run

SHOWN = 'demonstrations = [{ data = "shown.jsonl", kind = "helpful" }]\n'
PAIRS = '\n[label]\nhuman = [{ data = "pairs.jsonl" }]\n'
AUDIT = '\n[audit]\nhuman = [{ data = "pairs.jsonl" }]\n'


def changed(folder: Path, query: str, *values: object) -> None:
    """Change the tables of the run's ledger by hand: just one row."""
    with closing(sqlite3.connect(folder / "out" / "ledger.sqlite", isolation_level=None)) as connection:
        assert connection.execute(query, values).rowcount == 1


def marks(folder: Path) -> dict[tuple[str, int], str]:
    with Ledger.open(folder / "out" / "ledger.sqlite", read_only=True) as ledger:
        return ledger.fingerprints(ledger.latest_run().id)


def run_with(folder: Path, run_file: str) -> Path:
    """A run with demonstrations or with pairs that people labelled."""
    file = write_run(folder, run_file=run_file)
    pair = {"chosen": "\n\nHuman: Hi?\n\nAssistant: Yes.", "rejected": "\n\nHuman: Hi?\n\nAssistant: No."}
    (folder / "pairs.jsonl").write_text(json.dumps(pair) + "\n")
    (folder / "shown.jsonl").write_text('{"prompt": "What is tea?", "response": "A drink."}\n')
    assert main(["run", str(file), "--quiet"]) == 0
    return folder


# --- prompts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [PromptUse.RED_TEAM, PromptUse.BENIGN])
def test_another_kind_of_a_prompt(copied: Path, kind: PromptUse) -> None:
    """Of a prompt that was trained on, and of one that was evaluated."""
    before = change_record(
        copied, "PromptRecord", lambda r: replace(r, kind=PromptUse.HELPFUL) if r.kind is kind else None, nth=2
    )
    found = first(copied)
    assert (found.kind, found.id, found.field) == ("PromptRecord", before.id, "kind")
    assert (found.says, found.should) == ("helpful", kind.value)
    with Ledger.open(copied / "out" / "ledger.sqlite", read_only=True) as ledger:
        rows = ledger.read(ledger.latest_run().id, PromptRecord)
    assert rows[found.row - 1].id == before.id


def test_a_demonstration_that_nobody_trained_on(copied: Path) -> None:
    before = change_record(copied, "PromptRecord", lambda r: replace(r, demonstration="Do it so."), nth=3)
    found = first(copied)
    assert (found.kind, found.id, found.field) == ("PromptRecord", before.id, "demonstration")
    assert (found.says, found.should) == ("Do it so.", "null")


def test_a_demonstration_that_was_trained_on(tmp_path: Path) -> None:
    run_with(tmp_path, RUN_FILE + SHOWN)
    assert misfits(tmp_path / "out") == ()
    before = change_record(
        tmp_path, "PromptRecord", lambda r: replace(r, demonstration="A place.") if r.demonstration else None
    )
    found = first(tmp_path)
    assert (found.id, found.field, found.says, found.should) == (before.id, "demonstration", "A place.", "A drink.")


@pytest.mark.parametrize("change", [{"row": 99}, {"file": "other.jsonl"}, {"columns": (("colour", "red"),)}])
def test_what_cannot_be_found_again_is_told_of_all_prompts(copied: Path, change: dict[str, Any]) -> None:
    change_record(copied, "PromptRecord", lambda r: replace(r, **change) if not r.columns else None)
    found = first(copied)
    assert (found.kind, found.row, found.id) == ("PromptRecord", 0, "")
    assert "columns, demonstration, file or row" in found.field
    assert marks(copied)["data", -1] in found.should


def test_a_prompt_that_is_gone_is_named_by_the_rows_of_it(copied: Path) -> None:
    gone = drop_record(copied, "PromptRecord", "data")
    found = first(copied)
    assert (found.kind, found.id, found.should) == ("CaseRecord", gone.id, "a prompt of this run")


def test_a_prompt_that_is_taken_out_of_every_step(tmp_path: Path) -> None:
    """A demonstration, whose only row beside it is that of the training, in a run that was stopped there."""
    run_with(tmp_path, RUN_FILE + SHOWN)
    stop_before(tmp_path, Step.SFT)
    changed(tmp_path, "DELETE FROM record WHERE kind = 'PromptRecord' AND instr(body, 'What is tea?')")
    told = [m for m in misfits(tmp_path / "out") if Path(m.file).name == "ledger.sqlite"]
    assert [(m.kind, m.row, "a prompt is gone" in m.should) for m in told] == [("PromptRecord", 0, True)]


def test_a_prompt_that_is_gone_is_no_change_of_the_next_one(copied: Path) -> None:
    """Where another run began with the same prompts, which tells what each of them was."""
    (copied / "small.const").write_text(CONSTITUTION.replace("weight: 3", "weight: 2"))
    assert main(["run", str(copied / "run.toml"), "--quiet"]) == 0
    stop_before(copied, Step.EVALUATE)
    with Ledger.open(copied / "out" / "ledger.sqlite", read_only=True) as ledger:
        run = ledger.latest_run().id
        gone = next(r.id for r in ledger.read(run, PromptRecord) if r.kind is PromptUse.BENIGN)
        assert ledger.read(run, PromptRecord)[-1].id != gone
    with closing(sqlite3.connect(copied / "out" / "ledger.sqlite", isolation_level=None)) as connection:
        connection.execute("DELETE FROM record WHERE run = ? AND instr(body, CAST(? AS BLOB))", (run, gone))
    told = [m for m in misfits(copied / "out") if m.kind == "PromptRecord"]
    assert [(m.id, "a prompt is gone" in m.should) for m in told] == [("", True)]


def test_too_many_prompts_to_look_for_one(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change_record(copied, "PromptRecord", lambda r: replace(r, kind=PromptUse.HELPFUL))
    monkeypatch.setattr(prompt_checks, "_SEARCHED_MAX", 15)
    found = first(copied)
    assert (found.kind, found.id) == ("PromptRecord", "")
    monkeypatch.setattr(prompt_checks, "_SEARCHED_MAX", 16)
    assert first(copied).field == "kind"


def test_another_run_that_began_with_the_same_prompts_tells_which_it_is(copied: Path) -> None:
    """The latest run is the one that is verified, and whose rows are changed."""
    (copied / "small.const").write_text(CONSTITUTION.replace("weight: 3", "weight: 2"))
    assert main(["run", str(copied / "run.toml"), "--quiet"]) == 0
    seen: set[str] = set()

    def change(row: Any) -> Any:
        if row.id not in seen:
            seen.add(row.id)
            return None
        return replace(row, row=99)

    before = change_record(copied, "PromptRecord", change, nth=4)
    found = first(copied)
    assert (found.id, found.field, found.says, found.should) == (before.id, "row", "99", str(before.row))


@pytest.mark.parametrize("more", ["", SHOWN, PAIRS])
def test_the_mark_of_the_data_and_not_the_prompts(tmp_path: Path, more: str) -> None:
    run_with(tmp_path, RUN_FILE + more)
    before = marks(tmp_path)["data", -1]
    changed(tmp_path, "UPDATE step SET fingerprint = 'f' WHERE step = 'data'")
    found = first(tmp_path)
    assert (found.kind, found.id, found.field, found.says) == ("step", "data", "fingerprint", "f")
    assert before in found.should


# --- where rows are filed ---------------------------------------------------------------------------


def filed(kind: str, step: str, column: str, value: object, should: str) -> Any:
    return pytest.param(kind, step, column, value, should, id=f"{kind} {step} {column}")


@pytest.mark.parametrize(
    ("kind", "step", "column", "value", "should"),
    [
        filed("Critique", "revise", "round", 1, "0, as the row says"),
        filed("Revision", "revise", "round", 1, "0, as the row says"),
        filed("Draw", "revise", "round", 1, "0, as the row says"),
        filed("Critique", "revise", "round", 2, "0 or 1"),
        filed("SftRow", "sft", "round", -1, "0"),
        filed("PreferenceRow", "label", "round", -1, "0"),
        filed("Draw", "label", "round", 1, "-1"),
        filed("Draw", "label", "id", "f" * 32, "nothing: a Draw has no id"),
        filed("Draw", "revise", "id", "f" * 32, "nothing: a Draw has no id"),
        filed("CaseRecord", "tag", "id", "f" * 32, "nothing: a CaseRecord has no id"),
        filed("Label", "label", "id", "f" * 32, "nothing: a Label has no id"),
        filed("Measure", "evaluate", "id", "f" * 32, "nothing: a Measure has no id"),
        filed("Response", "respond", "id", "f" * 32, ", the row's own"),
        filed("Critique", "revise", "id", None, ", the row's own"),
        filed("TrainingStep", "sft", "step", "nowhere", "sft or preference_model or dpo or policy"),
        filed("Measure", "evaluate", "kind", "Figure", "one of Comparison, Label, Measure, PromptCut"),
    ],
)
def test_a_column_of_one_row(copied: Path, kind: str, step: str, column: str, value: object, should: str) -> None:
    query = (
        f"UPDATE record SET {column} = ? WHERE number ="  # noqa: S608 - a name of the test's own
        " (SELECT number FROM record WHERE kind = ? AND step = ? AND (? != 'revise' OR round = 0) LIMIT 1)"
    )
    changed(copied, query, value, kind, step, step)
    told = [m for m in misfits(copied / "out") if m.field == f"{column} column"]
    assert len(told) == 1
    assert (told[0].row > 0, told[0].says) == (True, str(value) if value is not None else "nothing")
    assert told[0].should.endswith(should)
    if (step, column) not in {("sft", "round"), ("label", "round"), ("sft", "step"), ("evaluate", "kind")}:
        assert first(copied) == told[0], "nothing else says that it does not fit"


def last_put_first(folder: Path, kind: str, step: str, turn: int) -> None:
    """Give the last row of a kind a number before all others."""
    query = (
        "UPDATE record SET number = (SELECT min(number) - 1 FROM record) WHERE number ="
        " (SELECT max(number) FROM record WHERE kind = ? AND step = ? AND round = ?)"
    )
    changed(folder, query, kind, step, turn)


@pytest.mark.parametrize(("kind", "step", "turn"), [("Revision", "revise", 1), ("Label", "label", -1)])
def test_rows_in_another_order(copied: Path, kind: str, step: str, turn: int) -> None:
    last_put_first(copied, kind, step, turn)
    found = first(copied)
    assert (found.kind, found.field) == (kind, "order")


def test_training_rows_in_another_order(copied: Path) -> None:
    """Which a training sees."""
    last_put_first(copied, "SftRow", "sft", 0)
    found = first(copied)
    assert (found.kind, found.id, found.field) == ("step", "sft", "fingerprint")


def test_answers_in_another_order(copied: Path) -> None:
    last_put_first(copied, "Response", "respond", -1)
    assert "answers" in first(copied).should
    stop_before(copied, Step.REVISE)
    assert [(m.kind, m.id) for m in misfits(copied / "out") if m.kind == "step"] == [("step", "respond")]


def test_what_people_said_of_a_pair_is_gone(tmp_path: Path) -> None:
    """Also where the run was stopped before rows were made of it."""
    run_with(tmp_path, RUN_FILE + PAIRS)
    with Ledger.open(tmp_path / "out" / "ledger.sqlite", read_only=True) as ledger:
        [pair] = ledger.read(ledger.latest_run().id, Comparison, Step.LABEL)
    stop_before(tmp_path, Step.PREFERENCE_MODEL)
    for query in (
        "DELETE FROM record WHERE kind = 'Label' AND instr(body, ?)",
        "DELETE FROM step WHERE step = 'label' AND round = 0 AND ? != ''",
    ):
        changed(tmp_path, query, pair.id)
    with closing(sqlite3.connect(tmp_path / "out" / "ledger.sqlite", isolation_level=None)) as connection:
        connection.execute("DELETE FROM record WHERE step = 'label' AND round = 0")
    found = first(tmp_path)
    assert (found.kind, found.id, found.says) == ("Label", pair.id, "missing")


# --- marks of steps ---------------------------------------------------------------------------------


PLACES = [
    *((step, -1) for step in ("tag", "respond", "sft", "pair", "label", "preference_model", "dpo", "policy")),
    *(("revise", r) for r in range(2)), ("sft", 0), ("label", 0), *(("evaluate", r) for r in range(8)),
]  # fmt: skip


@pytest.mark.parametrize(("step", "turn"), PLACES)
def test_the_mark_of_a_step(copied: Path, step: str, turn: int) -> None:
    before = marks(copied)[step, turn]
    changed(copied, "UPDATE step SET fingerprint = 'f' WHERE step = ? AND round = ?", step, turn)
    found = first(copied)
    assert (found.kind, found.id) == ("step", str(StepId(Step(step), turn)))
    assert (found.field, found.says) == ("fingerprint", "f")
    assert before in found.should
    assert len(misfits(copied / "out")) == 1


@pytest.mark.parametrize(("step", "turn"), [("data", -1), *PLACES])
def test_a_mark_that_is_gone(copied: Path, step: str, turn: int) -> None:
    changed(copied, "DELETE FROM step WHERE step = ? AND round = ?", step, turn)
    found = first(copied)
    assert (found.kind, found.id, found.says) == ("step", str(StepId(Step(step), turn)), "missing")
    assert "rows of it are kept" in found.should


def test_the_mark_of_a_round_without_rows(copied: Path) -> None:
    """Nothing was drawn in it, and the round after it is done."""
    with closing(sqlite3.connect(copied / "out" / "ledger.sqlite", isolation_level=None)) as connection:
        connection.execute("DELETE FROM record WHERE step = 'preference_model'")
    changed(copied, "DELETE FROM step WHERE step = 'preference_model'")
    told = [m for m in misfits(copied / "out") if m.kind == "step"]
    assert [(m.id, m.says, "later steps are" in m.should) for m in told] == [("preference_model", "missing", True)]


def test_a_mark_of_no_step(copied: Path) -> None:
    for step, turn in (("revise", 2), ("nowhere", 0)):
        query = "INSERT INTO step SELECT run, ?, ?, 'f' FROM step WHERE step = 'data'"
        changed(copied, query, step, turn)
    told = [(m.kind, m.id, m.says, m.should) for m in misfits(copied / "out")]
    should = "no such step in this run"
    assert told == [("step", f"{step}", "a mark that it is done", should) for step in ("revise 2", "nowhere 0")]


# --- runs of other shapes ---------------------------------------------------------------------------


@pytest.mark.parametrize("step", [Step.TAG, Step.RESPOND, Step.REVISE, Step.PAIR, Step.LABEL, Step.AUDIT])
def test_the_marks_of_a_run_that_was_stopped_fit(copied: Path, step: Step) -> None:
    stop_before(copied, step)
    assert [m for m in misfits(copied / "out") if m.kind == "step"] == []


def test_an_audit_alone_has_its_own_steps(tmp_path: Path) -> None:
    folder = run_with(tmp_path, RUN_FILE + PAIRS + AUDIT)
    assert misfits(folder / "out") == ()
    (folder / "small.const").write_text(CONSTITUTION.replace("Be kind.", "Be very kind."))
    assert main(["audit", str(folder / "run.toml"), "--quiet"]) == 0
    assert misfits(folder / "out") == ()
    with Ledger.open(folder / "out" / "ledger.sqlite", read_only=True) as ledger:
        run = ledger.latest_run().id
        assert [str(step) for step in ledger.steps(run)] == ["data", "tag", "audit"]
    changed(folder, "UPDATE step SET fingerprint = 'f' WHERE run = ? AND step = 'tag'", run)
    assert [(m.kind, m.id) for m in misfits(folder / "out")] == [("step", "tag")]


def test_marks_of_another_version_are_not_compared(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = b"constitution-compiler"
    with closing(sqlite3.connect(copied / "out" / "ledger.sqlite", isolation_level=None)) as connection:
        connection.execute("update step set fingerprint = 'f' where step = 'label'")
        assert main(["verify", str(copied / "out")]) == 1
        for run, manifest in connection.execute("select id, body from run").fetchall():
            at = manifest.index(package) + len(package)
            assert b"0.1.0" in manifest[at : at + 8]
            older = manifest[:at] + manifest[at:].replace(b"0.1.0", b"0.0.9", 1)
            connection.execute("update run set body = ? where id = ?", (older, run))
    capsys.readouterr()
    assert main(["verify", str(copied / "out")]) == 0
    assert "not checked: the marks of steps: 0.0.9 of this package made them" in capsys.readouterr().out
