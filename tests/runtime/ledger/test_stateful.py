"""The ledger against a dictionary, with closing, reopening, failing and looking on at any moment."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from runtime.engines.base import Choice, Completion, Finish
from runtime.ledger.runs import RunManifest, Step, StepId, Tally, Usage
from runtime.ledger.store import Ledger
from runtime.records import Response

KEYS = st.sampled_from([f"key{n}" for n in range(8)])
VALUES = st.one_of(
    st.builds(Completion, st.text(max_size=4), st.lists(st.integers(0, 300), max_size=3).map(tuple),
              st.sampled_from(Finish)),
    st.builds(Choice, st.lists(st.floats(max_value=0), min_size=1, max_size=2).map(tuple)),
)  # fmt: skip
RUNS = st.sampled_from(["run-a", "run-b"])
STEPS = st.sampled_from([StepId(Step.RESPOND), StepId(Step.REVISE, 0), StepId(Step.REVISE, 1), StepId(Step.DATA)])
PRINTS = st.sampled_from(["f", "g"])
RESPONSES = st.lists(
    st.builds(Response, id=st.sampled_from(["r1", "r2"]), prompt=st.just("p"), policy=st.just("m"),
              sample=st.integers(0, 2), text=st.text(max_size=3), key=st.just("k"), finish=st.just("stop")),
    max_size=3,
)  # fmt: skip


def manifest(id: str) -> RunManifest:
    return RunManifest(
        id=id, constitution="c", version="1.0.0", meaning_hash="m", metadata_hash="d", bundle=b"", config=b""
    )


def _place(step: StepId) -> tuple[int, int]:
    return list(Step).index(step.step), step.round


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "ledger.sqlite"
        self.results: dict[str, Completion | Choice] = {}
        self.done: dict[tuple[str, StepId], tuple[str, list[Response]]] = {}
        self.calls: dict[tuple[str, StepId], int] = {}

    @initialize()
    def begin(self) -> None:
        self.ledger = Ledger.open(self.path)
        for id in ("run-a", "run-b"):
            self.ledger.begin(manifest(id))

    @rule()
    def reopen(self) -> None:
        self.ledger.close()
        self.ledger = Ledger.open(self.path)

    @rule(results=st.lists(st.tuples(KEYS, VALUES), max_size=5))
    def keep(self, results: list[tuple[str, Completion | Choice]]) -> None:
        got = self.ledger.keep(results)
        for key, value in results:
            self.results.setdefault(key, value)
        assert got == {key: self.results[key] for key, _ in results}

    @rule(run=RUNS, step=STEPS, fingerprint=PRINTS, records=RESPONSES)
    def finish(self, run: str, step: StepId, fingerprint: str, records: list[Response]) -> None:
        self.ledger.finish(run, step, fingerprint, records)
        self.done[run, step] = fingerprint, records

    @rule(run=RUNS, step=STEPS, fingerprint=PRINTS, records=RESPONSES)
    def finish_in_vain(self, run: str, step: StepId, fingerprint: str, records: list[Response]) -> None:
        try:
            self.ledger.finish(run, step, fingerprint, (record if n < 1 else 1 / 0 for n, record in enumerate(records)))
        except ZeroDivisionError:
            return
        self.done[run, step] = fingerprint, records

    @rule(run=RUNS, step=STEPS, fingerprint=PRINTS)
    def adopt(self, run: str, step: StepId, fingerprint: str) -> None:
        mine = self.done.get((run, step), ("", []))[0] == fingerprint
        other = "run-b" if run == "run-a" else "run-a"
        theirs = self.done.get((other, step), ("", []))[0] == fingerprint
        assert self.ledger.adopt(run, step, fingerprint) == (mine or theirs)
        if theirs and not mine:
            self.done[run, step] = self.done[other, step]

    @rule(run=RUNS, step=STEPS, calls=st.integers(1, 5))
    def tally(self, run: str, step: StepId, calls: int) -> None:
        self.ledger.add_tally(run, step, Tally(model="m", choose=Usage(calls=calls)))
        self.calls[run, step] = self.calls.get((run, step), 0) + calls

    @invariant()
    def agrees(self) -> None:
        with Ledger.open(self.path, read_only=True) as reader:
            for ledger in (self.ledger, reader):
                assert ledger.lookup([f"key{n}" for n in range(8)]) == self.results
                for run in ("run-a", "run-b"):
                    steps = sorted((s for r, s in self.done if r == run), key=_place)
                    records = [record for step in steps for record in self.done[run, step][1]]
                    assert ledger.read(run, Response) == records
                    assert ledger.count(run, Response) == len(records)
                    for step in steps:
                        assert ledger.is_done(run, step, self.done[run, step][0])
                        assert ledger.read(run, Response, step) == self.done[run, step][1]
                    kept = {(run, t.step): t.tally.choose.calls for t in ledger.tally(run)}
                    assert kept == {place: calls for place, calls in self.calls.items() if place[0] == run}

    def teardown(self) -> None:
        self.ledger.close()
        shutil.rmtree(self.folder)


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=40, stateful_step_count=20)
