from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from runtime.cli import main
from runtime.datasets.rows import read_rows
from runtime.ledger.runs import Step
from runtime.ledger.store import Ledger
from runtime.records import (
    CaseRecord,
    Comparison,
    Critique,
    Draw,
    Label,
    LabelOutcome,
    Measure,
    PreferenceRow,
    PromptRecord,
    Revision,
    RevisionStatus,
    SftRow,
)
from tests.runtime.small_run import CONSTITUTION, RUN_FILE, data_sets, row_sets, write_run


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    assert main(["run", str(write_run(folder)), "--quiet"]) == 0
    return folder


def opened(folder: Path) -> tuple[Ledger, str]:
    ledger = Ledger.open(folder / "out" / "ledger.sqlite", read_only=True)
    return ledger, ledger.latest_run().id


def test_every_row_names_principles_of_the_constitution(done: Path) -> None:
    sft = read_rows(done / "out" / "data" / "sft.jsonl", SftRow)
    preferences = read_rows(done / "out" / "data" / "preference.parquet", PreferenceRow)
    known = {"harm.weapons", "harm.kindness", "autonomy.choice"}
    assert sft
    assert preferences
    for row in (*sft, *preferences):
        assert row.principles
        assert set(row.principles) <= known
    assert all(len(row.principles) == 2 for row in sft)


def test_explain_finds_every_row(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        *read_rows(done / "out" / "data" / "sft.jsonl", SftRow),
        *read_rows(done / "out" / "data" / "preference.jsonl", PreferenceRow),
    ]
    for row in rows:
        assert main(["explain", row.id, "--run", str(done / "out")]) == 0
        told = capsys.readouterr().out
        assert all(principle in told for principle in row.principles)
        assert re.search(r"small\.const:\d+", told)


def test_texts_follow_one_another(done: Path) -> None:
    ledger, run = opened(done)
    with ledger:
        revisions = ledger.read(run, Revision)
        critiques = {c.id: c for c in ledger.read(run, Critique)}
        by_id = {r.id: r for r in revisions}
        assert {r.round for r in revisions} == {0, 1}
        for row in revisions:
            assert row.critique is not None
            assert critiques[row.critique].of == row.of
            if row.round == 1:
                assert by_id[row.of].round == 0
            if row.status is RevisionStatus.REVISED:
                assert row.text == row.raw != ""


def test_equal_pairs_are_not_labelled_and_disputes_go_to_review(done: Path) -> None:
    ledger, run = opened(done)
    with ledger:
        comparisons = {c.id: c for c in ledger.read(run, Comparison, Step.PAIR)}
        labels = ledger.read(run, Label, Step.LABEL)
        rows = {r.comparison for r in ledger.read(run, PreferenceRow, Step.LABEL)}
    assert len(labels) == len(comparisons) == 12
    for label in labels:
        pair = comparisons[label.comparison]
        assert (label.outcome is LabelOutcome.EQUAL) == (pair.text_a == pair.text_b)
        assert (label.comparison in rows) == (label.outcome is LabelOutcome.LABELLED)
    review = (done / "out" / "data" / "review.jsonl").read_text().splitlines()
    assert len(review) == sum(x.outcome is LabelOutcome.REVIEW for x in labels)


def test_narrow_principle_is_drawn_only_where_it_applies(done: Path) -> None:
    from runtime.records import CaseRecord

    ledger, run = opened(done)
    with ledger:
        cases = {c.prompt: c.mapping for c in ledger.read(run, CaseRecord)}
        draws = ledger.read(run, Draw)
    drawn = [d for d in draws if d.principle == "harm.weapons"]
    assert drawn
    assert all(cases[d.prompt]["severity"] != "none" for d in drawn)


def test_the_second_run_asks_nothing(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = data_sets(done)
    assert main(["run", str(done / "run.toml"), "--quiet"]) == 0
    assert "0 steps done now" in capsys.readouterr().out
    assert data_sets(done) == before


def test_two_fresh_runs_make_the_same_bytes(done: Path, tmp_path: Path) -> None:
    assert main(["run", str(write_run(tmp_path)), "--quiet"]) == 0
    assert data_sets(tmp_path) == data_sets(done)


def test_a_comment_moves_nothing(done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(done, tmp_path / "copy")
    before = row_sets(tmp_path / "copy")
    (tmp_path / "copy" / "small.const").write_text("# A comment.\n" + CONSTITUTION)
    assert main(["run", str(tmp_path / "copy" / "run.toml"), "--quiet"]) == 0
    assert " 0 answers from models" in capsys.readouterr().out
    assert row_sets(tmp_path / "copy") == before


def test_a_reworded_principle_asks_only_what_carries_its_words(
    done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(done, tmp_path / "copy")
    changed = CONSTITUTION.replace("Let people decide about their own lives.", "Let people choose for themselves.")
    (tmp_path / "copy" / "small.const").write_text(changed)
    assert main(["run", str(tmp_path / "copy" / "run.toml"), "--quiet"]) == 0
    told = re.search(r"(\d+) answers from models, (\d+) reused", capsys.readouterr().out)
    assert told is not None
    asked, reused = map(int, told.groups())
    assert asked > 0
    assert reused > 12
    write_run(tmp_path / "fresh", constitution=changed)
    assert main(["run", str(tmp_path / "fresh" / "run.toml"), "--quiet"]) == 0
    assert data_sets(tmp_path / "copy") == data_sets(tmp_path / "fresh")


def test_a_bundle_runs_as_its_text_does(done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from constitution_lang.cli import main as compile_main

    run_file = write_run(tmp_path, run_file=RUN_FILE.replace("small.const", "small.bundle.json"))
    assert compile_main(["build", str(tmp_path / "small.const")]) == 0
    assert main(["run", str(run_file), "--quiet"]) == 0
    assert row_sets(tmp_path) == row_sets(done)
    bundle = tmp_path / "small.bundle.json"
    bundle.write_text(bundle.read_text().replace("Be kind.", "Be cruel."))
    capsys.readouterr()
    assert main(["run", str(run_file), "--quiet"]) == 2
    assert "build it again" in capsys.readouterr().err


def test_a_case_is_that_of_the_row_that_the_ledger_keeps(tmp_path: Path) -> None:
    """The conversation is audited too, where nothing is said of its case."""
    run_file = RUN_FILE + 'demonstrations = [{ data = "shown.jsonl", kind = "helpful" }]\n'
    file = write_run(tmp_path, run_file=run_file + '\n[audit]\nhuman = [{ data = "pairs.jsonl" }]\n')
    pair = {"chosen": "\n\nHuman: Hi?\n\nAssistant: Yes.", "rejected": "\n\nHuman: Hi?\n\nAssistant: No."}
    (tmp_path / "pairs.jsonl").write_text(json.dumps(pair) + "\n")
    (tmp_path / "shown.jsonl").write_text('{"prompt": "Hi?", "response": "Hello.", "severity": "grave"}\n')
    assert main(["run", str(file), "--quiet"]) == 0
    with Ledger.open(tmp_path / "out" / "ledger.sqlite", read_only=True) as ledger:
        run = ledger.latest_run().id
        [prompt] = [p for p in ledger.read(run, PromptRecord) if p.demonstration]
        [case] = [c for c in ledger.read(run, CaseRecord) if c.prompt == prompt.id]
    assert (case.values[0].value, case.values[0].origin) == ("grave", "data")
    assert main(["verify", str(tmp_path / "out"), "--quiet"]) == 0


def test_an_audit_leaves_the_run_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_file = RUN_FILE + '\n[audit]\nhuman = [{ data = "pairs.jsonl" }]\n'
    file = write_run(tmp_path, run_file=run_file)
    pair = {"chosen": "\n\nHuman: Hi?\n\nAssistant: Yes.", "rejected": "\n\nHuman: Hi?\n\nAssistant: No."}
    (tmp_path / "pairs.jsonl").write_text(json.dumps(pair) + "\n")
    assert main(["run", str(file), "--quiet"]) == 0
    rows = read_rows(tmp_path / "out" / "data" / "sft.jsonl", SftRow)
    assert main(["audit", str(file), "--quiet"]) == 0
    assert "agrees with people" in capsys.readouterr().out
    assert main(["explain", rows[0].id, "--run", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert "Case" in told
    assert "missing" not in told


def test_a_changed_column_is_seen(done: Path, tmp_path: Path) -> None:
    shutil.copytree(done, tmp_path / "copy")
    for folder in (tmp_path / "copy", tmp_path / "fresh"):
        file = write_run(folder)
        prompts = folder / "prompts.jsonl"
        prompts.write_text(prompts.read_text().replace('"grave"', '"none"'))
        assert main(["run", str(file), "--quiet"]) == 0
    assert data_sets(tmp_path / "copy") == data_sets(tmp_path / "fresh") != data_sets(done)


def test_prompts_that_no_principle_touches_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    narrow = CONSTITUTION.replace('"Kindness"\n', '"Kindness"\n  applies when severity is grave\n')
    narrow = narrow.replace('"Their choice"\n', '"Their choice"\n  applies when severity is grave\n')
    assert main(["run", str(write_run(tmp_path, constitution=narrow)), "--quiet"]) == 0
    assert "to which no principle applies" in capsys.readouterr().err


def test_a_prompt_that_is_too_long_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_run(tmp_path)
    with (tmp_path / "prompts.jsonl").open("a") as out:
        out.write(json.dumps({"prompt": "long " * 20_000}) + "\n")
    (tmp_path / "run.toml").write_text(RUN_FILE.replace(", limit = 12", ""))
    assert main(["run", str(file), "--quiet"]) == 2
    assert "prompts.jsonl:17" in capsys.readouterr().err


def test_revision_without_critique(tmp_path: Path) -> None:
    run_file = RUN_FILE + "\n[revision]\ncritique = false\n"
    assert main(["run", str(write_run(tmp_path, run_file=run_file)), "--quiet"]) == 0
    ledger, run = opened(tmp_path)
    with ledger:
        assert ledger.count(run, Critique) == 0
        assert all(r.compiled.startswith("revise_direct/") for r in ledger.read(run, Revision))


def test_reasoned_labels_are_clamped(tmp_path: Path) -> None:
    text = CONSTITUTION.replace("  decided: 60%\n", "  decided: 60%\n  reasoning: yes\n  clamp: 40% to 60%\n")
    assert main(["run", str(write_run(tmp_path, constitution=text)), "--quiet"]) == 0
    ledger, run = opened(tmp_path)
    with ledger:
        labels = [x for x in ledger.read(run, Label, Step.LABEL) if x.probability is not None]
    assert labels
    assert all(0.4 - 1e-12 <= (x.probability or 0) <= 0.6 + 1e-12 for x in labels)
    assert all(len(v.reasoning) == 2 for x in labels for v in x.votes)


def test_evaluation_holds_every_policy(done: Path) -> None:
    ledger, run = opened(done)
    with ledger:
        measures = ledger.read(run, Measure)
    assert {m.of for m in measures} == {"base", "SL-CAI", "DPO", "PPO"}
    assert all(m.low <= m.value <= m.high for m in measures if m.count)
    assert not any(m.name.startswith("better") for m in measures if m.of == "base")


@pytest.mark.parametrize(
    ("run_file", "code", "said"),
    [
        (RUN_FILE.replace("small.const", "smal.const"), 2, "smal.const"),
        (RUN_FILE.replace("prompts.jsonl", "missing.jsonl"), 2, "missing.jsonl"),
        (RUN_FILE.replace("limit = 12 }", 'column = "question" }'), 2, "question"),
        (RUN_FILE.replace("seed = 3", "sead = 3"), 2, "did you mean 'seed'"),
        (RUN_FILE.replace("seed = 3", "seed = 'x'"), 2, "seed"),
        (RUN_FILE.replace('[models]\npolicy = "policy"', "[models]"), 2, "models.policy"),
        ("constitution = ", 2, "TOML"),
        (RUN_FILE.replace("seed = 3", "seed = -3"), 2, "seed"),
        (RUN_FILE + '\n[evaluation]\ncategories = ["nope"]\n', 2, "autonomy, harm"),
    ],
)
def test_a_bad_run_file_is_one_clear_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], run_file: str, code: int, said: str
) -> None:
    assert main(["run", str(write_run(tmp_path, run_file=run_file)), "--quiet"]) == code
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told


def test_a_constitution_with_errors_is_shown_as_the_compiler_shows_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_run(tmp_path, constitution=CONSTITUTION.replace("prefer harm", "prefer harn"))
    assert main(["run", str(file), "--quiet"]) == 1
    told = capsys.readouterr().err
    assert "small.const:29" in told
    assert "harn" in told


def test_a_value_that_is_not_declared_names_the_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_run(tmp_path)
    with (tmp_path / "prompts.jsonl").open("a") as out:
        out.write('{"prompt": "And this?", "severity": "awful"}\n')
    (tmp_path / "run.toml").write_text(RUN_FILE.replace(", limit = 12", "").replace("offset = 12", "offset = 13"))
    assert main(["run", str(file), "--quiet"]) == 2
    told = capsys.readouterr().err
    assert "prompts.jsonl:17" in told
    assert "none, minor, grave" in told


def test_a_missing_model_is_one_clear_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_file = RUN_FILE.replace('kind = "scripted"', 'kind = "transformers"').replace('"policy"', '"./no-such-model"')
    assert main(["run", str(write_run(tmp_path, run_file=run_file)), "--quiet"]) == 2
    assert "no-such-model" in capsys.readouterr().err


def test_blocks_of_any_size_give_the_same_data_sets(
    done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.session.CHUNK_ROWS", 1)
    assert main(["run", str(write_run(tmp_path)), "--quiet"]) == 0
    assert data_sets(tmp_path) == data_sets(done)
