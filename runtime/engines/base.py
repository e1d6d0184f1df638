"""What an engine is: token ids in, completions or option log-probabilities out.

An engine sees token ids only, so that every engine sees the same prompt. What turns a compiled prompt
into token ids is the engine's `tokenizer`, one for every model (`prompting.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Literal, Protocol, runtime_checkable

from msgspec import Struct

from runtime.records import Turn

__all__ = [
    "ChatTokenizer", "Choice", "ChooseRequest", "Completion", "Decoding", "Engine", "EngineError", "Finish",
    "GenerateRequest", "Precise",
]  # fmt: skip


class EngineError(Exception):
    """An engine cannot do what it is asked; `remedy` says what the user can do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[EngineError], tuple[str, str]]:
        return type(self), (str(self), self.remedy)  # it may come from another process


class Decoding(Struct, frozen=True, kw_only=True):
    """How a completion is drawn. `temperature` 0 is greedy; `tokens_max` bounds its length."""

    tokens_max: int
    temperature: float = 1.0
    top_p: float = 1.0


class Finish(StrEnum):
    """Why a completion ended."""

    STOP = "stop"
    """The model ended its turn."""
    LENGTH = "length"
    """It was cut at `tokens_max`."""


class GenerateRequest(Struct, frozen=True):
    """One completion to draw.

    The same request gives the same completion, whatever else is in the batch, as far as the arithmetic allows.
    """

    tokens: tuple[int, ...]
    decoding: Decoding
    seed: int


class Completion(Struct, frozen=True):
    """A drawn text. `tokens` are without the end-of-turn token."""

    text: str
    tokens: tuple[int, ...]
    finish: Finish


class ChooseRequest(Struct, frozen=True):
    """A prompt and the ids of single tokens, one of which would come next."""

    tokens: tuple[int, ...]
    options: tuple[int, ...]


class Choice(Struct, frozen=True):
    """Natural log-probabilities of exactly the options, in the full next-token distribution."""

    log_probabilities: tuple[float, ...]

    @property
    def mass(self) -> float:
        """The probability that the options have together; near 0 means that the model would say something else."""
        return math.fsum(math.exp(x) for x in self.log_probabilities)

    @property
    def normalised(self) -> tuple[float, ...]:
        """Probabilities among the options alone."""
        top = max(self.log_probabilities)
        raised = [math.exp(x - top) for x in self.log_probabilities]
        total = math.fsum(raised)
        return tuple(x / total for x in raised)


class ChatTokenizer(Protocol):
    """Turns a conversation into token ids and back. Text in a turn never becomes a control token."""

    @property
    def context_max(self) -> int:
        """Most tokens, prompt and completion together."""
        ...

    def encode(self, turns: Sequence[Turn], opening: str = "") -> tuple[int, ...]:
        """Token ids of `turns` and of the beginning of the assistant's answer, which starts with `opening`.

        One BOS where the model has one, no EOS at the end.
        """
        ...

    def encode_answer(self, turns: Sequence[Turn], answer: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """For training: the prompt's ids, as `encode(turns)`, and the answer's ids with the end of the turn."""
        ...

    def option(self, opening: str, text: str) -> int:
        """The single token that `text` is right after `opening`; EngineError where it is not one token."""
        ...

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of a completion, without control tokens."""
        ...


class Engine(Protocol):
    """A model that can be asked. Results come as they are done, each with the index of its request."""

    @property
    def model(self) -> str:
        """Identity of the weights and arithmetic: part of every work item's key. Not a path."""
        ...

    @property
    def tokenizer(self) -> ChatTokenizer:
        """The model's own."""
        ...

    def generate(self, requests: Sequence[GenerateRequest]) -> Iterator[tuple[int, Completion]]:
        """Draw a completion for every request."""
        ...

    def choose(self, requests: Sequence[ChooseRequest]) -> Iterator[tuple[int, Choice]]:
        """Log-probabilities of the options for every request. What shares a prefix should be computed together."""
        ...

    def close(self) -> None:
        """Give back the memory. The engine is not used afterwards."""
        ...


@runtime_checkable
class Precise(Protocol):
    """An engine that chose the precision of its generation, where the run file left it open."""

    @property
    def generate_dtype(self) -> Literal["float32", "bfloat16"]:
        """What it chose."""
        ...
