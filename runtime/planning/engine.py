"""An engine that answers nothing: it stands for a model, and says something that no model has said before.

What is told apart from every known answer makes all that follows from it new, which is what a plan counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from runtime.engines.base import (
    ChatTokenizer,
    Choice,
    ChooseRequest,
    Completion,
    Finish,
    GenerateRequest,
)
from runtime.ledger.keys import work_key

__all__ = ["PlanningEngine"]

_FILLER = " so"


class PlanningEngine:
    """The engine.

    Args:
        model: the identity of the engine that it stands for, so that the ledger knows what was asked before.
        kin: the identity of an engine that is as fast: the same, or that of the model it was trained from.
        tokenizer: the model's own.
    """

    def __init__(self, model: str, kin: str, tokenizer: ChatTokenizer) -> None:
        self.model = model
        self.kin = kin
        self._tokenizer = tokenizer
        self._filler = max(self._length(_FILLER * 64) - self._length(""), 1) / 64
        self.tokens_expected: float | None = None
        """How long an answer is expected to be; at its full length where nothing is known."""

    @property
    def tokenizer(self) -> ChatTokenizer:
        """The model's own."""
        return self._tokenizer

    def generate(self, requests: Sequence[GenerateRequest]) -> Iterator[tuple[int, Completion]]:
        """A text of the expected length, another one for every request."""
        for index, request in enumerate(requests):
            most = request.decoding.tokens_max
            wanted = most if self.tokens_expected is None else min(round(self.tokens_expected), most)
            mark = f"planned {work_key(self.model, request)}"
            text = mark + _FILLER * max(0, round((wanted - self._mark_length) / self._filler))
            yield index, Completion(text, (0,) * wanted, Finish.STOP)

    def choose(self, requests: Sequence[ChooseRequest]) -> Iterator[tuple[int, Choice]]:
        """Log-probabilities that are readable, and hardly ever those of another request."""
        for index, request in enumerate(requests):
            first = 0.55 + 0.4 * int(work_key(self.model, request)[:13], 16) / 16**13
            rest = (1 - first) / max(1, len(request.options) - 1)
            yield index, Choice((math.log(first), *(math.log(rest) for _ in request.options[1:])))

    def close(self) -> None:
        """Nothing to give back."""

    @property
    def _mark_length(self) -> int:
        return self._length(f"planned {'0123456789abcdef' * 2}") - self._length("")

    def _length(self, text: str) -> int:
        from constitution_lang.ir.model import Role
        from runtime.records import Turn

        return len(self._tokenizer.encode((Turn(Role.USER, "?" + text),)))
