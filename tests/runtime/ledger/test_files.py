"""The ledger as a file: who may open it, what is no ledger, older versions, a full disk, damage."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace

from runtime.ledger.runs import (
    Step,
    TrainingSpeed,
)
from runtime.ledger.schema import VERSION
from runtime.ledger.store import Ledger
from runtime.records import (
    Response,
)
from tests.runtime.ledger.samples import RUN, TRAINED, completion, fault, response


def test_missing_file_for_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "none.sqlite"
    assert str(path) in str(fault(Ledger.open, path, read_only=True))
    assert list(tmp_path.iterdir()) == []


def test_a_reader_looks_on_while_a_run_writes(ledger: Ledger, path: Path) -> None:
    with Ledger.open(path, read_only=True) as reader:
        ledger.finish("run-1", Step.RESPOND, "f", [response("r1")])
        assert reader.read("run-1", Response) == [response("r1")]
        assert "cannot be written" in str(fault(reader.begin, RUN))


def test_two_runs_refuse_each_other(ledger: Ledger, path: Path) -> None:
    message = str(fault(Ledger.open, path))
    assert "Another run" in message
    assert str(os.getpid()) in message
    child = f"from pathlib import Path; from runtime.ledger.store import Ledger; Ledger.open(Path({str(path)!r}))"
    done = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Another run" in done.stderr
    ledger.close()
    Ledger.open(path).close()


def test_a_failed_opening_gives_the_lock_back(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database, whatever it may be called" * 40)
    assert "not a ledger" in str(fault(Ledger.open, path))
    path.unlink()
    Ledger.open(path).close()


@pytest.mark.parametrize("read_only", [True, False])
def test_files_that_are_no_ledger(path: Path, *, read_only: bool) -> None:
    path.parent.mkdir()
    path.touch()
    assert "not a ledger" in str(fault(Ledger.open, path, read_only=read_only))
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE t (x)")
    other.close()
    assert "not a ledger" in str(fault(Ledger.open, path, read_only=read_only))


def test_a_ledger_of_the_first_version_is_read_and_brought_up_by_a_run(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.begin(RUN)
    with sqlite3.connect(path) as raw:
        raw.executescript("DROP TABLE training; DROP TABLE constitution; PRAGMA user_version = 1;")
    raw.close()
    with Ledger.open(path, read_only=True) as ledger:
        assert ledger.begun_under(RUN.id) == ({}, False)
        assert ledger.training_speeds() == []
        assert ledger.latest_run() == RUN
    with Ledger.open(path) as ledger:
        ledger.add_training(RUN.id, TRAINED)
        assert ledger.training_speeds() == [TrainingSpeed(step=Step.SFT, model="m", seconds=2.0, token_rate=50.0)]
    with sqlite3.connect(path) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (VERSION,)
    raw.close()


def test_a_ledger_of_the_second_version_does_not_know_what_its_runs_began_under_before(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.begin(RUN)
        ledger.add_training(RUN.id, TRAINED)
    with sqlite3.connect(path) as raw:
        raw.executescript("DROP TABLE constitution; PRAGMA user_version = 2;")
    raw.close()
    with Ledger.open(path) as ledger:
        assert ledger.trainings(RUN.id) == [TRAINED]
        ledger.begin(RUN)
        assert ledger.begun_under(RUN.id) == ({sha256(RUN.bundle).hexdigest(): RUN.bundle}, False)
        ledger.begin(replace(RUN, id="run-2"))
        assert ledger.begun_under("run-2").whole


def test_all_that_a_run_began_under_is_kept(ledger: Ledger) -> None:
    for bundle in (b"one", b"two", b"one"):
        ledger.begin(replace(RUN, bundle=bundle))
    bodies, whole = ledger.begun_under(RUN.id)
    assert whole
    assert {b"one", b"two"} <= set(bodies.values())
    assert all(digest == sha256(body).hexdigest() for digest, body in bodies.items())
    assert ledger.latest_run().bundle == b"one"


@pytest.mark.parametrize(("version", "word"), [(VERSION + 1, "newer"), (0, "older")])
def test_another_version_is_refused(path: Path, version: int, word: str) -> None:
    Ledger.open(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute(f"PRAGMA user_version = {version}")
    raw.close()
    for read_only in (True, False):
        assert word in str(fault(Ledger.open, path, read_only=read_only))


def test_full_disk(ledger: Ledger) -> None:
    ledger.keep([("a", completion("kept"))])
    ledger._connection.execute("PRAGMA max_page_count = 1")  # SQLite then sees a full disk
    ledger._connection.execute(
        f"PRAGMA max_page_count = {ledger._connection.execute('PRAGMA page_count').fetchone()[0]}"
    )
    big = [(f"k{n}", completion("x" * 2000)) for n in range(50)]
    assert "disk is full" in str(fault(ledger.keep, big))
    assert "disk is full" in str(fault(ledger.finish, "run-1", Step.RESPOND, "f", [response("r", "x" * 50_000)]))
    assert ledger.lookup(["a", "k0", "k49"]) == {"a": completion("kept")}
    assert not ledger.is_done("run-1", Step.RESPOND, "f")
    ledger._connection.execute("PRAGMA max_page_count = 1000000")
    ledger.keep(big)
    assert len(ledger.lookup([key for key, _ in big])) == 50


def test_damaged_file(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.keep([(f"k{n}", completion("x" * 2000)) for n in range(50)])
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(b"\xff" * (size - 4096 * 2))
    with Ledger.open(path, read_only=True) as ledger:
        assert "damaged" in str(fault(ledger.lookup, [f"k{n}" for n in range(50)]))


def test_a_row_of_another_shape(ledger: Ledger) -> None:
    ledger.finish("run-1", Step.RESPOND, "f", [response("r")])
    ledger._connection.execute("UPDATE record SET body = x'80'")
    assert "cannot read" in str(fault(ledger.read, "run-1", Response))


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be opened" in str(fault(Ledger.open, tmp_path / "file" / "ledger.sqlite"))


def test_creation_is_whole_or_not_at_all(path: Path) -> None:
    path.parent.mkdir()
    path.with_name(path.name + ".new").write_bytes(b"left by a run that was killed while it created its ledger")
    with Ledger.open(path) as ledger:
        ledger.begin(RUN)
    assert sorted(p.name for p in path.parent.iterdir()) == ["ledger.sqlite", "ledger.sqlite.lock"]
