"""Scores of a preference model, read at the last real token."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from runtime.records import Conversation
from runtime.training.encoding import Tokens, encode_texts
from runtime.training.models import computes_bfloat16, has_gpu, load_scorer, pad_token
from runtime.training.progress import quiet

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    from runtime.engines.base import ChatTokenizer

__all__ = ["Scorer", "last_token_scores", "score"]


def last_token_scores(model: PreTrainedModel, input_ids: Tensor, lengths: Tensor) -> Tensor:
    """The output of a scalar head at each row's last real token.

    The place comes from the lengths. The model's own pooling looks for the last id that is not the padding
    token's, and so reads at the wrong place where the two ends are the same token.

    Args:
        model: A sequence classifier with one output.
        input_ids: (B, T) token ids, padded on the right.
        lengths: (B,) real tokens in each row, at least 1.

    Returns:
        (B,) scores in float32.
    """
    positions = torch.arange(input_ids.shape[1], device=input_ids.device)
    mask = (positions[None, :] < lengths[:, None]).long()
    hidden = model.base_model(input_ids=input_ids, attention_mask=mask, use_cache=False).last_hidden_state
    rows = torch.arange(input_ids.shape[0], device=input_ids.device)
    last = hidden[rows, lengths - 1]
    with torch.autocast(input_ids.device.type, enabled=False):
        return torch.nn.functional.linear(last.float(), model.score.weight.float()).squeeze(-1)


class Scorer:
    """A preference model that is loaded once. It has its own tokenizer, whatever the policy's is."""

    def __init__(self, model: PreTrainedModel, tokenizer: ChatTokenizer, pad: int, *, bfloat16: bool) -> None:
        self._model = model.eval()
        self._tokenizer = tokenizer
        self._pad = pad
        self._bfloat16 = bfloat16

    @classmethod
    def load(cls, folder: Path, *, bfloat16: bool = False) -> Scorer:
        """The preference model in `folder`; with `bfloat16`, fast and coarse where the machine can do that."""
        from runtime.prompting import ModelTokenizer

        chat = ModelTokenizer(folder)
        pad = pad_token(chat, folder)
        device = "cuda" if has_gpu() else "cpu"
        with quiet():
            model = load_scorer(folder, pad=pad, lora=False, fresh_head=False, device=device)
        return cls(model, chat, pad, bfloat16=bfloat16 and computes_bfloat16())

    def score(
        self, conversations: Sequence[tuple[Conversation, str]], *, batch_rows: int = 8, tokens_max: int | None = None
    ) -> list[float]:
        """The score of each answer to its conversation, in the order given."""
        encoded, _ = encode_texts(self._tokenizer, conversations, tokens_max or self._tokenizer.context_max)
        return self.score_tokens(encoded, batch_rows=batch_rows)

    @torch.no_grad()
    def score_tokens(self, encoded: Sequence[Tokens], *, batch_rows: int = 8) -> list[float]:
        """The same for sequences of token ids. Like lengths are batched together."""
        device = self._model.device
        order = sorted(range(len(encoded)), key=lambda n: len(encoded[n]), reverse=True)
        scores = [0.0] * len(encoded)
        autocast = torch.autocast(device.type, torch.bfloat16) if self._bfloat16 else contextlib.nullcontext()
        for start in range(0, len(order), batch_rows):
            batch = order[start : start + batch_rows]
            width = len(encoded[batch[0]])
            ids = torch.full((len(batch), width), self._pad)
            for row, n in enumerate(batch):
                ids[row, : len(encoded[n])] = torch.tensor(encoded[n])
            lengths = torch.tensor([len(encoded[n]) for n in batch])
            with autocast:
                found = last_token_scores(self._model, ids.to(device), lengths.to(device))
            for n, value in zip(batch, found.tolist(), strict=True):
                scores[n] = value
        return scores


def score(
    preference_model: Path,
    conversations: Sequence[tuple[Conversation, str]],
    *,
    batch_rows: int = 8,
    tokens_max: int | None = None,
) -> list[float]:
    """The preference model's score of each answer, in float32; a difference of two is a log-odds.

    A conversation longer than `tokens_max` (the model's context where unnamed) is cut as rows for training are.
    """
    return Scorer.load(preference_model).score(conversations, batch_rows=batch_rows, tokens_max=tokens_max)
