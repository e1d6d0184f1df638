"""What is sent for a completion or a choice, and how the reply is read: with token ids, or with messages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec
from msgspec import Struct

from constitution_lang.diagnostics.numbers import number_of
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
from runtime.engines.completions import completion
from runtime.engines.server.messages import MessageTokenizer, pieces
from runtime.engines.server.replies import ChatReply, Logprobs, TextReply, WrongReplyError
from runtime.prompting import ModelTokenizer
from runtime.records import Turn

__all__ = ["Abilities", "Asking", "MessageAsking", "TokenAsking"]

NEUTRAL: dict[str, object] = {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0}
"""Against what a server takes from the model's generation_config.json unless told otherwise."""

_NEVER = -9999.0
"""How servers write that a token cannot come."""
_LOG_ONE = 1e-3
_ROUNDING = 1e-6
"""What is left over is known no better than this: servers round."""


class Abilities(Struct, frozen=True, kw_only=True):
    """What a server does for a model, as it was found out."""

    tokens: bool
    """It takes token ids, and its tokenizer is the one in the model's folder."""
    exact: bool = False
    """It gives the log-probabilities of the tokens that are asked for, at any rank."""
    listed: int = 0
    """So many of the likeliest tokens it lists; 0 where it gives no log-probabilities."""
    extras: bool = False
    """It knows the fields that vLLM adds to the protocol."""
    opening: bool = False
    """It goes on with an answer that has begun. Token ids always can."""
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    context_max: int | None = None

    @property
    def chooses(self) -> bool:
        """Whether options can be asked for at all."""
        return self.exact or self.listed > 0

    @property
    def mark(self) -> str:
        """What of this decides which answer a request gets: a part of the engine's identity."""
        options = "exact" if self.exact else f"top{self.listed}"
        return f"{'tokens' if self.tokens else 'messages'}:{options}{':extras' if self.extras else ''}"


class Asking(Protocol):
    """One way to ask: where to, with what, and what the reply says."""

    path: str

    @property
    def tokenizer(self) -> ChatTokenizer:
        """Of the requests' ids."""
        ...

    def generate_body(self, request: GenerateRequest) -> dict[str, object]:
        """What is sent for a completion."""
        ...

    def completion(self, request: GenerateRequest, content: bytes) -> Completion:
        """What a reply says; WrongReplyError where it is none to `request`."""
        ...

    def choose_body(self, request: ChooseRequest) -> dict[str, object]:
        """What is sent for a choice."""
        ...

    def choice(self, request: ChooseRequest, content: bytes) -> Choice:
        """What a reply says; WrongReplyError where it is none to `request`."""
        ...


class TokenAsking:
    """Token ids go out, and come back where the server gives them."""

    path = "/completions"

    def __init__(self, model: str, tokenizer: ModelTokenizer, abilities: Abilities) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._abilities = abilities

    @property
    def tokenizer(self) -> ModelTokenizer:
        """The model's own."""
        return self._tokenizer

    def generate_body(self, request: GenerateRequest) -> dict[str, object]:
        """A prompt of ids. The turn ends where it ends for the other engines."""
        how = request.decoding
        body: dict[str, object] = {
            "model": self._model, "prompt": request.tokens, "max_tokens": how.tokens_max,
            "temperature": how.temperature, "top_p": how.top_p, "seed": request.seed,
        }  # fmt: skip
        if self._tokenizer.stop_text is not None:
            body["stop"] = [self._tokenizer.stop_text]
        if self._abilities.extras:
            body |= NEUTRAL | {"return_token_ids": True, "stop_token_ids": sorted(self._tokenizer.stops)}
        return body

    def completion(self, request: GenerateRequest, content: bytes) -> Completion:
        """The drawn ids where the server gives them; else those of its text, which may be cut otherwise."""
        answer = msgspec.json.decode(content, type=TextReply).choices[0]
        most = request.decoding.tokens_max
        finish = _finish(answer.finish_reason)
        if answer.token_ids is None:
            # In the plain form a space stands between the colon and the answer.
            text = answer.text if self._tokenizer.stop_text is None else answer.text.removeprefix(" ")
            ids = self._tokenizer.encode_answer((Turn(Role.USER, "?"),), text)[1][:-1]
            return Completion(text, ids[:most], finish)
        drawn = list(answer.token_ids)
        if len(drawn) > most:
            raise WrongReplyError(f"drew {number_of(len(drawn), 'tokens')} where {most:,} may come")
        while drawn and drawn[-1] in self._tokenizer.stops:
            drawn.pop()
        return completion(self._tokenizer, drawn, finish)

    def choose_body(self, request: ChooseRequest) -> dict[str, object]:
        """One token to draw, with the log-probabilities of the options or of the likeliest tokens."""
        body: dict[str, object] = {
            # Temperature 1, since some servers give log-probabilities after it.
            "model": self._model, "prompt": request.tokens, "max_tokens": 1, "temperature": 1.0, "top_p": 1.0,
            "seed": 0,
        }  # fmt: skip
        if self._abilities.exact:
            ids = list(dict.fromkeys(request.options))
            body |= {"logprobs": len(ids), "logprob_token_ids": ids}
        else:
            body["logprobs"] = self._abilities.listed
        if self._abilities.extras:
            body |= NEUTRAL | {"return_tokens_as_token_ids": True}
        return body

    def choice(self, request: ChooseRequest, content: bytes) -> Choice:
        """The options' log-probabilities."""
        drawn, listed = _listed(msgspec.json.decode(content, type=TextReply).choices[0].logprobs)
        if any(token.startswith("token_id:") for token in listed):
            names = [f"token_id:{option}" for option in request.options]
        else:
            names = [self._reads(request.tokens[-1], option) for option in request.options]
        if self._abilities.exact:
            if missing := [name for name in names if name not in listed]:
                raise WrongReplyError(f"gave no log-probability for {', '.join(missing)}")
            return Choice(tuple(_log(listed[name]) for name in names))
        return _bounded(names, drawn, listed)

    def _reads(self, before: int, option: int) -> str:
        """What a token adds to the text. Alone, some tokenizers leave out the space that it begins with."""
        whole, start = self._tokenizer.decode((before, option)), self._tokenizer.decode((before,))
        return whole.removeprefix(start) if start else self._tokenizer.decode((option,))


class MessageAsking:
    """Messages go out. What a text in them becomes is for the server to say: it puts them into the template itself."""

    path = "/chat/completions"

    def __init__(self, model: str, abilities: Abilities) -> None:
        self._model = model
        self._abilities = abilities
        self._tokenizer = MessageTokenizer()

    @property
    def tokenizer(self) -> MessageTokenizer:
        """Of messages."""
        return self._tokenizer

    def generate_body(self, request: GenerateRequest) -> dict[str, object]:
        """The turns, and the answer as far as it has begun."""
        how = request.decoding
        body = self.messages(request.tokens) | {
            self._abilities.limit: how.tokens_max, "temperature": how.temperature, "top_p": how.top_p,
            "seed": request.seed,
        }  # fmt: skip
        return body | NEUTRAL if self._abilities.extras else body

    def completion(self, request: GenerateRequest, content: bytes) -> Completion:
        """The text, in as many ids as the server drew tokens where it says so."""
        reply = msgspec.json.decode(content, type=ChatReply)
        answer, most = reply.choices[0], request.decoding.tokens_max
        drawn = reply.usage.completion_tokens if reply.usage else None
        if drawn is not None and drawn > most:
            raise WrongReplyError(f"drew {number_of(drawn, 'tokens')} where {most:,} may come")
        finish, text = _finish(answer.finish_reason), answer.text
        return Completion(text, pieces(text, drawn)[:most], finish)

    def choose_body(self, request: ChooseRequest) -> dict[str, object]:
        """One token to draw, with the log-probabilities of the likeliest."""
        body = self.messages(request.tokens) | {
            self._abilities.limit: 1, "temperature": 1.0, "top_p": 1.0, "seed": 0, "logprobs": True,
            "top_logprobs": self._abilities.listed,
        }  # fmt: skip
        return body | NEUTRAL if self._abilities.extras else body

    def choice(self, request: ChooseRequest, content: bytes) -> Choice:
        """The options' log-probabilities, as far as they are among the likeliest."""
        drawn, listed = _listed(msgspec.json.decode(content, type=ChatReply).choices[0].logprobs)
        return _bounded([self._tokenizer.decode((option,)) for option in request.options], drawn, listed)

    def messages(self, tokens: Sequence[int]) -> dict[str, object]:
        """The part of a body that says what was said."""
        turns, opening = self._tokenizer.read(tokens)
        messages = [{"role": turn.role.value, "content": turn.text} for turn in turns]
        if not opening:
            return {"model": self._model, "messages": messages}
        if not self._abilities.opening:
            raise EngineError(
                f"the server does not go on with an answer that begins with {opening!r}",
                "serve the model with vLLM, or name a folder with its tokenizer, or write templates without an opening",
            )
        messages.append({"role": "assistant", "content": opening})
        return {
            "model": self._model,
            "messages": messages,
            "add_generation_prompt": False,
            "continue_final_message": True,
        }


def _finish(reason: str | None) -> Finish:
    if reason == "content_filter":
        raise EngineError(
            "the server's content filter ended a completion, and half of one is none",
            "use a server without a filter, or take the prompts out that it objects to",
        )
    if reason not in set(Finish):
        raise WrongReplyError(f"ended a completion with {reason!r}")
    return Finish(reason)


def _listed(logprobs: Logprobs | None) -> tuple[str, dict[str, float]]:
    """The drawn token and the listed log-probabilities, which have to be such."""
    found = logprobs.first() if logprobs else None
    if found is None:
        raise WrongReplyError("gave no log-probabilities")
    drawn, listed = found
    if any(not value <= _LOG_ONE for value in listed.values()) or math.fsum(map(math.exp, listed.values())) > 1.01:
        raise WrongReplyError("gave numbers that are no log-probabilities")
    return drawn, listed


def _bounded(names: Sequence[str], drawn: str, listed: Mapping[str, float]) -> Choice:
    """Options among the likeliest tokens.

    One that is not listed has at most the probability of the last that is, and at most what all listed ones leave over.
    It gets that: the label is then less sure than the model, never more, and the mass too high by at most that much.
    Where none is listed, none has any: an abstention. The drawn token is listed whatever its rank, so it is no bound.
    """
    if not any(name in listed for name in names):
        return Choice((-math.inf,) * len(names))
    left = 1.0 - math.fsum(map(math.exp, listed.values()))
    ranked = [value for token, value in listed.items() if token != drawn]
    floor = min(*ranked, math.log(max(left, _ROUNDING))) if ranked else math.log(max(left, _ROUNDING))
    return Choice(tuple(_log(listed.get(name, floor)) for name in names))


def _log(value: float) -> float:
    return -math.inf if value <= _NEVER else min(value, 0.0)
