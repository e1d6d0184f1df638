"""The whole compiler in a process of its own, so that it never holds up an answer.

Run as a module it is that process: it takes questions from its standard input and writes what was found to its
standard output. It ends when its input does, and so it outlives no server. Both sides are one program: they may pickle.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import constitution_lang
from constitution_lang.compile import compile_source
from constitution_lang.diagnostics.model import Diagnostic
from constitution_lang.loader import folder_loader, package_loader
from constitution_lang.source import Source, Unread

__all__ = ["Texts", "Whole"]

_NICE = 19
_LENGTH = 8
"""So many bytes before each message say how long it is."""


@dataclass(frozen=True, slots=True)
class Texts:
    """A program as it stands in the editor: its root and its files by name. `folder` has what is not among them."""

    root: str
    folder: Path | None
    files: dict[str, str]


class Whole:
    """Asks the process, which is started with the first question, and again where it has died."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    async def found(self, texts: Texts) -> tuple[Diagnostic, ...] | None:
        """All that the compiler finds; None where the process came to an end over it. One question at a time."""
        try:
            process = self._process or await self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            data = pickle.dumps(texts)
            process.stdin.write(len(data).to_bytes(_LENGTH) + data)
            await process.stdin.drain()
            length = int.from_bytes(await process.stdout.readexactly(_LENGTH))
            found: tuple[Diagnostic, ...] = pickle.loads(await process.stdout.readexactly(length))  # noqa: S301 - ours
        except (OSError, EOFError):
            await self.stop()
            return None
        return found

    async def stop(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _started(self) -> asyncio.subprocess.Process:
        # -P: what lies in the folder where the editor was started is no module of ours.
        here = str(Path(constitution_lang.__file__).parents[1])
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", __name__,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": here},
        )  # fmt: skip
        return self._process


def _answered(texts: Texts) -> tuple[Diagnostic, ...]:
    beside = folder_loader(texts.folder) if texts.folder else package_loader

    def load(name: str) -> Source | Unread | None:
        text = texts.files.get(name)
        return beside(name) if text is None else Source(name, text)

    return compile_source(Source(texts.root, texts.files[texts.root]), load).diagnostics


def _give_way() -> None:
    """Only what nobody else wants of the processor: an edit that is checked meanwhile comes first."""
    if hasattr(os, "sched_setscheduler"):
        with suppress(OSError):  # a container may forbid it
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    if hasattr(os, "nice"):
        os.nice(_NICE)


def _serve(questions: BinaryIO, answers: BinaryIO) -> None:
    _give_way()
    while length := questions.read(_LENGTH):
        texts: Texts = pickle.loads(questions.read(int.from_bytes(length)))  # noqa: S301 - from the server
        data = pickle.dumps(_answered(texts))
        answers.write(len(data).to_bytes(_LENGTH) + data)
        answers.flush()


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
