"""An engine that is many: Ray Data spreads shards of requests over actors, each with an engine of its own.

A shard's answers are kept as a file before anybody hears of them, so an actor that dies costs its open shard and
nothing else. The identity is that of the engine in the actors: the ledger does not know who computed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import ray
import ray.data
from ray.exceptions import RayError

from runtime.config import EngineConfig
from runtime.engines.base import (
    ChatTokenizer,
    Choice,
    ChooseRequest,
    Completion,
    Engine,
    EngineError,
    GenerateRequest,
)
from runtime.engines.shards import ShardStore
from runtime.ledger.keys import work_key
from runtime.records import identify

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RayEngine"]

Q = TypeVar("Q", GenerateRequest, ChooseRequest)
V = TypeVar("V", Completion, Choice)
_RESTARTS_MAX = 3
"""So often a dead actor is started again; one that dies of the same shard every time ends the run."""


class RayEngine:
    """Engines in actors, behind one.

    Args:
        config: With its `ray.store` named.
        model: The folder or name that `open_engine` takes. Every machine has to have it.
        open_engine: Opens the engine that works here or in an actor; it loads its weights when it is first asked.
    """

    def __init__(self, config: EngineConfig, model: str, open_engine: Callable[[EngineConfig, str], Engine]) -> None:
        self._config = config
        self._opener = partial(open_engine, config.model_copy(update={"spread": "here"}), model)
        self._here = self._opener()
        _connect(config)

    @property
    def model(self) -> str:
        """That of the engine in the actors."""
        return self._here.model

    @property
    def tokenizer(self) -> ChatTokenizer:
        """The model's own."""
        return self._here.tokenizer

    def close(self) -> None:
        """Give back what this process holds; the actors went when their call ended."""
        self._here.close()

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
            shards.append({"shard": identify("shard", some), "requests": msgspec.msgpack.encode(asked)})
        for shard in self._done(operation, shards, root, part):
            yield from placed(store.read(shard))

    def _done(self, operation: str, shards: list[dict[str, Any]], root: str, part: str) -> Iterator[str]:
        """Ids of shards, as they are written."""
        how = self._config.ray
        # One block a shard: what an actor is given at a time, and what its death costs.
        work = ray.data.from_items(shards, override_num_blocks=len(shards)).map_batches(
            _Actor,
            fn_constructor_args=(self._opener, operation, root, part),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=min(how.actors, len(shards)), max_tasks_in_flight_per_actor=1),
            num_cpus=how.cpus,
            num_gpus=how.gpus,
            ray_remote_args_fn=_restarts,
        )
        try:
            for row in work.iter_rows():
                if row["fault"]:
                    raise EngineError(row["fault"], row["remedy"])
                yield str(row["shard"])
        except RayError as error:
            raise EngineError(
                f"the work on Ray ended: {str(error).strip().splitlines()[0]}",
                "what was answered is kept in the shards: run again to go on; Ray's log says what killed the actors",
            ) from error


class _Actor:
    """An engine that answers a shard at a time and keeps it as a file."""

    def __init__(self, open_engine: Callable[[], Engine], operation: str, root: str, part: str) -> None:
        self._engine = open_engine()
        self._operation = operation
        self._store = ShardStore(root, part)

    def __call__(self, batch: dict[str, NDArray[Any]]) -> dict[str, list[str]]:
        done: dict[str, list[str]] = {"shard": [], "fault": [], "remedy": []}
        for shard, encoded in zip(batch["shard"], batch["requests"], strict=True):
            fault, remedy = "", ""
            try:
                self._store.write(str(shard), self._answer(encoded))
            except EngineError as error:  # an exception would arrive without what caused it
                fault, remedy = str(error), error.remedy
            for column, value in zip(done.values(), (str(shard), fault, remedy), strict=True):
                column.append(value)
        return done

    def _answer(self, encoded: bytes) -> dict[str, Completion | Choice]:
        if self._operation == "generate":
            drawn = msgspec.msgpack.decode(encoded, type=list[GenerateRequest])
            return {self._key(drawn[index]): made for index, made in self._engine.generate(drawn)}
        asked = msgspec.msgpack.decode(encoded, type=list[ChooseRequest])
        return {self._key(asked[index]): made for index, made in self._engine.choose(asked)}

    def _key(self, request: GenerateRequest | ChooseRequest) -> str:
        return work_key(self._engine.model, request)


def _connect(config: EngineConfig) -> None:
    """Join the cluster, or start one on this machine; refuse what would wait for ever."""
    how = config.ray
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False  # the run has its own
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    if not ray.is_initialized():
        try:
            ray.init(
                address=how.address, include_dashboard=None if how.address else False, log_to_driver=False,
                logging_level=logging.WARNING,
            )  # fmt: skip
        except (ConnectionError, ValueError, RuntimeError) as error:
            where = how.address or "this machine"
            raise EngineError(
                f"Ray cannot be had at {where}: {str(error).strip().splitlines()[0]}",
                "start it with `ray start --head`, and name its address in [engine.ray] address",
            ) from error
    has = ray.cluster_resources()
    for name, unit in (("CPU", how.cpus), ("GPU", how.gpus)):
        if unit * how.actors > has.get(name, 0):
            raise EngineError(
                f"{how.actors} actors with {unit:g} {name} each do not fit: the cluster has {has.get(name, 0):g}, "
                "and Ray would wait without a word",
                f"lower [engine.ray] actors or {name.lower()}s, or add machines",
            )


def _restarts() -> dict[str, int]:
    return {"max_restarts": _RESTARTS_MAX, "max_task_retries": _RESTARTS_MAX}
