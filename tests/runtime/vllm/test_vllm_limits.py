"""What does not fit into a model, a cache or vLLM is an error that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.config import VllmConfig
from runtime.engines.base import ChooseRequest, Decoding, EngineError, GenerateRequest
from runtime.engines.vllm import VllmEngine
from tests.runtime.conftest import save_tokenizer
from tests.runtime.vllm.conftest import engine_of, save_llama

pytestmark = pytest.mark.vllm


def test_prompt_that_does_not_fit_is_an_error(small: VllmEngine) -> None:
    long = GenerateRequest(tuple(range(3, 403)) * 5, Decoding(tokens_max=100), 0)
    with pytest.raises(EngineError, match=r"2000 tokens and 100 more do not fit .* 2048") as caught:
        list(small.generate([long]))
    assert "tokens_max" in caught.value.remedy
    with pytest.raises(EngineError, match="do not fit"):
        list(small.choose([ChooseRequest(long.tokens * 2, (1, 2))]))


def test_context_is_the_shorter_of_the_models_and_the_run_files(small_model: Path) -> None:
    assert engine_of(small_model, settings=VllmConfig(context_max=9999)).tokenizer.context_max == 2048
    engine = engine_of(small_model, settings=VllmConfig(context_max=64))
    full = GenerateRequest(tuple(range(3, 59)), Decoding(tokens_max=8), 0)
    (answer,) = dict(engine.generate([full])).values()
    assert len(answer.tokens) <= 8
    with pytest.raises(EngineError, match="do not fit into the model's context of 64"):
        list(engine.generate([GenerateRequest((*full.tokens, 5), full.decoding, 0)]))


def test_context_that_does_not_fit_into_the_cache_is_an_error(small_model: Path, tmp_path: Path) -> None:
    wide = tmp_path / "wide"
    save_tokenizer(wide)
    save_llama(wide, num_hidden_layers=32, num_key_value_heads=8, num_attention_heads=8, head_dim=128,
               max_position_embeddings=8192)  # fmt: skip
    request = GenerateRequest((5, 6), Decoding(tokens_max=2), 0)
    with pytest.raises(EngineError, match="vLLM cannot open the model") as caught:
        list(engine_of(wide).generate([request]))
    assert "context_max" in caught.value.remedy
    # Nothing half open is in the way of the next one.
    assert len(dict(engine_of(wide, settings=VllmConfig(context_max=2048)).generate([request]))) == 1
    assert len(dict(engine_of(small_model).generate([request]))) == 1


def test_what_vllm_cannot_compute_is_an_error_and_leaves_nothing_behind(small_model: Path, tmp_path: Path) -> None:
    narrow = tmp_path / "narrow"
    save_tokenizer(narrow)
    save_llama(narrow, num_attention_heads=4, num_key_value_heads=4, head_dim=8)
    request = GenerateRequest((5, 6), Decoding(tokens_max=2), 0)
    with pytest.raises(EngineError, match=r"vLLM ended while it worked: .*head_dim") as caught:
        list(engine_of(narrow).generate([request]))
    assert "transformers" in caught.value.remedy
    assert len(dict(engine_of(small_model).generate([request]))) == 1


@pytest.mark.parametrize("temperature", [0.005, 2.5])
def test_temperature_that_vllm_would_change_is_an_error(small: VllmEngine, temperature: float) -> None:
    with pytest.raises(EngineError, match="does not draw at a temperature"):
        list(small.generate([GenerateRequest((5,), Decoding(tokens_max=2, temperature=temperature), 0)]))


def test_build_for_cpus_does_not_run_on_a_gpu(small_model: Path) -> None:
    with pytest.raises(EngineError, match="vLLM runs on cpu here") as caught:
        engine_of(small_model, device="cuda")
    assert 'device = "auto"' in caught.value.remedy
