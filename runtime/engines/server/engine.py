"""The engine on a server that speaks OpenAI's protocol: many requests under way, each found right before it counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path

from anyio.from_thread import start_blocking_portal

from runtime.config import ServerConfig
from runtime.engines.base import (
    ChatTokenizer,
    Choice,
    ChooseRequest,
    Completion,
    EngineError,
    GenerateRequest,
)
from runtime.engines.completions import check_fits
from runtime.engines.server.asking import Abilities, Asking, MessageAsking, TokenAsking
from runtime.engines.server.client import RefusedError, ServerClient
from runtime.engines.server.probing import probe
from runtime.engines.server.streaming import stream
from runtime.identity import model_identity
from runtime.prompting import ModelTokenizer

__all__ = ["ServerEngine"]

_WAY = "server/1"
"""Changes whenever the same server would be asked in another way, and could answer otherwise."""
_PROBE_RETRIES = 2
"""Whoever has mistyped an address wants to hear of it soon."""
_LONG = ("context length", "context_length", "maximum context", "too many tokens", "max_model_len", "context size")


class ServerEngine:
    """A model at a server.

    What the server can do is asked once for each server and model of a process.

    Args:
        config: Where the server is, and how patient to be.
        served: What the server calls the model.
        folder: With the model's tokenizer, so that token ids can be sent; without, the server gets messages.
        wait_seconds: The mean of the first wait before a request is sent again.

    Raises:
        EngineError: The server cannot be used; see `probe`.
    """

    def __init__(self, config: ServerConfig, served: str, folder: Path | None, *, wait_seconds: float = 1.0) -> None:
        self._config = config
        self._served = served
        self._client = partial(ServerClient, config, wait_seconds=wait_seconds)
        self.abilities: Abilities = _abilities(
            config.model_dump_json(exclude={"names", "versions"}), served, folder, wait_seconds
        )
        if self.abilities.tokens and folder is not None:
            limits = [x for x in (self.abilities.context_max, config.context_max) if x is not None]
            tokenizer = ModelTokenizer(folder, context_max=min(limits, default=None))
            self._asking: Asking = TokenAsking(served, tokenizer, self.abilities)
        else:
            self._asking = MessageAsking(served, self.abilities)
        version = f"@{config.versions[served]}" if served in config.versions else ""
        self._model = f"{served}{version}:{_weights(folder)}:{self.abilities.mark}:{_WAY}"

    @property
    def model(self) -> str:
        """What the server calls the model, the weights that it stands for where they are here, and how it is asked."""
        return self._model

    @property
    def tokenizer(self) -> ChatTokenizer:
        """The model's own, or one of messages."""
        return self._asking.tokenizer

    def close(self) -> None:
        """Nothing is held between two calls."""

    def generate(self, requests: Sequence[GenerateRequest]) -> Iterator[tuple[int, Completion]]:
        """Draw a completion for every request; they come as they are done."""

        async def ask(client: ServerClient, index: int) -> Completion:
            request = requests[index]
            body = self._asking.generate_body(request)
            try:
                return await client.post(self._asking.path, body, partial(self._asking.completion, request))
            except RefusedError as e:
                raise self._explained(e, request.tokens, request.decoding.tokens_max) from None

        for request in requests:
            check_fits(self.tokenizer.context_max, len(request.tokens), request.decoding.tokens_max)
        return stream(self._client, ask, _order(requests), requests_max=self._config.requests_max)

    def choose(self, requests: Sequence[ChooseRequest]) -> Iterator[tuple[int, Choice]]:
        """Log-probabilities of the options for every request; they come as they are done.

        Where the server lists the likeliest tokens only, an option beyond them has the bound that `_bounded` gives it.
        """

        async def ask(client: ServerClient, index: int) -> Choice:
            request = requests[index]
            body = self._asking.choose_body(request)
            try:
                return await client.post(self._asking.path, body, partial(self._asking.choice, request))
            except RefusedError as e:
                raise self._explained(e, request.tokens, 1) from None

        self.need_options()
        for request in requests:
            check_fits(self.tokenizer.context_max, len(request.tokens), 1)
        return stream(self._client, ask, _order(requests), requests_max=self._config.requests_max)

    def need_options(self) -> None:
        """EngineError where the server gives no log-probabilities, with what to do instead."""
        if not self.abilities.chooses:
            raise EngineError(
                f"the server at {self._config.url} gives no log-probabilities for {self._served}, so it cannot choose "
                "between options: it can write answers and critiques, but not be the feedback model",
                'serve the feedback model with vLLM, which gives them, or write kind = "transformers" or "vllm" under '
                "[engine] and run it here",
            )

    def need_opening(self, opening: str) -> None:
        """EngineError where the server cannot go on with an answer that has begun."""
        if not self.abilities.tokens and not self.abilities.opening:
            raise EngineError(
                f"the server at {self._config.url} takes messages only for {self._served}, and does not go on with an "
                f"answer that begins with {opening!r}",
                "serve the model with vLLM; or name a folder with its tokenizer, so that token ids are sent; or write "
                "the constitution's templates without an opening",
            )

    def _explained(self, error: RefusedError, tokens: Sequence[int], more: int) -> EngineError:
        """A refusal with the prompt that it is about."""
        end = " ".join(self.tokenizer.decode(tokens[-60:]).split())[-80:]
        if error.status in {400, 413, 422} and any(sign in error.said.lower() for sign in _LONG):
            return EngineError(
                f"the prompt that ends with “…{end}” and {more} more tokens do not fit into the context that "
                f"{self._served} has at the server: {error.said}",
                "leave out long prompts, lower tokens_max, or serve the model with a longer context",
            )
        return EngineError(f"{error}; the prompt ends with “…{end}”", error.remedy)


@lru_cache(maxsize=64)
def _abilities(settings: str, served: str, folder: Path | None, wait_seconds: float) -> Abilities:
    config = ServerConfig.model_validate_json(settings)

    async def ask() -> Abilities:
        async with ServerClient(
            config, retries_max=min(_PROBE_RETRIES, config.retries_max), wait_seconds=wait_seconds
        ) as client:
            return await probe(client, served, folder)

    # In a thread of its own: the caller may have an event loop already.
    with start_blocking_portal() as portal:
        return portal.call(ask)


def _weights(folder: Path | None) -> str:
    try:
        return model_identity(folder) if folder is not None else "elsewhere"
    except FileNotFoundError:
        return "elsewhere"  # a tokenizer alone


def _order(requests: Sequence[GenerateRequest] | Sequence[ChooseRequest]) -> list[int]:
    """Prompts that begin alike follow one another, so that the server finds them in its cache."""
    return sorted(range(len(requests)), key=lambda index: requests[index].tokens)
