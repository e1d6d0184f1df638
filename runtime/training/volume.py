"""How many tokens a training works through: what its time is measured and expected by. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runtime.config import PolicyConfig, TrainConfig
from runtime.engines.base import ChatTokenizer
from runtime.records import Conversation

__all__ = ["tokens_total"]


def tokens_total(
    config: TrainConfig | PolicyConfig,
    rows: Iterable[tuple[Conversation, Sequence[str]]],
    steps: int,
    tokenizer: ChatTokenizer,
) -> int:
    """Tokens of the rows that `steps` steps see, padding not counted, each row as often as it is seen.

    A row is a conversation and the answers that are trained on: one, or the two of a pair. PPO, RLOO and GRPO get
    conversations alone, and their own completions count at full length.
    """
    count = total = 0
    for turns, answers in rows:
        count += 1
        if isinstance(config, PolicyConfig):
            total += min(config.tokens_max, len(tokenizer.encode(turns)) + config.completion_tokens_max)
        else:
            total += sum(
                min(config.tokens_max, sum(map(len, tokenizer.encode_answer(turns, answer)))) for answer in answers
            )
    if isinstance(config, PolicyConfig):
        seen = steps * config.rollout_rows
    else:
        seen = min(steps * config.batch_rows * config.accumulate, round(config.epochs * count))
    return round(total / count * seen) if count else 0
