"""Trainings as commands of their own: `accelerate launch`, `torchrun` or any other in front of them.

A job is a file; what the training reports comes back as files beside it. This process waits, shows the steps, and
takes over the checkpoint.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from runtime.config import DpoConfig, LaunchConfig, PolicyConfig, PreferenceModelConfig, SftConfig, TrainConfig
from runtime.records import Checkpoint, Conversation, PreferenceRow, PromptRecord, SftRow, TrainingStep
from runtime.trainers import Job, TrlTrainers
from runtime.training.errors import TrainingError
from runtime.training.jobs import JobFiles, LaunchedJob, Trained

__all__ = ["LaunchedTrainers", "need_launchers"]

_LOOK_SECONDS = 0.2
_SAID_MAX = 20_000
_RANK = re.compile(r"^\[rank\d+\]: ?")
_ERROR = re.compile(r"[\w.]+(?:Error|Exception)\b(?:: |$)")
_LAUNCHERS_ERRORS = ("subprocess.CalledProcessError", "torch.distributed.elastic.")


def need_launchers(launch: LaunchConfig) -> None:
    """Look for the commands that start trainings, before anything is spent.

    Raises:
        TrainingError: One of them is nowhere.
    """
    for command in (launch.command, launch.policy or ()):
        if command:
            _found(command[0])


def _found(name: str) -> str:
    """Where a command is: on the path, or beside this Python, whose environment need not be activated."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which(name) or shutil.which(name, path=beside)
    if found is None:
        raise TrainingError(
            f"`{name}`, which [launch] names to start trainings, is neither on the path nor in {beside}",
            "install it, or see [launch] command and policy",
        )
    return found


class LaunchedTrainers:
    """The command stands before `-m runtime.training.launched JOB`; every method waits until the training ended.

    Scores are computed in this process: they need no more than one.
    """

    def __init__(self, launch: LaunchConfig) -> None:
        self._command = launch.command
        self._policy_command = launch.command if launch.policy is None else launch.policy

    def sft(self, config: SftConfig, rows: Sequence[SftRow], job: Job) -> Checkpoint:
        """See `Trainers`."""
        return self._launch(Trained.SFT, config, rows, job)

    def preference_model(self, config: PreferenceModelConfig, rows: Sequence[PreferenceRow], job: Job) -> Checkpoint:
        """See `Trainers`."""
        return self._launch(Trained.PREFERENCE_MODEL, config, rows, job)

    def dpo(self, config: DpoConfig, rows: Sequence[PreferenceRow], job: Job) -> Checkpoint:
        """See `Trainers`."""
        return self._launch(Trained.DPO, config, rows, job)

    def policy(
        self, config: PolicyConfig, prompts: Sequence[PromptRecord], preference_model: Path, job: Job
    ) -> Checkpoint:
        """See `Trainers`."""
        if not self._policy_command:
            return TrlTrainers().policy(config, prompts, preference_model, job)
        return self._launch(Trained.POLICY, config, prompts, job, preference_model)

    def score(self, preference_model: Path, answers: Sequence[tuple[Conversation, str]]) -> list[float]:
        """See `Trainers`."""
        return TrlTrainers().score(preference_model, answers)

    def _launch(
        self,
        trained: Trained,
        config: TrainConfig | PolicyConfig,
        rows: Sequence[SftRow] | Sequence[PreferenceRow] | Sequence[PromptRecord],
        job: Job,
        preference_model: Path | None = None,
    ) -> Checkpoint:
        job.out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=job.out.parent, prefix=f".{job.out.name}-job-"))
        files = JobFiles(folder)
        files.write(
            LaunchedJob(
                trained=trained,
                config=config.model_dump_json().encode(),
                rows=msgspec.msgpack.encode(list(rows)),
                base=str(job.base.resolve()),
                out=str(job.out.resolve()),
                seed=job.seed,
                provenance=job.provenance,
                preference_model=None if preference_model is None else str(preference_model.resolve()),
            )
        )
        command = self._policy_command if trained is Trained.POLICY else self._command
        code = _wait(command, files, job)
        checkpoint = files.checkpoint() if code == 0 else None
        if checkpoint is None:
            raise _told(command, files, code)
        shutil.rmtree(folder, ignore_errors=True)
        return checkpoint


def _wait(launcher: Sequence[str], files: JobFiles, job: Job) -> int:
    command = [_found(launcher[0]), *launcher[1:], "-m", "runtime.training.launched", str(files.folder)]
    # The launched processes import this very code, wherever they are started from.
    paths = [str(Path(__file__).resolve().parent.parent), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with files.log.open("wb") as log, _started(command, environment, log.fileno()) as process:
        steps = files.steps()
        while process.poll() is None:
            _pass_on(steps, job)
            time.sleep(_LOOK_SECONDS)
        _pass_on(steps, job)
        return process.returncode


def _told(launcher: Sequence[str], files: JobFiles, code: int) -> TrainingError:
    fault = files.fault()
    if fault is not None:
        return TrainingError(fault.message, fault.remedy)
    said = files.log.read_text(errors="replace").strip()[-_SAID_MAX:]
    return TrainingError(
        f"`{' '.join(launcher)}` ended with code {code}: {_reason(said)}",
        f"all that it said is in {files.log}; see [launch] command",
    )


def _reason(said: str) -> str:
    """The last error of a process; a launcher ends with one of its own, which only says that there was another."""
    lines = [_RANK.sub("", line).strip() for line in said.splitlines()]
    errors = [line for line in lines if _ERROR.match(line) and not line.startswith(_LAUNCHERS_ERRORS)]
    words = [line for line in lines if any(map(str.isalnum, line))]
    return (errors or words or ["it said nothing"])[-1]


def _pass_on(steps: Iterator[TrainingStep | None], job: Job) -> None:
    """The steps that were reported since the last look."""
    for step in steps:
        if step is None:
            return
        job.on_step(step)


@contextmanager
def _started(command: Sequence[str], environment: dict[str, str], log: int) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a process group, which ends with this block, however it is left."""
    try:
        process = subprocess.Popen(  # noqa: S603  # the user's own command
            command, stdout=log, stderr=log, env=environment, start_new_session=True
        )
    except OSError as error:
        raise TrainingError(
            f"`{command[0]}` cannot be started: {error.strerror or error}",
            f"install it, or see [launch] command; this Python is {sys.executable}",
        ) from error
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
