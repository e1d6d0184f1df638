"""Drawing completions from a policy, and looking at them again token by token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from runtime.training.encoding import Tokens

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

__all__ = ["ActorCritic", "Rollout", "TokenView", "draw"]


@dataclass(frozen=True)
class Rollout:
    """Completions of a batch of prompts: B rows, T completion tokens at most.

    `ids` and `attention` are (B, P + T): prompts padded on the left, completions on the right. `mask` is (B, T):
    a completion's tokens up to its end of turn, that one included.
    """

    ids: Tensor
    attention: Tensor
    mask: Tensor
    finished: Tensor
    """(B,) whether the end of turn was drawn; else the completion was cut."""

    @property
    def completions(self) -> list[Tokens]:
        """Token ids of each completion, with its end of turn where there is one."""
        width = self.mask.shape[1]
        tokens, lengths = self.ids[:, -width:].tolist(), self.mask.sum(dim=1).tolist()
        return [tuple(row[: int(length)]) for row, length in zip(tokens, lengths, strict=True)]


@dataclass(frozen=True)
class TokenView:
    """What the policy says at each completion token, all (B, T): natural log-probabilities, entropy, value."""

    log_probs: Tensor
    entropy: Tensor
    values: Tensor


class ActorCritic(nn.Module):
    """A policy, and a value head on its last hidden state.

    The head starts at zero, on normalised states, so that its scale does not depend on the model's. The output
    layer computes in float32 whatever autocast says: logits in bfloat16 lie on a grid too coarse for ratios of
    probabilities.
    """

    def __init__(self, policy: PreTrainedModel) -> None:
        super().__init__()
        self.policy = policy
        size = policy.config.get_text_config().hidden_size
        head = nn.Linear(size, 1)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        self.value = nn.Sequential(nn.LayerNorm(size, elementwise_affine=False), head)
        self._widen_output_layer(policy.get_output_embeddings())

    @staticmethod
    def _widen_output_layer(layer: Any) -> None:  # noqa: ANN401  # whatever module the model has there
        def forward(hidden: Tensor) -> Tensor:
            bias = None if getattr(layer, "bias", None) is None else layer.bias.float()
            with torch.autocast(hidden.device.type, enabled=False):
                return nn.functional.linear(hidden.float(), layer.weight.float(), bias)

        layer.forward = forward

    def forward(self, ids: Tensor, attention: Tensor, width: int, temperature: float) -> TokenView:
        """Look at the last `width` tokens of each row, under the distribution that they were drawn from."""
        out = self.policy(
            input_ids=ids,
            attention_mask=attention,
            # With padding on the left, positions count real tokens only.
            position_ids=(attention.cumsum(dim=1) - 1).clamp(min=0),
            output_hidden_states=True,
            use_cache=False,
            logits_to_keep=width + 1,
        )
        log_probs = torch.log_softmax(out.logits[:, -width - 1 : -1].float() / temperature, dim=-1)
        drawn = log_probs.gather(2, ids[:, -width:, None]).squeeze(2)
        entropy = -(log_probs.exp() * log_probs).sum(dim=2)
        with torch.autocast(ids.device.type, enabled=False):
            values = self.value(out.hidden_states[-1][:, -width - 1 : -1].float()).squeeze(2)
        return TokenView(drawn, entropy, values)


@torch.no_grad()
def draw(
    policy: PreTrainedModel,
    prompts: Sequence[Tokens],
    *,
    pad: int,
    stops: frozenset[int],
    tokens_max: int,
    temperature: float,
) -> Rollout:
    """Draw one completion for each prompt, from the whole distribution (no top-k, no top-p).

    Uses torch's global generator; seed it for the same completions again.
    """
    from transformers import GenerationConfig

    longest = max(len(prompt) for prompt in prompts)
    ids = torch.full((len(prompts), longest), pad)
    attention = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.tensor(prompt)
        attention[row, longest - len(prompt) :] = 1
    ids, attention = ids.to(policy.device), attention.to(policy.device)
    theirs = policy.generation_config
    # As the model's own, since what a model recommends (top-k, say) would fill in what an argument leaves at default.
    policy.generation_config = GenerationConfig(
        do_sample=True,
        temperature=temperature,
        top_k=0,
        top_p=1.0,
        max_new_tokens=tokens_max,
        pad_token_id=pad,
        eos_token_id=sorted(stops),
        bos_token_id=None,
    )
    try:
        whole = policy.generate(input_ids=ids, attention_mask=attention)
    finally:
        policy.generation_config = theirs
    drawn = whole[:, longest:]
    ends = torch.isin(drawn, torch.tensor(sorted(stops), device=drawn.device))
    before = ends.long().cumsum(dim=1) - ends.long()
    mask = before == 0
    return Rollout(
        ids=torch.cat([ids, drawn.masked_fill(~mask, pad)], dim=1),
        attention=torch.cat([attention, mask.long()], dim=1),
        mask=mask,
        finished=ends.any(dim=1),
    )
