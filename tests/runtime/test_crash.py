"""A run is killed by SIGKILL at many moments and resumed: nothing that was reported done is lost or done twice.

`drill` works on any command that keeps a ledger: a job is a command line, and where its ledger and its data sets lie.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from runtime.engines.scripted import DIE_AFTER
from tests.runtime.small_run import write_run

ROOT = Path(__file__).parents[2]
KILLS_MAX = 8


@dataclass(frozen=True)
class Job:
    """A command that is run in a folder, and what it leaves there."""

    name: str
    command: Callable[[Path], Sequence[str]]
    ledger: str
    data_sets: str
    """A glob of the files that have to be the same byte by byte."""
    answers: int
    """The engine gives at least so many in an undisturbed run."""


@dataclass
class Life:
    """One run of the command, from start to end or kill."""

    code: int
    kept: int = 0
    asked: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)


WORKER = Job(
    "worker",
    lambda folder: [sys.executable, str(Path(__file__).with_name("crash_job.py")), str(folder)],
    "ledger.sqlite",
    "rows.jsonl",
    300,
)
WHOLE = Job(
    "cai-run",
    lambda folder: [sys.executable, "-m", "runtime.cli", "run", str(write_run(folder)), "--quiet"],
    "out/ledger.sqlite",
    "out/data/*",
    150,
)


def live(job: Job, folder: Path, *, die_after: int | None = None, kill_after: float | None = None) -> Life:
    """Run the command once; it is killed after so many answers, or so many seconds, or not."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    if die_after is not None:
        environment[DIE_AFTER] = str(die_after)
    with subprocess.Popen(job.command(folder), stdout=subprocess.PIPE, cwd=folder, env=environment, text=True) as child:
        assert child.stdout is not None
        if kill_after is not None:
            time.sleep(kill_after)
            child.kill()
        said = child.stdout.read()
        life = Life(child.wait())
    for line in said.splitlines():
        match line.split(maxsplit=1):
            case ["kept", count]:
                life.kept += int(count)
            case ["asked", key]:
                life.asked.append(key)
            case ["done", step]:
                life.done.append(step)
    return life


def results(job: Job, folder: Path) -> dict[str, bytes]:
    """What the ledger keeps; nothing where there is no ledger yet."""
    path = folder / job.ledger
    if not path.exists():
        return {}
    with closing(sqlite3.connect(path)) as raw:
        return dict(raw.execute("SELECT key, body FROM result"))


def steps(job: Job, folder: Path) -> set[str]:
    """The steps that the ledger holds for done."""
    if not (folder / job.ledger).exists():
        return set()
    with closing(sqlite3.connect(folder / job.ledger)) as raw:
        return {s if r < 0 else f"{s} {r}" for s, r in raw.execute("SELECT step, round FROM step")}


def content(job: Job, folder: Path) -> list[object]:
    """Everything in the end: results, records in their order, data sets byte by byte."""
    with closing(sqlite3.connect(folder / job.ledger)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [
            raw.execute("SELECT key, operation, body FROM result ORDER BY key").fetchall(),
            raw.execute(
                "SELECT run, step, round, kind, id, body FROM record ORDER BY run, step, round, number"
            ).fetchall(),
            raw.execute("SELECT run, step, round, fingerprint FROM step ORDER BY run, step, round").fetchall(),
            [(path.name, path.read_bytes()) for path in sorted(folder.glob(job.data_sets))],
        ]


def drill(job: Job, folder: Path, chance: random.Random, seconds: float) -> int:
    """Kill the job at random moments until it is done, looking after each; how often it was killed."""
    kills = 0
    while True:
        before, done_before = results(job, folder), steps(job, folder)
        if kills >= KILLS_MAX:
            life = live(job, folder)
        elif kills % 4 < 3:
            life = live(job, folder, die_after=chance.randrange(job.answers // 4))
        else:
            life = live(job, folder, kill_after=chance.uniform(0.2, 0.7) * seconds)
        after, done_after = results(job, folder), steps(job, folder)
        assert life.code in (0, -signal.SIGKILL)
        assert before.items() <= after.items(), "an answer was lost or changed"
        assert len(after) >= len(before) + life.kept, "an answer was reported and lost"
        assert done_before | set(life.done) <= done_after, "a step was reported done and lost"
        assert not set(life.asked) & set(before), "an answer that was kept was asked for again"
        assert len(set(life.asked)) == len(life.asked), "a question was asked twice"
        if life.code == 0:
            return kills
        kills += 1


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Job], tuple[list[object], float]]:
    """What a job leaves when nothing disturbs it, and how long it takes."""

    @cache
    def run(job: Job) -> tuple[list[object], float]:
        folder = tmp_path_factory.mktemp(job.name)
        began = time.monotonic()
        assert live(job, folder).code == 0
        seconds = time.monotonic() - began
        assert len(results(job, folder)) >= job.answers
        assert list(folder.glob(job.data_sets))
        return content(job, folder), seconds

    return run


@pytest.mark.parametrize(
    ("job", "seed"),
    [*((WORKER, n) for n in range(6)), *((WHOLE, n) for n in range(2))],
    ids=lambda x: getattr(x, "name", x),
)
def test_killed_again_and_again(
    job: Job, seed: int, tmp_path: Path, undisturbed: Callable[[Job], tuple[list[object], float]]
) -> None:
    whole, seconds = undisturbed(job)
    kills = drill(job, tmp_path, random.Random(seed), seconds)  # noqa: S311 - repeatable
    assert kills >= 3  # the first three lives end after three quarters of the answers at most
    assert content(job, tmp_path) == whole
    again = live(job, tmp_path)
    assert (again.code, again.asked, again.done) == (0, [], [])
    assert content(job, tmp_path) == whole


@pytest.mark.parametrize("job", [WORKER, WHOLE], ids=lambda job: job.name)
def test_killed_while_it_starts(
    job: Job, tmp_path: Path, undisturbed: Callable[[Job], tuple[list[object], float]]
) -> None:
    whole, seconds = undisturbed(job)
    chance = random.Random(0)  # noqa: S311 - repeatable
    for _ in range(5):
        live(job, tmp_path, kill_after=chance.random() * seconds)
    assert live(job, tmp_path).code == 0
    assert content(job, tmp_path) == whole


def test_what_the_job_says(tmp_path: Path) -> None:
    life = live(WORKER, tmp_path)
    assert life.done == ["respond", "critique 0", "critique 1", "pair", "label"]
    assert life.kept == len(life.asked) == len(results(WORKER, tmp_path))
