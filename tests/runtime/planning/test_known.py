"""The column *known* counts every answer that a step rests on, whether a record names it or not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.engines import scripted
from runtime.ledger.runs import Step, StepId
from runtime.ledger.store import Ledger
from runtime.records import CaseRecord, ValueOrigin
from tests.runtime.planning.done import planned, ran
from tests.runtime.planning.edits import BASE, commented, reworded
from tests.runtime.small_run import RUN_FILE, write_run

TAG = StepId(Step.TAG)
BLANK = RUN_FILE.replace("prompts.jsonl", "blank.jsonl")


def questions(file: Path) -> dict[StepId, int]:
    """All that the steps of the latest run asked, whoever had answered it."""
    found: dict[StepId, int] = {}
    with Ledger.open(file.parent / "out" / "ledger.sqlite", read_only=True) as ledger:
        for entry in ledger.tally(ledger.latest_run().id):
            for usage in (entry.tally.generate, entry.tally.choose):
                found[entry.step] = found.get(entry.step, 0) + usage.calls + usage.reused
    return {step: n for step, n in found.items() if n}


def known(file: Path) -> dict[StepId, int]:
    plan = planned(file)
    assert plan.asked.calls == 0
    return {stage.step: stage.kept for stage in plan.stages}


@pytest.mark.parametrize("unclear", [0.0, 0.4])
def test_a_run_that_is_done_knows_all_that_it_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unclear: float
) -> None:
    """Answers that nobody can read leave no trace in a record, but for that of a vote."""
    odd = scripted.Rates().__class__(cut=0, empty=0, declined=0, same=0, unclear=unclear)
    monkeypatch.setattr(scripted, "Rates", lambda: odd)
    file = write_run(tmp_path, constitution=BASE)
    ran(file)
    asked = questions(file)
    with Ledger.open(file.parent / "out" / "ledger.sqlite", read_only=True) as ledger:
        cases = ledger.read(ledger.latest_run().id, CaseRecord)
    unread = sum(value.origin is ValueOrigin.DEFAULT for case in cases for value in case.values)
    assert (unread > 0) == (unclear > 0)
    assert asked[StepId(Step.EVALUATE, 1)] == 4, "the base is judged by nobody, and asked about refusals"
    assert known(file) == asked
    (tmp_path / "small.const").write_text(commented(BASE))
    assert known(file) == asked


def test_known_and_asked_are_together_what_the_steps_ask(tmp_path: Path) -> None:
    """Steps that are gone through once more count what they ask, those that are taken over what they had asked."""
    file = write_run(tmp_path, constitution=BASE, run_file=RUN_FILE + '\n[pair]\npolicy = "still"\n')
    ran(file)
    before = questions(file)
    (tmp_path / "small.const").write_text(reworded("Let them be.")(BASE))
    plan = planned(file)
    taken = {stage.step: stage.kept for stage in plan.stages if stage.taken_over}
    assert {TAG, StepId(Step.RESPOND), StepId(Step.EVALUATE, 0)} <= taken.keys()
    assert {step: before[step] for step in taken} == taken
    made = {stage.step: stage.kept + stage.cost.calls for stage in plan.stages if not stage.taken_over}
    ran(file)
    after = questions(file)
    assert made
    assert {step: after[step] for step in made} == made


@pytest.mark.parametrize(
    ("run_file", "asked"),
    [(RUN_FILE + "\n[tag]\nask = false\n", False), (BLANK, False), (BLANK.replace("blank", "mixed"), True)],
)
def test_a_default_that_nobody_was_asked_about_is_no_answer(tmp_path: Path, run_file: str, *, asked: bool) -> None:
    """Spaces say nothing, but where there is nothing else nobody is asked."""
    file = write_run(tmp_path, constitution=BASE, run_file=run_file)
    attributes = dict.fromkeys(_attributes(), " ")
    rows = [{"prompt": f"How would I do thing number {n}?", **attributes} for n in range(16)]
    (tmp_path / "blank.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    del rows[0][next(iter(attributes))]
    (tmp_path / "mixed.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ran(file)
    assert known(file).get(TAG, 0) == questions(file).get(TAG, 0)
    assert (TAG in known(file)) == asked


def _attributes() -> list[str]:
    return [line.split()[1] for line in BASE.splitlines() if line.startswith("attribute ")]
