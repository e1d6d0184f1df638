from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.engines.base import Choice, ChooseRequest, Completion, Decoding, EngineError, Finish, GenerateRequest
from runtime.engines.scripted import ScriptedEngine
from runtime.ledger.keys import work_key
from runtime.ledger.runs import Tally
from runtime.ledger.store import Ledger, LedgerError
from runtime.progress import SilentProgress, Task
from runtime.work import OnDemand, Worker


def ask(*numbers: int, tokens_max: int = 32) -> list[GenerateRequest]:
    return [GenerateRequest((n, 1, 2), Decoding(tokens_max=tokens_max), n) for n in numbers]


def choice(*numbers: int) -> list[ChooseRequest]:
    return [ChooseRequest((n, 1), (65, 66)) for n in numbers]


class Counted(ScriptedEngine):
    """Notes what it was asked; `answers` may spoil what it yields."""

    def __init__(
        self, name: str = "m", spoil: Callable[[Iterator[Any], Sequence[Any]], Iterator[Any]] | None = None
    ) -> None:
        super().__init__(name)
        self.asked: list[list[int]] = []
        self.spoil = spoil or (lambda results, _: results)
        self.shut = 0

    def generate(self, requests: Sequence[GenerateRequest]) -> Iterator[tuple[int, Completion]]:
        self.asked.append([request.tokens[0] for request in requests])
        try:
            yield from self.spoil(super().generate(requests), requests)
        finally:
            self.shut += 1

    def choose(self, requests: Sequence[ChooseRequest]) -> Iterator[tuple[int, Choice]]:
        self.asked.append([request.tokens[0] for request in requests])
        yield from self.spoil(super().choose(requests), requests)


class Shown(SilentProgress):
    def __init__(self) -> None:
        self.lines: list[tuple[object, ...]] = []

    def start(self, title: str, total: int, unit: str, done: int = 0) -> Task:
        self.lines.append((title, total, unit, done))
        return _ShownTask(self.lines)


class _ShownTask:
    def __init__(self, lines: list[tuple[object, ...]]) -> None:
        self.lines = lines

    def advance(self, count: int, tokens: int = 0) -> None:
        self.lines.append((count, tokens > 0))

    def close(self) -> None:
        self.lines.append(("closed",))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite") as opened:
        yield opened


def worker(ledger: Ledger, engine: ScriptedEngine, **options: Any) -> Worker:
    return Worker(engine, ledger, SilentProgress(), **({"clock": lambda: 0.0} | options))


def expected(requests: Sequence[GenerateRequest]) -> list[Completion]:
    made = dict(ScriptedEngine("m").generate(requests))
    return [made[n] for n in range(len(requests))]


def kept(ledger: Ledger, requests: Sequence[GenerateRequest | ChooseRequest]) -> int:
    return len(ledger.lookup([work_key(ScriptedEngine("m").model, request) for request in requests]))


def test_answers_in_order_once_asked_and_reused(ledger: Ledger) -> None:
    engine = Counted()
    wanted = ask(5, 3, 5, 9, 3)
    first = worker(ledger, engine).generate(wanted, "answers")
    assert [a.value for a in first] == expected(wanted)
    assert [a.key for a in first] == [work_key(engine.model, request) for request in wanted]
    assert not any(a.reused for a in first)
    assert engine.asked == [[5, 3, 9]]

    more = ask(9, 7, 5)
    second = worker(ledger, engine).generate(more, "answers")
    assert [a.value for a in second] == expected(more)
    assert [a.reused for a in second] == [True, False, True]
    assert engine.asked == [[5, 3, 9], [7]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    rounds=st.lists(st.lists(st.integers(0, 12), max_size=20), min_size=1, max_size=4),
    chunk_rows=st.integers(1, 5),
    commit_rows=st.integers(1, 5),
)
def test_any_requests_in_any_chunks(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[list[int]], chunk_rows: int, commit_rows: int
) -> None:
    engine = Counted()
    with Ledger.open(tmp_path_factory.mktemp("work") / "ledger.sqlite") as ledger:
        at_work = worker(ledger, engine, chunk_rows=chunk_rows, commit_rows=commit_rows)
        for numbers in rounds:
            answers = at_work.generate(ask(*numbers), "answers")
            assert [a.value for a in answers] == expected(ask(*numbers))
            choices = at_work.choose(choice(*numbers), "choices")
            assert [len(a.value.log_probabilities) for a in choices] == [2] * len(numbers)
        once = sorted({n for numbers in rounds for n in numbers})
        assert sorted(n for chunk in engine.asked for n in chunk) == sorted(once * 2)
        assert all(len(chunk) <= chunk_rows for chunk in engine.asked)
        tally = at_work.tally
        assert tally.generate.calls == tally.choose.calls == len(once)
        assert tally.generate.calls + tally.generate.reused == sum(map(len, rounds))


def test_tally_counts_tokens_of_calls_and_seconds(ledger: Ledger) -> None:
    ticks = iter(range(1000))
    at_work = worker(ledger, Counted(), clock=lambda: next(ticks) / 4, commit_seconds=1e9)
    wanted = ask(1, 2, 3)
    at_work.generate([*wanted, *ask(1)], "answers")
    at_work.choose(choice(1), "choices")
    at_work.choose(choice(1), "choices")
    new = sum(len(made.tokens) for made in expected(wanted))
    generate = at_work.tally.generate
    assert (generate.calls, generate.reused, generate.prompt_tokens, generate.new_tokens) == (3, 1, 9, new)
    assert generate.seconds > 0
    choose = at_work.tally.choose
    assert (choose.calls, choose.reused, choose.prompt_tokens, choose.new_tokens) == (1, 1, 2, 0)
    assert at_work.tally == Tally(model="scripted/1/m", generate=generate, choose=choose)


def test_all_seconds_between_first_question_and_last_answer_count_once(ledger: Ledger) -> None:
    now = [0.0]

    def slowly(results: Iterator[Any], _: Sequence[Any]) -> Iterator[Any]:
        for result in results:
            now[0] += 0.4
            yield result

    at_work = worker(ledger, Counted(spoil=slowly), clock=lambda: now[0], chunk_rows=4)
    at_work.generate(ask(*range(10)), "answers")
    assert at_work.tally.generate.seconds == pytest.approx(4.0)


def test_progress_says_only_what_is_kept(ledger: Ledger) -> None:
    shown = Shown()
    seen: list[int] = []
    wanted = ask(*range(10))

    def watch(results: Iterator[Any], _: Sequence[Any]) -> Iterator[Any]:
        for result in results:
            said = sum(line[0] for line in shown.lines if isinstance(line[0], int))
            assert kept(ledger, wanted) >= said
            seen.append(said)
            yield result

    now = [0.0]

    def clock() -> float:
        now[0] += 0.3
        return now[0]

    at_work = Worker(Counted(spoil=watch), ledger, shown, commit_rows=4, commit_seconds=1e9, clock=lambda: 0.0)
    at_work.generate([*wanted, *ask(1)], "answer")
    assert shown.lines == [("answer", 10, "completions", 0), (4, True), (4, True), (2, True), ("closed",)]
    assert seen == [0, 0, 0, 0, 4, 4, 4, 4, 8, 8]
    shown.lines.clear()
    at_work.generate(wanted, "answer")
    assert shown.lines == [("answer", 10, "completions", 10), ("closed",)]
    by_time = Worker(Counted(), ledger, shown, commit_rows=1000, commit_seconds=1.0, clock=clock)
    shown.lines.clear()
    by_time.choose(choice(*range(12)), "label")
    assert shown.lines[0] == ("label", 12, "choices", 0)
    assert len(shown.lines) > 4
    assert sum(line[0] for line in shown.lines if isinstance(line[0], int)) == 12


def _twice(results: Iterator[Any], _: Sequence[Any]) -> Iterator[Any]:
    for result in results:
        yield result
        yield result


def _beyond(results: Iterator[Any], requests: Sequence[Any]) -> Iterator[Any]:
    yield next(results)
    yield len(requests), next(results)[1]


def _below(results: Iterator[Any], _: Sequence[Any]) -> Iterator[Any]:
    yield next(results)
    yield -1, next(results)[1]


def _short(results: Iterator[Any], _: Sequence[Any]) -> Iterator[Any]:
    yield next(results)


def _wrong_kind(results: Iterator[Any], _: Sequence[Any]) -> Iterator[Any]:
    yield next(results)
    yield next(results)[0], Choice((0.0,))


def _too_long(results: Iterator[Any], requests: Sequence[Any]) -> Iterator[Any]:
    yield next(results)
    index, _made = next(results)
    yield index, Completion("x", (1,) * (requests[index].decoding.tokens_max + 1), Finish.STOP)


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (_twice, "twice"),
        (_beyond, "number 4 of 4"),
        (_below, "number -1"),
        (_short, "left out 3 of 4"),
        (_wrong_kind, "Choice"),
        (_too_long, "33 tokens"),
    ],
)
def test_a_faulty_engine_is_named_and_what_came_before_is_kept(
    ledger: Ledger, spoil: Callable[[Iterator[Any], Sequence[Any]], Iterator[Any]], word: str
) -> None:
    wanted = ask(1, 2, 3, 4)
    with pytest.raises(EngineError, match=word) as caught:
        worker(ledger, Counted(spoil=spoil)).generate(wanted, "answers")
    assert "scripted/1/m" in str(caught.value)
    assert caught.value.remedy
    assert kept(ledger, wanted) == 1
    answers = worker(ledger, Counted()).generate(wanted, "answers")
    assert [a.value for a in answers] == expected(wanted)
    assert sum(a.reused for a in answers) == 1


@pytest.mark.parametrize("numbers", [(-0.1,), (-0.1, float("nan")), (-0.1, 0.5)])
def test_numbers_that_are_no_log_probabilities_are_never_kept(ledger: Ledger, numbers: tuple[float, ...]) -> None:
    def spoil(results: Iterator[Any], _: Sequence[Any]) -> Iterator[Any]:
        for index, _made in results:
            yield index, Choice(numbers)

    with pytest.raises(EngineError, match="log-probabilit"):
        worker(ledger, Counted(spoil=spoil)).choose(choice(1), "labels")
    assert kept(ledger, choice(1)) == 0


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), EngineError("out of memory", "use smaller batches")])
def test_stopping_keeps_what_is_done_and_closes_the_engine(ledger: Ledger, stop: BaseException) -> None:
    def spoil(results: Iterator[Any], _: Sequence[Any]) -> Iterator[Any]:
        for _n in range(3):
            yield next(results)
        raise stop

    shown = Shown()
    engine = Counted(spoil=spoil)
    at_work = Worker(engine, ledger, shown)
    wanted = ask(*range(9))
    with pytest.raises(type(stop)):
        at_work.generate(wanted, "answers")
    assert kept(ledger, wanted) == at_work.tally.generate.calls == 3
    assert shown.lines[-1] == ("closed",)
    assert engine.shut == 1


def test_a_full_disk_comes_through(ledger: Ledger) -> None:
    pages = ledger._connection.execute("PRAGMA page_count").fetchone()[0]
    ledger._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(LedgerError, match="disk is full"):
        worker(ledger, Counted()).generate(ask(*range(400)), "answers")


def test_what_another_kept_first_is_what_callers_get(ledger: Ledger) -> None:
    first = Completion("first", (1,), Finish.STOP)
    wanted = ask(1, 2)

    def spoil(results: Iterator[Any], _: Sequence[Any]) -> Iterator[Any]:
        ledger.keep([(work_key("scripted/1/m", wanted[0]), first)])
        yield from results

    answers = worker(ledger, Counted(spoil=spoil)).generate(wanted, "answers")
    assert [a.value for a in answers] == [first, expected(wanted)[1]]


def test_nothing_asked(ledger: Ledger) -> None:
    engine = Counted()
    assert worker(ledger, engine).generate([], "answers") == []
    assert engine.asked == []


def test_requests_on_demand_are_built_once_in_the_first_block_and_twice_after(ledger: Ledger) -> None:
    wanted, built = ask(5, 3, 9, 5, 7, 8, 10, 11, 12, 13, 14), list[int]()

    def build(n: int) -> GenerateRequest:
        built.append(n)
        return wanted[n]

    engine = Counted()
    answers = worker(ledger, engine, chunk_rows=2).generate(OnDemand(len(wanted), build), "answers")
    assert [a.value for a in answers] == expected(wanted)
    assert engine.asked == [[5, 3], [9, 7], [8, 10], [11, 12], [13, 14]]
    assert built == [*range(len(wanted)), 9, 10]
    assert OnDemand(len(wanted), build)[1:3] == wanted[1:3]


def test_a_request_that_cannot_be_built_stops_the_work_before_anything_is_asked(ledger: Ledger) -> None:
    def build(n: int) -> GenerateRequest:
        if n == 9:
            raise ValueError("too long")
        return ask(n)[0]

    engine = Counted()
    with pytest.raises(ValueError, match="too long"):
        worker(ledger, engine, chunk_rows=2).generate(OnDemand(10, build), "answers")
    assert engine.asked == []
