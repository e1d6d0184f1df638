"""Weights shared out over processes, by FSDP and DeepSpeed: the same training, and a checkpoint in one piece."""

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from runtime.config import DpoConfig, LaunchConfig, LoraConfig, PreferenceModelConfig, SftConfig
from runtime.identity import model_identity
from runtime.launching import LaunchedTrainers
from runtime.records import Checkpoint, PreferenceRow, SftRow, TrainingStep
from runtime.trainers import Job, Trainers, TrlTrainers
from tests.runtime.training.made_under import UNDER

ROOT = Path(__file__).resolve().parents[3]
LAUNCH = ROOT / "docs" / "launch"
ON_TWO_CPUS = ("--num_processes", "2", "--mixed_precision", "no", "--dynamo_backend", "no",
               "--num_cpu_threads_per_process", "1")  # fmt: skip
FSDP = (sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(LAUNCH / "fsdp.yaml"), *ON_TWO_CPUS)
# Stage 3 waits for ever on a CPU: docs/decisions/0007.
ZERO = (sys.executable, "-m", "accelerate.commands.launch", "--use_deepspeed", "--zero_stage", "2",
        "--num_machines", "1", "--main_process_port", "0", *ON_TWO_CPUS)  # fmt: skip
LORA = LoraConfig(rank=4, alpha=8.0)


@pytest.fixture
def fsdp(monkeypatch: pytest.MonkeyPatch) -> LaunchConfig:
    monkeypatch.setenv("ACCELERATE_TORCH_DEVICE", "cpu")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).with_name("without_gpu")))
    return LaunchConfig(command=FSDP)


@pytest.fixture
def zero(monkeypatch: pytest.MonkeyPatch) -> LaunchConfig:
    monkeypatch.setenv("DS_ACCELERATOR", "cpu")
    return LaunchConfig(command=ZERO)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> TrlTrainers:
    """In this process and in float32, as the processes that share out weights compute on a CPU."""
    monkeypatch.setattr("runtime.training.arguments.computes_bfloat16", lambda: False)
    return TrlTrainers()


def train(
    trainers: Trainers, what: str, rows: list[SftRow], pairs: list[PreferenceRow], base: Path, out: Path, batch: int
) -> tuple[Checkpoint, list[float]]:
    steps: list[TrainingStep] = []
    job = Job(base, out, 1, UNDER, steps.append)
    name, _, adapter = what.partition(" ")
    lora = LORA if adapter else None
    if name == "sft":
        done = trainers.sft(SftConfig(epochs=1, batch_rows=batch, learning_rate=1e-3, lora=lora), rows, job)
    elif name == "dpo":
        done = trainers.dpo(DpoConfig(epochs=1, batch_rows=batch, learning_rate=1e-3, lora=lora), pairs, job)
    else:
        model = PreferenceModelConfig(epochs=1, batch_rows=batch, learning_rate=1e-3, lora=lora)
        done = trainers.preference_model(model, pairs, job)
    return done, [dict(step.metrics)["loss"] for step in steps]


@pytest.mark.launch
@pytest.mark.parametrize("what", ["sft", "sft lora", "preference-model", "preference-model lora", "dpo", "dpo lora"])
def test_fsdp_trains_what_one_process_trains(
    fsdp: LaunchConfig, here: TrlTrainers, sft_rows: list[SftRow], preference_rows: list[PreferenceRow],
    tiny_model: Path, tmp_path: Path, what: str,
) -> None:  # fmt: skip
    _trains_the_same(LaunchedTrainers(fsdp), here, what, sft_rows, preference_rows, tiny_model, tmp_path)


@pytest.mark.launch
@pytest.mark.skipif(find_spec("deepspeed") is None, reason="needs deepspeed")
@pytest.mark.parametrize("what", ["sft", "preference-model", "dpo"])
def test_deepspeed_trains_what_one_process_trains(
    zero: LaunchConfig, here: TrlTrainers, sft_rows: list[SftRow], preference_rows: list[PreferenceRow],
    tiny_model: Path, tmp_path: Path, what: str,
) -> None:  # fmt: skip
    _trains_the_same(LaunchedTrainers(zero), here, what, sft_rows, preference_rows, tiny_model, tmp_path)


def _trains_the_same(
    shared: Trainers, here: Trainers, what: str, rows: list[SftRow], pairs: list[PreferenceRow], base: Path, out: Path
) -> None:
    # Two rows in each of two processes, and four in one: the same four rows in each step, in the same order.
    there, losses = train(shared, what, rows, pairs, base, out / "there", 2)
    _, expected = train(here, what, rows, pairs, base, out / "here", 4)
    assert len(losses) == 2
    assert losses == pytest.approx(expected, rel=1e-3)
    assert there.weights == model_identity(out / "there") != model_identity(base)
    _weights_are_close(out / "there", out / "here")


def _weights_are_close(there: Path, here: Path) -> None:
    from safetensors.torch import load_file

    one, other = load_file(there / "model.safetensors"), load_file(here / "model.safetensors")
    assert {name: tensor.shape for name, tensor in one.items()} == {name: t.shape for name, t in other.items()}
    # Adam moves a weight by up to the learning rate a step, whichever way a gradient near 0 is rounded.
    assert all((tensor - other[name]).abs().max() < 4e-3 for name, tensor in one.items())
    moved = sum(float((tensor - other[name]).abs().mean()) for name, tensor in one.items()) / len(one)
    assert moved < 1e-4


@pytest.mark.parametrize("name", ["fsdp.yaml", "deepspeed-zero3.yaml"])
def test_accelerate_takes_the_example_files(name: str) -> None:
    launch = pytest.importorskip("accelerate.commands.launch")
    parse: argparse.ArgumentParser = launch.launch_command_parser()
    arguments, _, _ = launch._validate_launch_command(
        parse.parse_args(["--config_file", str(LAUNCH / name), "-m", "runtime.training.launched", "job"])
    )
    assert arguments.num_processes == 8
    if name == "fsdp.yaml":
        assert arguments.use_fsdp
        assert (arguments.fsdp_version, arguments.fsdp_state_dict_type) == (2, "FULL_STATE_DICT")
    else:
        assert arguments.use_deepspeed
        assert arguments.zero_stage == 3
        assert str(arguments.zero3_save_16bit_model).lower() == "true"
