"""A worker that asks nobody: what a stage asks is answered from what the ledger keeps, or not at all.

So the stages themselves derive a row anew. Which kept answer belongs to a request is told by the row that the
request once made, or found again by the texts that were asked: no model is needed, and no tokenizer either.
"""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from constitution_lang.ir.codec import canonical
from runtime.config import TooLong
from runtime.engines.base import (
    ChatTokenizer,
    Choice,
    ChooseRequest,
    Completion,
    EngineError,
    GenerateRequest,
)
from runtime.ledger.faults import AnswerError
from runtime.ledger.keys import work_key
from runtime.ledger.store import Ledger
from runtime.progress import SilentProgress
from runtime.records import Turn, identify
from runtime.work import Answer, Worker

__all__ = ["KeptAnswers", "KeptWorker", "MissingAnswerError", "SpoiledAnswerError", "Texts", "UnknownAnswerError"]

_ROUNDED = 1e-2
"""What rounding may add to a probability, in the coarsest precision."""

V = TypeVar("V", Completion, Choice)


class UnknownAnswerError(Exception):
    """Nobody was ever asked this, so what the answer would be is not known."""


class MissingAnswerError(Exception):
    """A row names an answer that the ledger does not keep, or not as an answer of that kind."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class SpoiledAnswerError(MissingAnswerError):
    """An answer is kept, and it is none to its question: what its `field` says, and what it should say."""

    def __init__(self, key: str, field: str, says: str, should: str) -> None:
        super().__init__(key)
        self.field, self.says, self.should = field, says, should


class Texts:
    """Stands for a tokenizer where only the texts count: the same texts are the same tokens, and others are others."""

    @property
    def context_max(self) -> int:
        """Everything fits."""
        return sys.maxsize

    def encode(self, turns: Sequence[Turn], opening: str = "") -> tuple[int, ...]:
        """One number for the whole conversation."""
        return (_number(canonical([list(turns), opening])),)

    def encode_answer(self, turns: Sequence[Turn], answer: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """One number for each part."""
        return self.encode(turns), (_number(answer.encode()),)

    def option(self, opening: str, text: str) -> int:
        """A number for the option."""
        return _number(canonical(["option", opening, text]))

    def decode(self, tokens: Sequence[int]) -> str:
        """Numbers cannot be turned back."""
        raise NotImplementedError(tokens)


class KeptAnswers:
    """The answers of a ledger, by key; those that are loaded together come in one query.

    Args:
        ledger: what keeps them.
        held_max: so many are held at the most, before those that are loaded next; all where unnamed.
    """

    def __init__(self, ledger: Ledger, *, held_max: int | None = None) -> None:
        self.ledger = ledger
        self._held_max = held_max
        self._known: dict[str, Completion | Choice | SpoiledAnswerError] = {}

    def load(self, keys: Iterable[str]) -> None:
        """Fetch what will be needed."""
        together = list(dict.fromkeys(keys))
        if all(key in self._known for key in together):
            return
        if self._held_max is not None and len(self._known) >= self._held_max:
            self._known.clear()
        wanted = [key for key in together if key not in self._known]
        try:
            self._known |= self.ledger.lookup(wanted)
        except AnswerError:
            for key in wanted:  # one by one, so that the others are known
                self._known |= self._one(key)

    def _one(self, key: str) -> Mapping[str, Completion | Choice | SpoiledAnswerError]:
        try:
            return self.ledger.lookup([key])
        except AnswerError as error:
            should = f"an answer to {error.operation} that can be read"
            return {key: SpoiledAnswerError(key, "answer", error.fault, should)}

    def get(self, key: str) -> Completion | Choice | None:
        """The answer under a key; None where none is kept.

        Raises:
            SpoiledAnswerError: it cannot be read.
        """
        if key not in self._known:
            self.load([key])
        found = self._known.get(key)
        if isinstance(found, SpoiledAnswerError):
            raise found
        return found


class KeptWorker(Worker):
    """Answers for one model.

    `told` requests are answered with the keys that a row names, in their order; all others by the same texts' key.
    Where `tokenizer` is the model's own, `wrong` collects each key that is not that of its request, and `spoiled` each
    answer whose tokens are not those of its text.

    Args:
        answers: what the ledger keeps.
        model: a name that stands for the model and its arithmetic.
        links: where keys are noted under the requests that they answer.
        tokenizer: the model's own, where it is at hand.
        models: the engine's names for the model, of which one is in the keys; only where `tokenizer` is given.
        too_long: the run's rule for prompts that do not fit, which needs the tokenizer.
    """

    def __init__(
        self,
        answers: KeptAnswers,
        model: str,
        links: dict[str, str | None],
        *,
        tokenizer: ChatTokenizer | None = None,
        models: Sequence[str] = (),
        too_long: TooLong = TooLong.ERROR,
    ) -> None:
        engine = _Nobody(model, tokenizer or Texts())
        super().__init__(engine, answers.ledger, SilentProgress(), too_long=too_long)
        self.wrong: list[tuple[str, str]] = []
        self.spoiled: list[SpoiledAnswerError] = []
        self.checks_keys = tokenizer is not None
        self._answers = answers
        self._links = links
        self._models = tuple(models) or (model,)
        self._texts: deque[str | None] | None = None
        self._choices: deque[str | None] | None = None

    def tell(self, *, texts: Iterable[str | None] = (), choices: Iterable[str | None] = ()) -> None:
        """The keys of the requests to come. None is for one whose key no row has: it gave no answer, or a figure."""
        self._texts, self._choices = deque(texts), deque(choices)
        self._answers.load(key for told in (self._texts, self._choices) for key in told if key is not None)

    def generate(self, requests: Sequence[GenerateRequest], title: str) -> list[Answer[Completion]]:
        """The completions that are kept."""
        del title
        return [self._answer(request, Completion, self._texts) for request in requests]

    def choose(self, requests: Sequence[ChooseRequest], title: str) -> list[Answer[Choice]]:
        """The choices that are kept."""
        del title
        return [self._answer(request, Choice, self._choices) for request in requests]

    def _answer(
        self, request: GenerateRequest | ChooseRequest, kind: type[V], told: deque[str | None] | None
    ) -> Answer[V]:
        address = work_key(self._models[0], request)
        if told is None:
            if address not in self._links:
                raise UnknownAnswerError
            try:
                key, value = self._links[address], self._value(self._links[address], request, kind)
            except MissingAnswerError:
                raise UnknownAnswerError from None  # it was given once, and would have to be asked for
            return Answer(key or "", value, reused=True)
        if not told:
            raise MissingAnswerError("")
        key = told.popleft()
        if key is None and self.checks_keys:
            mine = self._addresses(address, request)
            key = next((k for k in mine if self._answers.get(k) is not None), address)
        elif key is not None and self.checks_keys and key not in self._addresses(address, request):
            self.wrong.append((key, address))
        self._links[address] = key
        value = self._value(key, request, kind)
        if key is not None and isinstance(value, Completion) and self.checks_keys:
            self._spelled(key, value)
        return Answer(key or "", value, reused=True)

    def _value(self, key: str | None, request: GenerateRequest | ChooseRequest, kind: type[V]) -> V:
        value = _no_answer(request) if key is None else self._answers.get(key)
        if not isinstance(value, kind):
            raise MissingAnswerError(key or "")
        if isinstance(request, ChooseRequest) and isinstance(value, Choice):
            says, should = len(value.log_probabilities), len(request.options)
            if says != should:
                raise SpoiledAnswerError(
                    key or "", "log_probabilities", f"{says} numbers", f"{should}, one for each option"
                )
            if not all(x <= _ROUNDED for x in value.log_probabilities) or value.mass > 1 + _ROUNDED:
                told = ", ".join(f"{x:g}" for x in value.log_probabilities)
                raise SpoiledAnswerError(
                    key or "", "log_probabilities", told, "logarithms of probabilities that are 1 together at most"
                )
        return value

    def _spelled(self, key: str, kept: Completion) -> None:
        """The tokens of an answer spell its text. Where a text ends the turn, what stands before it is kept of both."""
        tokenizer = self.engine.tokenizer
        text = tokenizer.decode(kept.tokens)
        cut = getattr(tokenizer, "stop_text", None) is not None
        if text != kept.text and not (cut and kept.text.startswith(text.rstrip("\ufffd"))):
            self.spoiled.append(SpoiledAnswerError(key, "tokens", f"tokens of {text!r}", f"tokens of {kept.text!r}"))

    def _addresses(self, first: str, request: GenerateRequest | ChooseRequest) -> Iterator[str]:
        yield first
        yield from (work_key(model, request) for model in self._models[1:])


class _Nobody:
    """An engine that cannot be asked."""

    def __init__(self, model: str, tokenizer: ChatTokenizer) -> None:
        self.model = model
        self.tokenizer = tokenizer

    def generate(self, requests: Sequence[GenerateRequest]) -> Iterator[tuple[int, Completion]]:
        """Nobody answers."""
        raise EngineError(f"{len(requests)} requests to nobody", "this is a fault of ours")

    def choose(self, requests: Sequence[ChooseRequest]) -> Iterator[tuple[int, Choice]]:
        """Nobody answers."""
        raise EngineError(f"{len(requests)} requests to nobody", "this is a fault of ours")

    def close(self) -> None:
        """Nothing to give back."""


def _no_answer(request: GenerateRequest | ChooseRequest) -> Choice | None:
    """A choice in which the options hold nothing, which every stage takes for an abstention."""
    return Choice((-math.inf,) * len(request.options)) if isinstance(request, ChooseRequest) else None


def _number(data: bytes) -> int:
    return int(identify("texts", data.decode())[:15], 16)
