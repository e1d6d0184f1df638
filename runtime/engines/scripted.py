"""A deterministic engine without a model: rehearsals run on it, and so do the tests.

Every answer is a hash of what was asked: plausible short sentences of varied length, log-probabilities with a
stable taste, a pull towards the first option, and noise. What goes wrong with real models goes wrong here too, at
the rates of `Rates`. Results come in a scrambled order, so that a caller that relies on it fails.
"""

from __future__ import annotations

import math
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import ClassVar, TypeVar

from msgspec import Struct

from constitution_lang.ir.model import Role
from runtime.engines.base import (
    ChatTokenizer,
    Choice,
    ChooseRequest,
    Completion,
    EngineError,
    Finish,
    GenerateRequest,
)
from runtime.records import Turn, identify

__all__ = ["DIE_AFTER", "Rates", "Script", "ScriptedEngine", "ScriptedTokenizer"]

DIE_AFTER = "CAI_SCRIPTED_DIE_AFTER"
"""Environment variable: the process kills itself after so many answers. For tests of resuming."""

T = TypeVar("T")

_BOS, _END = 256, 257
_ROLES = {Role.SYSTEM: 258, Role.USER: 259, Role.ASSISTANT: 260}


class ScriptedTokenizer:
    """A token is a byte; ids from 256 on are control tokens, which no text can become."""

    def __init__(self, context_max: int = 65_536) -> None:
        self._context_max = context_max

    @property
    def context_max(self) -> int:
        """Most tokens, prompt and completion together."""
        return self._context_max

    def encode(self, turns: Sequence[Turn], opening: str = "") -> tuple[int, ...]:
        """BOS, the turns each between its role and the end of the turn, and the beginning of the answer."""
        ids = [_BOS]
        for turn in turns:
            ids += [_ROLES[turn.role], *turn.text.encode(), _END]
        return (*ids, _ROLES[Role.ASSISTANT], *opening.encode())

    def encode_answer(self, turns: Sequence[Turn], answer: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The prompt's ids, and the answer's with the end of the turn."""
        return self.encode(turns), (*answer.encode(), _END)

    def option(self, opening: str, text: str) -> int:
        """The byte that `text` is."""
        ids = text.encode()
        if len(ids) != 1:
            raise EngineError(
                f"The option {text!r} after {opening!r} is not one token of the scripted tokenizer.",
                "Use options of one ASCII character.",
            )
        return ids[0]

    def decode(self, tokens: Sequence[int]) -> str:
        """The text without control tokens; bytes that are no text become a replacement character."""
        return bytes([token for token in tokens if token < 256]).decode(errors="replace")


class Rates(Struct, frozen=True, kw_only=True):
    """How often an answer is cut at its length, empty, a declined revision, the same whatever the seed, or unclear."""

    cut: float = 0.04
    empty: float = 0.02
    declined: float = 0.04
    same: float = 0.1
    unclear: float = 0.03


@dataclass(frozen=True)
class Script:
    """Answers that are given, not made up; None, or no entry, leaves the answer to chance.

    A function gets the prompt's text. A mapping gives the answer of the first key that stands in the prompt's text.
    `chances` are probabilities, one for each option.
    """

    texts: Callable[[str], str | None] | Mapping[str, str] | None = None
    chances: Callable[[str], Sequence[float] | None] | Mapping[str, Sequence[float]] | None = None

    def text(self, prompt: str) -> str | None:
        """The completion for a prompt."""
        return _scripted(self.texts, prompt)

    def probabilities(self, prompt: str) -> Sequence[float] | None:
        """The options' probabilities for a prompt."""
        return _scripted(self.chances, prompt)


class ScriptedEngine:
    """The engine. `name` sets apart the taste and the words of one model from those of another.

    What a `script` answers is not part of the identity: give another script another name.
    """

    _answered: ClassVar[int] = 0  # over all engines of the process

    def __init__(
        self,
        name: str = "",
        *,
        tokenizer: ChatTokenizer | None = None,
        rates: Rates | None = None,
        script: Script | None = None,
        latency: float = 0.0,
        die_after: int | None = None,
    ) -> None:
        self._rates = rates or Rates()
        self._script = script or Script()
        self._latency = latency
        wish = os.environ.get(DIE_AFTER)
        self._die_after = int(wish) if die_after is None and wish else die_after
        self._tokenizer = tokenizer or ScriptedTokenizer()
        self._ids = lru_cache(maxsize=4096)(self._encode_text)
        self._closed = False
        odd = "" if self._rates == Rates() else "/" + identify("rates", self._rates)[:8]
        self.model = f"scripted/1{'/' if name else ''}{name}{odd}"

    @property
    def tokenizer(self) -> ChatTokenizer:
        """Bytes, or the tokenizer that was given."""
        return self._tokenizer

    def generate(self, requests: Sequence[GenerateRequest]) -> Iterator[tuple[int, Completion]]:
        """Draw a completion for every request, in a scrambled order."""
        for index in self._scrambled(requests):
            request = requests[index]
            self._check(len(request.tokens) + request.decoding.tokens_max)
            yield index, self._complete(request)

    def choose(self, requests: Sequence[ChooseRequest]) -> Iterator[tuple[int, Choice]]:
        """Log-probabilities of the options for every request, in a scrambled order."""
        for index in self._scrambled(requests):
            self._check(len(requests[index].tokens) + 1)
            yield index, self._weigh(requests[index])

    def close(self) -> None:
        """Nothing to give back, but to use it afterwards is a fault, as with every engine."""
        self._closed = True

    def _scrambled(self, requests: Sequence[GenerateRequest] | Sequence[ChooseRequest]) -> list[int]:
        return sorted(range(len(requests)), key=lambda n: _Dice("order", n, len(requests), requests[n].tokens).hash())

    def _check(self, tokens: int) -> None:
        if self._closed:
            raise RuntimeError("the engine was closed")
        if tokens > self._tokenizer.context_max:
            raise EngineError(
                f"{tokens} tokens do not fit into the {self._tokenizer.context_max} of {self.model}.",
                "Shorten the prompt, or bound the completion.",
            )
        if self._latency:
            time.sleep(self._latency)
        if self._die_after is not None and ScriptedEngine._answered >= self._die_after:
            os.kill(os.getpid(), signal.SIGKILL)
        ScriptedEngine._answered += 1

    def _complete(self, request: GenerateRequest) -> Completion:
        how, rates = request.decoding, self._rates
        given = self._script.text(self._tokenizer.decode(request.tokens))
        if given is not None:
            return self._fit(given, how.tokens_max)
        greedy = how.temperature == 0
        drawn = () if greedy else (request.seed, float(how.temperature), float(how.top_p))
        dice = _Dice("generate", self.model, request.tokens, drawn)
        if dice.uniform() < rates.same:
            dice = _Dice("generate", self.model, request.tokens)
        fate = dice.uniform()
        if fate < rates.empty:
            return Completion("", (), Finish.STOP)
        if fate < rates.empty + rates.declined:
            return self._fit("No revisions needed.", how.tokens_max)
        cut = fate < rates.empty + rates.declined + rates.cut
        text = _sentence(dice)
        wish = how.tokens_max + 1 if cut else int(how.tokens_max * dice.uniform())
        while True:
            longer = f"{text}{dice.pick(_JOINS)}{_sentence(dice)}"
            length = len(self._ids(longer))
            if not cut and length > min(wish, how.tokens_max):
                return self._fit(text, how.tokens_max)
            text = longer
            if length > wish:
                return self._fit(text, how.tokens_max)

    def _encode_text(self, text: str) -> tuple[int, ...]:
        turns = (Turn(Role.USER, "?"),)
        end = self._tokenizer.encode_answer(turns, "")[1]
        ids = self._tokenizer.encode_answer(turns, text)[1]
        return ids[: len(ids) - len(end)]

    def _fit(self, text: str, tokens_max: int) -> Completion:
        ids = self._ids(text)
        if len(ids) <= tokens_max:
            return Completion(text, ids, Finish.STOP)
        return Completion(self._tokenizer.decode(ids[:tokens_max]), ids[:tokens_max], Finish.LENGTH)

    def _weigh(self, request: ChooseRequest) -> Choice:
        prompt = self._tokenizer.decode(request.tokens)
        given = self._script.probabilities(prompt)
        if given is not None:
            return Choice(tuple(math.log(x) if x > 0 else -math.inf for x in given))
        dice = _Dice("choose", self.model, request.tokens)
        names = [self._tokenizer.decode((option,)) for option in request.options]
        texts = [_shown_text(prompt, name) for name in names]
        if all(texts):
            # The same pair in the other order gets the same taste, and the same pull towards the first place.
            last = prompt.rstrip().rpartition("\n\n")[2]
            taste = [_Dice(self.model, t).uniform() * 2.5 + _Dice(self.model, t, last).uniform() * 1.5 for t in texts]
            scores = [t + 0.4 * (n == 0) + 0.6 * dice.uniform() for n, t in enumerate(taste)]
        else:
            scores = [4 * dice.uniform() for _ in names]
        mass = 1e-4 if dice.uniform() < self._rates.unclear else 0.6 + 0.399 * dice.uniform()
        top = max(scores)
        total = top + math.log(math.fsum(math.exp(score - top) for score in scores))
        return Choice(tuple(math.log(mass) + score - total for score in scores))


class _Dice:
    """Uniform numbers that follow from what they are made for."""

    def __init__(self, *parts: object) -> None:
        self._made_for = identify("scripted", *parts).encode()
        self._thrown = 0

    def hash(self) -> int:
        self._thrown += 1
        throw = self._made_for + self._thrown.to_bytes(8, "little")
        return int.from_bytes(blake2b(throw, digest_size=8).digest(), "little")

    def uniform(self) -> float:
        """In [0, 1)."""
        return (self.hash() >> 11) / 2**53

    def pick(self, words: Sequence[str]) -> str:
        return words[self.hash() % len(words)]


def _scripted(answers: Callable[[str], T | None] | Mapping[str, T] | None, prompt: str) -> T | None:
    if answers is None:
        return None
    if isinstance(answers, Mapping):
        return next((answer for part, answer in answers.items() if part in prompt), None)
    return answers(prompt)


def _shown_text(prompt: str, name: str) -> str:
    """The first line of what stands in the prompt under an option's name: `(A) …`, `Response A: …`."""
    shown = re.findall(rf"^[^\w\n]*(?:\w+ )?{re.escape(name)}[):.\]][^\S\n]*\n?(.*)$", prompt, re.MULTILINE)
    return shown[-1] if shown else ""


def _sentence(dice: _Dice) -> str:
    return f"{dice.pick(_SUBJECTS)} {dice.pick(_VERBS)} {dice.pick(_OBJECTS)}{dice.pick(_TAILS)}."


_SUBJECTS = (
    "A careful answer", "The response", "This advice", "The question", "A good neighbour", "Everyone", "The doctor",
    "The first step", "The second part", "A naïve reading", "The plan", "Someone in haste", "The law", "A friend",
    "The safer way", "What was asked",
)  # fmt: skip
_VERBS = (
    "explains", "leaves out", "should mention", "avoids", "repeats", "weighs", "could soften", "overstates", "respects",
    "makes light of", "depends on", "begins with", "asks about", "cannot replace", "hides", "puts first",
)  # fmt: skip
_OBJECTS = (
    "the risk", "the safer choice", "what the law says", "a plain warning", "the other person's wishes",
    "where to find help", "the cost of waiting", "an honest doubt", "the facts", "a second opinion", "the harm done",
    "the reader's own judgement", "the small print", "a simple example", "the reason why", "what may go wrong",
)  # fmt: skip
_TAILS = (
    "", "", "", "", " in plain words", " before anything else", " without blame", " and says so", " at the start",
    " more than once", ", as far as anyone knows", ", even so", " at the end", " for good reason", ", and rightly",
    " in most cases",
)  # fmt: skip
_JOINS = (" ", " ", " ", " ", " ", "\n\n")
