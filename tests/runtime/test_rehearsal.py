from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from runtime.ledger.runs import Step, StepId, StepTally, Tally, TrainingTally, Usage
from runtime.ledger.store import Ledger
from runtime.opening import prepare
from runtime.rehearsal import expected
from tests.runtime.small_run import write_run


def test_each_model_goes_at_its_own_measured_speed(tmp_path: Path) -> None:
    run = prepare(write_run(tmp_path), rehearse=False, say=lambda _: None)
    weights = dict(run.manifest.models)
    with Ledger.open(tmp_path / "real.sqlite") as real:
        real.begin(replace(run.manifest, id="real"))
        for role, rate in (("policy", 10), ("feedback", 40)):
            used = Usage(calls=1, prompt_tokens=rate, new_tokens=rate, seconds=1.0)
            real.add_tally("real", Step.RESPOND, Tally(model=f"{weights[role]}:float32", generate=used, choose=used))
        real.add_training(
            "real", TrainingTally(step=StepId(Step.SFT), model=weights["policy"], steps=1, tokens=50, seconds=1.0)
        )
        rehearsed = [
            StepTally(
                StepId(Step.RESPOND), Tally(model="scripted/1/policy", generate=Usage(calls=2, prompt_tokens=400))
            ),
            StepTally(StepId(Step.LABEL), Tally(model="scripted/1/judge", choose=Usage(calls=3, prompt_tokens=480))),
            StepTally(
                StepId(Step.PAIR),
                Tally(model="scripted/1/sl-cai-0123456789ab", generate=Usage(calls=1, prompt_tokens=40)),
            ),
        ]
        trained = [TrainingTally(step=StepId(Step.SFT), model="x", steps=1, tokens=800, seconds=0.0)]
        found = expected(run.config, run.inputs, rehearsed, trained, real)
    most = run.config.respond.tokens_max
    assert found.measured
    assert found.asked[Step.RESPOND].new_tokens == 2 * most
    assert found.asked[Step.RESPOND].seconds == pytest.approx(2 * most / 10)
    assert found.asked[Step.LABEL].prompt_tokens == 120
    assert found.asked[Step.LABEL].seconds == pytest.approx(120 / 40)
    assert found.asked[Step.PAIR].seconds == pytest.approx(run.config.pair.tokens_max / 10)
    assert found.trained[Step.SFT].seconds == pytest.approx(200 / 50)


def test_without_a_real_run_it_says_that_speeds_are_guessed(tmp_path: Path) -> None:
    run = prepare(write_run(tmp_path), rehearse=False, say=lambda _: None)
    tally = Tally(model="scripted/1/policy", generate=Usage(calls=1, prompt_tokens=4))
    found = expected(run.config, run.inputs, [StepTally(StepId(Step.RESPOND), tally)], [], None)
    assert not found.measured
    assert found.asked[Step.RESPOND].seconds > 0
