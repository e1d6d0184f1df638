"""What TRL 1.16 does that one would not expect. Where a test of the library fails, a new version does otherwise."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
trl = pytest.importorskip("trl")

from runtime.config import (  # noqa: E402
    DpoConfig,
    GroupPolicyConfig,
    LoraConfig,
    PolicyMethod,
    PreferenceModelConfig,
    SftConfig,
)
from runtime.records import PreferenceRow, PromptRecord, SftRow  # noqa: E402
from runtime.training.dpo import train_dpo  # noqa: E402
from runtime.training.policy import train_policy  # noqa: E402
from runtime.training.preference_model import train_preference_model  # noqa: E402
from runtime.training.sft import train_sft  # noqa: E402
from tests.runtime.training.made_under import UNDER  # noqa: E402

LORA = LoraConfig(rank=4, alpha=8.0)
KNOWN = "gradient_checkpointing"
"""TRL sets this old name itself, so whoever wants it off has to set it too."""


@pytest.fixture
def deprecations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the training libraries call deprecated, whatever filters stand in the way."""
    told: list[str] = []
    plain = warnings.warn

    def noting(message: Any, category: Any = None, *rest: Any, **more: Any) -> None:
        caller = str(sys._getframe(1).f_globals.get("__name__"))
        ours = caller.partition(".")[0] in {"trl", "transformers", "peft", "accelerate"}
        if ours and "deprecated" in str(message) and KNOWN not in str(message):
            told.append(str(message))
        plain(message, category, *rest, **more)

    monkeypatch.setattr(warnings, "warn", noting)
    return told


def test_a_deprecated_argument_is_noticed(deprecations: list[str], tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trl.RewardConfig(output_dir=str(tmp_path), pad_token="<x>", use_cpu=True, bf16=False)  # noqa: S106 - a token
        trl.SFTConfig(output_dir=str(tmp_path), loss_type="chunked_nll", use_cpu=True, bf16=False)
    assert [line.partition("is deprecated")[0].strip("` ") for line in deprecations] == [
        "pad_token", "loss_type='chunked_nll'"
    ]  # fmt: skip


@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
def test_no_training_uses_what_is_deprecated(
    deprecations: list[str], sft_rows: list[SftRow], preference_rows: list[PreferenceRow],
    prompts: list[PromptRecord], tiny_model: Path, tmp_path: Path, lora: LoraConfig | None,
) -> None:  # fmt: skip
    how: dict[str, Any] = {"seed": 1, "provenance": UNDER, "on_step": lambda _: None}
    short: dict[str, Any] = {"steps_max": 1, "lora": lora}
    train_sft(SftConfig(**short), sft_rows, tiny_model, tmp_path / "sft", **how)
    scorer = tmp_path / "pm"
    train_preference_model(PreferenceModelConfig(**short), preference_rows, tiny_model, scorer, **how)
    train_dpo(DpoConfig(**short), preference_rows, tiny_model, tmp_path / "dpo", **how)
    for method in (PolicyMethod.RLOO, PolicyMethod.GRPO):
        group = GroupPolicyConfig(
            method=method, steps=1, rollout_rows=4, completion_tokens_max=4, tokens_max=128, lora=lora
        )
        train_policy(group, prompts, tiny_model, scorer, tmp_path / method.value, **how)
    assert deprecations == []


def test_there_is_no_ppo() -> None:
    """So the project has its own. Nor are there judges, or a model of rewards by step."""
    for name in ("PPOTrainer", "PPOConfig", "PRMTrainer", "BaseJudge"):
        assert not hasattr(trl, name)
    for name in ("ppo", "prm", "judges"):
        assert importlib.util.find_spec(f"trl.experimental.{name}") is None


@pytest.mark.parametrize("name", ["SFTConfig", "RewardConfig", "DPOConfig", "RLOOConfig", "GRPOConfig"])
def test_bfloat16_and_checkpointing_are_on_unless_one_says_otherwise(tmp_path: Path, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = getattr(trl, name)(output_dir=str(tmp_path), use_cpu=True)
    assert config.gradient_checkpointing is True
    assert config.bf16 is True


@pytest.mark.parametrize(
    ("trainer", "names"),
    [
        ("SFTTrainer", ["_send_telemetry"]),
        ("RewardTrainer", ["_send_telemetry", "compute_loss"]),
        ("DPOTrainer", ["_send_telemetry", "_prepare_dataset", "compute_loss", "compute_ref_log_probs"]),
        ("RLOOTrainer", ["_send_telemetry", "_tokenize_prompts"]),
        ("GRPOTrainer", ["_send_telemetry", "_tokenize_prompts"]),
    ],
)
def test_what_is_overridden_is_there(trainer: str, names: list[str]) -> None:
    """A method that has another name in a new version would be overridden by nothing, without a word."""
    assert [name for name in names if not callable(getattr(getattr(trl, trainer), name, None))] == []
