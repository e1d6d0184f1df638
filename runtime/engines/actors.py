"""Actors of Ray that hold an engine each, from the first question until all engines are closed.

An actor loads a model when it is first asked for it, and keeps it until it is asked for another. So the steps of a run
that ask one model load it once, and nothing is held while something trains.
"""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import msgspec
import ray
import ray.data
from ray.exceptions import RayError
from ray.util.queue import Queue
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from runtime.config import RayConfig
from runtime.engines.base import Choice, ChooseRequest, Completion, Engine, EngineError, GenerateRequest
from runtime.engines.shards import ShardStore
from runtime.ledger.keys import work_key

__all__ = ["Actors", "Held", "Shard"]

_MARKS = re.compile("\x1b\\[[0-9;]*m")

_TRIES_MAX = 3
"""So often a shard is done again whose actor died; one that kills it every time ends the run."""
_REACH_SECONDS = 10
_START_SECONDS = 120
"""An actor is up in seconds where there is room for it, before it loads a model."""


class Shard(msgspec.Struct, frozen=True):
    """Requests that one actor answers at a time. `encoded` is MessagePack of them."""

    id: str
    operation: str
    encoded: bytes


class Held(msgspec.Struct, frozen=True):
    """An engine that actors hold: `name` tells it from others, `model` is the identity that it has to have."""

    name: str
    model: str
    open: Callable[[], Engine]


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
        _connect(how)
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
                f"the work on Ray ended: {_reason(error)}",
                "what was answered is kept in the shards: run again to go on; Ray's log says what ended the actors",
            ) from error

    def _answer(self, shards: Sequence[Shard], held: Held, store: tuple[str, str]) -> Iterator[str]:
        free = self._started(len(shards))
        self._free = None  # until all have come back
        # The desk's process does nothing but wait for an actor. It stays on this machine: with a machine that is lost
        # its seat would be.
        beside = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        work = ray.data.from_items(
            [{"shard": msgspec.msgpack.encode(shard)} for shard in shards], override_num_blocks=len(shards)
        ).map_batches(
            _through_a_free_actor,
            batch_size=1,
            fn_kwargs={"free": free, "held": held, "store": store},
            compute=ray.data.TaskPoolStrategy(size=len(self._actors)),
            num_cpus=0,
            scheduling_strategy=beside,
        )
        for row in work.iter_rows():
            if row["fault"]:
                raise EngineError(row["fault"], row["remedy"])
            yield str(row["shard"])
        self._free = free

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
        # After a call that was left half way, some may never come back to its queue.
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
            return f"an actor at {where} failed: {type(error).__name__}: {_reason(error)}", _FAILED
        return "", ""

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
    "once or make room; else see Ray's log on that machine"
)


def _reason(error: BaseException) -> str:
    """The last line of an error, without the marks that Ray puts around it for terminals."""
    lines = _MARKS.sub("", str(error)).strip().splitlines()
    return lines[-1] if lines else type(error).__name__


def _reach(address: str | None) -> None:
    """EngineError where nobody is at an address: Ray would look for a cluster there for minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if not (host and port.isdecimal()):
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_REACH_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise EngineError(
            f"Ray cannot be had at {address}: {getattr(error, 'strerror', None) or error}",
            "start it there with `ray start --head --port PORT`, or correct [engine.ray] address",
        ) from error


def _answers(engine: Engine, shard: Shard) -> dict[str, Completion | Choice]:
    if shard.operation == "generate":
        drawn = msgspec.msgpack.decode(shard.encoded, type=list[GenerateRequest])
        return {work_key(engine.model, drawn[index]): made for index, made in engine.generate(drawn)}
    asked = msgspec.msgpack.decode(shard.encoded, type=list[ChooseRequest])
    return {work_key(engine.model, asked[index]): made for index, made in engine.choose(asked)}


def _connect(how: RayConfig) -> None:
    """Join the cluster, or start one on this machine; refuse what would wait for ever."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False  # the run has its own
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    if not ray.is_initialized():
        _reach(how.address)
        # Ray guards a cluster that it starts here with a token, as its ports are open to the network; that is as it
        # should be, and nothing that a run has to say.
        logging.getLogger("ray._private.authentication.authentication_token_setup").setLevel(logging.ERROR)
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
