"""Whatever is tampered with is named: file, row, field, what it says and what it should say."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from constitution_lang.ir.codec import dumps, loads, meaning_hash
from runtime.cli import main
from runtime.datasets.rows import read_rows, write_rows
from runtime.records import PreferenceRow, RevisionStatus, SftRow
from tests.runtime.provenance.reading import first, jsonl, misfits, write_jsonl
from tests.runtime.provenance.tampering import (
    change_manifest,
    change_record,
    double_record,
    drop_record,
    drop_result,
    spoil_record,
    tampered_vote,
)
from tests.runtime.small_run import CONSTITUTION, RUN_FILE, write_run


def test_an_untouched_run_fits(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(finished / "out"), "--quiet"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("all fits: ")
    assert "2 data sets, 4 checkpoints" in told.out
    assert "not checked" not in told.out
    assert told.err == ""


def test_every_part_of_it_fits_alone(finished: Path) -> None:
    out = finished / "out"
    paths = [out / "data", out / "data" / "sft.jsonl", out / "data" / "preference.parquet"]
    for path in (*paths, *(out / "checkpoints").iterdir()):
        assert misfits(path) == ()


@pytest.mark.parametrize(
    "run_file",
    [
        RUN_FILE + "\n[revision]\ncritique = false\n",
        RUN_FILE + "\n[pair]\npairs = 2\n",
        RUN_FILE + '\n[sft]\ntarget = "all"\n',
        RUN_FILE + "\n[tag]\nask = false\n",
    ],
)
def test_other_settings_fit_too(tmp_path: Path, run_file: str) -> None:
    text = CONSTITUTION.replace("rounds: 2\n  draw: 1", "rounds: 2\n  draw: 2")
    assert main(["run", str(write_run(tmp_path, constitution=text, run_file=run_file)), "--quiet"]) == 0
    assert misfits(tmp_path / "out") == ()


def test_reasoning_demonstrations_and_peoples_pairs_fit(tmp_path: Path) -> None:
    text = CONSTITUTION.replace("  decided: 60%\n", "  decided: 60%\n  reasoning: yes\n  clamp: 40% to 60%\n")
    run_file = RUN_FILE + 'demonstrations = [{ data = "shown.jsonl", kind = "helpful" }]\n'
    run_file += '\n[label]\nhuman = [{ data = "pairs.jsonl" }]\n\n[audit]\nhuman = [{ data = "pairs.jsonl" }]\n'
    file = write_run(tmp_path, constitution=text, run_file=run_file)
    pair = {"chosen": "\n\nHuman: Hi?\n\nAssistant: Yes.", "rejected": "\n\nHuman: Hi?\n\nAssistant: No."}
    (tmp_path / "pairs.jsonl").write_text(json.dumps(pair) + "\n")
    (tmp_path / "shown.jsonl").write_text('{"prompt": "What is tea?", "response": "A drink."}\n')
    assert main(["run", str(file), "--quiet"]) == 0
    assert {r.source for r in read_rows(tmp_path / "out" / "data" / "preference.jsonl", PreferenceRow)} == {
        "ai", "human",
    }  # fmt: skip
    assert misfits(tmp_path / "out") == ()
    change_record(tmp_path, "Response", lambda r: replace(r, finish="stop"), step="label")
    found = first(tmp_path)
    assert (found.kind, found.field, found.says, found.should) == ("Response", "finish", "stop", "given")


# --- published rows -----------------------------------------------------------------------------


def test_a_text_in_the_json_lines(copied: Path) -> None:
    rows = jsonl(copied, "sft")
    text = rows[4]["completion"]
    rows[4]["completion"] = "Something else."
    write_jsonl(copied, "sft", rows)
    found = first(copied)
    assert (Path(found.file).name, found.row, found.id) == ("sft.jsonl", 5, rows[4]["id"])
    assert (found.field, found.says) == ("completion", "Something else.")
    assert text.startswith(found.should[:20])


def test_a_text_in_the_parquet_file(copied: Path) -> None:
    path = copied / "out" / "data" / "preference.parquet"
    rows = list(read_rows(path, PreferenceRow))
    rows[1] = replace(rows[1], chosen="Something else.")
    write_rows(path, rows, PreferenceRow)
    found = first(copied)
    assert (Path(found.file).name, found.row, found.id) == ("preference.parquet", 2, rows[1].id)
    assert (found.field, found.says) == ("chosen", "Something else.")


def test_a_swapped_pair(copied: Path) -> None:
    rows = jsonl(copied, "preference")
    rows[0]["chosen"], rows[0]["rejected"] = rows[0]["rejected"], rows[0]["chosen"]
    write_jsonl(copied, "preference", rows)
    found = first(copied)
    assert (Path(found.file).name, found.row, found.field) == ("preference.jsonl", 1, "chosen")
    assert found.says[:30] == rows[0]["chosen"][:30]


def test_a_missing_row_an_added_row_and_a_doubled_row(copied: Path) -> None:
    rows = jsonl(copied, "sft")
    write_jsonl(copied, "sft", rows[:2] + rows[3:])
    found = first(copied)
    assert (found.row, found.id, found.field, found.says) == (3, rows[2]["id"], "row", "missing")
    strange = {**rows[0], "id": "f" * 32, "prompt": "0" * 32}
    write_jsonl(copied, "sft", [*rows, strange])
    found = first(copied)
    assert (found.row, found.id, found.field) == (len(rows) + 1, "f" * 32, "row")
    write_jsonl(copied, "sft", [*rows, rows[0]])
    assert "earlier one" in first(copied).says
    write_jsonl(copied, "sft", rows[::-1])
    assert first(copied).field == "order"


def test_a_line_that_is_no_row_and_a_file_that_is_gone(copied: Path) -> None:
    path = copied / "out" / "data" / "sft.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], "{", *lines[4:], ""]))
    found = first(copied)
    assert (Path(found.file).name, found.row, found.field) == ("sft.jsonl", 4, "line")
    path.unlink()
    assert (first(copied).field, first(copied).says) == ("file", "missing")


def test_other_bytes_with_the_same_rows(copied: Path) -> None:
    path = copied / "out" / "data" / "sft.parquet"
    write_rows(path, read_rows(path, SftRow), SftRow)  # without the schema's metadata
    found = first(copied)
    assert (Path(found.file).name, found.field) == ("sft.parquet", "sha256")


def test_the_pairs_that_are_left_to_people(tmp_path: Path) -> None:
    text = CONSTITUTION.replace("otherwise: weigh harm 2, autonomy 1", "otherwise: abstain")
    text, run_file = (
        text.replace("60%", "51%"),
        RUN_FILE.replace("seed = 3", "seed = 4"),
    )  # in which some pairs are left
    assert main(["run", str(write_run(tmp_path, constitution=text, run_file=run_file)), "--quiet"]) == 0
    assert misfits(tmp_path / "out") == ()
    path = tmp_path / "out" / "data" / "review.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0].replace('"outcome":"review"', '"outcome":"equal texts"'), *lines[1:], ""]))
    found = first(tmp_path)
    assert (Path(found.file).name, found.row, found.field) == ("review.jsonl", 1, "label.outcome")


# --- cards and constitutions --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda c: c | {"rows": 99}, "rows"),
        (lambda c: c | {"content": "0" * 64}, "content"),
        (lambda c: c | {"provenance": c["provenance"] | {"seed": 4}}, "provenance.seed"),
        (lambda c: c | {"provenance": c["provenance"] | {"constitution": "other"}}, "provenance.constitution"),
        (lambda c: c | {"models": c["models"][1:]}, "models[0][0]"),
    ],
)
def test_a_card_of_a_data_set(copied: Path, change: Callable[[Any], Any], field: str) -> None:
    path = copied / "out" / "data" / "sft.card.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    found = first(copied)
    assert (Path(found.file).name, found.field) == ("sft.card.json", field)


def test_a_weight_in_the_published_constitution(copied: Path) -> None:
    path = copied / "out" / "data" / "sft.bundle.json"
    bundle = loads(path.read_bytes())
    heavier = replace(bundle, categories=tuple(replace(c, weight=c.weight + 1) for c in bundle.categories))
    path.write_bytes(dumps(heavier))
    found = first(copied)
    assert (Path(found.file).name, found.field, found.says, found.should) == (
        "sft.bundle.json", "categories[0].weight", "2.0", "1.0",
    )  # fmt: skip


def test_a_weight_in_the_ledgers_constitution_is_found_by_its_hash_and_by_the_draws(copied: Path) -> None:
    def heavier(manifest: Any) -> Any:
        bundle = loads(manifest.bundle)
        categories = tuple(replace(c, weight=20.0 if c.id == "autonomy" else c.weight) for c in bundle.categories)
        return replace(manifest, bundle=dumps(replace(bundle, categories=categories)))

    change_manifest(copied, heavier)
    assert "meaning_hash" in first(copied).says

    def forged(manifest: Any) -> Any:
        bundle = loads(manifest.bundle)
        whole = replace(bundle, meaning_hash=meaning_hash(bundle))
        return replace(manifest, bundle=dumps(whole), meaning_hash=whole.meaning_hash)

    change_manifest(copied, forged)
    found = first(copied)
    assert found.kind == "Draw"


# --- the ledger ---------------------------------------------------------------------------------


def ledger_case(kind: str, step: str, change: Callable[[Any], Any], field: str) -> Any:
    return pytest.param(kind, step, change, field, id=f"{kind} {field}")


@pytest.mark.parametrize(
    ("kind", "step", "change", "field"),
    [
        ledger_case("PromptRecord", "data", lambda r: replace(r, turns=(replace(r.turns[0], text="?"),)), "id"),
        ledger_case(
            "CaseRecord", "tag",
            lambda r: replace(r, values=(replace(r.values[0], value="grave"),)) if r.values[0].key else None,
            "values[0].value",
        ),
        ledger_case("Response", "respond", lambda r: replace(r, text="Something else."), "text"),
        ledger_case("Response", "respond", lambda r: replace(r, key="0" * 32), "key"),
        ledger_case("Draw", "revise", lambda r: replace(r, share=0.123), "share"),
        ledger_case(
            "Draw", "revise", lambda r: replace(r, principle="autonomy.choice")
            if r.principle == "harm.kindness" else None, "principle",
        ),
        ledger_case("Critique", "revise", lambda r: replace(r, text="Fine."), "text"),
        ledger_case("Revision", "revise", lambda r: replace(r, text="Something else."), "text"),
        ledger_case("Revision", "revise", lambda r: replace(r, of="0" * 32), "of"),
        ledger_case("Revision", "revise", lambda r: replace(r, status=RevisionStatus.EMPTY), "status"),
        ledger_case("SftRow", "sft", lambda r: replace(r, completion="Something else."), "completion"),
        ledger_case("Response", "pair", lambda r: replace(r, text="Something else."), "text"),
        ledger_case(
            "Comparison", "pair",
            lambda r: replace(r, a=r.b, b=r.a, text_a=r.text_b, text_b=r.text_a), "a",
        ),
        ledger_case("Draw", "label", lambda r: replace(r, share=0.123), "share"),
        ledger_case("Label", "label", tampered_vote, "votes[1].log_odds (harm.kindness)"),
        ledger_case(
            "Label", "label", lambda r: replace(r, probability=0.75) if r.probability else None, "probability"
        ),
        ledger_case("PreferenceRow", "label", lambda r: replace(r, probability=0.99), "probability"),
        ledger_case("Label", "evaluate", lambda r: replace(r, probability=0.75) if r.probability else None,
                    "probability"),
    ],
)  # fmt: skip
def test_a_row_of_the_ledger(copied: Path, kind: str, step: str, change: Callable[[Any], Any], field: str) -> None:
    before = change_record(copied, kind, change, step=step)
    found = first(copied)
    if field != "votes[1].log_odds (harm.kindness)":
        assert found.field == field
    else:
        assert found.field.startswith("votes[1].log_odds (")
    assert found.kind == kind
    assert found.says != found.should
    assert found.row > 0
    assert Path(found.file).name == "ledger.sqlite"
    if kind not in {"PromptRecord", "Comparison"}:
        assert found.id in {getattr(before, name, None) for name in ("id", "comparison", "prompt")}


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("CaseRecord", "tag"), ("Draw", "revise"), ("Revision", "revise"), ("Critique", "revise"), ("SftRow", "sft"),
        ("Response", "pair"), ("Comparison", "pair"), ("Draw", "label"), ("Label", "label"), ("PreferenceRow", "label"),
    ],
)  # fmt: skip
def test_a_row_that_is_gone_from_the_ledger(copied: Path, kind: str, step: str) -> None:
    gone = drop_record(copied, kind, step)
    found = first(copied)
    told = f"{found.says} {found.should} {found.field} {found.id}"
    names = {getattr(gone, name, None) for name in ("id", "comparison", "prompt")} - {None}
    assert any(name in told for name in names), found


@pytest.mark.parametrize(("kind", "step"), [("SftRow", "sft"), ("PreferenceRow", "label"), ("Comparison", "pair")])
def test_a_row_that_is_added_to_the_ledger(copied: Path, kind: str, step: str) -> None:
    added = double_record(copied, kind, step, lambda r: replace(r, id="f" * 32))
    found = first(copied)
    assert found.id == added.id == "f" * 32


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("PromptRecord", "data"), ("CaseRecord", "tag"), ("Draw", "revise"), ("SftRow", "sft"), ("Comparison", "pair"),
        ("Label", "evaluate"), ("Checkpoint", "sft"), ("TrainingStep", "sft"), ("Measure", "evaluate"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_read_is_named(
    copied: Path, kind: str, step: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil_record(copied, kind, step, 1)
    found = first(copied)
    assert (found.kind, found.row, found.field) == (kind, 1, "record")
    assert f"of step {step}" in found.should
    assert main(["verify", str(copied / "out"), "--quiet"]) == 1
    assert f"{kind} row 1" in capsys.readouterr().out


def test_an_answer_that_is_gone(copied: Path) -> None:
    before = change_record(copied, "Critique", lambda r: r, step="revise", nth=3)
    drop_result(copied, before.key)
    found = first(copied)
    assert (found.id, found.field, found.says) == (before.id, "key", before.key)


def test_another_seed_moves_every_key(copied: Path) -> None:
    change_manifest(copied, lambda m: replace(m, config=m.config.replace(b'"seed":3', b'"seed":4')))
    found = first(copied)
    assert (found.kind, found.field) == ("Response", "key")


def test_all_lists_all(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for nth in (0, 3):
        change_record(copied, "Critique", lambda r: replace(r, text="Fine."), nth=nth)
    assert main(["verify", "--run", str(copied / "out"), "--quiet", "--all", "--format", "json"]) == 1
    told = json.loads(capsys.readouterr().out)
    texts = [m for m in told["misfits"] if m["kind"] == "Critique" and m["field"] == "text"]
    assert [m["says"] for m in texts] == ["Fine.", "Fine."]
    assert main(["verify", "--run", str(copied / "out"), "--quiet"]) == 1
    assert "this is the first" in capsys.readouterr().out


# --- without a ledger ---------------------------------------------------------------------------


def test_a_folder_of_data_is_verified_alone(copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(copied / "out" / "data", tmp_path / "alone" / "data")
    data = tmp_path / "alone" / "data"
    assert main(["verify", str(data), "--quiet"]) == 0
    assert "there is no ledger" in capsys.readouterr().out
    lines = (data / "sft.jsonl").read_text().splitlines()
    row = json.loads(lines[2])
    (data / "sft.jsonl").write_text("\n".join([*lines[:2], *lines[3:], ""]))
    assert misfits(data)[0].field == "row"
    row["turns"][0]["text"] = "Another question?"
    (data / "sft.jsonl").write_text("\n".join([*lines[:2], json.dumps(row), *lines[3:], ""]))
    found = misfits(data)
    assert {m.file for m in found} == {str(data / "sft.jsonl"), str(data / "sft.card.json")}
    assert (found[0].row, found[0].id, found[0].field) == (3, row["id"], "turns[0].text")


def test_which_of_two_files_was_changed_is_known_by_the_card(copied: Path, tmp_path: Path) -> None:
    shutil.copytree(copied / "out" / "data", tmp_path / "alone" / "data")
    data = tmp_path / "alone" / "data"
    lines = (data / "sft.jsonl").read_text().splitlines()
    for n in (2, 4):
        row = json.loads(lines[n])
        row["completion"] += " And more."
        lines[n] = json.dumps(row)
    (data / "sft.jsonl").write_text("\n".join([*lines, ""]))
    found = [m for m in misfits(data) if m.row]
    assert [(Path(m.file).name, m.row, m.field) for m in found] == [
        ("sft.jsonl", 3, "completion"), ("sft.jsonl", 5, "completion"),
    ]  # fmt: skip
    (data / "sft.parquet").unlink()
    found = list(misfits(data))
    assert [(Path(m.file).name, m.field) for m in found][:2] == [("sft.parquet", "file"), ("sft.jsonl", "rows' hash")]


@pytest.mark.parametrize("card", ["data/sft.card.json", "checkpoints/CHECKPOINT/card.json"])
def test_a_field_more_in_a_card(copied: Path, card: str) -> None:
    out = copied / "out"
    path = out / card.replace("CHECKPOINT", next((out / "checkpoints").iterdir()).name)
    path.write_text(path.read_text().replace("{", '{"note": "ours",', 1))
    found = first(copied)
    assert Path(found.file) == path
    assert "note" in found.says


def test_what_cannot_be_verified_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(tmp_path)]) == 2
    assert "Name a run's folder" in capsys.readouterr().err


def test_a_comment_changes_nothing_that_is_verified(copied: Path) -> None:
    (copied / "small.const").write_text("# A comment.\n\n" + CONSTITUTION)
    assert main(["run", str(copied / "run.toml"), "--quiet"]) == 0
    assert misfits(copied / "out") == ()


def test_a_second_run_in_the_folder_fits_too(copied: Path) -> None:
    text = CONSTITUTION.replace("weight: 3", "weight: 2")
    (copied / "small.const").write_text(text)
    assert main(["run", str(copied / "run.toml"), "--quiet"]) == 0
    assert misfits(copied / "out") == ()
