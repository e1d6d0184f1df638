"""What a server's replies have to look like. Fields that are not read here are not looked at."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

__all__ = [
    "ChatReply", "Logprobs", "ModelCard", "ModelList", "TextReply", "TokenList", "WrongReplyError",
]  # fmt: skip

TokenId = Annotated[int, Meta(ge=0, lt=2**31)]


class WrongReplyError(Exception):
    """A reply is not what was asked for; the text goes on from "the server"."""


class TopLogprob(Struct, frozen=True):
    """One of the likeliest tokens at a place."""

    token: str
    logprob: float


class TokenLogprob(Struct, frozen=True):
    """The token that was drawn, and the likeliest ones."""

    token: str
    logprob: float
    top_logprobs: tuple[TopLogprob, ...] = ()


class Logprobs(Struct, frozen=True):
    """Log-probabilities, as completions have them (`tokens`, `top_logprobs`) or as chats have them (`content`)."""

    tokens: tuple[str, ...] = ()
    top_logprobs: tuple[dict[str, float] | None, ...] | None = None
    content: tuple[TokenLogprob, ...] | None = None

    def first(self) -> tuple[str, dict[str, float]] | None:
        """At the first place: the token that was drawn, and the listed log-probabilities by token."""
        if self.content:
            place = self.content[0]
            # Several tokens may read the same, where their bytes are no text: the likeliest counts.
            listed = {top.token: top.logprob for top in reversed(place.top_logprobs)}
            return (place.token, listed) if listed else None
        if self.tokens and self.top_logprobs and self.top_logprobs[0]:
            return self.tokens[0], self.top_logprobs[0]
        return None


class Usage(Struct, frozen=True):
    """What the server counted."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class TextChoice(Struct, frozen=True):
    """A completion of token ids."""

    text: str
    finish_reason: str | None = None
    logprobs: Logprobs | None = None
    token_ids: tuple[TokenId, ...] | None = None


class TextReply(Struct, frozen=True):
    """The reply of `/completions`."""

    choices: Annotated[tuple[TextChoice, ...], Meta(min_length=1, max_length=1)]
    usage: Usage | None = None


class Message(Struct, frozen=True):
    """The assistant's turn. What is refused may stand in a field of its own, and then there is no content."""

    content: str | None = None
    refusal: str | None = None


class ChatChoice(Struct, frozen=True):
    """An answer to messages."""

    message: Message
    finish_reason: str | None = None
    logprobs: Logprobs | None = None

    @property
    def text(self) -> str:
        """What the model said; WrongReplyError where it said nothing that is text."""
        said = self.message.content if self.message.content is not None else self.message.refusal
        if said is not None:
            return said
        if self.finish_reason == "length":
            return ""  # all tokens went into what is not shown
        raise WrongReplyError("answered without any text: with a call of a tool, or with reasoning alone")


class ChatReply(Struct, frozen=True):
    """The reply of `/chat/completions`."""

    choices: Annotated[tuple[ChatChoice, ...], Meta(min_length=1, max_length=1)]
    usage: Usage | None = None


class ModelCard(Struct, frozen=True):
    """A model that is served."""

    id: str
    max_model_len: int | None = None


class ModelList(Struct, frozen=True):
    """The reply of `/models`."""

    data: tuple[ModelCard, ...]


class TokenList(Struct, frozen=True):
    """The reply of vLLM's `/tokenize`."""

    tokens: tuple[TokenId, ...]
