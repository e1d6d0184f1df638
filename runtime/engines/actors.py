"""Actors of Ray that hold an engine each, from the first question until all engines are closed.

An actor loads a model when it is first asked for it, and keeps it until it is asked for another. So the steps of a run
that ask one model load it once, and nothing is held while something trains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import msgspec
import ray
import ray.data
from ray.exceptions import RayError
from ray.util.queue import Queue

from runtime.config import RayConfig
from runtime.engines.base import Choice, ChooseRequest, Completion, Engine, EngineError, GenerateRequest, Precise
from runtime.engines.cluster import connect, reason
from runtime.engines.shards import ShardStore

__all__ = ["Actors", "Held", "Shard", "Told"]

_TRIES_MAX = 3
"""So often a shard is done again whose actor died; one that kills it every time ends the run."""
_START_SECONDS = 120
"""An actor is up in seconds where there is room for it, before it loads a model."""


class Shard(msgspec.Struct, frozen=True):
    """Requests that one actor answers at a time. `encoded` is MessagePack of them, `keys` are theirs in the ledger."""

    id: str
    operation: str
    keys: tuple[str, ...]
    encoded: bytes


class Held(msgspec.Struct, frozen=True):
    """An engine that actors hold: `name` tells it from others, `model` is the identity that it has to have."""

    name: str
    model: str
    open: Callable[[], Engine]


class Told(msgspec.Struct, frozen=True):
    """What an engine computes as: its identity, and the precision of generation where it chose one."""

    model: str
    generate_dtype: str | None

    @classmethod
    def by(cls, engine: Engine) -> Told:
        """What this one says."""
        return cls(engine.model, engine.generate_dtype if isinstance(engine, Precise) else None)


class Actors:
    """The actors of one `[engine.ray]`, shared by the engines of all models that are open.

    They are started when the first shard is there, as many as there are shards, up to the number in the run file.
    """

    _shared: ClassVar[dict[RayConfig, Actors]] = {}

    def __init__(self, how: RayConfig) -> None:
        self._how = how
        self._users = 0
        self._actors: list[Any] = []
        self._free: Queue | None = None

    @classmethod
    def join(cls, how: RayConfig) -> Actors:
        """Those that are there, or new ones; `leave` has to follow."""
        connect(how)
        actors = cls._shared.setdefault(how, cls(how))
        actors._users += 1  # noqa: SLF001
        return actors

    def leave(self) -> None:
        """Give back the memory of all actors, once the last engine has left."""
        self._users -= 1
        if self._users > 0:
            return
        self._shared.pop(self._how, None)
        for actor in self._actors:
            ray.kill(actor)
        if self._free is not None:
            self._free.shutdown(force=True)
        self._actors, self._free = [], None

    def ask(self, open_engine: Callable[[], Engine]) -> Told:
        """What an actor would compute as, which is found out before anything is spent. Nothing stays open.

        Raises:
            EngineError: The engine cannot be opened there, or no actor can start.
        """
        try:
            self._free = self._started(1)
            fault, remedy, told = ray.get(self._actors[0].tell.remote(open_engine))
        except RayError as error:
            raise EngineError(
                f"no engine could be opened on Ray: {reason(error)}", "Ray's log says what ended the actor"
            ) from error
        if told is None:
            raise EngineError(fault, remedy)
        return Told(*told)

    def answer(self, shards: Sequence[Shard], held: Held, store: tuple[str, str]) -> Iterator[str]:
        """Ids of the shards, as they are written to `store`, its root and part.

        Args:
            shards: what is asked.
            held: the engine that an actor is to hold; one that holds it already opens nothing.
            store: where the answers go.

        Raises:
            EngineError: The engine says so, no actor can start, or a shard ended its actor every time.
        """
        try:
            yield from self._answer(shards, held, store)
        except RayError as error:
            raise EngineError(
                f"the work on Ray ended: {reason(error)}",
                "what was answered is kept in the shards: run again to go on; Ray's log says what ended the actors",
            ) from error

    def _answer(self, shards: Sequence[Shard], held: Held, store: tuple[str, str]) -> Iterator[str]:
        free = self._started(len(shards))
        self._free = None  # until all have come back
        # The desk's process does nothing but wait for an actor. It stays on this machine: with a machine that is lost
        # its seat would be.
        beside = {"ray.io/node-id": ray.get_runtime_context().get_node_id()}
        try:
            work = ray.data.from_items(
                [{"shard": msgspec.msgpack.encode(shard)} for shard in shards], override_num_blocks=len(shards)
            ).map_batches(
                _through_a_free_actor,
                batch_size=1,
                fn_kwargs={"free": free, "held": held, "store": store},
                compute=ray.data.TaskPoolStrategy(size=min(len(self._actors), len(shards))),
                num_cpus=0,
                label_selector=beside,
            )
            for row in work.iter_rows():
                if row["fault"]:
                    raise EngineError(row["fault"], row["remedy"])
                yield str(row["shard"])
            self._free = free
        finally:
            if self._free is None:  # some actors may never come back to it
                free.shutdown(force=True)

    def _started(self, shards: int) -> Queue:
        """A queue with all actors, none of which has anything to do."""
        how, missing = self._how, min(self._how.actors, shards) - len(self._actors)
        kind = ray.remote(_Actor).options(
            num_cpus=how.cpus, num_gpus=how.gpus, max_restarts=-1, max_task_retries=_TRIES_MAX
        )
        new = [kind.remote() for _ in range(max(missing, 0))]
        self._actors += new
        if new and len(new) == len(self._actors):
            self._wait_for_one()
        if self._free is not None:
            self._free.put_nowait_batch(new)
            return self._free
        free = Queue(actor_options={"num_cpus": 0})
        free.put_nowait_batch(self._actors)
        return free

    def _wait_for_one(self) -> None:
        """EngineError where no actor comes up: then others hold what the cluster has, and Ray waits without a word."""
        up, _ = ray.wait([actor.ready.remote() for actor in self._actors], num_returns=1, timeout=_START_SECONDS)
        if up:
            return
        for actor in self._actors:
            ray.kill(actor)
        self._actors = []
        free = ray.available_resources()
        raise EngineError(
            f"no actor could start within {_START_SECONDS} seconds: of the cluster's CPUs {free.get('CPU', 0):g} are "
            f"free, of its GPUs {free.get('GPU', 0):g}, and an actor takes {self._how.cpus:g} and {self._how.gpus:g}",
            "wait until the others on the cluster have ended, or lower [engine.ray] cpus or gpus",
        )


def _through_a_free_actor(
    batch: dict[str, Any], *, free: Queue, held: Held, store: tuple[str, str]
) -> dict[str, list[str]]:
    """A shard's way to an actor: who is free takes the next one."""
    shard = msgspec.msgpack.decode(bytes(batch["shard"][0]), type=Shard)
    actor = free.get()
    try:
        fault, remedy = ray.get(actor.answer.remote(shard, held, store))
    finally:
        free.put(actor)
    return {"shard": [shard.id], "fault": [fault], "remedy": [remedy]}


class _Actor:
    """One engine at a time, which answers a shard at a time and keeps it as a file."""

    def __init__(self) -> None:
        self._name = ""
        self._engine: Engine | None = None

    def ready(self) -> None:
        """It is up."""

    def answer(self, shard: Shard, held: Held, store: tuple[str, str]) -> tuple[str, str]:
        """Fault and remedy, both empty where all went well: an exception would arrive without its cause."""
        try:
            ShardStore(*store).write(shard.id, _answers(self._opened(held), shard))
        except EngineError as error:
            return str(error), error.remedy
        except Exception as error:  # noqa: BLE001 - whatever it is, its words have to come through
            where = ray.util.get_node_ip_address()
            return f"an actor at {where} failed: {type(error).__name__}: {reason(error)}", _FAILED
        return "", ""

    def tell(self, open_engine: Callable[[], Engine]) -> tuple[str, str, tuple[str, str | None] | None]:
        """Fault and remedy as `answer` has them, else what the engine computes as."""
        where = ray.util.get_node_ip_address()
        try:
            engine = open_engine()
            told = Told.by(engine)
            engine.close()
        except EngineError as error:
            return f"at an actor, {where}: {error}", error.remedy, None
        except Exception as error:  # noqa: BLE001 - whatever it is, its words have to come through
            return f"an actor at {where} failed: {type(error).__name__}: {reason(error)}", _FAILED, None
        return "", "", (told.model, told.generate_dtype)

    def _opened(self, held: Held) -> Engine:
        if self._engine is None or self._name != held.name:
            if self._engine is not None:  # before the next one is loaded: there may be room for one
                self._engine.close()
                self._engine = None
            engine = held.open()
            if engine.model != held.model:
                engine.close()
                raise EngineError(
                    f"an actor at {ray.util.get_node_ip_address()} would compute as {engine.model}, and the run "
                    f"asks for {held.model}: what it answers would not be found again",
                    "every machine needs the same model and versions; name generate_dtype under [engine]",
                )
            self._engine, self._name = engine, held.name  # not before: a refused one would pass the next time
        return self._engine


_FAILED = (
    "what was answered before is kept in the shards: run again to go on. Where memory or a disk was full, ask less at "
    "once or make room; where the same comes again, see Ray's log on that machine"
)


def _answers(engine: Engine, shard: Shard) -> dict[str, Completion | Choice]:
    if shard.operation == "generate":
        drawn = msgspec.msgpack.decode(shard.encoded, type=list[GenerateRequest])
        return {shard.keys[index]: made for index, made in engine.generate(drawn)}
    asked = msgspec.msgpack.decode(shard.encoded, type=list[ChooseRequest])
    return {shard.keys[index]: made for index, made in engine.choose(asked)}
