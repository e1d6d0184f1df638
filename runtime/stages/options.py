"""Whether a model can be asked the constitution's questions at all: found out before anything is spent."""

from __future__ import annotations

from constitution_lang.ir.model import Bundle
from runtime.engines.base import ChatTokenizer, EngineError

__all__ = ["check_options"]


def check_options(bundle: Bundle, tokenizer: ChatTokenizer) -> None:
    """Every option of every prompt is one token where it would stand, and no two are the same.

    Raises:
        EngineError: One is not; the message names the prompt.
    """
    for prompt in bundle.prompts:
        tokens: dict[int, str] = {}
        for option in prompt.options:
            try:
                token = tokenizer.option(prompt.opening, option)
            except EngineError as e:
                raise EngineError(f"prompt {prompt.id}: {e}", e.remedy) from e
            if token in tokens:
                raise EngineError(
                    f"prompt {prompt.id}: {option!r} and {tokens[token]!r} are one and the same token of this model",
                    "use options of one letter or one digit",
                )
            tokens[token] = option
