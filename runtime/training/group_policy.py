"""RLOO and GRPO through TRL: several completions of a prompt are compared with each other, without a value head."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from runtime.config import GroupPolicyConfig, PolicyMethod
from runtime.records import TrainedKind
from runtime.training.arguments import StepLog, run_trainer, trainer_arguments
from runtime.training.encoding import EncodedPrompt
from runtime.training.errors import TrainingError
from runtime.training.models import peft_config
from runtime.training.ppo import RewardFunction
from runtime.training.progress import OnStep, steps_total

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer

__all__ = ["group_size", "train_in_groups"]

_NAMES = {
    "completions/mean_length": "length",
    "rewards/score/mean": "reward/score",
    "clip_ratio/region_mean": "clip_fraction",
}
"""TRL's names of what PPO reports too."""


def group_size(rollout_rows: int) -> int:
    """How many completions of one prompt are compared: 4 where the batch can be divided so, else 2.

    Raises:
        TrainingError: The batch is odd.
    """
    for size in (4, 2):
        if rollout_rows % size == 0:
            return size
    raise TrainingError(
        f"rollout_rows is {rollout_rows}, and completions are compared in groups of at least 2",
        "make rollout_rows even",
    )


def train_in_groups(
    config: GroupPolicyConfig,
    prompts: Sequence[EncodedPrompt],
    policy: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    reward: RewardFunction,
    *,
    stops: frozenset[int],
    seed: int,
    on_step: OnStep,
) -> tuple[Any, dict[str, float]]:
    """Train `policy`, and return it (with its adapter) and the metrics of the last step.

    A step draws `rollout_rows` completions, in groups, and makes one update with them.
    """
    from datasets import Dataset

    known = {prompt.id: prompt for prompt in prompts}
    log = StepLog(TrainedKind(config.method.value), on_step, names=_NAMES)
    # What ends a completion is read from the model's generation settings.
    policy.generation_config.eos_token_id = sorted(stops)

    def score(prompts: list[str], completion_ids: list[list[int]], **_: object) -> list[float]:
        return reward([known[id] for id in prompts], [tuple(tokens) for tokens in completion_ids])

    with tempfile.TemporaryDirectory() as work:
        common = trainer_arguments(
            work=work,
            steps=steps_total(config, len(prompts)),
            seed=seed,
            learning_rate=config.learning_rate,
            batch_rows=config.rollout_rows,
        )
        common |= {
            "max_grad_norm": config.gradient_norm_max,
            "num_generations": group_size(config.rollout_rows),
            "max_completion_length": config.completion_tokens_max,
            "temperature": config.temperature,
            "top_k": 0,
            "top_p": 1.0,
            "beta": config.kl,
            "epsilon": config.clip_policy,
            "disable_dropout": True,
        }
        trainer_class, arguments = _method(config.method, common, known)

        def make(callbacks: list[Any]) -> Trainer:
            return trainer_class(
                model=policy,
                reward_funcs=score,
                args=arguments,
                train_dataset=Dataset.from_dict({"prompt": list(known)}),
                processing_class=tokenizer,
                peft_config=peft_config(config.lora),
                callbacks=callbacks,
            )

        trainer = run_trainer(make, log)
    return trainer.model, log.final


def _method(method: PolicyMethod, common: dict[str, Any], known: dict[str, EncodedPrompt]) -> tuple[type[Any], Any]:
    """The trainer's class, with our token ids in place of its chat templating, and its arguments."""
    from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

    base, arguments = (
        (RLOOTrainer, RLOOConfig(**common)) if method is PolicyMethod.RLOO else (GRPOTrainer, GRPOConfig(**common))
    )

    class _OnOurTokens(base):  # type: ignore[misc, valid-type]  # the library is untyped here
        def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
            """A prompt travels as its id; its token ids are known."""
            return [list(known[id].tokens) for id in prompts], None, {}

        def _send_telemetry(self) -> None:
            """Nobody is told what is trained."""

    return _OnOurTokens, arguments
