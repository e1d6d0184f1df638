"""What a server can do for a model, found out by asking it: before a run spends anything.

Nothing is believed that a reply does not show. Servers leave out fields that they do not know, without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from constitution_lang.ir.model import Role
from runtime.engines.base import ChooseRequest, Decoding, EngineError, GenerateRequest
from runtime.engines.server.asking import Abilities, Asking, MessageAsking, TokenAsking
from runtime.engines.server.client import RefusedError, ServerClient
from runtime.engines.server.replies import (
    ChatReply,
    ModelList,
    TextReply,
    TokenList,
    WrongReplyError,
)
from runtime.prompting import ModelTokenizer
from runtime.records import Turn

__all__ = ["UnservedError", "probe"]

T = TypeVar("T")

_QUESTION = (Turn(Role.USER, "Which letter comes first in the alphabet, (A) or (B)?"),)
_OPENING = "The letter ("
_OPTIONS = ("A", "B")
_TEXT = "The café costs 12,345 €: naïve 東京 🙂.\n\n\tdef f(x):  return {'a': x**2}  # (A) or (B)? <b>it's</b>"
_LISTED = (20, 5)
"""How many likeliest tokens are asked for: what most servers allow, then what the protocol began with."""


class UnservedError(EngineError):
    """The server has no model of that name."""


async def probe(client: ServerClient, served: str, folder: Path | None) -> Abilities:
    """Find out what the server does for the model that it calls `served`; `folder` has the model's tokenizer.

    Raises:
        EngineError: It cannot be reached, does not serve the model, serves another one under this name, or answers
            neither to token ids nor to messages.
    """
    context_max = await _find_model(client, served)
    found = None
    if folder is not None:
        found = await _with_tokens(client, served, folder)
    found = found or await _with_messages(client, served)
    return replace(found, context_max=context_max)


async def _find_model(client: ServerClient, served: str) -> int | None:
    """The length of the model's context, where the server says it."""
    try:
        listed: ModelList = await client.get("/models", partial(msgspec.json.decode, type=ModelList))
    except RefusedError as e:
        if e.status in {404, 405, 501}:
            return None  # it keeps no list; what follows shows whether it knows the model
        raise
    for card in listed.data:
        if card.id == served:
            return card.max_model_len
    names = client.clean(", ".join(sorted(card.id for card in listed.data)[:12])) or "none"
    raise UnservedError(
        f"the server at {client.url} has no model {served}; it has {names}",
        "write under [engine.openai.names] what it calls the model, by the name that [models] has for it",
    )


# --- token ids -------------------------------------------------------------------------------------


async def _with_tokens(client: ServerClient, served: str, folder: Path) -> Abilities | None:
    """What it can do with token ids; None where it does not take them, or nothing shows that they mean the same."""
    tokenizer = ModelTokenizer(folder)
    tokens = tokenizer.encode(_QUESTION, _OPENING)
    reply = await _tried(client, "/completions", {"model": served, "prompt": tokens, "max_tokens": 1}, TextReply)
    if reply is None or reply.usage is None or reply.usage.prompt_tokens != len(tokens):
        return None
    if not await _same_tokenizer(client, served, folder):
        return None
    options = tuple(tokenizer.option(_OPENING, option) for option in _OPTIONS)
    # A token that is not likely here: what is listed by rank does not hold it, what is asked for does.
    unlikely = tokenizer.encode_answer(_QUESTION, "q")[1][-2]
    drawn = GenerateRequest(tokens, Decoding(tokens_max=1), 0)
    asked = ChooseRequest(tokens, (*options, unlikely))
    for able in (
        Abilities(tokens=True, exact=True, extras=True),
        *(Abilities(tokens=True, listed=n, extras=extras) for extras in (True, False) for n in _LISTED),
        Abilities(tokens=True, extras=True),
        Abilities(tokens=True),
    ):
        if await _does(client, TokenAsking(served, tokenizer, able), drawn, asked if able.chooses else None):
            return able
    return None


async def _same_tokenizer(client: ServerClient, served: str, folder: Path) -> bool:
    """Whether the server is known to turn text into the ids that the folder's tokenizer makes.

    Raises:
        EngineError: It is known to make others.
    """
    from tokenizers import Tokenizer

    ours: list[int] = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(_TEXT, add_special_tokens=False).ids
    body = {"model": served, "prompt": _TEXT, "add_special_tokens": False}
    told = await _tried(client, f"{client.root}/tokenize", body, TokenList)
    if told is not None:
        same = list(told.tokens) == ours
    else:
        # Without the ids, their number tells nearly as much; the server may put a BOS before them.
        reply = await _tried(client, "/completions", {"model": served, "prompt": _TEXT, "max_tokens": 1}, TextReply)
        if reply is None or reply.usage is None or reply.usage.prompt_tokens is None:
            return False
        same = reply.usage.prompt_tokens - len(ours) in {0, 1}
    if not same:
        raise EngineError(
            f"what the server at {client.url} calls {served} has another tokenizer than the model in {folder}",
            "serve the model that the run file names, or write under [engine.openai.names] what the server calls it",
        )
    return True


# --- messages --------------------------------------------------------------------------------------


async def _with_messages(client: ServerClient, served: str) -> Abilities:
    """What it can do with messages."""
    body = {"model": served, "messages": [{"role": "user", "content": _QUESTION[0].text}]}
    least = Abilities(tokens=False)
    try:
        await client.post("/chat/completions", {**body, "max_tokens": 1}, partial(msgspec.json.decode, type=ChatReply))
    except RefusedError as e:
        if "max_completion_tokens" not in e.said:
            raise
        least = replace(least, limit="max_completion_tokens")
    least = replace(least, opening=await _goes_on(client, {**body, least.limit: 1}))
    tokenizer = MessageAsking(served, least).tokenizer
    tokens = tokenizer.encode(_QUESTION, _OPENING if least.opening else "")
    drawn = GenerateRequest(tokens, Decoding(tokens_max=1), 0)
    asked = ChooseRequest(tokens, tuple(tokenizer.option("", option) for option in _OPTIONS))
    for able in (
        *(replace(least, listed=n, extras=extras) for extras in (True, False) for n in _LISTED),
        replace(least, extras=True),
    ):
        if await _does(client, MessageAsking(served, able), drawn, asked if able.chooses else None):
            return able
    return least


async def _goes_on(client: ServerClient, body: Mapping[str, object]) -> bool:
    """Whether the server goes on with an answer that has begun.

    One that does not know the fields answers all the same: it ends the turn and begins another, which takes tokens.
    """
    said = [{"role": "user", "content": _QUESTION[0].text}, {"role": "assistant", "content": _OPENING}]
    ended = await _tried(client, "/chat/completions", {**body, "messages": said}, ChatReply)
    more = {"add_generation_prompt": False, "continue_final_message": True}
    open_ended = await _tried(client, "/chat/completions", {**body, "messages": said, **more}, ChatReply)
    counts = [
        reply.usage.prompt_tokens if reply is not None and reply.usage is not None else None
        for reply in (open_ended, ended)
    ]
    if counts[0] is None:
        return False
    # A server that takes no answer last, unless it is to go on with it, has no second count.
    return ended is None or (counts[1] is not None and counts[0] < counts[1])


# --- both ------------------------------------------------------------------------------------------


async def _does(client: ServerClient, asking: Asking, drawn: GenerateRequest, asked: ChooseRequest | None) -> bool:
    """Whether the replies to both kinds of requests are as they should be."""
    body = asking.generate_body(drawn)
    if await _read(client, asking.path, body, partial(asking.completion, drawn)) is None:
        return False
    if asked is None:
        return True
    return await _read(client, asking.path, asking.choose_body(asked), partial(asking.choice, asked)) is not None


async def _tried(client: ServerClient, path: str, body: Mapping[str, object], kind: type[T]) -> T | None:
    return await _read(client, path, body, partial(msgspec.json.decode, type=kind))


async def _read(client: ServerClient, path: str, body: Mapping[str, object], parse: Callable[[bytes], T]) -> T | None:
    """What the reply says; None where the server refuses, or the reply is not what it should be."""

    def read(content: bytes) -> T | None:
        try:
            return parse(content)
        except (WrongReplyError, msgspec.MsgspecError, UnicodeDecodeError):
            return None

    try:
        return await client.post(path, body, read)
    except RefusedError:
        return None
