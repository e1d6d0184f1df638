from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from constitution_lang.ir.model import Stage
from runtime.engines.base import Choice
from runtime.ledger.runs import (
    Operation,
    Step,
    StepId,
    StepTally,
    Tally,
    Usage,
)
from runtime.ledger.store import Ledger
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
from tests.runtime.ledger.samples import RUN, completion, fault, response

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
