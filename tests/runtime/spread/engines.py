"""Engines for actors that note what happens to them, or fail in one way."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

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
from runtime.engines.scripted import ScriptedEngine


class Holder:
    def here(self) -> None: ...


class Named(ScriptedEngine):
    """Not called the same in every process."""

    def __init__(self, model: str, name: str) -> None:
        super().__init__(model)
        self.model = name


class Precise(Named):
    @property
    def generate_dtype(self) -> str:
        return "bfloat16"


def named_by_process(driver: int, _: EngineConfig, model: str) -> Engine:
    return Named(model, "one" if os.getpid() == driver else "another")


def precise(driver: int, config: EngineConfig, model: str) -> Engine:
    """Left to itself each process would choose another precision."""
    chosen = {"auto": "bfloat16" if os.getpid() == driver else "float32"}.get(config.generate_dtype)
    return Precise(model, f"{model}:{chosen or config.generate_dtype}")


def only_elsewhere(driver: int | None, config: EngineConfig, model: str) -> Engine:
    if driver in (None, os.getpid()):
        raise EngineError("no device on driver and actor alike", "buy one")
    return precise(-1, config, model) if config.generate_dtype != "auto" else Precise(model, f"{model}:bfloat16")


def tokenizer(_: EngineConfig, model: str) -> ChatTokenizer:
    return ScriptedEngine(model).tokenizer


def broken_elsewhere(driver: int, _: EngineConfig, model: str) -> Engine:
    if os.getpid() != driver:
        raise RuntimeError("much of what came before\nthe cause")
    return ScriptedEngine(model)


def comes_to(holds: Callable[[], bool]) -> bool:
    """Whether it holds within half a minute: Ray tells of its resources once in a while."""
    end = time.monotonic() + 30
    while not holds() and time.monotonic() < end:
        time.sleep(0.1)
    return holds()


def noting(log: Path, _: EngineConfig, model: str) -> Engine:
    return Noting(model, log)


def deadly(died: Path, _: EngineConfig, model: str) -> Engine:
    return Deadly(model, died)


def late_first(_: EngineConfig, model: str) -> Engine:
    return LateFirst(model)


def failing(_: EngineConfig, model: str) -> Engine:
    return Failing(model)


def counting(log: Path, _: EngineConfig, model: str) -> Engine:
    return Counting(model, log, None)


def dying(folder: Path, _: EngineConfig, model: str) -> Engine:
    return Counting(model, folder / "asked", folder / "died")


class Delegating:
    def __init__(self, model: str) -> None:
        self._inner = ScriptedEngine(model)

    @property
    def model(self) -> str:
        return self._inner.model

    @property
    def tokenizer(self) -> ChatTokenizer:
        return self._inner.tokenizer

    def choose(self, requests: Sequence[ChooseRequest]) -> Iterator[tuple[int, Choice]]:
        return self._inner.choose(requests)

    def close(self) -> None:
        self._inner.close()


class Failing(Delegating):
    def generate(self, requests: Sequence[GenerateRequest]) -> Iterator[tuple[int, Completion]]:
        raise EngineError(f"{len(requests)} requests: the model does not fit", "choose a smaller model")


class LateFirst(Delegating):
    """Takes its time with what comes first in the order of the tokens."""

    def generate(self, requests: Sequence[GenerateRequest]) -> Iterator[tuple[int, Completion]]:
        if min(request.tokens for request in requests) <= tuple(b"question 1"):
            time.sleep(2)
        return self._inner.generate(requests)


class Noting(Delegating):
    """Writes down when it is opened and closed, and in which process."""

    def __init__(self, model: str, log: Path) -> None:
        super().__init__(model)
        self._name, self._log = model, log
        self._note("open")

    def generate(self, requests: Sequence[GenerateRequest]) -> Iterator[tuple[int, Completion]]:
        return self._inner.generate(requests)

    def close(self) -> None:
        self._note("close")

    def _note(self, what: str) -> None:
        with self._log.open("a") as log:
            log.write(f"{what} {self._name} {os.getpid()}\n")


class Deadly(Delegating):
    """Ends its process whatever it is asked, and leaves a byte."""

    def __init__(self, model: str, died: Path) -> None:
        super().__init__(model)
        self._died = died

    def generate(self, requests: Sequence[GenerateRequest]) -> Iterator[tuple[int, Completion]]:
        with self._died.open("ab") as died:
            died.write(b"." if requests else b"")
        os._exit(1)


class Counting(Delegating):
    """Writes a byte for each answer; dies once in the middle of a shard, where a file for it is named."""

    def __init__(self, model: str, log: Path, died: Path | None) -> None:
        super().__init__(model)
        self._log, self._died = log, died

    def generate(self, requests: Sequence[GenerateRequest]) -> Iterator[tuple[int, Completion]]:
        for n, answer in enumerate(self._inner.generate(requests)):
            with self._log.open("ab") as log:
                log.write(b".")
            if self._died is not None and n == 4 and self._log.stat().st_size > 20 and not self._died.exists():
                self._died.touch()
                os._exit(1)
            yield answer
