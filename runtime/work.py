"""Asking an engine through the ledger: what is kept is not asked again, and what is answered is kept."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar, overload

from msgspec import Struct

from constitution_lang.diagnostics.numbers import number_of
from constitution_lang.ir.model import Role
from runtime.config import TooLong
from runtime.engines.base import Choice, ChooseRequest, Completion, Engine, EngineError, GenerateRequest
from runtime.ledger.keys import work_key
from runtime.ledger.run_store import RunStore
from runtime.ledger.runs import Operation, Tally, Usage
from runtime.progress import Progress, Task
from runtime.records import PromptCut

__all__ = ["CHUNK_ROWS", "Answer", "OnDemand", "Worker", "blocks"]

Q = TypeVar("Q", GenerateRequest, ChooseRequest)
V = TypeVar("V", Completion, Choice)
W = TypeVar("W")
P = TypeVar("P", bound=GenerateRequest | ChooseRequest)
T = TypeVar("T")

CHUNK_ROWS = 2048
"""So many requests go to an engine at once, which sorts and batches within them."""
_CHUNKS_IN_BLOCK = 4
"""Of a block most may be known, and an engine is quicker on many requests than on a few."""
_LOG_ONE = 1e-3
"""A log-probability above this is an error, not rounding."""


def blocks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of `size`, the last one shorter."""
    rest = iter(items)
    while block := list(islice(rest, size)):
        yield block


class OnDemand(Sequence[P]):
    """Requests that are built whenever one is looked at, so that the token ids of few are held at once.

    `build` gives the request of a number from 0, always the same one.
    """

    def __init__(self, count: int, build: Callable[[int], P]) -> None:
        self._numbers = range(count)
        self._build = build

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> P: ...

    @overload
    def __getitem__(self, index: slice) -> list[P]: ...

    def __getitem__(self, index: int | slice) -> P | list[P]:
        if isinstance(index, slice):
            return [self._build(n) for n in self._numbers[index]]
        return self._build(self._numbers[index])


class Answer(Struct, Generic[W], frozen=True):
    """The answer to a request. `reused` says that the ledger had it before it was asked for."""

    key: str
    value: W
    reused: bool


@dataclass(frozen=True)
class _Question(Generic[Q, V]):
    """One of the engine's two operations, so that both go one way."""

    operation: Operation
    unit: str
    answers: type[V]
    ask: Callable[[Sequence[Q]], Iterator[tuple[int, V]]]


class Worker:
    """One engine behind one ledger.

    What the progress shows as done is kept. Answers are kept after `commit_seconds` or `commit_rows`, whichever is
    first. `chunk_rows` requests at once go to the engine, which sorts and batches within them. `too_long` is the rule
    for prompts that do not fit; `cuts` are those that were cut by it, by their ids.

    All requests of a call are looked at before the first is asked, so that one that cannot be built stops the work
    before anything of it is spent. As many are held as go into a block (`block_rows`); the rest is built once more.
    """

    def __init__(
        self,
        engine: Engine,
        ledger: RunStore,
        progress: Progress,
        *,
        chunk_rows: int = CHUNK_ROWS,
        commit_rows: int = 256,
        commit_seconds: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        too_long: TooLong = TooLong.ERROR,
    ) -> None:
        self.engine = engine
        self.ledger = ledger
        self.progress = progress
        self.too_long = too_long
        self.cuts: dict[str, PromptCut] = {}
        self.tokens_around: dict[tuple[tuple[Role, ...], str], int] = {}
        """How many tokens the chat template puts around turns of these roles, and an answer that begins so."""
        self._chunk_rows = chunk_rows
        self._commit_rows = commit_rows
        self._commit_seconds = commit_seconds
        self._clock = clock
        self._usage = dict.fromkeys(Operation, Usage())
        self._totals: Mapping[str, int] = {}
        self._tasks: dict[str, Task] = {}

    def block_rows(self, requests: int) -> int:
        """How many rows, with so many requests each, are well worked on together; their answers are held at once."""
        return min(sys.maxsize, max(1, _CHUNKS_IN_BLOCK * self._chunk_rows // max(1, requests)))

    @contextmanager
    def showing(self, totals: Mapping[str, int]) -> Iterator[None]:
        """Within this, all work of a title is shown as parts of one task, of so many requests."""
        self._totals = totals
        try:
            yield
        finally:
            self._totals = {}
            tasks, self._tasks = self._tasks, {}
            for task in tasks.values():
                task.close()

    @property
    def tally(self) -> Tally:
        """What was asked since the worker began: for the ledger's `add_tally`."""
        return Tally(
            model=self.engine.model, generate=self._usage[Operation.GENERATE], choose=self._usage[Operation.CHOOSE]
        )

    def note_cut(self, cut: PromptCut) -> None:
        """Keep in mind that a prompt was cut; the same question counts once."""
        self.cuts[cut.id] = cut

    def generate(self, requests: Sequence[GenerateRequest], title: str) -> list[Answer[Completion]]:
        """A completion for every request, in their order."""
        return self._work(
            requests, title, _Question(Operation.GENERATE, "completions", Completion, self.engine.generate)
        )

    def choose(self, requests: Sequence[ChooseRequest], title: str) -> list[Answer[Choice]]:
        """The options' log-probabilities for every request, in their order."""
        return self._work(requests, title, _Question(Operation.CHOOSE, "choices", Choice, self.engine.choose))

    def _work(self, requests: Sequence[Q], title: str, question: _Question[Q, V]) -> list[Answer[V]]:
        model = self.engine.model
        keys: list[str] = []
        places: dict[str, int] = {}
        held: dict[str, Q] = {}
        for place, request in enumerate(requests):
            key = work_key(model, request)
            keys.append(key)
            if places.setdefault(key, place) == place and len(held) < _CHUNKS_IN_BLOCK * self._chunk_rows:
                held[key] = request
        kept = {key: _of_kind(value, question.answers, key) for key, value in self.ledger.lookup(list(places)).items()}
        missing = [key for key in places if key not in kept]
        self._count(question.operation, Usage(reused=len(requests) - len(missing)))
        made: dict[str, V] = {}
        task = self._task(title, len(places), question.unit, len(kept))
        try:
            for first in range(0, len(missing), self._chunk_rows):
                chunk = missing[first : first + self._chunk_rows]
                asked = [held.pop(key) if key in held else requests[places[key]] for key in chunk]
                made |= self._ask(chunk, asked, question, task)
            if title in self._tasks:  # its number of requests counts one that is asked twice as two
                task.advance(len(requests) - len(places))
        finally:
            if title not in self._tasks:
                task.close()
        return [Answer(key, kept[key] if key in kept else made[key], key in kept) for key in keys]

    def _task(self, title: str, count: int, unit: str, done: int) -> Task:
        if title not in self._totals:
            return self.progress.start(title, count, unit, done)
        if title not in self._tasks:
            self._tasks[title] = self.progress.start(title, self._totals[title], unit, done)
        elif done:
            self._tasks[title].advance(done)
        return self._tasks[title]

    def _ask(self, keys: Sequence[str], requests: Sequence[Q], question: _Question[Q, V], task: Task) -> dict[str, V]:
        operation, kind = question.operation, question.answers
        made: dict[str, V] = {}
        pending: list[tuple[str, V]] = []
        seen: set[int] = set()
        began = committed = self._clock()

        def commit() -> None:
            nonlocal committed, began
            if pending:
                kept = self.ledger.keep(pending)
                made.update((key, _of_kind(value, kind, key)) for key, value in kept.items())
                task.advance(len(pending), sum(_new_tokens(value) for _, value in pending))
                pending.clear()
            committed = now = self._clock()
            self._count(operation, Usage(seconds=now - began))
            began = now

        results = question.ask(requests)
        try:
            for index, value in results:
                self._check(index, value, requests, seen, kind)
                seen.add(index)
                pending.append((keys[index], value))
                used = Usage(calls=1, prompt_tokens=len(requests[index].tokens), new_tokens=_new_tokens(value))
                self._count(operation, used)
                if len(pending) >= self._commit_rows or self._clock() - committed >= self._commit_seconds:
                    commit()
            if len(seen) < len(requests):
                lost = [index for index in range(len(requests)) if index not in seen]
                raise self._fault(
                    f"left out {len(lost)} of {number_of(len(requests), 'requests')}, first number {lost[0]}"
                )
        finally:
            # Also where the engine failed or the user stopped the run: what is done stays done.
            commit()
            if close := getattr(results, "close", None):
                close()
        return made

    def _check(self, index: int, value: object, requests: Sequence[Q], seen: set[int], kind: type[V]) -> None:
        if not 0 <= index < len(requests):
            raise self._fault(f"answered number {index} of {number_of(len(requests), 'requests')}")
        if index in seen:
            raise self._fault(f"answered request number {index} twice")
        if not isinstance(value, kind):
            raise self._fault(f"answered request number {index} with a {type(value).__name__}, not a {kind.__name__}")
        wrong = _complaint(requests[index], value)
        if wrong:
            raise self._fault(f"{wrong} (request number {index})")

    def _count(self, operation: Operation, more: Usage) -> None:
        self._usage[operation] += more

    def _fault(self, did: str) -> EngineError:
        return EngineError(
            f"The engine of {self.engine.model} {did}.",
            "This is a fault of the engine, not of the run. What it answered before is kept: run again to go on.",
        )


def _complaint(request: GenerateRequest | ChooseRequest, value: Completion | Choice) -> str:
    """What is wrong with an answer: a bad one would be kept, and given out, forever."""
    if isinstance(request, ChooseRequest) and isinstance(value, Choice):
        numbers = value.log_probabilities
        if len(numbers) != len(request.options):
            return (
                f"gave {number_of(len(numbers), 'log-probabilities')} for {number_of(len(request.options), 'options')}"
            )
        if any(math.isnan(x) or x > _LOG_ONE for x in numbers):
            return f"gave {numbers} as log-probabilities"
    if isinstance(request, GenerateRequest) and isinstance(value, Completion):
        tokens_max = request.decoding.tokens_max
        if len(value.tokens) > tokens_max:
            return f"drew {number_of(len(value.tokens), 'tokens')} where {tokens_max:,} may come"
    return ""


def _of_kind(value: Completion | Choice, kind: type[V], key: str) -> V:
    if not isinstance(value, kind):
        raise TypeError(f"the ledger keeps a {type(value).__name__} under {key}, not a {kind.__name__}")
    return value


def _new_tokens(value: Completion | Choice) -> int:
    return len(value.tokens) if isinstance(value, Completion) else 0
