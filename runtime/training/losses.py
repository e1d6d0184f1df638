"""The losses and estimators that training is made of: pure functions of tensors, without models or state.

Shapes: B rows, T tokens of a completion. A `mask` is 1 (or True) at the tokens of a completion and 0 at
padding. Log-probabilities, KL and log-odds are in nats; scores and rewards are in the preference model's own
unit, in which a difference is a log-odds.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

__all__ = [
    "AdaptiveKl", "FixedKl", "KlCoefficient", "clipped_policy_loss", "clipped_value_loss", "dpo_margin",
    "generalised_advantages", "kl_low_variance", "kl_plain", "masked_mean", "masked_whiten", "penalised_rewards",
    "soft_label_preference_loss",
]  # fmt: skip


# --- preferences --------------------------------------------------------------------------------


def soft_label_preference_loss(delta: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy between a soft label and the preference that `delta` implies, per row.

        -(y log σ(Δ) + (1 - y) log σ(-Δ))

    With y = 1 it is the loss of Bradley and Terry's model (and of DPO, Rafailov et al. 2023, eq. 7); with a
    probability as y, that of Bai et al. 2022, section 4. Computed with `logsigmoid`, so it stays finite for
    any Δ. Its minimum is at Δ = log(y / (1 - y)), where it is the label's own entropy.

    Args:
        delta: (B,) log-odds that the chosen answer is better, in nats.
        y: (B,) probability in [0, 1] that it is.

    Returns:
        (B,) losses in nats.
    """
    return -(y * logsigmoid(delta) + (1 - y) * logsigmoid(-delta))


def dpo_margin(
    chosen: Tensor, rejected: Tensor, reference_chosen: Tensor, reference_rejected: Tensor, beta: float
) -> Tensor:
    """What DPO takes for the log-odds of a pair (Rafailov et al. 2023, eq. 7).

        β ((log π - log π_ref)(chosen) - (log π - log π_ref)(rejected))

    Args:
        chosen: (B,) log-probability of the chosen answer, all its tokens together, under the policy.
        rejected: (B,) that of the rejected answer.
        reference_chosen: (B,) the chosen answer under the reference.
        reference_rejected: (B,) the rejected answer under the reference.
        beta: How dear it is to leave the reference; without unit.

    Returns:
        (B,) log-odds in nats.
    """
    return beta * ((chosen - reference_chosen) - (rejected - reference_rejected))


# --- masks --------------------------------------------------------------------------------------


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """The mean over all masked tokens of the batch, as a scalar; 0 where there are none.

    Args:
        values: (B, T).
        mask: (B, T).
    """
    weights = mask.to(values.dtype)
    return (values * weights).sum() / weights.sum().clamp(min=1)


def masked_whiten(values: Tensor, mask: Tensor, *, shift_mean: bool = True) -> Tensor:
    """Divide by the standard deviation over all masked tokens, and subtract their mean.

    The variance is the unbiased one (n - 1), floored at 1e-8. Padding comes back as 0.

    Args:
        values: (B, T).
        mask: (B, T).
        shift_mean: Whether the mean becomes 0; else it stays as it was (for rewards, whose sign has a meaning).

    Returns:
        (B, T), with variance 1 over the masked tokens.
    """
    weights = mask.to(values.dtype)
    mean = masked_mean(values, mask)
    variance = ((values - mean) ** 2 * weights).sum() / (weights.sum() - 1).clamp(min=1)
    whitened = (values - mean) * torch.rsqrt(variance.clamp(min=1e-8))
    return (whitened if shift_mean else whitened + mean) * weights


# --- KL -----------------------------------------------------------------------------------------


def kl_plain(policy: Tensor, reference: Tensor) -> Tensor:
    """KL(π‖π_ref) at sampled tokens, as log π - log π_ref: unbiased, and may be negative (k1 of Schulman 2020).

    Args:
        policy: (B, T) log-probabilities of tokens drawn from the policy.
        reference: (B, T) of the same tokens under the reference.

    Returns:
        (B, T) nats.
    """
    return policy - reference


def kl_low_variance(policy: Tensor, reference: Tensor) -> Tensor:
    """KL(π‖π_ref) at sampled tokens, as r - 1 - log r with r = π_ref/π: unbiased, never negative (k3).

    Schulman 2020, "Approximating KL divergence". For logging: its gradient is not that of the KL.

    Args:
        policy: (B, T) log-probabilities of tokens drawn from the policy.
        reference: (B, T) of the same tokens under the reference.

    Returns:
        (B, T) nats.
    """
    log_ratio = reference - policy
    return torch.expm1(log_ratio) - log_ratio


class FixedKl:
    """A KL coefficient that stays as it is."""

    def __init__(self, coefficient: float) -> None:
        self.coefficient = coefficient

    def update(self, kl: float, completions: int) -> None:
        """Nothing changes."""


class AdaptiveKl:
    """A KL coefficient that moves towards a KL per completion (Ziegler et al. 2019, section 2.2).

        e = clip(KL / target - 1, -0.2, 0.2)
        β ← β (1 + K e n),  K = 1 / horizon

    `n` is the number of completions since the last update. The paper's K is 0.1 for one batch; counted in
    completions, and with the horizon of its code, it does not depend on the batch's size.
    """

    def __init__(self, coefficient: float, target: float, horizon: int = 10_000) -> None:
        self.coefficient = coefficient
        self._target = target
        self._horizon = horizon

    def update(self, kl: float, completions: int) -> None:
        """Move the coefficient: up where `kl` (nats per completion) is above the target, down where below."""
        error = min(max(kl / self._target - 1, -0.2), 0.2)
        self.coefficient *= 1 + error * completions / self._horizon


KlCoefficient = FixedKl | AdaptiveKl


# --- PPO ----------------------------------------------------------------------------------------


def penalised_rewards(scores: Tensor, policy: Tensor, reference: Tensor, mask: Tensor, coefficient: float) -> Tensor:
    """Rewards per token: the KL penalty at every token, and the score at the last real one.

        r_t = -β (log π(t) - log π_ref(t)) + [t is the last real token] · score

    Stiennon et al. 2020, section 3.4; Ziegler et al. 2019, eq. 2. The last real token is found in the mask,
    never by looking for a token id, so a padding token that is also an end of turn cannot be mistaken for it.

    Args:
        scores: (B,) the preference model's score of each completion.
        policy: (B, T) log-probabilities of the tokens when they were drawn.
        reference: (B, T) of the same tokens under the reference.
        mask: (B, T), with at least one token in every row; real tokens come first.
        coefficient: β.

    Returns:
        (B, T) rewards, 0 at padding.
    """
    weights = mask.to(policy.dtype)
    rewards = -coefficient * kl_plain(policy, reference) * weights
    last = mask.long().sum(dim=1) - 1
    if bool((last < 0).any()):
        raise ValueError("a completion without tokens has no last token to put its score on")
    rows = torch.arange(mask.shape[0], device=mask.device)
    return rewards.index_put((rows, last), scores.to(rewards.dtype), accumulate=True)


def generalised_advantages(
    rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float
) -> tuple[Tensor, Tensor]:
    """Generalised advantage estimation (Schulman et al. 2016, eq. 16), and the returns that the values learn.

        δ_t = r_t + γ V_{t+1} - V_t,   A_t = δ_t + γ λ A_{t+1},   R_t = A_t + V_t

    After a row's last real token, V and A are 0: a completion ends its episode, whether by an end of turn or
    because it was cut.

    Args:
        rewards: (B, T).
        values: (B, T) estimates before each token is drawn.
        mask: (B, T), real tokens first.
        gamma: Discount in [0, 1].
        lam: λ in [0, 1].

    Returns:
        Advantages and returns, both (B, T), 0 at padding.
    """
    weights = mask.to(values.dtype)
    values, rewards = values * weights, rewards * weights
    advantages = torch.zeros_like(values)
    following = torch.zeros_like(values[:, 0])
    after = torch.zeros_like(values[:, 0])
    for t in range(values.shape[1] - 1, -1, -1):
        delta = rewards[:, t] + gamma * after - values[:, t]
        following = (delta + gamma * lam * following) * weights[:, t]
        advantages[:, t] = following
        after = values[:, t]
    return advantages, (advantages + values) * weights


def clipped_policy_loss(
    new: Tensor, old: Tensor, advantages: Tensor, mask: Tensor, clip: float
) -> tuple[Tensor, Tensor]:
    """PPO's clipped surrogate (Schulman et al. 2017, eq. 7), negated, and the fraction of tokens it clips.

        mean of max(-A ρ, -A clip(ρ, 1 - ε, 1 + ε)),   ρ = exp(log π_new - log π_old)

    Args:
        new: (B, T) log-probabilities under the policy being trained.
        old: (B, T) under the policy that drew the tokens.
        advantages: (B, T).
        mask: (B, T).
        clip: ε.

    Returns:
        The loss and the clip fraction, scalars. Only tokens where the clipped side is the larger count as clipped.
    """
    ratio = torch.exp(new - old)
    plain = -advantages * ratio
    clipped = -advantages * ratio.clamp(1 - clip, 1 + clip)
    loss = masked_mean(torch.maximum(plain, clipped), mask)
    return loss, masked_mean((clipped > plain).to(new.dtype), mask).detach()


def clipped_value_loss(new: Tensor, old: Tensor, returns: Tensor, mask: Tensor, clip: float) -> Tensor:
    """Half the squared error of the values, pessimistic within a clip range around the old ones.

        mean of ½ max((V - R)², (clip(V, V_old - ε, V_old + ε) - R)²)

    As in OpenAI's PPO code (Engstrom et al. 2020, section 3).

    Args:
        new: (B, T) values under the model being trained.
        old: (B, T) values at the rollout.
        returns: (B, T).
        mask: (B, T).
        clip: ε, in the reward's unit.

    Returns:
        A scalar.
    """
    clipped = torch.maximum(torch.minimum(new, old + clip), old - clip)
    return 0.5 * masked_mean(torch.maximum((new - returns) ** 2, (clipped - returns) ** 2), mask)
