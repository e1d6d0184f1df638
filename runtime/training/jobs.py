"""A training as a folder of files: what it is to do, what it reports, and what came of it. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import msgspec

from runtime.records import Checkpoint, Provenance, TrainingStep

__all__ = ["Fault", "JobFiles", "LaunchedJob", "Trained"]


class Trained(StrEnum):
    """Which training a job is."""

    SFT = "sft"
    PREFERENCE_MODEL = "preference-model"
    DPO = "dpo"
    POLICY = "policy"


class LaunchedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A whole training. `config` is JSON of the run file's section, `rows` MessagePack of its records."""

    trained: Trained
    config: bytes
    rows: bytes
    base: str
    out: str
    seed: int
    provenance: Provenance
    preference_model: str | None


class Fault(msgspec.Struct, frozen=True):
    """Why a training could not go on, for the user."""

    message: str
    remedy: str


class JobFiles:
    """The files of one job in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log.txt"

    def write(self, job: LaunchedJob) -> None:
        """What is to be done."""
        (self.folder / "job.msgpack").write_bytes(msgspec.msgpack.encode(job))

    def read(self) -> LaunchedJob:
        """What is to be done."""
        return msgspec.msgpack.decode((self.folder / "job.msgpack").read_bytes(), type=LaunchedJob)

    def report(self, step: TrainingStep) -> None:
        """Add a step to what was reported."""
        with (self.folder / "steps.jsonl").open("ab") as file:
            file.write(msgspec.json.encode(step) + b"\n")

    def steps(self) -> Iterator[TrainingStep | None]:
        """Steps as they are reported, for ever; None where there is no new one yet."""
        path, read = self.folder / "steps.jsonl", 0
        while True:
            written = path.read_bytes() if path.exists() else b""
            whole = written.rfind(b"\n") + 1
            for line in written[read:whole].splitlines():
                yield msgspec.json.decode(line, type=TrainingStep)
            read = max(read, whole)
            yield None

    def finish(self, checkpoint: Checkpoint) -> None:
        """What came of it."""
        (self.folder / "checkpoint.json").write_bytes(msgspec.json.encode(checkpoint))

    def checkpoint(self) -> Checkpoint | None:
        """What came of it; None where it did not end well."""
        path = self.folder / "checkpoint.json"
        return msgspec.json.decode(path.read_bytes(), type=Checkpoint) if path.exists() else None

    def fail(self, fault: Fault) -> None:
        """Why it could not go on."""
        (self.folder / "fault.json").write_bytes(msgspec.json.encode(fault))

    def fault(self) -> Fault | None:
        """Why it could not go on; None where it said nothing."""
        path = self.folder / "fault.json"
        return msgspec.json.decode(path.read_bytes(), type=Fault) if path.exists() else None
