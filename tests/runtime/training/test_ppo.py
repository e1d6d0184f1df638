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
        asked = torch.tensor([tokens], device=next(model.parameters()).device)
        return model(input_ids=asked).logits[0, -1].softmax(-1).cpu()


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


def test_with_an_adapter_the_reference_is_the_adapter_off() -> None:
    # The same task on adapters alone; the frozen weights are the reference throughout.
    policy = tiny(1)
    reference = next_token(policy, ASK)
    beta, score = 1.0, torch.tensor([0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0])
    best = reference * torch.exp(score / beta)
    best = best / best.sum()
    assert best[3] - reference[3] > 0.1
    config = PpoConfig(
        steps=60, rollout_rows=256, minibatch_rows=128, completion_tokens_max=1, learning_rate=0.02, kl=beta,
        lora=LoraConfig(rank=4, alpha=8.0), value_weight=0.5, clip_value=10.0,
    )  # fmt: skip
    loop = PpoLoop(
        config, policy, lambda _, drawn: [score[tokens[0]].item() for tokens in drawn],
        pad=PAD, stops=frozenset({STOP}), seed=3, value_learning_rate=0.05,
    )  # fmt: skip
    loop.train([prompt(ASK)], lambda _: None)
    with loop.policy.disable_adapter():
        torch.testing.assert_close(next_token(loop.policy, ASK), reference)
    assert abs(next_token(loop.policy, ASK)[3] - best[3]) < 0.05


def test_learns_to_end_where_ending_late_costs() -> None:
    # Several tokens: the score is 1 for a completion that ends within two tokens, and the KL is cheap. The best
    # policy ends nearly always; the credit has to flow from the score at the last token to the tokens before.
    policy = tiny(2)
    before = next_token(policy, ASK)[STOP].item()
    assert before < 0.3
    config = PpoConfig(
        steps=40, rollout_rows=64, minibatch_rows=32, completion_tokens_max=4, learning_rate=0.01, kl=0.02, lora=None,
        value_weight=0.5, clip_value=10.0,
    )  # fmt: skip
    steps: list[TrainingStep] = []
    loop = PpoLoop(
        config, policy,
        lambda _, drawn: [float(len(tokens) <= 2 and tokens[-1] == STOP) for tokens in drawn],
        pad=PAD, stops=frozenset({STOP}), seed=3, value_learning_rate=0.05,
    )  # fmt: skip
    loop.train([prompt(ASK), prompt(3, ASK), prompt(4, 5, ASK)], steps.append)
    first, last = dict(steps[0].metrics), dict(steps[-1].metrics)
    assert last["reward/score"] > 0.95 > first["reward/score"]
    assert last["finished"] > 0.95
    assert last["length"] < first["length"]
    assert last["kl"] > 0.1


def test_the_same_seed_gives_the_same_steps() -> None:
    def run(seed: int) -> list[TrainingStep]:
        config = PpoConfig(
            steps=3, rollout_rows=8, minibatch_rows=4, completion_tokens_max=3, learning_rate=0.01, lora=None,
            kl_target=1.0,
        )  # fmt: skip
        steps: list[TrainingStep] = []
        loop = PpoLoop(
            config, tiny(), lambda _, drawn: [float(len(tokens)) for tokens in drawn],
            pad=PAD, stops=frozenset({STOP}), seed=seed,
        )  # fmt: skip
        loop.train([prompt(ASK), prompt(3, ASK)], steps.append)
        return steps

    assert run(1) == run(1) != run(2)


def test_padding_on_the_left_changes_nothing() -> None:
    actor = ActorCritic(tiny()).eval()
    torch.nn.init.normal_(actor.value[1].weight)
    alone = actor(torch.tensor([[ASK, 5, 6]]), torch.ones(1, 3, dtype=torch.long), 2, 0.7)
    ids, attention = torch.tensor([[PAD, PAD, ASK, 5, 6], [3, 4, ASK, 7, 7]]), torch.tensor([[0, 0, 1, 1, 1], [1] * 5])
    padded = actor(ids, attention, 2, 0.7)
    for name in ("log_probs", "entropy", "values"):
        torch.testing.assert_close(getattr(padded, name)[0], getattr(alone, name)[0], rtol=1e-4, atol=1e-5)
    # And they are what the model itself says, at that temperature.
    logits = actor.policy(input_ids=torch.tensor([[ASK, 5, 6]])).logits[0, :2] / 0.7
    torch.testing.assert_close(alone.log_probs[0], logits.log_softmax(-1)[[0, 1], [5, 6]], rtol=1e-4, atol=1e-5)


def test_a_completion_ends_with_its_first_end_of_turn() -> None:
    policy = tiny()
    # What a model recommends must not narrow what PPO draws from.
    policy.generation_config.top_k = 1
    torch.manual_seed(0)
    rollout = draw(
        policy, [(ASK,), (3, 4, ASK)] * 50, pad=PAD, stops=frozenset({STOP}), tokens_max=6, temperature=1.0
    )  # fmt: skip
    assert rollout.ids.shape[1] - 3 == rollout.mask.shape[1] <= 6
    assert len(set(rollout.completions)) > 20
    for tokens, finished in zip(rollout.completions, rollout.finished.tolist(), strict=True):
        assert 1 <= len(tokens) <= 6
        assert STOP not in tokens[:-1]
        assert (tokens[-1] == STOP) == finished
        assert finished or len(tokens) == 6
    assert (rollout.ids[:, -rollout.mask.shape[1] :][~rollout.mask] == PAD).all()
    assert policy.generation_config.top_k == 1
    # The share of first tokens is the model's own distribution.
    share = torch.tensor([tokens[0] for tokens in rollout.completions[::2]]).bincount(minlength=VOCABULARY) / 50
    assert (share - next_token(policy, ASK)).abs().sum() / 2 < 0.2
