"""The section `[policy]` holds what its method uses. What would do nothing is refused, with what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.config import GroupPolicyConfig, PolicyMethod, PpoConfig, read_policy_config
from runtime.run_file import RunFileError, load_run_file
from runtime.training.progress import steps_total
from tests.runtime.small_run import RUN_FILE, write_run

OWN = sorted(PpoConfig.model_fields.keys() - GroupPolicyConfig.model_fields.keys())


def refused(folder: Path, section: str) -> str:
    with pytest.raises(RunFileError) as caught:
        load_run_file(write_run(folder, run_file=f"{RUN_FILE}\n[policy]\n{section}\n"))
    [line] = str(caught.value).splitlines()
    return line.removeprefix(f"{folder / 'run.toml'}: ")


@pytest.mark.parametrize("method", list(PolicyMethod))
@pytest.mark.parametrize(
    ("name", "instead"),
    [("epochs", "steps"), ("steps_max", "steps"), ("batch_rows", "rollout_rows"), ("accumulate", "rollout_rows")],
)
def test_what_other_trainings_have_is_refused(tmp_path: Path, method: str, name: str, instead: str) -> None:
    said = refused(tmp_path, f'method = "{method}"\n{name} = 2')
    assert said.startswith(f"policy.{name}: ")
    assert instead in said


@pytest.mark.parametrize("name", OWN)
def test_what_is_ppos_own_is_refused_with_another_method(tmp_path: Path, name: str) -> None:
    value = "true" if name == "whiten_rewards" else "1"
    load_run_file(write_run(tmp_path, run_file=f"{RUN_FILE}\n[policy]\n{name} = {value}\n"))
    for method in ("rloo", "grpo"):
        said = refused(tmp_path, f'method = "{method}"\n{name} = {value}')
        assert said.startswith(f"policy.{name}: ")
        assert 'method = "ppo"' in said


def test_eight_settings_are_ppos_own() -> None:
    assert len(OWN) == 8


def test_other_mistakes_say_what_is_known(tmp_path: Path) -> None:
    assert refused(tmp_path, "rolout_rows = 4") == "policy.rolout_rows: no such setting; did you mean 'rollout_rows'?"
    assert "did you mean 'rollout_rows'?" in refused(tmp_path, 'method = "grpo"\nrolout_rows = 4')
    assert refused(tmp_path, 'method = "dpo"') == "policy: method: write one of ppo, rloo, grpo"
    assert refused(tmp_path, "steps = 0").startswith("policy.steps: ")


def test_a_section_comes_back_from_the_ledger_as_it_was(tmp_path: Path) -> None:
    for section in ("steps = 3", 'method = "rloo"\nsteps = 3\nlora = false'):
        _, config = load_run_file(write_run(tmp_path, run_file=f"{RUN_FILE}\n[policy]\n{section}\n"))
        assert read_policy_config(config.policy.model_dump_json().encode()) == config.policy
        assert type(config).model_validate_json(config.model_dump_json()) == config
        assert steps_total(config.policy, 1000) == 3
