"""Token ids of what is asked about a prompt, and what happens where they do not fit into the model's context."""

from __future__ import annotations

from constitution_lang.ir.model import Prompt, Role
from runtime.config import TooLong
from runtime.datasets.errors import DataError
from runtime.prompting import fill
from runtime.records import Conversation, PromptCut, PromptRecord, Turn, identify
from runtime.work import Worker

__all__ = ["CUT_RULE", "encode_for", "look_over"]

CUT_RULE = "oldest turns"
"""Whole turns are left out from the front, as few as suffice, so that the rest begins with a user's turn."""

_BYTES_OF_ONE = 11
"""A normal form of Unicode takes at most eleven times the bytes; that of ASCII is itself."""
_AT_THE_EDGES = 8
"""A tokenizer may put a space before a turn, and part what of the template stands together round an empty one."""


def look_over(worker: Worker, prompt: PromptRecord, compiled: Prompt | None, more: int, **texts: str | None) -> bool:
    """Raise what `encode_for` would raise, before anything is asked. Only what may be too long is tokenised.

    No token is less than a byte of the normal form of its text. So a text has at most as many tokens as that has bytes,
    beside those that the chat template puts around an empty one.

    Returns:
        Whether it had to be tokenised.
    """
    turns: tuple[Turn, ...]
    turns, opening = (prompt.turns, "") if compiled is None else fill(compiled, conversation=prompt.turns, **texts)
    tokenizer = worker.engine.tokenizer
    around = (tuple(turn.role for turn in turns), opening)
    if around not in worker.tokens_around:
        worker.tokens_around[around] = len(tokenizer.encode([Turn(turn.role, "") for turn in turns], opening))
    most = worker.tokens_around[around] + sum(_tokens_most(turn.text) for turn in turns)
    if most + more <= tokenizer.context_max:
        return False
    encode_for(worker, prompt, compiled, more, **texts)
    return True


def _tokens_most(text: str) -> int:
    if text.isascii():
        return len(text) + _AT_THE_EDGES
    plain = len(text.encode("ascii", "ignore"))
    return plain + _BYTES_OF_ONE * (len(text.encode()) - plain) + _AT_THE_EDGES


def encode_for(
    worker: Worker, prompt: PromptRecord, compiled: Prompt | None, more: int, **texts: str | None
) -> tuple[int, ...]:
    """Token ids of what is asked about a prompt, where they and `more` tokens fit into the model's context.

    Where they do not, and the worker's rule is to cut, the oldest turns of the conversation are left out of this
    question, and the worker notes it. The last user's turn always stays, and so does everything in `texts`.

    Args:
        worker: asks, by its tokenizer and its rule.
        prompt: what is asked about.
        compiled: the question; None where the prompt itself is to be answered.
        more: most tokens of the answer.
        texts: for the question's other slots, as `fill` takes them.

    Raises:
        DataError: they do not fit; it names the prompt's row.
    """
    tokenizer = worker.engine.tokenizer
    room = tokenizer.context_max - more

    def encode(conversation: Conversation) -> tuple[int, ...]:
        turns: tuple[Turn, ...]
        turns, opening = (conversation, "") if compiled is None else fill(compiled, conversation=conversation, **texts)
        return tokenizer.encode(turns, opening)

    whole = encode(prompt.turns)
    if len(whole) <= room:
        return whole
    begins = [n for n, turn in enumerate(prompt.turns) if n and turn.role is Role.USER]
    least = len(whole)
    for left_out in begins if worker.too_long is TooLong.CUT else ():
        tokens = encode(prompt.turns[left_out:])
        least = len(tokens)
        if least <= room:
            asked = "" if compiled is None else compiled.id
            worker.note_cut(
                PromptCut(
                    id=identify("cut", prompt.id, asked, left_out, tokens),
                    prompt=prompt.id,
                    asked=asked,
                    rule=CUT_RULE,
                    turns=left_out,
                    tokens_before=len(whole),
                    tokens_after=least,
                    room=room,
                )
            )
            return tokens
    remedy = "Take the row out or shorten it, or choose a model with a longer context."
    if begins and worker.too_long is TooLong.ERROR:
        remedy = (
            'Write too_long = "cut" under [prompts] to leave out the oldest turns of a conversation, take the row out '
            "or shorten it, or choose a model with a longer context."
        )
    even = " even without its earlier turns" if least < len(whole) else ""
    raise DataError(
        f"this prompt takes {least} tokens with what is asked about it{even}, and the model has room for {room}",
        f"{prompt.file}:{prompt.row}",
        remedy,
    )
