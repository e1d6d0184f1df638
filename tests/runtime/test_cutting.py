"""A whole run in which some conversations do not fit into the model's context."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from runtime.cli import main
from runtime.config import TooLong
from runtime.engines.scripted import ScriptedTokenizer
from runtime.ledger.store import Ledger
from runtime.progress import SilentProgress
from runtime.provenance.misfits import Misfit
from runtime.provenance.verify import find_target, verify
from runtime.records import PromptCut, PromptRecord
from runtime.run_file import load_run_file
from tests.runtime.provenance.tampering import change_record, double_record, drop_record
from tests.runtime.small_run import COUNT, RUN_FILE, data_sets, row_sets, write_run

CONTEXT = 1000
LONG = 3
"""Every so many prompts is a conversation of five turns."""
CUT = RUN_FILE.replace("[prompts]\n", '[prompts]\ntoo_long = "cut"\n')


def write(folder: Path, run_file: str = CUT, *, long: bool = True) -> Path:
    file = write_run(folder, run_file=run_file)
    rows = []
    for n in range(COUNT):
        asked = {"role": "user", "content": f"How would I do thing number {n}?"}
        before = []
        if long and n % LONG == 0:
            for at, size in enumerate((300, 300, 180, 180)):
                before.append({"role": ("user", "assistant")[at % 2], "content": f"{at}" * size})
        rows.append(json.dumps({"messages": [*before, asked]}) + "\n")
    (folder / "prompts.jsonl").write_text("".join(rows))
    return file


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every scripted model has a small context."""
    _shrink(monkeypatch)


def _shrink(patch: pytest.MonkeyPatch, context_max: int = CONTEXT) -> None:
    patch.setattr(ScriptedTokenizer.__init__, "__defaults__", (context_max,))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cut")
    with pytest.MonkeyPatch.context() as patch:
        _shrink(patch)
        assert main(["run", str(write(folder)), "--quiet"]) == 0
    return folder


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path / "copy")
    return tmp_path / "copy"


def read(folder: Path) -> tuple[list[PromptCut], dict[str, PromptRecord]]:
    with Ledger.open(folder / "out" / "ledger.sqlite", read_only=True) as ledger:
        run = ledger.latest_run().id
        return ledger.read(run, PromptCut), {p.id: p for p in ledger.read(run, PromptRecord)}


def calls(said: str) -> int:
    found = re.search(r"(\d+) answers from models", " ".join(said.split()))
    assert found
    return int(found[1])


def test_every_question_that_was_cut_is_recorded_with_its_step(finished: Path) -> None:
    cuts, prompts = read(finished)
    assert {cut.prompt for cut in cuts} == {id for id, p in prompts.items() if len(p.turns) == 5}
    assert {cut.step for cut in cuts} >= {"respond", "revise", "pair", "label", "evaluate"}
    assert {cut.turns for cut in cuts} == {2, 4}
    for cut in cuts:
        assert cut.tokens_after <= cut.room < cut.tokens_before
        assert cut.rule == "oldest turns"
        assert (cut.asked == "") == (cut.step in ("respond", "pair") or (cut.step == "evaluate" and cut.round % 2 == 0))
    answered = [cut for cut in cuts if cut.step == "respond"]
    [whole] = {p.turns for id, p in prompts.items() if id == answered[0].prompt}
    assert answered[0].turns == 2
    assert answered[0].tokens_before == len(ScriptedTokenizer().encode(whole))
    assert answered[0].tokens_after == len(ScriptedTokenizer().encode(whole[2:]))
    assert answered[0].room == CONTEXT - 192


@pytest.mark.usefixtures("small")
def test_two_runs_agree_and_training_rows_keep_the_whole_conversation(finished: Path, tmp_path: Path) -> None:
    assert main(["run", str(write(tmp_path)), "--quiet"]) == 0
    assert data_sets(tmp_path) == data_sets(finished)
    assert read(tmp_path) == read(finished)
    lines = (tmp_path / "out" / "data" / "sft.jsonl").read_text().splitlines()
    assert {len(json.loads(line)["turns"]) for line in lines} == {1, 5}


@pytest.mark.usefixtures("small")
def test_going_on_asks_nothing_again_and_says_it_again(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, sets = read(copied), data_sets(copied)
    assert main(["run", str(copied / "run.toml"), "--quiet"]) == 0
    told = capsys.readouterr()
    assert calls(told.out) == 0
    assert " 0 steps done now" in f" {' '.join(told.out.split())}"
    number = len({cut.prompt for cut in before[0] if cut.step == "respond"})
    assert f"respond: {number} prompts were cut" in told.err + told.out
    assert read(copied) == before
    assert data_sets(copied) == sets


@pytest.mark.usefixtures("small")
def test_the_error_is_what_happens_unasked_also_after_a_run_that_cut(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copied / "run.toml").write_text(RUN_FILE)
    assert main(["run", str(copied / "run.toml"), "--quiet"]) == 2
    told = capsys.readouterr().err
    assert re.search(r"prompts\.jsonl:\d+: this prompt takes \d+ tokens", told)
    assert 'too_long = "cut"' in told


@pytest.mark.usefixtures("small")
def test_after_the_error_the_rule_lets_the_run_go_on(finished: Path, tmp_path: Path) -> None:
    file = write(tmp_path, RUN_FILE)
    assert main(["run", str(file), "--quiet"]) == 2
    file.write_text(CUT)
    assert main(["run", str(file), "--quiet"]) == 0
    assert row_sets(tmp_path) == row_sets(finished)


def test_with_more_room_cut_steps_are_done_again(copied: Path, tmp_path: Path) -> None:
    limited = CUT.replace("[models]", "[engine.vllm]\ncontext_max = 5000\n\n[models]")
    (copied / "run.toml").write_text(limited)
    assert main(["run", str(copied / "run.toml"), "--quiet"]) == 0
    assert read(copied)[0] == []
    assert main(["run", str(write(tmp_path / "roomy")), "--quiet"]) == 0
    assert row_sets(copied) == row_sets(tmp_path / "roomy")


@pytest.mark.usefixtures("small")
def test_plan_verify_explain_and_report_tell(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cuts, _ = read(copied)
    number = len({cut.prompt for cut in cuts if cut.step == "respond"})
    assert main(["plan", str(copied / "run.toml")]) == 0
    planned = " ".join(capsys.readouterr().out.split())
    assert f"respond: {number} prompts are cut: the oldest turns are left out of {number} questions" in planned
    assert main(["verify", str(copied / "out"), "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("all fits: ")
    some = next(cut for cut in cuts if cut.step == "respond")
    assert main(["explain", some.prompt, "--run", str(copied / "out")]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "Cut to fit the model's context" in told
    assert (
        f"without its first 2 turns, {some.tokens_after} tokens instead of {some.tokens_before}, of {some.room} at most"
        in told
    )
    assert "Prompts that did not fit into a model's context" in (copied / "out" / "report.html").read_text()


@pytest.mark.usefixtures("small")
def test_a_plan_from_nothing_counts_them_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path)
    assert main(["plan", str(file)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert re.search(r"respond: \d prompts are cut", told)
    assert re.search(r"label: \d prompts are cut", told)


def test_where_all_fits_the_rule_changes_no_row_and_asks_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, RUN_FILE, long=False)
    assert main(["run", str(file), "--quiet"]) == 0
    rows = row_sets(tmp_path)
    capsys.readouterr()
    file.write_text(CUT)
    assert main(["run", str(file), "--quiet"]) == 0
    told = capsys.readouterr()
    assert calls(told.out) == 0
    assert "were cut" not in told.err + told.out
    assert row_sets(tmp_path) == rows
    assert "Prompts that did not fit" not in (tmp_path / "out" / "report.html").read_text()


def test_the_run_file_declares_it(tmp_path: Path) -> None:
    assert load_run_file(write(tmp_path))[0].prompts.too_long is TooLong.CUT
    assert load_run_file(write(tmp_path, RUN_FILE))[0].prompts.too_long is TooLong.ERROR


def verified(folder: Path) -> tuple[Misfit, ...]:
    return verify([find_target(folder / "out")], models=(), progress=SilentProgress(), first_only=False).misfits


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("step", ["respond", "revise", "pair", "label", "evaluate"])
def test_a_record_of_a_cut_is_derived_from_its_question(copied: Path, step: str) -> None:
    assert verified(copied) == ()
    before = change_record(copied, "PromptCut", lambda r: replace(r, turns=6 - r.turns), step=step)
    found = verified(copied)
    assert [(m.kind, m.id, m.field) for m in found] == [("PromptCut", before.id, "turns")]
    assert (found[0].says, found[0].should) == (str(6 - before.turns), str(before.turns))
    change_record(copied, "PromptCut", lambda r: before if r.id == before.id else None, step=step)
    gone = drop_record(copied, "PromptCut", step)
    [found_gone] = verified(copied)
    assert (found_gone.id, found_gone.says) == (gone.id, "missing")


@pytest.mark.usefixtures("small")
def test_a_cut_that_nobody_made_is_named(copied: Path) -> None:
    made = double_record(copied, "PromptCut", "respond", lambda r: replace(r, id="f" * 32, asked="tag/severity"))
    [found] = verified(copied)
    assert (found.id, found.field, found.says) == (made.id, "row", "a prompt that was cut")


def test_a_question_that_no_longer_fits_is_named_and_not_a_fault(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run was made with more room than there is now."""
    _shrink(monkeypatch, 300)
    assert "a question that fits into the model's context" in {m.should for m in verified(copied)}
