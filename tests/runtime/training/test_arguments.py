"""What trainers are told, where the library would choose otherwise by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("trl")

from runtime.training import arguments
from runtime.training.arguments import trainer_arguments


@pytest.mark.parametrize("name", ["RewardConfig", "SFTConfig", "DPOConfig", "RLOOConfig", "GRPOConfig"])
@pytest.mark.parametrize("able", [False, True])
def test_precision_and_checkpointing_are_ours_to_choose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, able: bool
) -> None:
    import trl

    monkeypatch.setattr(arguments, "computes_bfloat16", lambda: able)
    told = trainer_arguments(
        work=str(tmp_path), steps=1, seed=0, learning_rate=1e-4, batch_rows=8, accumulate=1
    )  # fmt: skip
    config = getattr(trl, name)(**told)
    assert config.bf16 is able
    assert config.gradient_checkpointing is False
