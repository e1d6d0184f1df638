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
from runtime.engines.actors import Actors, Held, Shard
from runtime.engines.base import (
    ChatTokenizer,
    Choice,
    ChooseRequest,
    Completion,
    Engine,
    GenerateRequest,
    Precise,
)
from runtime.engines.shards import ShardStore
from runtime.ledger.keys import work_key
from runtime.records import identify

__all__ = ["RayEngine"]

Q = TypeVar("Q", GenerateRequest, ChooseRequest)
V = TypeVar("V", Completion, Choice)


class RayEngine:
    """Engines in actors, behind one.

    Args:
        config: With its `ray.store` named.
        model: The folder or name that `open_engine` takes. Every machine has to have it.
        open_engine: Opens the engine that works here or in an actor; it loads its weights when it is first asked.
    """

    def __init__(self, config: EngineConfig, model: str, open_engine: Callable[[EngineConfig, str], Engine]) -> None:
        self._config = config
        here = config.model_copy(update={"spread": "here"})
        self._here = open_engine(here, model)
        if isinstance(self._here, Precise):  # chosen once, here: each machine could choose another for itself
            here = here.model_copy(update={"generate_dtype": self._here.generate_dtype})
        self._held = Held(uuid4().hex, self._here.model, partial(open_engine, here, model))
        self._actors = Actors.join(config.ray)

    @property
    def model(self) -> str:
        """That of the engine in the actors."""
        return self._here.model

    @property
    def tokenizer(self) -> ChatTokenizer:
        """The model's own."""
        return self._here.tokenizer

    def close(self) -> None:
        """Give back what this process holds, and with the last engine that is open, what the actors hold."""
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
        store = ShardStore(root, part)

        def placed(answers: dict[str, Completion | Choice]) -> Iterator[tuple[int, V]]:
            for key, answer in answers.items():
                if not isinstance(answer, kind):
                    raise TypeError(f"the shards hold a {type(answer).__name__} under {key}")
                yield from ((index, answer) for index in places.get(key, ()))

        found = store.find(places)
        yield from placed(found)
        # Neighbours in this order share a prefix, and a shard computes it once.
        missing = sorted(places.keys() - found.keys(), key=lambda key: (requests[places[key][0]].tokens, key))
        if not missing:
            return
        rows = self._config.ray.shard_rows
        shards = []
        for first in range(0, len(missing), rows):
            some = missing[first : first + rows]
            asked = [requests[places[key][0]] for key in some]
            shards.append(Shard(identify("shard", some), operation, msgspec.msgpack.encode(asked)))
        for shard in self._actors.answer(shards, self._held, (root, part)):
            yield from placed(store.read(shard))
