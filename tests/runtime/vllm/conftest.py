"""Models that vLLM's CPU attention takes (heads of 32), small enough for every test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.vllm import VllmEngine
from tests.runtime.conftest import CHATML, save_tokenizer

# Before ray is imported: a token of its own would be wanted otherwise.
os.environ.setdefault("RAY_AUTH_MODE", "disabled")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")


def save_llama(folder: Path, **settings: Any) -> Any:
    """A random Llama of two layers, saved; it is returned to be changed and saved again."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    shape = {
        "vocab_size": 512, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32, "max_position_embeddings": 2048,
        "initializer_range": 0.3, "bos_token_id": None, "eos_token_id": 2, "pad_token_id": 0,
    }  # fmt: skip
    model = LlamaForCausalLM(LlamaConfig(**{**shape, **settings}))
    model.save_pretrained(folder)
    return model


def engine_of(folder: Path, **settings: Any) -> VllmEngine:
    return VllmEngine(folder, **{"generate_dtype": "float32", **settings})


@pytest.fixture(scope="module")
def small(small_model: Path) -> Iterator[VllmEngine]:
    engine = engine_of(small_model)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model with a ChatML template."""
    folder = tmp_path_factory.mktemp("small") / "small-model"
    save_tokenizer(folder)
    save_llama(folder)
    return folder


@pytest.fixture
def saying(tmp_path: Path) -> Callable[..., Path]:
    """Make a model that says one text after every prompt: `saying(text, template=…)`; `None` is the end of the turn.

    Without attention, the next token depends on the last one alone: on its first place in the text, where it has two.
    """

    def make(text: str | None, *, template: str | None = CHATML, after: str) -> Path:
        import torch

        from runtime.prompting import ModelTokenizer

        folder = tmp_path / "saying"
        save_tokenizer(folder, template=template)
        file = folder / "tokenizer.json"
        file.write_text(file.read_text().replace('"<tool_call>"', r'"\n\n"'))  # one token, as in real vocabularies
        model = save_llama(folder, num_hidden_layers=1, hidden_size=512, tie_word_embeddings=False)
        tokenizer = ModelTokenizer(folder)
        first = tokenizer._plain.ids(after)[-1]
        said = [*(tokenizer._plain.ids(text) if text is not None else ()), tokenizer.end_of_turn]
        with torch.no_grad():
            for weights in (model.model.layers[0].self_attn.o_proj.weight, model.model.layers[0].mlp.down_proj.weight):
                weights.zero_()
            model.model.embed_tokens.weight.copy_(torch.eye(512))
            model.lm_head.weight.zero_()
            follows: dict[int, int] = {}
            for before, token in zip([first, *said], said, strict=False):
                follows.setdefault(before, token)
            for before, token in follows.items():
                model.lm_head.weight[token, before] = 5.0
        model.save_pretrained(folder)
        return folder

    return make
