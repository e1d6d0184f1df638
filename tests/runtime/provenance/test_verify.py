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
from runtime.progress import SilentProgress
from runtime.provenance.misfits import Misfit
from runtime.provenance.verify import find_target, verify
from runtime.records import PreferenceRow, RevisionStatus, SftRow
from tests.runtime.provenance.tampering import (
    change_manifest,
    change_record,
    double_record,
    drop_record,
    drop_result,
)
from tests.runtime.small_run import CONSTITUTION, RUN_FILE, write_run


def misfits(path: Path) -> tuple[Misfit, ...]:
    return verify([find_target(path)], models=(), progress=SilentProgress(), first_only=False).misfits


def first(folder: Path) -> Misfit:
    found = verify([find_target(folder / "out")], models=(), progress=SilentProgress(), first_only=True).misfits
    assert len(found) == 1
    return found[0]


def jsonl(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "out" / "data" / f"{name}.jsonl").read_text().splitlines()]


def write_jsonl(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows]
    (folder / "out" / "data" / f"{name}.jsonl").write_text("".join(lines))


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
    assert first(copied).field == "content"


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


def tampered_vote(label: Any) -> Any:
    if not label.votes or label.votes[1].log_odds is None:
        return None
    votes = list(label.votes)
    votes[1] = replace(votes[1], log_odds=votes[1].log_odds + 1)
    return replace(label, votes=tuple(votes))


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


# --- what only measures, and what was cut --------------------------------------------------------


def another_judge(label: Any) -> Any:
    if not label.votes:
        return None
    first = label.votes[0]
    other = "harm.kindness" if first.principle != "harm.kindness" else "autonomy.choice"
    return replace(label, votes=(replace(first, principle=other), *label.votes[1:]))


def a_word_more(measure: Any) -> Any:
    return replace(measure, value=measure.value + 1) if measure.name.startswith("words") else None


def a_refusal_more(measure: Any) -> Any:
    return replace(measure, value=0.9) if measure.name.startswith("refuses") else None


@pytest.mark.parametrize(
    ("kind", "change", "field"),
    [
        ("Label", another_judge, "votes"),
        ("Response", lambda r: replace(r, text="Something else."), "text"),
        ("Response", lambda r: replace(r, key="0" * 32), "key"),
        ("Comparison", lambda r: replace(r, text_a=r.text_b, text_b=r.text_a), "text_a"),
        ("Measure", a_word_more, "base, words: benign: value"),
        ("Measure", a_refusal_more, "base, refuses: benign: value"),
    ],
)
def test_a_row_of_the_evaluation(copied: Path, kind: str, change: Callable[[Any], Any], field: str) -> None:
    change_record(copied, kind, change, step="evaluate")
    found = first(copied)
    assert (found.kind, found.field) == (kind, field)
    assert found.says != found.should


def test_the_principles_that_judge_are_those_that_are_drawn(copied: Path) -> None:
    before = change_record(copied, "Label", another_judge, step="evaluate")
    found = first(copied)
    assert found.id == before.comparison
    drawn = [vote.principle for vote in before.votes]
    assert all(principle in found.should for principle in drawn)
    assert "drawn" in found.should


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("Response", "an answer of"),
        ("Comparison", "judged under"),
        ("Label", "judged under"),
        ("Measure", "missing"),
    ],
)
def test_a_row_that_is_gone_from_the_evaluation(copied: Path, kind: str, told: str) -> None:
    drop_record(copied, kind, "evaluate")
    assert any(told in f"{m.says} {m.should}" for m in misfits(copied / "out"))


AUDITED = RUN_FILE + '\n[audit]\nhuman = [{ data = "pairs.jsonl" }]\n'


@pytest.fixture(scope="module", params=["in the run", "alone"])
def audited(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with an audit in it, or followed by an audit that is a run of its own."""
    folder = tmp_path_factory.mktemp("audited")
    alone = request.param == "alone"
    file = write_run(folder, run_file=RUN_FILE if alone else AUDITED)
    pairs = [
        {"chosen": f"\n\nHuman: Thing {n}?\n\nAssistant: Yes.", "rejected": f"\n\nHuman: Thing {n}?\n\nAssistant: No."}
        for n in (1, 1, 2, 3)
    ]
    pairs[1]["rejected"] += " Never."
    (folder / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    assert main(["run", str(file), "--quiet"]) == 0
    if alone:
        file.write_text(AUDITED)
        assert main(["audit", str(file), "--quiet"]) == 0
    return folder


def test_an_audit_fits_and_what_nobody_can_derive_is_said(audited: Path) -> None:
    found = verify([find_target(audited / "out")], models=(), progress=SilentProgress(), first_only=False)
    assert found.misfits == ()
    assert [line for line in found.unchecked if "audit" in line]


@pytest.mark.parametrize(
    ("kind", "change", "field"),
    [
        ("Label", another_judge, "votes"),
        ("Label", tampered_vote, "votes[1].log_odds"),
        ("Comparison", lambda r: replace(r, text_a="Perhaps."), "text_a"),
        (
            "Measure", lambda r: replace(r, value=0.4321) if r.name.startswith("answer flips") else None,
            "labeler, answer flips with the order: value",
        ),
    ],
)  # fmt: skip
def test_a_row_of_an_audit(audited: Path, tmp_path: Path, kind: str, change: Callable[[Any], Any], field: str) -> None:
    shutil.copytree(audited, tmp_path / "copy")
    change_record(tmp_path / "copy", kind, change, step="audit")
    found = first(tmp_path / "copy")
    assert (found.kind, found.field[: len(field)]) == (kind, field)


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


# --- checkpoints --------------------------------------------------------------------------------


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


# --- without a ledger ---------------------------------------------------------------------------


def test_a_folder_of_data_is_verified_alone(copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(copied / "out" / "data", tmp_path / "alone" / "data")
    data = tmp_path / "alone" / "data"
    assert main(["verify", str(data), "--quiet"]) == 0
    assert "there is no ledger" in capsys.readouterr().out
    lines = (data / "sft.jsonl").read_text().splitlines()
    row = json.loads(lines[2])
    (data / "sft.jsonl").write_text("\n".join([*lines[:2], *lines[3:], ""]))
    assert [m.field for m in misfits(data)][:2] == ["rows", "row"]
    row["turns"][0]["text"] = "Another question?"
    (data / "sft.jsonl").write_text("\n".join([*lines[:2], json.dumps(row), *lines[3:], ""]))
    found = misfits(data)[0]
    assert (found.row, found.id, found.field) == (3, row["id"], "prompt")


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
