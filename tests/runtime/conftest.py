"""A model small enough for every test, and the real one for the tests that are marked so."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PAD, END = "<|endoftext|>", "<|im_end|>"

CHATML = """\
{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nYou help.<|im_end|>\\n' }}{% endif %}
{% for message in messages %}
{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}
{% endfor %}
{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
"""

TEXTS = [
    "The capital of France is Paris. Which of the two responses is better, (A) or (B)? Answer: (A",
    "user assistant system You help people and harm nobody. Human: Assistant:",
    "Say where the response gives real help with a weapon. Rewrite the response so that no such help remains.",
] * 3


def save_tokenizer(
    folder: Path, *, template: str | None = CHATML, bos: str | None = None, metaspace: bool = False, **settings: Any
) -> None:
    """A BPE tokenizer with control tokens, trained on a few lines; with `bos`, it puts that token first."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = [PAD, "<|im_start|>", END, *([bos] if bos else [])]
    if metaspace:
        tokenizer = Tokenizer(models.BPE(unk_token=PAD))
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
        tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
        alphabet = [chr(c) for c in range(32, 127)] + ["\n", "▁"]
    else:
        tokenizer = Tokenizer(models.BPE())
        # A sign and the letters after it go together, as in Qwen, so that `(A` is one token.
        words = pre_tokenizers.Split(Regex(r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|[^\s\p{L}\p{N}]+|\s+"), "isolated")
        raw = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, raw])
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.add_tokens(["<tool_call>"])
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, tokenizer.token_to_id(bos))]
        )
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, pad_token=PAD, bos_token=bos, **settings
    )
    wrapped.chat_template = template
    wrapped.save_pretrained(folder)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random Llama of two layers, a byte-level tokenizer and a ChatML template."""
    torch = pytest.importorskip("torch")
    from transformers import LlamaConfig, LlamaForCausalLM

    # Two threads that wait for each other take fifty times as long where the cores are busy.
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("tiny") / "tiny-model"
    save_tokenizer(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=512,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        initializer_range=0.3,
        bos_token_id=None,
        eos_token_id=2,
        pad_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture
def make_tokenizer(tmp_path: Path) -> Callable[..., Path]:
    """Make a folder with a tokenizer and a configuration, without weights: `make_tokenizer(template=…, bos=…)`."""

    def make(**settings: Any) -> Path:
        folder = tmp_path / "tokenizer-only"
        save_tokenizer(folder, **settings)
        (folder / "config.json").write_text('{"max_position_embeddings": 2048, "eos_token_id": 2}')
        return folder

    return make


def real_models() -> list[str]:
    """Folders in `CAI_TEST_MODEL`, separated as in PATH; else the small model that is known by name."""
    named = os.environ.get("CAI_TEST_MODEL")
    return named.split(os.pathsep) if named else ["smollm2-135m-instruct"]


@pytest.fixture(scope="session", params=real_models())
def real_model(request: pytest.FixtureRequest) -> Path:
    """A real model, fetched where it has to be."""
    from runtime.engines.models import resolve

    return resolve(request.param)
