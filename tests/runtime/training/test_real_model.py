"""All stages once on a real model: short, so as to show that they run, not what they learn."""

from pathlib import Path

import pytest

from runtime.config import DpoConfig, GroupPolicyConfig, PolicyMethod, PpoConfig, PreferenceModelConfig, SftConfig
from runtime.identity import model_identity
from runtime.records import PreferenceRow, PromptRecord, SftRow, TrainingStep
from runtime.training.dpo import train_dpo
from runtime.training.policy import train_policy
from runtime.training.preference_model import score, train_preference_model
from runtime.training.sft import train_sft
from tests.runtime.training.made_under import UNDER

pytestmark = pytest.mark.model


def test_from_rows_to_policies(
    real_model: Path, sft_rows: list[SftRow], preference_rows: list[PreferenceRow], prompts: list[PromptRecord],
    tmp_path: Path, steps: list[TrainingStep],
) -> None:  # fmt: skip
    def values(trainer: str, name: str) -> list[float]:
        return [dict(step.metrics)[name] for step in steps if step.trainer.value == trainer]

    sft, pm = tmp_path / "sl-cai", tmp_path / "pm"
    train_sft(
        SftConfig(epochs=2, learning_rate=5e-4), sft_rows, real_model, sft, seed=1, provenance=UNDER,
        on_step=steps.append,
    )  # fmt: skip
    losses = values("sl-cai", "loss")
    assert losses[-1] < losses[0]

    train_preference_model(
        PreferenceModelConfig(epochs=2, learning_rate=5e-4), preference_rows, real_model, pm, seed=1,
        provenance=UNDER, on_step=steps.append,
    )  # fmt: skip
    scores = score(pm, [(row.turns, text) for row in preference_rows for text in (row.chosen, row.rejected)])
    assert sum(a > b for a, b in zip(scores[::2], scores[1::2], strict=True)) >= 7

    train_dpo(
        DpoConfig(epochs=1, learning_rate=2e-4), preference_rows, sft, tmp_path / "dpo", seed=1, provenance=UNDER,
        on_step=steps.append,
    )  # fmt: skip
    assert values("dpo", "loss")[-1] < values("dpo", "loss")[0]

    done = train_policy(
        PpoConfig(steps=2, rollout_rows=4, minibatch_rows=4, completion_tokens_max=16, learning_rate=1e-4), prompts,
        sft, pm, tmp_path / "ppo", seed=1, provenance=UNDER, on_step=steps.append,
    )  # fmt: skip
    # Before the first update the policy is the reference, up to the arithmetic.
    assert values("ppo", "kl")[0] == pytest.approx(0, abs=0.05)
    assert done.weights == model_identity(tmp_path / "ppo") != model_identity(sft)

    rloo = GroupPolicyConfig(
        method=PolicyMethod.RLOO, steps=1, rollout_rows=4, completion_tokens_max=16, learning_rate=1e-4
    )  # fmt: skip
    train_policy(rloo, prompts, sft, pm, tmp_path / "rloo", seed=1, provenance=UNDER, on_step=steps.append)
    assert values("rloo", "reward/score")
