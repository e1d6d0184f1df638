"""Proximal policy optimisation (Schulman et al. 2017) against a reward on whole completions.

One step draws a batch of completions, scores them, and makes several passes of clipped updates over them. The
reward of a token is the KL penalty towards the frozen reference; the last real token gets the score as well. So
what is maximised is the score minus β times the KL, whose best policy is π_ref exp(score/β)/Z.

A completion without its end of turn was cut: it is scored as it stands, and its episode ends there, with no
estimate of what would have followed. The share of completions that did end is reported as `finished`.
"""

from __future__ import annotations

import contextlib
import copy
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from runtime.config import PpoConfig
from runtime.records import TrainedKind
from runtime.training.encoding import EncodedPrompt, Tokens
from runtime.training.losses import (
    AdaptiveKl,
    FixedKl,
    KlCoefficient,
    clipped_policy_loss,
    clipped_value_loss,
    generalised_advantages,
    kl_low_variance,
    kl_plain,
    masked_mean,
    masked_whiten,
    penalised_rewards,
)
from runtime.training.models import peft_config
from runtime.training.progress import OnStep, checked_step, steps_total
from runtime.training.rollouts import ActorCritic, Rollout, TokenView, draw

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

__all__ = ["VALUE_LEARNING_RATE", "PpoLoop", "RewardFunction"]

RewardFunction = Callable[[Sequence[EncodedPrompt], Sequence[Tokens]], list[float]]
"""Prompts and the completions drawn for them (with their ends of turn) to one score each."""

VALUE_LEARNING_RATE = 1e-3
"""The value head's own: it starts at zero and has to follow the policy, whose rate is far too low for that."""


@dataclass(frozen=True)
class _Experience:
    """One batch of completions with all that the updates need; tensors are (B, T)."""

    rollout: Rollout
    old: TokenView
    reference: Tensor
    advantages: Tensor
    returns: Tensor


class PpoLoop:
    """Trains `policy` in place. With an adapter, the reference is the adapter switched off; else a frozen copy."""

    def __init__(
        self,
        config: PpoConfig,
        policy: PreTrainedModel,
        reward: RewardFunction,
        *,
        pad: int,
        stops: frozenset[int],
        seed: int,
        bfloat16: bool = False,
        value_learning_rate: float = VALUE_LEARNING_RATE,
    ) -> None:
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState
        from accelerate.utils import set_seed

        # Trainers that ran in this process leave their precision behind.
        AcceleratorState._reset_state(reset_partial_state=True)  # noqa: SLF001
        self._accelerator = Accelerator(mixed_precision="bf16" if bfloat16 else "no", cpu=not torch.cuda.is_available())
        set_seed(seed, device_specific=True)
        self._config = config
        self._reward = reward
        self._pad = pad
        self._stops = stops
        self._seed = seed
        self._reference: ActorCritic | None = None
        adapter = peft_config(config.lora)
        if adapter is None:
            self._reference = ActorCritic(copy.deepcopy(policy)).requires_grad_(requires_grad=False)
            self._reference.to(self._accelerator.device).eval()
        else:
            from peft import get_peft_model

            policy = get_peft_model(policy, adapter)
        # In evaluation mode throughout: dropout would make the ratio of a policy to itself differ from one.
        actor = ActorCritic(policy).eval()
        trunk = [p for p in actor.policy.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(
            [
                {"params": trunk, "lr": config.learning_rate},
                {"params": list(actor.value.parameters()), "lr": value_learning_rate},
            ],
            weight_decay=0.0,
        )
        self._actor, self._optimizer = self._accelerator.prepare(actor, optimizer)
        self._kl: KlCoefficient = FixedKl(config.kl)
        if config.kl_target is not None:
            self._kl = AdaptiveKl(config.kl, config.kl_target)
        self._steps = steps_total(config, 0)
        self._rates = [group["lr"] for group in self._optimizer.param_groups]

    @property
    def policy(self) -> Any:  # noqa: ANN401  # a model, or an adapter around one
        """The policy as it is now."""
        return self._accelerator.unwrap_model(self._actor).policy

    @property
    def is_main(self) -> bool:
        """Whether this process writes what all of them trained."""
        return bool(self._accelerator.is_main_process)

    def train(self, prompts: Sequence[EncodedPrompt], on_step: OnStep) -> dict[str, float]:
        """Run all steps, and return the metrics of the last."""
        stream = self._stream(prompts)
        metrics: dict[str, float] = {}
        for step in range(1, self._steps + 1):
            # Linearly down to zero: what whitening makes of advantages near an optimum is noise.
            for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
                group["lr"] = rate * (1 - (step - 1) / self._steps)
            metrics = self._step([next(stream) for _ in range(self._config.rollout_rows)], step)
            record = checked_step(TrainedKind.PPO, step, metrics)
            if self.is_main:
                on_step(record)
        return metrics

    def _stream(self, prompts: Sequence[EncodedPrompt]) -> Iterator[EncodedPrompt]:
        """This process's share of the prompts, shuffled anew for every pass, without end."""
        shuffle = random.Random(self._seed)  # noqa: S311  # an order, not a secret
        processes, mine = self._accelerator.num_processes, self._accelerator.process_index
        place = 0
        while True:
            order = list(prompts)
            shuffle.shuffle(order)
            for prompt in order:
                if place % processes == mine:
                    yield prompt
                place += 1

    def _step(self, prompts: Sequence[EncodedPrompt], step: int) -> dict[str, float]:
        experience, metrics = self._experience(prompts)
        shuffle = torch.Generator().manual_seed(self._seed * 1_000_003 + step)
        updates: list[dict[str, float]] = []
        for _ in range(self._config.update_epochs):
            order = torch.randperm(len(prompts), generator=shuffle)
            updates.extend(
                self._update(experience, rows.to(self._accelerator.device))
                for rows in torch.split(order, self._config.minibatch_rows)
            )
        for name in updates[0]:
            metrics[name] = sum(update[name] for update in updates) / len(updates)
        metrics = self._averaged(metrics)
        self._kl.update(metrics["kl"], len(prompts) * self._accelerator.num_processes)
        return metrics

    @torch.no_grad()
    def _experience(self, prompts: Sequence[EncodedPrompt]) -> tuple[_Experience, dict[str, float]]:
        config = self._config
        with self._accelerator.autocast():
            rollout = draw(
                self.policy,
                [prompt.tokens for prompt in prompts],
                pad=self._pad,
                stops=self._stops,
                tokens_max=config.completion_tokens_max,
                temperature=config.temperature,
            )
        scores = torch.tensor(self._reward(prompts, rollout.completions), device=rollout.ids.device)
        old = self._view(self._actor, rollout)
        reference = self._reference_log_probs(rollout)
        mask = rollout.mask
        rewards = penalised_rewards(scores, old.log_probs, reference, mask, self._kl.coefficient)
        total = rewards.sum(dim=1).mean()
        if config.whiten_rewards:
            rewards = masked_whiten(rewards, mask, shift_mean=False)
        advantages, returns = generalised_advantages(rewards, old.values, mask, config.gamma, config.gae_lambda)
        kl = (kl_plain(old.log_probs, reference) * mask).sum(dim=1).mean()
        k3 = (kl_low_variance(old.log_probs, reference) * mask).sum(dim=1).mean()
        metrics = {
            "reward/score": scores.mean(),
            "reward/total": total,
            "kl": kl,
            "kl/low_variance": k3,
            "entropy": masked_mean(old.entropy, mask),
            "length": mask.sum(dim=1).float().mean(),
            "finished": rollout.finished.float().mean(),
            "value": masked_mean(old.values, mask),
        }
        found = {name: value.item() for name, value in metrics.items()}
        found["kl/coefficient"] = self._kl.coefficient
        found["learning_rate"] = self._optimizer.param_groups[0]["lr"]
        whitened = masked_whiten(advantages, mask)
        return _Experience(rollout, old, reference, whitened, returns), found

    def _view(self, actor: ActorCritic, rollout: Rollout) -> TokenView:
        """Look at all completions, in batches of the size that the updates use, so that the arithmetic is the same."""
        parts = [
            actor(ids, attention, rollout.mask.shape[1], self._config.temperature)
            for ids, attention in zip(
                torch.split(rollout.ids, self._config.minibatch_rows),
                torch.split(rollout.attention, self._config.minibatch_rows),
                strict=True,
            )
        ]
        return TokenView(
            torch.cat([part.log_probs for part in parts]),
            torch.cat([part.entropy for part in parts]),
            torch.cat([part.values for part in parts]),
        )

    def _reference_log_probs(self, rollout: Rollout) -> Tensor:
        with self._accelerator.autocast():
            if self._reference is not None:
                return self._view(self._reference, rollout).log_probs
            with _adapter_off(self.policy):
                return self._view(self._actor, rollout).log_probs

    def _update(self, experience: _Experience, rows: Tensor) -> dict[str, float]:
        config = self._config
        rollout, old = experience.rollout, experience.old
        mask = rollout.mask[rows]
        new = self._actor(rollout.ids[rows], rollout.attention[rows], mask.shape[1], config.temperature)
        policy_loss, clipped = clipped_policy_loss(
            new.log_probs, old.log_probs[rows], experience.advantages[rows], mask, config.clip_policy
        )
        value_loss = clipped_value_loss(new.values, old.values[rows], experience.returns[rows], mask, config.clip_value)
        loss = policy_loss + config.value_weight * value_loss
        self._accelerator.backward(loss)
        norm = self._accelerator.clip_grad_norm_(self._actor.parameters(), config.gradient_norm_max)
        self._optimizer.step()
        self._optimizer.zero_grad()
        moved = masked_mean(kl_low_variance(old.log_probs[rows], new.log_probs.detach()), mask)
        return {
            "loss": loss.item(),
            "loss/policy": policy_loss.item(),
            "loss/value": value_loss.item(),
            "clip_fraction": clipped.item(),
            "kl/update": moved.item(),
            "grad_norm": float(norm),
        }

    def _averaged(self, metrics: dict[str, float]) -> dict[str, float]:
        """The mean over all processes."""
        if self._accelerator.num_processes == 1:
            return metrics
        values = torch.tensor(list(metrics.values()), device=self._accelerator.device)
        means = self._accelerator.reduce(values, reduction="mean").tolist()
        return dict(zip(metrics, means, strict=True))


def _adapter_off(policy: Any) -> contextlib.AbstractContextManager[Any]:  # noqa: ANN401  # an adapter around a model
    off: contextlib.AbstractContextManager[Any] = policy.disable_adapter()
    return off
