"""SFT, preference model, DPO and the policy trainers on a tiny random model, from rows to a folder that loads."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from runtime.config import (
    DpoConfig,
    GroupPolicyConfig,
    LoraConfig,
    PolicyMethod,
    PpoConfig,
    PreferenceModelConfig,
    SftConfig,
)
from runtime.identity import data_hash, model_identity
from runtime.prompting import ModelTokenizer
from runtime.records import PreferenceRow, PromptRecord, SftRow, TrainedKind, TrainingStep
from runtime.training.cards import read_card
from runtime.training.dpo import train_dpo
from runtime.training.errors import TrainingError
from runtime.training.policy import train_policy
from runtime.training.preference_model import score, train_preference_model
from runtime.training.progress import steps_total
from runtime.training.sft import train_sft
from tests.runtime.training.made_under import UNDER

Metric = Callable[[str], Sequence[float]]
LORA = LoraConfig(rank=4, alpha=8.0)


@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
def test_sft_learns_and_saves(
    lora: LoraConfig | None, sft_rows: list[SftRow], tiny_model: Path, tmp_path: Path, steps: list[TrainingStep],
    metric: Metric, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    from transformers import AutoModelForCausalLM, AutoTokenizer

    config = SftConfig(epochs=20, learning_rate=1e-2, lora=lora)
    before = model_identity(tiny_model)
    done = train_sft(config, sft_rows, tiny_model, tmp_path / "sl-cai", seed=1, provenance=UNDER, on_step=steps.append)
    assert [s.step for s in steps] == list(range(1, steps_total(config, len(sft_rows)) + 1))
    assert metric("loss")[-1] < 0.5 * metric("loss")[0]
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == ""

    folder = tmp_path / "sl-cai"
    assert done.kind is TrainedKind.SL_CAI
    assert done.path == "sl-cai"
    assert done.weights == model_identity(folder) != before == model_identity(tiny_model)
    assert [p.name for p in tmp_path.iterdir()] == ["sl-cai"]
    card = read_card(folder)
    assert (card.provenance, card.rows, card.seed, card.base) == (UNDER, len(sft_rows), 1, before)
    assert card.data == done.data == (data_hash([row.id for row in sft_rows]),)
    assert card.settings["lora"] == (lora.model_dump() if lora else None)
    assert not list(folder.glob("adapter*"))
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.config.pad_token_id == 0
    # The tokenizer that was saved writes the same ids as the base's.
    turns, answer = sft_rows[0].turns, sft_rows[0].completion
    assert ModelTokenizer(folder).encode_answer(turns, answer) == ModelTokenizer(tiny_model).encode_answer(
        turns, answer
    )
    assert AutoTokenizer.from_pretrained(folder).pad_token_id == 0


def test_sft_twice_is_the_same_model(sft_rows: list[SftRow], tiny_model: Path, tmp_path: Path) -> None:
    config = SftConfig(steps_max=2, epochs=5, learning_rate=1e-3, lora=LORA)
    one, two, other = (
        train_sft(config, sft_rows, tiny_model, tmp_path / name, seed=seed, provenance=UNDER, on_step=lambda _: None)
        for name, seed in (("a", 7), ("b", 7), ("c", 8))
    )
    assert one.weights == two.weights != other.weights


@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
def test_preference_model_learns_the_soft_label(
    lora: LoraConfig | None, preference_rows: list[PreferenceRow], tiny_model: Path, tmp_path: Path,
    steps: list[TrainingStep], metric: Metric,
) -> None:  # fmt: skip
    config = PreferenceModelConfig(epochs=30, learning_rate=3e-3, lora=lora)
    done = train_preference_model(
        config, preference_rows, tiny_model, tmp_path / "pm", seed=1, provenance=UNDER, on_step=steps.append
    )
    # The head starts at zero, so no answer is better than another: log 2.
    assert metric("loss")[0] == pytest.approx(0.693147, abs=1e-5)
    # A hard label would drive the probability to 1; the soft one holds it at 0.8.
    assert metric("probability")[-1] == pytest.approx(0.8, abs=0.06)
    scores = score(tmp_path / "pm", [(r.turns, text) for r in preference_rows for text in (r.chosen, r.rejected)])
    deltas = [a - b for a, b in zip(scores[::2], scores[1::2], strict=True)]
    assert all(delta > 0 for delta in deltas)
    assert sum(deltas) / len(deltas) == pytest.approx(1.386, abs=0.5)  # log(0.8 / 0.2)
    assert done.weights == model_identity(tmp_path / "pm")


@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
def test_dpo_learns_the_soft_label(
    lora: LoraConfig | None, preference_rows: list[PreferenceRow], tiny_model: Path, tmp_path: Path,
    steps: list[TrainingStep], metric: Metric,
) -> None:  # fmt: skip
    config = DpoConfig(epochs=30, learning_rate=3e-3, lora=lora)
    train_dpo(config, preference_rows, tiny_model, tmp_path / "dpo", seed=1, provenance=UNDER, on_step=steps.append)
    assert metric("loss")[0] == pytest.approx(0.693147, abs=1e-5)
    assert metric("probability")[-1] == pytest.approx(0.8, abs=0.06)
    assert read_card(tmp_path / "dpo").base == model_identity(tiny_model)


@pytest.fixture
def preference_model(preference_rows: list[PreferenceRow], tiny_model: Path, tmp_path: Path) -> Path:
    config = PreferenceModelConfig(epochs=4, learning_rate=3e-3, lora=None)
    out = tmp_path / "made" / "pm"
    train_preference_model(config, preference_rows, tiny_model, out, seed=1, provenance=UNDER, on_step=lambda _: None)
    return out


@pytest.mark.parametrize("method", list(PolicyMethod))
@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
def test_policy_methods(
    method: PolicyMethod, lora: LoraConfig | None, prompts: list[PromptRecord], tiny_model: Path,
    preference_model: Path, tmp_path: Path, steps: list[TrainingStep], metric: Metric,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    schema = PpoConfig if method is PolicyMethod.PPO else GroupPolicyConfig
    own = {"minibatch_rows": 2} if method is PolicyMethod.PPO else {}
    config = schema.model_validate(
        {
            "method": method, "steps": 2, "rollout_rows": 4, "completion_tokens_max": 6, "learning_rate": 1e-3,
            "tokens_max": 128, "lora": lora, **own,
        }
    )  # fmt: skip
    done = train_policy(
        config, prompts, tiny_model, preference_model, tmp_path / "policy", seed=1, provenance=UNDER,
        on_step=steps.append,
    )  # fmt: skip
    assert done.kind.value == method.value
    assert [s.step for s in steps] == [1, 2]
    for name in ("loss", "kl", "reward/score", "length", "entropy", "clip_fraction"):
        assert len(metric(name)) == 2
    assert metric("kl")[0] == pytest.approx(0, abs=1e-4)
    card = read_card(tmp_path / "policy")
    assert card.preference_model == model_identity(preference_model)
    assert card.weights == done.weights != card.base == model_identity(tiny_model)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_an_odd_batch_cannot_be_compared(
    prompts: list[PromptRecord], tiny_model: Path, preference_model: Path, tmp_path: Path
) -> None:
    config = GroupPolicyConfig(method=PolicyMethod.RLOO, rollout_rows=3, steps=1)
    with pytest.raises(TrainingError, match="groups of at least 2"):
        train_policy(
            config, prompts, tiny_model, preference_model, tmp_path / "x", seed=1, provenance=UNDER,
            on_step=lambda _: None,
        )  # fmt: skip


def test_divergence_is_said_and_leaves_nothing(sft_rows: list[SftRow], tiny_model: Path, tmp_path: Path) -> None:
    config = SftConfig(epochs=20, learning_rate=1e18, lora=None)
    with pytest.raises(TrainingError, match="at step") as caught:
        train_sft(config, sft_rows, tiny_model, tmp_path / "x", seed=1, provenance=UNDER, on_step=lambda _: None)
    assert "learning rate" in caught.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_no_rows(tiny_model: Path, tmp_path: Path) -> None:
    for train, config in (
        (train_sft, SftConfig()), (train_preference_model, PreferenceModelConfig()), (train_dpo, DpoConfig()),
    ):  # fmt: skip
        with pytest.raises(TrainingError, match="there are no"):
            train(config, [], tiny_model, tmp_path / "x", seed=1, provenance=UNDER, on_step=lambda _: None)  # type: ignore[operator]
