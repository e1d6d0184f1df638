from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from runtime.planning.model import Plan
from tests.runtime.planning.done import Doings, of_plan, planned, ran, unchanged_by
from tests.runtime.planning.edits import BASE, KINDS, SOME, Edit
from tests.runtime.small_run import RUN_FILE, row_sets, write_run

STILL = RUN_FILE.replace("limit = 12", "limit = 10") + '\n[pair]\npolicy = "still"\n'
TRAINED = {"sft": "sl-cai", "preference_model": "preference-model", "dpo": "dpo", "policy": "ppo"}


@pytest.fixture(scope="module", params=["SL-CAI pairs", "a policy that stands still"])
def run_file(request: pytest.FixtureRequest) -> str:
    return STILL if "still" in request.param else RUN_FILE


@pytest.fixture(scope="module")
def done(run_file: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    file = write_run(folder, constitution=BASE, run_file=run_file)
    agree(planned(file), ran(file))
    return folder


def agree(plan: Plan, doings: Doings) -> None:
    calls, principles, trainings = of_plan(plan)
    assert calls == doings.calls
    assert principles == doings.principles
    assert {TRAINED[x] for x in trainings} == {name.rpartition("-")[0] for name in doings.checkpoints}


def edited(done: Path, folder: Path, text: str) -> Path:
    """A copy of the finished run, with its constitution edited."""
    shutil.copytree(done, folder)
    (folder / "small.const").write_text(text)
    return folder / "run.toml"


def check(done: Path, folder: Path, text: str, run_file: str) -> Plan:
    file = edited(done, folder / "copy", text)
    plans: list[Plan] = []
    assert unchanged_by(file, lambda: plans.append(planned(file)))
    agree(plans[0], ran(file))
    fresh = write_run(folder / "fresh", constitution=text, run_file=run_file)
    ran(fresh)
    assert row_sets(file.parent) == row_sets(fresh.parent)
    return plans[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_does_what_its_plan_says_and_ends_as_one_from_nothing(
    done: Path, run_file: str, tmp_path: Path, kind: str
) -> None:
    text = KINDS[kind](BASE)
    assert text != BASE
    plan = check(done, tmp_path, text, run_file)
    if kind in ("a title", "a comment", "an order of blocks", "another name"):
        assert plan.asked.calls == 0
        assert all(training.taken_over for training in plan.trainings)
    if kind in ("a statement", "a principle more", "more rounds"):
        assert plan.asked.calls > 0
        assert sum(stage.kept for stage in plan.stages) > 0


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(edits=SOME)
def test_random_edits(done: Path, run_file: str, edits: list[Edit]) -> None:
    text = BASE
    for edit in edits:
        text = edit(text)
    with tempfile.TemporaryDirectory() as folder:
        check(done, Path(folder), text, run_file)
