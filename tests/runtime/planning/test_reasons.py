"""Why a plan redoes something: true reasons after a run that was stopped, and where no change names one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest

from constitution_lang.diff.model import Difference
from runtime.cli import main
from runtime.ledger.runs import Step, StepId
from runtime.ledger.store import Ledger
from runtime.planning import make
from runtime.planning.model import Plan, Reason
from runtime.planning.render import PlanFormat, render
from tests.runtime.planning.done import of_plan, planned, ran
from tests.runtime.planning.edits import BASE, reworded, rounds
from tests.runtime.small_run import RUN_FILE, write_run

NEVER = Reason(says="it was never done")
STOPPED = Reason(says="the run before did not come so far")
NOT_THERE = "the ledger does not have it"
WORDS = "principle/autonomy.choice/wording"


def reasons(plan: Plan) -> set[Reason]:
    stages = chain.from_iterable((s.why, *(p.why for p in s.principles)) for s in plan.stages)
    return set(chain.from_iterable((*stages, *(t.why for t in plan.trainings))))


def stop_after(file: Path, answers: int) -> None:
    """Run it until so many new answers are kept."""
    ledger = file.parent / "out" / "ledger.sqlite"
    if not ledger.is_file():
        ledger.parent.mkdir(exist_ok=True)
        Ledger.open(ledger).close()
    with sqlite3.connect(ledger) as raw:
        (before,) = raw.execute("SELECT count(*) FROM result").fetchone()
        when = f"WHEN {before + answers} <= (SELECT count(*) FROM result)"  # noqa: S608 - numbers of our own
        raw.execute(f"CREATE TRIGGER stop BEFORE INSERT ON result {when} BEGIN SELECT RAISE(ABORT, 'stopped'); END")
    assert main(["run", str(file), "--quiet"]) != 0
    with sqlite3.connect(ledger) as raw:
        raw.execute("DROP TRIGGER stop")


def moved(plan: Plan) -> list[int | None]:
    return [s.moved for s in plan.stages if s.step.step in (Step.REVISE, Step.LABEL)]


@pytest.mark.parametrize("answers", [3, 60, 100, 130])
def test_a_run_that_was_stopped_changes_no_reason(tmp_path: Path, answers: int) -> None:
    file = write_run(tmp_path, constitution=BASE)
    ran(file)
    (tmp_path / "small.const").write_text(reworded("Let them be.")(BASE))
    before = planned(file)
    stop_after(file, answers)
    after = planned(file)
    assert after.asked.calls < before.asked.calls
    assert after.difference == before.difference
    assert reasons(after) <= reasons(before)
    assert WORDS in {r.change for r in reasons(after)}
    assert [t.why for t in after.trainings if not t.taken_over] == [
        was.why for t, was in zip(after.trainings, before.trainings, strict=True) if not t.taken_over
    ]
    assert set(moved(before)) == set(moved(after)) == {0}
    assert "after small 1.0.0, the latest run that has ended" in render(after, PlanFormat.MARKDOWN)
    assert "has not ended; what it was answered is known" in render(after, PlanFormat.MARKDOWN)
    done = ran(file)
    assert (done.calls, done.principles) == of_plan(after)[:2]
    assert reasons(planned(file)) == set()


@pytest.mark.parametrize("answers", [3, 40, 150])
def test_a_first_run_that_was_stopped_is_what_came_before(tmp_path: Path, answers: int) -> None:
    file = write_run(tmp_path, constitution=BASE)
    stop_after(file, answers)
    plan = planned(file)
    assert reasons(plan) == {STOPPED}
    assert not any(moved(plan))
    assert "after small 1.0.0, a run that has not ended" in render(plan, PlanFormat.MARKDOWN)
    done = ran(file)
    assert (done.calls, done.principles) == of_plan(plan)[:2]


def test_where_a_stopped_run_came_to_the_change_is_the_reason(tmp_path: Path) -> None:
    file = write_run(tmp_path, constitution=BASE)
    stop_after(file, 150)
    (tmp_path / "small.const").write_text(reworded("Let them be.")(BASE))
    plan = planned(file)
    first = next(s for s in plan.stages if s.step.step is Step.REVISE)
    assert {r.change for p in first.principles for r in p.why} == {WORDS}
    assert STOPPED in reasons(plan)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("limit = 12", "limit = 11"), "settings"),
        (('feedback = "judge"', 'feedback = "another"'), "models"),
    ],
)
def test_what_else_is_not_as_before_is_named(tmp_path: Path, change: tuple[str, str], what: str) -> None:
    file = write_run(tmp_path, constitution=BASE)
    ran(file)
    file.write_text(RUN_FILE.replace(*change))
    found = {r.says for r in reasons(planned(file)) if NOT_THERE in r.says}
    assert found <= {f"{NOT_THERE}: {x} are not those of before" for x in (what, f"data, {what}", f"data and {what}")}
    assert found or what == "settings"


def test_a_folder_that_was_moved_has_the_settings_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one").mkdir()
    write_run(tmp_path / "one", constitution=BASE)
    ran(tmp_path / "one" / "run.toml")
    (tmp_path / "one").rename(tmp_path / "two")
    file = tmp_path / "two" / "run.toml"
    assert reasons(planned(file)) == set()
    (file.parent / "small.const").write_text(reworded("Let them be.")(BASE))
    whole: Callable[..., Difference] = make.diff
    monkeypatch.setattr(make, "diff", lambda *sides: _says_nothing_stale(whole(*sides)))
    found = {r.says for r in reasons(planned(file)) if NOT_THERE in r.says}
    assert found == {f"{NOT_THERE}: the constitution is not that of before"}


@pytest.mark.parametrize("still", [False, True])
def test_a_policy_that_is_not_trained_anew_is_no_reason(tmp_path: Path, still: bool) -> None:  # noqa: FBT001
    run_file = RUN_FILE + ('[pair]\npolicy = "still"\n' if still else "[pair]\n")
    file = write_run(tmp_path, constitution=BASE, run_file=run_file)
    ran(file)
    file.write_text(run_file + "tokens_max = 9\n[evaluation]\ntokens_max = 9\n")
    why = {s.step: {r.says for r in s.why} for s in planned(file).stages if s.cost.calls}
    settings = f"{NOT_THERE}: settings are not those of before"
    assert why[StepId(Step.PAIR)] == why[StepId(Step.EVALUATE, 0)] == why[StepId(Step.EVALUATE, 2)] == {settings}
    assert why[StepId(Step.EVALUATE, 4)] == {"the policy that answers is trained anew"}


def test_other_prompts_are_other_data_and_no_moved_draws(tmp_path: Path) -> None:
    file = write_run(tmp_path, constitution=BASE, run_file=RUN_FILE + '[pair]\npolicy = "still"\n')
    ran(file)
    data = tmp_path / "prompts.jsonl"
    data.write_text(data.read_text().replace("thing number 3?", "another thing?"))
    plan = planned(file)
    assert plan.asked.calls > 0
    assert Reason(says=f"{NOT_THERE}: data are not those of before") in reasons(plan)
    assert {r.change for r in reasons(plan)} == {None}
    assert set(moved(plan)) == {0}


def test_a_round_more_has_no_draws_that_moved(tmp_path: Path) -> None:
    file = write_run(tmp_path, constitution=BASE)
    ran(file)
    (tmp_path / "small.const").write_text(rounds(3)(BASE))
    plan = planned(file)
    third = next(s for s in plan.stages if s.step.round == 2 and s.step.step is Step.REVISE)
    assert third.moved is None
    assert {r.change for p in third.principles for r in p.why if r.change} == {"sampling/revision/sampling"}


def test_a_training_whose_settings_changed_says_so(tmp_path: Path) -> None:
    file = write_run(tmp_path, constitution=BASE)
    ran(file)
    file.write_text(RUN_FILE + "[sft]\nlearning_rate = 1e-5\n")
    sft = next(t for t in planned(file).trainings if t.step.step is Step.SFT)
    assert [r.says for r in sft.why] == ["its checkpoint is not there: settings are not those of before"]


def test_a_change_that_names_nothing_is_still_the_constitution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a difference fails to say: data, models and settings are not blamed for it."""
    file = write_run(tmp_path, constitution=BASE)
    ran(file)
    (tmp_path / "small.const").write_text(reworded("Let them be.")(BASE))
    whole: Callable[..., Difference] = make.diff
    monkeypatch.setattr(make, "diff", lambda *sides: _says_nothing_stale(whole(*sides)))
    found = {r.says for r in reasons(planned(file))}
    assert f"{NOT_THERE}: the constitution is not that of before" in found
    assert not [says for says in found if "settings" in says or "models" in says]


def _says_nothing_stale(difference: Difference) -> Difference:
    from msgspec.structs import replace

    return replace(difference, changes=tuple(replace(c, stale=()) for c in difference.changes))
