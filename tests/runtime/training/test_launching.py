"""Trainings in processes of their own, started by real launchers."""

import sys
from pathlib import Path

import pytest

from runtime.config import DpoConfig, LaunchConfig, LoraConfig, PpoConfig, PreferenceModelConfig, SftConfig
from runtime.identity import model_identity
from runtime.launching import LaunchedTrainers
from runtime.records import PreferenceRow, PromptRecord, SftRow, TrainedKind, TrainingStep
from runtime.trainers import Job, TrlTrainers
from runtime.training.cards import read_card
from runtime.training.errors import TrainingError
from tests.runtime.training.made_under import UNDER

HERE = LaunchConfig(command=(sys.executable,))
ACCELERATE = LaunchConfig(
    command=(sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "1", "--num_machines", "1",
             "--mixed_precision", "no", "--dynamo_backend", "no", "--num_cpu_threads_per_process", "1"),
)  # fmt: skip
# Without a GPU, `accelerate launch` starts several processes only by way of MPI; torchrun starts them by itself.
TWO = LaunchConfig(command=(sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"))
TORCHRUN_SAYS = """[rank1]:   File "train.py", line 3, in main
[rank1]: ValueError: no bf16 here
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
Root Cause (first observed failure): exitcode: 1
============================================================"""
LORA = LoraConfig(rank=4, alpha=8.0)


def job(base: Path, out: Path, steps: list[TrainingStep]) -> Job:
    return Job(base, out, 1, UNDER, steps.append)


@pytest.mark.parametrize(
    "launch", [HERE, pytest.param(ACCELERATE, marks=pytest.mark.launch)], ids=["python", "accelerate"]
)
def test_a_launched_training_is_the_training_here(
    launch: LaunchConfig, sft_rows: list[SftRow], tiny_model: Path, tmp_path: Path
) -> None:
    config = SftConfig(steps_max=3, epochs=5, learning_rate=1e-3, lora=LORA)
    there: list[TrainingStep] = []
    here: list[TrainingStep] = []
    launched = LaunchedTrainers(launch).sft(config, sft_rows, job(tiny_model, tmp_path / "there", there))
    done = TrlTrainers().sft(config, sft_rows, job(tiny_model, tmp_path / "here", here))
    assert launched.weights == done.weights == model_identity(tmp_path / "there")
    assert [s.step for s in there] == [s.step for s in here] == [1, 2, 3]
    assert read_card(tmp_path / "there").provenance == UNDER
    assert sorted(p.name for p in tmp_path.iterdir()) == ["here", "there"]


@pytest.mark.launch
def test_two_processes_share_the_rows(
    preference_rows: list[PreferenceRow], sft_rows: list[SftRow], tiny_model: Path, tmp_path: Path
) -> None:
    steps: list[TrainingStep] = []
    trainers = LaunchedTrainers(TWO)
    config = SftConfig(epochs=1, batch_rows=2, learning_rate=1e-3, lora=LORA)
    done = trainers.sft(config, sft_rows, job(tiny_model, tmp_path / "sl-cai", steps))
    assert done.weights == model_identity(tmp_path / "sl-cai") != model_identity(tiny_model)
    # Every process takes two rows at a time, and only one of them reports.
    assert [s.step for s in steps] == list(range(1, -(-len(sft_rows) // 4) + 1))
    model = trainers.preference_model(
        PreferenceModelConfig(steps_max=2, lora=LORA), preference_rows, job(tiny_model, tmp_path / "pm", [])
    )
    assert model.kind is TrainedKind.PREFERENCE_MODEL
    assert trainers.dpo(
        DpoConfig(steps_max=2, lora=LORA), preference_rows, job(tmp_path / "sl-cai", tmp_path / "d", [])
    )
    prompts = [PromptRecord(id=row.prompt, turns=row.turns, kind="red-team") for row in sft_rows]  # type: ignore[arg-type]
    ppo = PpoConfig(steps=1, rollout_rows=2, minibatch_rows=2, completion_tokens_max=4, tokens_max=64, lora=LORA)
    policy = trainers.policy(ppo, prompts, tmp_path / "pm", job(tmp_path / "sl-cai", tmp_path / "ppo", []))
    assert read_card(tmp_path / "ppo").weights == policy.weights


def test_what_training_says_arrives_with_its_remedy(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no rows to fine-tune on") as caught:
        LaunchedTrainers(HERE).sft(SftConfig(), [], job(tiny_model, tmp_path / "out", []))
    assert "check the prompts" in caught.value.remedy
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("no-such-launcher",), "`no-such-launcher`, which .* is neither on the path nor in"),
        ((sys.executable, "-c", "import sys; sys.exit('out of machines')"), "ended with code 1: out of machines"),
        (
            (sys.executable, "-c", f"import sys; sys.exit({TORCHRUN_SAYS!r})"),
            "ended with code 1: ValueError: no bf16 here$",
        ),
    ],
)
def test_a_launcher_that_fails_is_told(
    command: tuple[str, ...], said: str, sft_rows: list[SftRow], tiny_model: Path, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=said):
        LaunchedTrainers(LaunchConfig(command=command)).sft(
            SftConfig(), sft_rows, job(tiny_model, tmp_path / "out", [])
        )


def test_a_policy_is_not_trained_on_weights_that_are_shared_out(
    sft_rows: list[SftRow], tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    prompts = [PromptRecord(id=row.prompt, turns=row.turns, kind="red-team") for row in sft_rows]  # type: ignore[arg-type]
    with pytest.raises(TrainingError, match="whole weights") as caught:
        LaunchedTrainers(HERE).policy(PpoConfig(), prompts, tiny_model, job(tiny_model, tmp_path / "out", []))
    assert "[launch] policy" in caught.value.remedy
