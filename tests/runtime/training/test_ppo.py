"""PPO on tasks whose best policy is known in closed form."""

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from runtime.config import LoraConfig, PpoConfig
from runtime.records import TrainingStep
from runtime.training.encoding import EncodedPrompt
from runtime.training.ppo import PpoLoop
from runtime.training.rollouts import ActorCritic, draw

VOCABULARY = 8
PAD, STOP, ASK = 0, 1, 2


def tiny(seed: int = 0) -> LlamaForCausalLM:
    """A random model of a few thousand parameters whose next-token distribution is far from flat."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=32, pad_token_id=PAD, bos_token_id=None, eos_token_id=STOP,
        tie_word_embeddings=False, initializer_range=0.3,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def prompt(*tokens: int) -> EncodedPrompt:
    return EncodedPrompt("p", (), tokens)


def next_token(model: torch.nn.Module, *tokens: int) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=torch.tensor([tokens])).logits[0, -1].softmax(-1)


def test_single_step_reaches_the_closed_form_optimum() -> None:
    # One token is drawn, so the best policy under score - β KL is π_ref exp(score / β) / Z.
    policy = tiny()
    reference = next_token(policy, ASK)
    beta = 0.5
    score = torch.tensor([0.0, 0.0, 1.0, 0.0, 0.5, 0.0, -0.5, 0.0])
    best = reference * torch.exp(score / beta)
    best = best / best.sum()
    assert (best - reference).abs().sum() / 2 > 0.15  # else nothing has to be learnt

    steps: list[TrainingStep] = []
    config = PpoConfig(
        steps=150, rollout_rows=256, minibatch_rows=128, update_epochs=2, completion_tokens_max=1,
        learning_rate=0.01, kl=beta, lora=None, value_weight=0.5, clip_value=10.0,
    )  # fmt: skip
    loop = PpoLoop(
        config, policy, lambda _, drawn: [score[tokens[0]].item() for tokens in drawn],
        pad=PAD, stops=frozenset({STOP}), seed=3, value_learning_rate=0.05,
    )  # fmt: skip
    loop.train([prompt(ASK)], steps.append)

    learnt = next_token(loop.policy, ASK)
    assert (learnt - best).abs().sum() / 2 < 0.03, (learnt, best)
    assert [step.step for step in steps] == list(range(1, 151))
    last = dict(steps[-1].metrics)
    # At the optimum the value of the objective is β log Z.
    expected = beta * torch.log((reference * torch.exp(score / beta)).sum()).item()
    assert abs(last["reward/total"] - expected) < 0.1
    assert last["length"] == 1
