"""From rows to token ids that fit, with a declared rule for those that do not.

A row that is too long loses, in this order, only as much as it has to:

1. its oldest turns (a system turn stays, and what is left starts with a user's turn),
2. the beginning of the oldest turn that is left,
3. the end of its answers, and with it the end-of-turn token.

So what is kept is always a well-formed conversation. Both answers of a pair keep the same prompt. Every
row that lost something is counted, and named in the checkpoint's card.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from constitution_lang.ir.model import Role
from runtime.engines.base import ChatTokenizer
from runtime.records import Conversation, PreferenceRow, PromptRecord, SftRow, Turn
from runtime.training.errors import TrainingError

__all__ = [
    "TRUNCATION_RULE", "EncodedPair", "EncodedPrompt", "EncodedSft", "Truncation", "encode_pairs", "encode_prompts",
    "encode_sft", "encode_texts",
]  # fmt: skip

TRUNCATION_RULE = (
    "too long a row loses its oldest turns, then the beginning of the oldest turn left, then the end of its answers"
)

Tokens = tuple[int, ...]


@dataclass
class Truncation:
    """Which rows lost what. `prompts` and `answers` hold row ids."""

    rows: int = 0
    prompts: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class EncodedSft:
    """A prompt and the answer to learn, with its end of turn."""

    prompt: Tokens
    answer: Tokens


@dataclass(frozen=True)
class EncodedPair:
    """A prompt, two answers with their ends of turn, and the probability that `chosen` is better."""

    prompt: Tokens
    chosen: Tokens
    rejected: Tokens
    probability: float


@dataclass(frozen=True)
class EncodedPrompt:
    """A prompt to answer: its turns (as they are, uncut) and the ids that the policy sees."""

    id: str
    turns: Conversation
    tokens: Tokens


def encode_sft(
    tokenizer: ChatTokenizer, rows: Sequence[SftRow], tokens_max: int
) -> tuple[list[EncodedSft], Truncation]:
    """Token ids of every row, none dropped."""
    seen = Truncation()
    encoded = []
    for row in rows:
        prompt, answers = _fit(tokenizer, tokens_max, seen, row=row.id, turns=row.turns, answers=(row.completion,))
        encoded.append(EncodedSft(prompt, answers[0]))
    return encoded, seen


def encode_pairs(
    tokenizer: ChatTokenizer, rows: Sequence[PreferenceRow], tokens_max: int
) -> tuple[list[EncodedPair], Truncation]:
    """Token ids of every pair, none dropped."""
    seen = Truncation()
    encoded = []
    for row in rows:
        prompt, answers = _fit(
            tokenizer, tokens_max, seen, row=row.id, turns=row.turns, answers=(row.chosen, row.rejected)
        )
        encoded.append(EncodedPair(prompt, answers[0], answers[1], row.probability))
    return encoded, seen


def encode_texts(
    tokenizer: ChatTokenizer, conversations: Sequence[tuple[Conversation, str]], tokens_max: int
) -> tuple[list[Tokens], Truncation]:
    """Token ids of conversations with their answers, each as one sequence that ends with the end of turn."""
    seen = Truncation()
    encoded = []
    for number, (turns, answer) in enumerate(conversations):
        prompt, answers = _fit(tokenizer, tokens_max, seen, row=str(number), turns=turns, answers=(answer,))
        encoded.append(prompt + answers[0])
    return encoded, seen


def encode_prompts(
    tokenizer: ChatTokenizer, prompts: Sequence[PromptRecord], tokens_max: int
) -> tuple[list[EncodedPrompt], Truncation]:
    """Token ids of every prompt, in at most `tokens_max`, ready for an answer to follow."""
    seen = Truncation()
    encoded = []
    for prompt in prompts:
        seen.rows += 1
        turns, tokens = _fit_prompt(tokenizer, prompt.turns, tokens_max)
        if turns != prompt.turns:
            seen.prompts.append(prompt.id)
        encoded.append(EncodedPrompt(prompt.id, prompt.turns, tokens))
    return encoded, seen


def _fit(
    tokenizer: ChatTokenizer,
    tokens_max: int,
    seen: Truncation,
    *,
    row: str,
    turns: Conversation,
    answers: tuple[str, ...],
) -> tuple[Tokens, tuple[Tokens, ...]]:
    seen.rows += 1
    encoded = [tokenizer.encode_answer(turns, answer) for answer in answers]
    ids = tuple(answer for _, answer in encoded)
    prompt = encoded[0][0]
    room = tokens_max - max(len(answer) for answer in ids)
    if len(prompt) > room:
        kept, prompt = _fit_prompt(tokenizer, turns, room)
        if kept != turns:
            seen.prompts.append(row)
    room = tokens_max - len(prompt)
    if room < 1:
        raise TrainingError(
            f"row {row} has no room for an answer: the chat template alone takes {len(prompt)} tokens",
            f"raise tokens_max (now {tokens_max})",
        )
    if any(len(answer) > room for answer in ids):
        seen.answers.append(row)
        ids = tuple(answer[:room] for answer in ids)
    return prompt, ids


def _fit_prompt(tokenizer: ChatTokenizer, turns: Conversation, room: int) -> tuple[Conversation, Tokens]:
    """As much of the end of `turns` as fits into `room` tokens; where nothing fits, the emptied last turn."""
    tokens = tuple(tokenizer.encode(turns))
    if len(tokens) <= room:
        return turns, tokens
    system = turns[:1] if turns and turns[0].role is Role.SYSTEM else ()
    rest = turns[len(system) :]
    starts = [n for n, turn in enumerate(rest) if turn.role is Role.USER] or [0]
    for start in starts:
        kept = system + rest[start:]
        tokens = tuple(tokenizer.encode(kept))
        if len(tokens) <= room:
            return kept, tokens
    return _cut_text(tokenizer, system, rest[starts[-1] :], room)


def _cut_text(
    tokenizer: ChatTokenizer, system: Conversation, rest: Conversation, room: int
) -> tuple[Conversation, Tokens]:
    """Keep the longest end of the first turn of `rest` that fits; found by halving."""
    first, later = rest[0], rest[1:]

    def cut(start: int) -> tuple[Conversation, Tokens]:
        kept = (*system, Turn(first.role, first.text[start:]), *later)
        return kept, tuple(tokenizer.encode(kept))

    low, high = 0, len(first.text)
    while low < high:
        middle = (low + high) // 2
        if len(cut(middle)[1]) <= room:
            high = middle
        else:
            low = middle + 1
    return cut(low)
