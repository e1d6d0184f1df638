from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from constitution_lang.compile import compile_path
from constitution_lang.ir.model import Stage
from constitution_lang.sampling import moved, weights
from runtime.cli import main
from runtime.engines import scripted
from runtime.ledger.runs import Operation, Step, StepId, Tally, TrainingTally, Usage
from runtime.ledger.store import Ledger
from runtime.opening import prepare
from runtime.planning.make import make_plan
from runtime.planning.model import Plan
from runtime.records import CaseRecord, Comparison, Response
from runtime.stages.draws import draw_principles
from runtime.versions import load_version
from tests.runtime.planning.done import Doings, of_plan, planned, ran
from tests.runtime.planning.edits import BASE, added, commented, reworded, weighed
from tests.runtime.small_run import RUN_FILE, write_run

CONSTITUTIONS = Path(__file__).resolve().parents[3] / "constitutions"
MANY = """\
constitution = "small.const"
seed = 7
out = "out"
[engine]
kind = "scripted"
[models]
policy = "policy"
[prompts]
train = [{ data = "../red-team.jsonl" }, { data = "../benign-edge.jsonl" }, { data = "../helpful.jsonl" }]
[pair]
policy = "policy"
"""


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def test_against_a_revision_in_which_the_file_lay_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "here").mkdir()
    file = write_run(tmp_path / "here", constitution=BASE)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "here/small.const")
    git(tmp_path, "commit", "-qm", "base")
    git(tmp_path, "mv", "here/small.const", "here/house.const")
    file.write_text(file.read_text().replace("small.const", "house.const"))
    (tmp_path / "here" / "house.const").write_text(reworded("Let them be.")(BASE))
    monkeypatch.chdir(tmp_path)
    told = []
    for name in ("HEAD", "HEAD:here/small.const"):
        assert main(["plan", str(file), "--against", name, "--format", "json"]) == 0
        told.append(json.loads(capsys.readouterr().out.replace(f" at {name},", " at HEAD,")))
    assert told[0] == told[1]
    assert "another statement" in json.dumps(told[0])
    assert main(["plan", str(file), "--against", "HEAD:here/none.const"]) == 2
    assert "there is no file here/none.const in HEAD" in capsys.readouterr().err
    (tmp_path / "here" / "house.const").write_text(BASE.replace("constitution small", "constitution house"))
    assert main(["plan", str(file), "--against", "HEAD"]) == 2
    assert "nor a constitution that is called house" in capsys.readouterr().err


def test_against_a_revision_counts_as_if_that_had_been_run(tmp_path: Path) -> None:
    file = write_run(tmp_path, constitution=BASE)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "small.const")
    git(tmp_path, "commit", "-qm", "base")
    (tmp_path / "small.const").write_text(reworded("Let them be.")(weighed("harm.kindness", 4)(BASE)))
    run = prepare(file, rehearse=False, say=lambda _: None)
    against = make_plan(file, run, ("HEAD", load_version("HEAD", run.bundle, run.config.constitution)))
    assert not (tmp_path / "out").exists()
    assert against.since is not None
    assert "HEAD" in against.since
    edited = (tmp_path / "small.const").read_text()
    (tmp_path / "small.const").write_text(BASE)
    ran(file)
    (tmp_path / "small.const").write_text(edited)
    assert of_plan(against) == of_plan(planned(file))


def test_against_what_git_does_not_have_is_one_clear_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_run(tmp_path)
    assert main(["plan", str(file), "--against", "main"]) == 2
    git(tmp_path, "init", "-q")
    assert main(["plan", str(file), "--against", "no-such"]) == 2
    assert "no-such" in capsys.readouterr().err


def test_every_form_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_run(tmp_path, constitution=BASE)
    ran(file)
    (tmp_path / "small.const").write_text(added(BASE))
    capsys.readouterr()
    plan = planned(file)
    shown = {}
    for form in ("terminal", "markdown", "json"):
        assert main(["plan", str(file), "--format", form]) == 0
        shown[form] = capsys.readouterr().out
    assert json.loads(shown["json"])["asked"]["calls"] == plan.asked.calls > 0
    for form in ("terminal", "markdown"):
        assert f" {plan.asked.calls} " in shown[form]
        assert "principle/harm.care/added (behaviour)" in shown[form]
        assert "trained anew" in shown[form]


def test_the_reason_of_every_principle_names_its_change(tmp_path: Path) -> None:
    file = write_run(tmp_path, constitution=BASE)
    ran(file)
    (tmp_path / "small.const").write_text(reworded("Let them be.")(BASE))
    first = next(s for s in planned(file).stages if s.step == StepId(Step.REVISE, 0))
    asked = {p.principle: p for p in first.principles if p.calls}
    assert set(asked) == {"autonomy.choice"}
    assert [(r.grade, r.change) for r in asked["autonomy.choice"].why] == [
        ("wording", "principle/autonomy.choice/wording")
    ]


def test_times_go_by_what_was_measured_and_say_where_nothing_was(tmp_path: Path) -> None:
    file = write_run(tmp_path, constitution=BASE)
    assert {rate.measured for rate in planned(file).rates} == {False}
    run = prepare(file, rehearse=False, say=lambda _: None)
    run.folder.mkdir()
    with Ledger.open(run.ledger) as ledger:
        ledger.begin(run.manifest)
        written = Usage(calls=10, prompt_tokens=100, new_tokens=50, seconds=10.0)
        chosen = Usage(calls=10, prompt_tokens=200, seconds=10.0)
        for model in ("scripted/1/policy", "scripted/1/judge"):
            ledger.add_tally(run.manifest.id, Step.RESPOND, Tally(model=model, generate=written, choose=chosen))
        for step in (Step.SFT, Step.PREFERENCE_MODEL, Step.DPO, Step.POLICY):
            tally = TrainingTally(
                step=StepId(step), model=run.identity("policy"), steps=1, tokens=1000, seconds=100.0
            )  # fmt: skip
            ledger.add_training(run.manifest.id, tally)
    plan = planned(file)
    assert {rate.measured for rate in plan.rates} == {True}
    stage = {s.step: s.cost for s in plan.stages}
    respond, label = stage[StepId(Step.RESPOND)], stage[StepId(Step.LABEL)]
    assert respond.new_tokens == 5 * respond.calls
    assert respond.seconds == pytest.approx(respond.new_tokens / 5)
    assert label.seconds == pytest.approx(label.prompt_tokens / 20)
    assert {o.value for o in Operation} == {"generate", "choose"}
    for training in plan.trainings:
        assert training.seconds == pytest.approx(training.tokens / 10)


def test_one_weight_of_sixteen_moves_what_the_closed_form_says(tmp_path: Path) -> None:
    """A chain is redone from its first moved draw on, and no vote is asked for."""
    for name in ("red-team", "benign-edge", "helpful"):
        (tmp_path / f"{name}.jsonl").write_bytes((CONSTITUTIONS / f"prompts/{name}.jsonl").read_bytes())
    text = (CONSTITUTIONS / "sixteen/sixteen.const").read_text().replace("  rounds: 2\n", "  rounds: 4\n")
    file = write_run(tmp_path / "run", constitution=text, run_file=MANY)
    old = compile_path(file.parent / "small.const").bundle
    ran(file)
    title = 'principle harmless.violence "Violence"\n'
    (file.parent / "small.const").write_text(text.replace(title, f"{title}  weight: 1.5\n"))
    new = compile_path(file.parent / "small.const").bundle
    assert old is not None
    assert new is not None
    with Ledger.open(file.parent / "out" / "ledger.sqlite", read_only=True) as ledger:
        cases = ledger.read(ledger.latest_run().id, CaseRecord)
    before, after = (draw_principles(bundle, 7, Stage.REVISION, cases, 4) for bundle in (old, new))
    first = {
        case.prompt: min(
            (r for r in range(4) if before[case.prompt, r][0].principle != after[case.prompt, r][0].principle),
            default=4,
        )
        for case in cases
    }
    plan = planned(file)
    rounds = [stage for stage in plan.stages if stage.step.step is Step.REVISE]
    assert sum(stage.cost.calls for stage in rounds) == sum(2 * (4 - r) for r in first.values()) > 0
    assert not any(stage.cost.calls for stage in plan.stages if stage.step.step is not Step.REVISE)
    draws = 4 * len(cases)
    share = moved(weights(old, {}), weights(new, {}))
    assert share == pytest.approx(0.0284, abs=1e-3)
    error = (share * (1 - share) / draws) ** 0.5
    assert sum(stage.moved or 0 for stage in rounds) / draws == pytest.approx(share, abs=4 * error)


def test_pairs_of_a_policy_that_stands_still_stay_and_only_new_votes_are_asked(tmp_path: Path) -> None:
    file = write_run(tmp_path, constitution=BASE, run_file=RUN_FILE + '\n[pair]\npolicy = "still"\n')
    ran(file)
    before = pairs(file)
    (tmp_path / "small.const").write_text(reworded("Let them be.")(BASE))
    label = next(s for s in planned(file).stages if s.step == StepId(Step.LABEL))
    assert {p.principle for p in label.principles if p.calls} == {"autonomy.choice"}
    assert label.kept > 0
    ran(file)
    assert pairs(file) == before
    with Ledger.open(file.parent / "out" / "ledger.sqlite", read_only=True) as ledger:
        run = ledger.latest_run()
        assert {r.policy for r in ledger.read(run.id, Response, Step.PAIR)} == {"still"}
        assert "policy that pairs stand on" in dict(run.models)


def pairs(file: Path) -> list[Comparison]:
    with Ledger.open(file.parent / "out" / "ledger.sqlite", read_only=True) as ledger:
        return ledger.read(ledger.latest_run().id, Comparison, Step.PAIR)


def test_answers_that_come_out_as_before_make_a_run_ask_for_less_and_never_for_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = scripted.Rates().__class__(cut=0.1, empty=0.1, declined=0.2, same=0.3, unclear=0.1)
    monkeypatch.setattr(scripted, "Rates", lambda: odd)
    file = write_run(tmp_path, constitution=BASE)
    ran(file)
    for edit in (weighed("harm.kindness", 4), reworded("Let them be."), added):
        (tmp_path / "small.const").write_text(edit(BASE))
        calls = of_plan(planned(file))[0]
        done = ran(file).calls
        assert all(n <= calls.get(step, 0) for step, n in done.items())


def test_a_plan_of_a_real_model_has_its_very_tokens(tmp_path: Path, tiny_model: Path) -> None:
    """With the model's own tokenizer, plan and run agree on every call; trained policies included."""
    steps = "".join(f"[{name}]\nsteps_max = 1\ntokens_max = 256\n" for name in ("sft", "preference_model", "dpo"))
    run_file = (
        RUN_FILE.replace('kind = "scripted"', 'kind = "transformers"\ndevice = "cpu"')
        .replace('policy = "policy"\nfeedback = "judge"', f'policy = "{tiny_model}"')
        .replace("limit = 12", "limit = 3")
        .replace("limit = 4", "limit = 1")
        + f"{steps}[policy]\nsteps = 1\nrollout_rows = 2\nminibatch_rows = 2\ncompletion_tokens_max = 4\n"
        + "[respond]\ntokens_max = 8\n[revision]\ncritique_tokens_max = 8\nrevision_tokens_max = 8\n"
        + "[pair]\ntokens_max = 8\n[evaluation]\ntokens_max = 8\n[label]\nmass_min = 1e-9\n"
    )
    file = write_run(tmp_path, constitution=BASE, run_file=run_file)
    _agree_but_for_equal_answers(planned(file), ran(file))
    (tmp_path / "small.const").write_text(commented(BASE))
    assert planned(file).asked.calls == 0
    assert all(training.taken_over for training in planned(file).trainings)
    (tmp_path / "small.const").write_text(reworded("Let them be.")(BASE))
    plan = planned(file)
    _agree_but_for_equal_answers(plan, ran(file))
    assert all(rate.measured for rate in plan.rates)


def _agree_but_for_equal_answers(plan: Plan, doings: Doings) -> None:
    """A policy after one step may answer as its base does, and equal answers are not judged."""
    calls = of_plan(plan)[0]
    judged = {step for step in calls if step.step is Step.EVALUATE}
    assert {s: n for s, n in calls.items() if s not in judged} == {
        s: n for s, n in doings.calls.items() if s not in judged
    }
    assert all(doings.calls.get(s, 0) <= calls[s] for s in judged)
