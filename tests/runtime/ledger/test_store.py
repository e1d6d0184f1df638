from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace

from constitution_lang.ir.model import Stage
from runtime.engines.base import Choice, Completion, Finish
from runtime.ledger.runs import (
    Operation,
    RunManifest,
    Step,
    StepId,
    StepTally,
    Tally,
    TrainingSpeed,
    TrainingTally,
    Usage,
)
from runtime.ledger.schema import VERSION
from runtime.ledger.store import Ledger, LedgerError
from runtime.records import (
    Critique,
    Draw,
    Measure,
    PromptRecord,
    PromptUse,
    Record,
    Response,
    TrainedKind,
    TrainingStep,
)


def completion(text: str) -> Completion:
    return Completion(text, tuple(text.encode()), Finish.STOP)


def response(id: str, text: str = "text") -> Response:
    return Response(id=id, prompt="p", policy="m", sample=0, text=text, key="k", finish="stop")


RUN = RunManifest(
    id="run-1", constitution="house", version="1.0.0", meaning_hash="mm", metadata_hash="dd", bundle=b"{}",
    config=b"{}", models=(("policy", "m"),), versions=(("msgspec", "0"),), started=12.5,
)  # fmt: skip

TRAINED = TrainingTally(step=StepId(Step.SFT), model="m", steps=4, tokens=100, seconds=2.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "ledger.sqlite"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger.open(path) as opened:
        opened.begin(RUN)
        yield opened


def fault(act: object, *args: object, **kwargs: object) -> LedgerError:
    assert callable(act)
    with pytest.raises(LedgerError) as caught:
        act(*args, **kwargs)
    assert caught.value.remedy
    return caught.value


# --- results ------------------------------------------------------------------------------------


def test_what_is_kept_is_found_after_reopening(path: Path) -> None:
    kept = {"a": completion("naïve\0"), "b": Choice((-0.1, float("-inf"), -1e-300)), "c": completion("")}
    with Ledger.open(path) as ledger:
        ledger.keep(list(kept.items()))
    with Ledger.open(path) as ledger:
        assert ledger.lookup(["c", "x", "a", "b", "a"]) == kept


def test_first_answer_stays_and_is_what_callers_get(ledger: Ledger) -> None:
    assert ledger.keep([("a", completion("first"))]) == {"a": completion("first")}
    got = ledger.keep([("a", completion("second")), ("b", completion("new")), ("b", completion("newer"))])
    assert got == {"a": completion("first"), "b": completion("new")}
    assert ledger.lookup(["a", "b"]) == got


def test_more_keys_than_sqlite_takes_variables(ledger: Ledger) -> None:
    keys = [str(n) for n in range(40_000)]
    ledger.keep([(key, Choice((0.0,))) for key in keys])
    assert len(ledger.lookup(keys)) == 40_000


# --- steps --------------------------------------------------------------------------------------


def test_finish_replaces_and_marks(ledger: Ledger) -> None:
    assert not ledger.is_done("run-1", Step.RESPOND, "f")
    ledger.finish("run-1", Step.RESPOND, "f", [response("r2"), response("r1")])
    ledger.finish("run-1", Step.RESPOND, "g", [response("r3")])
    assert ledger.read("run-1", Response) == [response("r3")]
    assert ledger.is_done("run-1", Step.RESPOND, "g")
    assert not ledger.is_done("run-1", Step.RESPOND, "f")
    assert not ledger.is_done("run-1", StepId(Step.RESPOND, 0), "g")
    assert not ledger.is_done("run-2", Step.RESPOND, "g")


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500])
def test_records_come_one_by_one_as_they_are_read_at_once(ledger: Ledger, count: int) -> None:
    rows = [response(f"r{n:05}") for n in range(count, 0, -1)]
    critic = StepId(Step.EVALUATE, 1)
    ledger.finish("run-1", StepId(Step.EVALUATE, 2), "f", [response("last")])
    ledger.finish("run-1", critic, "f", iter(rows))
    ledger.finish("run-1", Step.RESPOND, "f", iter([response("first")]))
    assert list(ledger.each("run-1", Response)) == ledger.read("run-1", Response)
    assert list(ledger.each("run-1", Response, critic)) == rows
    assert len(list(ledger.each("run-1", Response, Step.EVALUATE))) == count + 1


def test_records_that_fail_to_be_made_leave_the_step_as_it_was(ledger: Ledger) -> None:
    def fails() -> Iterator[Record]:
        yield response("r2")
        raise ValueError("not made")

    ledger.finish("run-1", Step.RESPOND, "f", [response("r1")])
    with pytest.raises(ValueError, match="not made"):
        ledger.finish("run-1", Step.RESPOND, "g", fails())
    assert ledger.is_done("run-1", Step.RESPOND, "f")
    assert ledger.read("run-1", Response) == [response("r1")]


def test_a_step_that_fails_midway_leaves_all_as_it_was(ledger: Ledger) -> None:
    ledger.finish("run-1", Step.RESPOND, "f", [response("r1")])

    def broken() -> Iterator[Record]:
        yield response("r2")
        raise RuntimeError("midway")

    with pytest.raises(RuntimeError, match="midway"):
        ledger.finish("run-1", Step.RESPOND, "g", broken())
    assert ledger.read("run-1", Response) == [response("r1")]
    assert ledger.is_done("run-1", Step.RESPOND, "f")


def test_records_come_by_step_round_and_order_written_whenever_written(ledger: Ledger) -> None:
    late = StepId(Step.CRITIQUE, 1)
    early = StepId(Step.CRITIQUE, 0)

    def critique(id: str, round: int) -> Critique:
        return Critique(id=id, prompt="p", of="r", round=round, principle="h.w", compiled="c", text="t", key="k")

    ledger.finish("run-1", Step.EVALUATE, "f", [response("e1")])
    ledger.finish("run-1", late, "f", [critique("z", 1), critique("a", 1)])
    ledger.finish("run-1", early, "f", [critique("y", 0)])
    ledger.finish("run-1", Step.RESPOND, "f", [response("r9"), response("r1")])
    assert [r.id for r in ledger.read("run-1", Response)] == ["r9", "r1", "e1"]
    assert [c.id for c in ledger.read("run-1", Critique)] == ["y", "z", "a"]
    assert [c.id for c in ledger.read("run-1", Critique, Step.CRITIQUE)] == ["y", "z", "a"]
    assert [c.id for c in ledger.read("run-1", Critique, late)] == ["z", "a"]
    assert ledger.count("run-1", Critique) == 3
    assert ledger.count("run-1", Critique, early) == 1
    assert ledger.count("run-1", Response, Step.EVALUATE) == 1
    assert ledger.read("run-1", Draw) == []


def test_every_kind_of_number_survives(ledger: Ledger) -> None:
    rows: list[Record] = [
        TrainingStep(trainer=TrainedKind.DPO, step=1, metrics=(("loss", 0.1), ("grad", float("inf")))),
        Measure(of="base", name="wins", value=1 / 3, low=5e-324, high=0.5, count=3),
        Draw(prompt="p", stage=Stage.REVISION, round=0, position=0, principle="h.w", share=0.1, over=("a",)),
    ]
    ledger.finish("run-1", Step.DPO, "f", rows)
    read = ledger.read("run-1", TrainingStep) + ledger.read("run-1", Measure) + ledger.read("run-1", Draw)
    assert read == rows


def test_adopting_takes_the_records_of_an_earlier_run(ledger: Ledger) -> None:
    ledger.finish("run-1", Step.RESPOND, "f", [response("r2"), response("r1")])
    ledger.begin(replace(RUN, id="run-2"))
    assert not ledger.adopt("run-2", Step.RESPOND, "other")
    assert not ledger.adopt("run-2", Step.PAIR, "f")
    assert ledger.read("run-2", Response) == []
    assert ledger.adopt("run-2", Step.RESPOND, "f")
    assert ledger.adopt("run-2", Step.RESPOND, "f")
    assert ledger.read("run-2", Response) == ledger.read("run-1", Response) == [response("r2"), response("r1")]
    assert ledger.is_done("run-2", Step.RESPOND, "f")


def test_nothing_is_written_for_a_run_that_was_not_begun(ledger: Ledger) -> None:
    assert "run-9" in str(fault(ledger.finish, "run-9", Step.RESPOND, "f", [response("r")]))
    assert "run-9" in str(fault(ledger.add_tally, "run-9", Step.RESPOND, Tally(model="m", choose=Usage(calls=1))))
    assert "run-9" in str(fault(ledger.adopt, "run-9", Step.RESPOND, "f"))
    assert not ledger.is_done("run-9", Step.RESPOND, "f")


# --- runs ---------------------------------------------------------------------------------------


def test_runs_in_the_order_begun_last(ledger: Ledger) -> None:
    other = replace(RUN, id="run-2", started=1.0)
    ledger.begin(other)
    assert ledger.latest_run() == other
    again = replace(RUN, metadata_hash="new", started=99.0)
    ledger.begin(again)
    assert ledger.latest_run() == again
    assert ledger.runs() == [other, again]


def test_no_run_yet(path: Path) -> None:
    with Ledger.open(path) as ledger:
        assert "no run" in str(fault(ledger.latest_run))
        assert ledger.runs() == []


def test_find(ledger: Ledger) -> None:
    ids = ["abcdef01", "abcdef02", "abc123"]
    ledger.finish("run-1", Step.RESPOND, "f", [response(id) for id in ids])
    prompt = PromptRecord(id="abcdef0", turns=(), kind=PromptUse.BENIGN)
    ledger.finish("run-1", Step.DATA, "f", [prompt])
    ledger.finish("run-1", Step.PAIR, "f", [response("abc123", "written last")])
    assert ledger.find("run-1", "abcdef01") == response("abcdef01")
    assert ledger.find("run-1", "abcdef0") == prompt  # a whole id is never ambiguous
    assert ledger.find("run-1", "abc123") == response("abc123", "written last")
    assert ledger.find("run-1", "abc12") is None
    assert ledger.find("run-1", "harm.weapons") is None
    assert ledger.find("run-1", "abcdef%") is None
    assert ledger.find("run-2", "abcdef01") is None
    message = str(fault(ledger.find, "run-1", "abcdef"))
    assert "3 rows" in message
    assert "abcdef02 (Response)" in message
    assert "abcdef0 (PromptRecord)" in message


# --- tallies ------------------------------------------------------------------------------------


def test_tallies_add_up(ledger: Ledger) -> None:
    made = Usage(calls=2, reused=1, prompt_tokens=100, new_tokens=10, seconds=4.0)
    ledger.add_tally("run-1", StepId(Step.REVISE, 1), Tally(model="m", generate=made))
    ledger.add_tally("run-1", Step.TAG, Tally(model="m", choose=Usage(reused=3)))
    ledger.add_tally("run-1", StepId(Step.REVISE, 1), Tally(model="m", generate=made, choose=Usage(calls=1, seconds=1)))
    ledger.add_tally("run-1", Step.SFT, Tally(model="m"))
    assert ledger.tally("run-1") == [
        StepTally(StepId(Step.TAG), Tally(model="m", choose=Usage(reused=3))),
        StepTally(StepId(Step.REVISE, 1), Tally(model="m", generate=made + made, choose=Usage(calls=1, seconds=1.0))),
    ]
    generate, choose = sorted(ledger.speeds(), key=lambda s: s.operation != Operation.GENERATE)
    assert (generate.model, generate.calls, generate.seconds) == ("m", 4, 8.0)
    assert (generate.call_rate, generate.prompt_token_rate, generate.new_token_rate) == (0.5, 25.0, 2.5)
    assert (choose.operation, choose.call_rate) == (Operation.CHOOSE, 1.0)


# --- what goes wrong ----------------------------------------------------------------------------


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
