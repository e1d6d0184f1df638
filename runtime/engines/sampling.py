"""Drawing the next token of each row of a batch."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch

from runtime.engines.base import GenerateRequest

__all__ = ["draw"]


def draw(logits: torch.Tensor, requests: Sequence[GenerateRequest], dice: Sequence[random.Random]) -> list[int]:
    """The next token of each row, by one number of its own dice: the rest of the batch has no say in it."""
    decodings = [request.decoding for request in requests]
    if all(decoding.temperature == 0 for decoding in decodings):
        greedy: list[int] = logits.argmax(-1).tolist()
        return greedy
    temperatures = torch.tensor([[d.temperature or 1.0] for d in decodings], device=logits.device)
    probabilities = (logits.float() / temperatures).softmax(-1)
    if any(decoding.top_p < 1 for decoding in decodings):
        bounds = torch.tensor([[d.top_p if d.top_p < 1 else 2.0] for d in decodings], device=logits.device)
        ranked, order = probabilities.sort(stable=True, dim=-1, descending=True)
        # A token stays where those before it do not reach the bound yet: the first one always stays.
        ranked = ranked.masked_fill(ranked.cumsum(-1) - ranked >= bounds, 0.0)
        probabilities = torch.zeros_like(probabilities).scatter(-1, order, ranked)
    cumulative = probabilities.cumsum(-1, dtype=torch.float64)
    uniform = torch.tensor([[d.random()] for d in dice], dtype=torch.float64, device=logits.device)
    drawn = torch.searchsorted(cumulative, uniform * cumulative[:, -1:], right=True)
    chosen = drawn.clamp(max=logits.shape[-1] - 1)[:, 0]
    if any(decoding.temperature == 0 for decoding in decodings):
        best = torch.tensor([d.temperature == 0 for d in decodings], device=logits.device)
        chosen = torch.where(best, logits.argmax(-1), chosen)
    # One transfer: on a GPU each waits for all that was asked before.
    tokens: list[int] = chosen.tolist()
    return tokens
