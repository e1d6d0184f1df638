"""vLLM in the actors of Ray, both for real, on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.config import EngineConfig, EngineKind, RayConfig
from runtime.engines.base import ChooseRequest, Decoding, GenerateRequest
from runtime.engines.choose import open_engine
from tests.runtime.vllm.conftest import engine_of

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]


def test_actors_that_hold_vllm_answer_as_vllm_here(small_model: Path, tmp_path: Path) -> None:
    """In float32 an answer depends neither on its batch nor on the process."""
    pytest.importorskip("ray")
    asked = [
        GenerateRequest((5, 6, 7 + n % 5), Decoding(tokens_max=9, temperature=float(n % 2)), seed=n) for n in range(12)
    ]
    labels = [ChooseRequest((5, 6, 7 + n), (65, 66)) for n in range(12)]
    here = engine_of(small_model)
    completions, choices = dict(here.generate(asked)), dict(here.choose(labels))
    here.close()
    config = EngineConfig(
        kind=EngineKind.VLLM, spread="ray", generate_dtype="float32",
        ray=RayConfig(store=str(tmp_path), shard_rows=5),
    )  # fmt: skip
    engine = open_engine(config, str(small_model))
    try:
        assert engine.model == here.model
        assert dict(engine.generate(asked)) == completions
        assert dict(engine.choose(labels)) == choices
    finally:
        engine.close()
    assert len(list(tmp_path.rglob("*.parquet"))) == 6
