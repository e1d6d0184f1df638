"""The policy against the preference model: PPO, or RLOO or GRPO in its place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runtime.config import GroupPolicyConfig, PolicyConfig, PpoConfig
from runtime.identity import data_hash
from runtime.records import Checkpoint, PromptRecord, Provenance, TrainedKind
from runtime.training.checkpoints import CardDraft, save_checkpoint
from runtime.training.encoding import EncodedPrompt, Tokens, encode_prompts
from runtime.training.errors import TrainingError
from runtime.training.gathering import shares_out_weights
from runtime.training.models import computes_bfloat16, load_causal, load_text_tokenizer, merged
from runtime.training.progress import OnStep, quiet, steps_total
from runtime.training.scoring import Scorer

__all__ = ["train_policy"]


def train_policy(
    config: PolicyConfig,
    prompts: Sequence[PromptRecord],
    base: Path,
    preference_model: Path,
    out: Path,
    *,
    seed: int,
    provenance: Provenance,
    on_step: OnStep,
) -> Checkpoint:
    """Train the policy in `base` on `prompts` by `config.method`; write the checkpoint to `out`.

    The preference model sees the conversation and the completion's text through its own tokenizer, so it may be
    of another family than the policy. `base` is the reference too.

    Raises:
        TrainingError: There are no prompts, the settings leave no room, or a loss is not finite.
    """
    from runtime.prompting import ModelTokenizer

    if not prompts:
        raise TrainingError("there are no prompts to train the policy on", "check the prompts of the run file")
    if shares_out_weights():
        raise TrainingError(
            "a policy that draws completions needs its whole weights in every process, and these are shared out",
            'start this training otherwise: [launch] policy = ["accelerate", "launch", "--multi_gpu"], or [] for here',
        )
    room = config.tokens_max - config.completion_tokens_max
    if room < 1:
        raise TrainingError(
            f"completion_tokens_max ({config.completion_tokens_max}) leaves no room for a prompt",
            f"raise tokens_max (now {config.tokens_max})",
        )
    chat = ModelTokenizer(base)
    tokenizer = load_text_tokenizer(base, chat)
    encoded, truncation = encode_prompts(chat, prompts, room)
    scorer = Scorer.load(preference_model, bfloat16=True)

    def reward(asked: Sequence[EncodedPrompt], completions: Sequence[Tokens]) -> list[float]:
        return scorer.score(
            [(prompt.turns, chat.decode(tokens)) for prompt, tokens in zip(asked, completions, strict=True)]
        )

    kind = TrainedKind(config.method.value)
    with quiet():
        policy = load_causal(base, pad=tokenizer.pad_token_id, lora=config.lora is not None)
        if isinstance(config, PpoConfig):
            from runtime.training.ppo import PpoLoop

            loop = PpoLoop(
                config,
                policy,
                reward,
                pad=tokenizer.pad_token_id,
                stops=frozenset(chat.stops),
                seed=seed,
                bfloat16=computes_bfloat16(),
            )
            final = loop.train(encoded, on_step)
            trained = loop.policy
        else:
            from runtime.training.group_policy import train_in_groups

            assert isinstance(config, GroupPolicyConfig)
            trained, final = train_in_groups(
                config, encoded, policy, tokenizer, reward, stops=frozenset(chat.stops), seed=seed, on_step=on_step
            )
        draft = CardDraft(
            kind=kind,
            provenance=provenance,
            data=(data_hash([prompt.id for prompt in prompts]),),
            rows=len(prompts),
            steps=steps_total(config, len(prompts)),
            seed=seed,
            settings=config.model_dump(mode="json"),
            base=base,
            preference_model=preference_model,
            truncation=truncation,
            final=final,
        )
        return save_checkpoint(merged(trained), tokenizer, draft, out)
