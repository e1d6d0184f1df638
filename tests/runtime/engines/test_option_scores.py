"""Prefixes side by side: the same numbers as whole prompts give, in fewer passes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from transformers import (  # noqa: E402
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
)

from runtime.engines.batching import Limits, share_prefixes  # noqa: E402
from runtime.engines.option_scores import OptionScores, selected  # noqa: E402

SIZES: dict[str, Any] = {
    "vocab_size": 50, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 1024, "initializer_range": 0.3,
}  # fmt: skip
Tokens = tuple[int, ...]


def llama() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**SIZES)).eval()


def nested(seed: int) -> list[Tokens]:
    """Prompts under prefixes of several lengths, one within the other, and some that share nothing."""
    dice = random.Random(seed)  # noqa: S311

    def some(low: int, high: int) -> Tokens:
        return tuple(dice.choices(range(1, 50), k=dice.randint(low, high)))

    prompts = {some(1, 90) for _ in range(4)}
    start = some(70, 120)
    for _ in range(3):
        pair = start + some(80, 200)
        for _ in range(2):
            side = pair + some(65, 150)
            prompts |= {side + some(1, 20) for _ in range(dice.randint(2, 5))}
            prompts.add(side)  # a prompt that is a prefix of others
    return sorted(prompts)


def passes_and_scores(
    model: Any, prompts: Sequence[Tokens], wanted: Sequence[Sequence[Tokens]], limits: Limits, front_rows: int
) -> tuple[int, dict[int, list[tuple[float, ...]]]]:
    passes = 0

    def count(*_: object) -> None:
        nonlocal passes
        passes += 1

    hook = model.register_forward_hook(count)
    scores = OptionScores(model, 0, limits, front_rows)
    found = [
        (leaf, [choice.log_probabilities for choice in choices])
        for leaf, choices in scores.under(share_prefixes(prompts), prompts, wanted)
    ]
    hook.remove()
    assert len(dict(found)) == len(found) == len(prompts)
    return passes, dict(found)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("limits", "front_rows"), [
    (Limits(8192, 16), 1), (Limits(8192, 16), 16), (Limits(8192, 3), 3), (Limits(400, 16), 16), (Limits(1, 16), 16),
])  # fmt: skip
def test_scores_are_those_of_whole_prompts(seed: int, limits: Limits, front_rows: int) -> None:
    model, prompts = llama(), nested(seed)
    wanted = [[(3, 4), (9, 3, 7)] if n % 2 else [(n % 50,)] for n in range(len(prompts))]
    _, found = passes_and_scores(model, prompts, wanted, limits, front_rows)
    for n, prompt in enumerate(prompts):
        with torch.inference_mode():
            plain = model(torch.tensor([prompt])).logits[0, -1].log_softmax(-1)
        for options, scores in zip(wanted[n], found[n], strict=True):
            assert scores == pytest.approx([plain[option].item() for option in options], abs=1e-4)


def test_prefixes_side_by_side_take_fewer_passes() -> None:
    model, prompts = llama(), nested(1)
    wanted = [[(3, 4)]] * len(prompts)
    narrow, _ = passes_and_scores(model, prompts, wanted, Limits(8192, 64), front_rows=1)
    wide, _ = passes_and_scores(model, prompts, wanted, Limits(8192, 64), front_rows=64)
    # One pass for the prefixes of each depth (three), and one for the prompts under each, and under none.
    assert wide <= 7 < narrow


def test_where_places_in_the_cache_are_dropped_a_front_is_one_prefix() -> None:
    torch.manual_seed(0)
    model = MistralForCausalLM(MistralConfig(**SIZES, sliding_window=48)).eval()
    prompts = nested(2)
    _, found = passes_and_scores(model, prompts, [[(3, 4)]] * len(prompts), Limits(8192, 64), front_rows=64)
    for n, prompt in enumerate(prompts):
        with torch.inference_mode():
            plain = model(torch.tensor([prompt])).logits[0, -1].log_softmax(-1)
        assert found[n][0] == pytest.approx(plain[[3, 4]].tolist(), abs=1e-5)


def test_padding_of_a_long_prefix_stays_within_the_context() -> None:
    """A model that has learned its positions has none past the context."""
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_positions=256, n_embd=32, n_layer=2, n_head=4)).eval()
    deep, shallow = (3,) * 240, (4,) * 70
    prompts = sorted({*((*deep, n, n) for n in range(5, 9)), *(shallow + (n,) * 120 for n in range(5, 9))})
    _, found = passes_and_scores(model, prompts, [[(3, 4)]] * len(prompts), Limits(8192, 64), front_rows=64)
    for n, prompt in enumerate(prompts):
        with torch.inference_mode():
            plain = model(torch.tensor([prompt])).logits[0, -1].log_softmax(-1)
        assert found[n][0] == pytest.approx(plain[[3, 4]].tolist(), abs=1e-5)


def test_selected_rows_leave_the_cache_as_it_is() -> None:
    model = llama()
    with torch.inference_mode():
        cache = model(torch.tensor([[5, 6, 7], [8, 9, 10]]), use_cache=True).past_key_values
        before = cache.layers[0].keys.clone()
        chosen = selected(cache, [1, 1, 0])
        model(torch.tensor([[1], [2], [3]]), past_key_values=chosen, use_cache=True)
    assert cache.layers[0].keys.equal(before)
    assert chosen.layers[0].keys.shape[0] == 3
    assert chosen.layers[0].keys[:, :, :3].equal(before[[1, 1, 0]])
