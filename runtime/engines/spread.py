"""An engine that is many: Ray Data hands shards of requests to actors, each with an engine of its own.

A shard's answers are kept as a file before anybody hears of them, so an actor that dies costs its open shard and
nothing else. The identity is that of the engine in the actors: the ledger does not know who computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar
from uuid import uuid4

import msgspec

from runtime.config import EngineConfig
from runtime.engines.actors import Actors, Held, Shard, Told
from runtime.engines.base import (
    ChatTokenizer,
    Choice,
    ChooseRequest,
    Completion,
    Engine,
    GenerateRequest,
)
from runtime.engines.shards import shard_store
from runtime.ledger.keys import work_key
from runtime.records import identify

__all__ = ["RayEngine"]

Q = TypeVar("Q", GenerateRequest, ChooseRequest)
V = TypeVar("V", Completion, Choice)


class RayEngine:
    """Engines in actors, behind one. `model` is the identity of the engine in the actors, `tokenizer` the model's own.

    Args:
        config: With its `ray.store` named.
        model: The folder or name that `open_engine` takes. Every machine has to have it.
        open_engine: Opens the engine that works here or in an actor; it loads its weights when it is first asked.
        open_tokenizer: The model's own, for an engine whose library and device only the machines of the actors have.
            An actor is asked then what it computes as.

    Raises:
        EngineError: There is no such model, here or where the actors are, or no room for an actor.
    """

    def __init__(
        self,
        config: EngineConfig,
        model: str,
        open_engine: Callable[[EngineConfig, str], Engine],
        open_tokenizer: Callable[[EngineConfig, str], ChatTokenizer] | None = None,
    ) -> None:
        self._config = config
        here = config.model_copy(update={"spread": "here"})
        self._here: Engine | None = None
        if open_tokenizer is None:
            self._here = open_engine(here, model)
            self.tokenizer, told = self._here.tokenizer, Told.by(self._here)
            self._actors = Actors.join(config.ray)
        else:
            self.tokenizer = open_tokenizer(here, model)
            self._actors = Actors.join(config.ray)
            try:
                told = self._actors.ask(partial(open_engine, here, model))
            except BaseException:
                self._actors.leave()
                raise
        self.model = told.model
        if told.generate_dtype is not None:  # chosen once: each machine could choose another for itself
            here = here.model_copy(update={"generate_dtype": told.generate_dtype})
        self._held = Held(uuid4().hex, self.model, partial(open_engine, here, model))

    def close(self) -> None:
        """Give back what this process holds, and with the last engine that is open, what the actors hold."""
        if self._here is not None:
            self._here.close()
        self._actors.leave()

    def generate(self, requests: Sequence[GenerateRequest]) -> Iterator[tuple[int, Completion]]:
        """Draw a completion for every request, shard by shard as they are done."""
        return self._spread("generate", requests, Completion)

    def choose(self, requests: Sequence[ChooseRequest]) -> Iterator[tuple[int, Choice]]:
        """Log-probabilities of the options for every request, shard by shard as they are done."""
        return self._spread("choose", requests, Choice)

    def _spread(self, operation: str, requests: Sequence[Q], kind: type[V]) -> Iterator[tuple[int, V]]:
        keys = [work_key(self.model, request) for request in requests]
        places: dict[str, list[int]] = {}
        for index, key in enumerate(keys):
            places.setdefault(key, []).append(index)
        root, part = str(self._config.ray.store), f"{operation}/{identify('shards', self.model)[:16]}"
        store = shard_store(root, part)

        def placed(answers: dict[str, Completion | Choice]) -> Iterator[tuple[int, V]]:
            for key, answer in answers.items():
                if not isinstance(answer, kind):
                    raise TypeError(f"the shards hold a {type(answer).__name__} under {key}")
                yield from ((index, answer) for index in places.get(key, ()))

        found: set[str] = set()
        for answers in store.find(places):
            found |= answers.keys()
            yield from placed(answers)
        # Neighbours in this order share a prefix, and a shard computes it once.
        missing = sorted(places.keys() - found, key=lambda key: (requests[places[key][0]].tokens, key))
        if not missing:
            return
        rows = self._config.ray.shard_rows
        shards = []
        for first in range(0, len(missing), rows):
            some = missing[first : first + rows]
            asked = [requests[places[key][0]] for key in some]
            shards.append(Shard(identify("shard", some), operation, tuple(some), msgspec.msgpack.encode(asked)))
        for shard in self._actors.answer(shards, self._held, (root, part)):
            yield from placed(store.read(shard))
