"""What every engine with the model's own tokenizer does alike: lengths that fit, and where an answer ends."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.engines.base import Completion, EngineError, Finish
from runtime.prompting import ModelTokenizer

__all__ = ["check_fits", "completion", "ends_in_plain_form"]


def check_fits(context_max: int, prompt: int, more: int) -> None:
    """EngineError where a prompt of so many tokens and `more` new ones do not fit into the context."""
    if prompt == 0:
        raise ValueError("a request without tokens")
    if prompt + more > context_max:
        raise EngineError(
            f"a prompt of {prompt} tokens and {more} more do not fit into the model's context of {context_max}",
            "leave out long prompts, lower tokens_max, or choose a model with a longer context",
        )


def ends_in_plain_form(tokenizer: ModelTokenizer, tokens: Sequence[int]) -> bool:
    """Whether a model without a chat template has begun to write the next turn."""
    stop = tokenizer.stop_text
    # The last tokens suffice: a token is at least one character of the stop.
    return stop is not None and stop in tokenizer.decode(tokens[-len(stop) - 2 :])


def completion(tokenizer: ModelTokenizer, tokens: Sequence[int], finish: Finish) -> Completion:
    """The completion of drawn tokens, end-of-turn token left out already; what follows the stop text is cut off."""
    text = tokenizer.decode(tokens)
    stop = tokenizer.stop_text
    if stop is not None:
        text = text.split(stop)[0]
        while tokens and len(tokenizer.decode(tokens)) > len(text):
            tokens = tokens[:-1]
    return Completion(text, tuple(tokens), finish)
