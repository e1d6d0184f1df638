from __future__ import annotations

import io

import pytest

from runtime.progress import LineProgress, RichProgress, SilentProgress, in_words, progress_for


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_come_at_a_modest_pace_and_say_what_is_left() -> None:
    out, clock = io.StringIO(), Clock()
    task = LineProgress(out, every=10, clock=clock).start("critique", 100, "completions", 20)
    for _ in range(4):
        clock.now += 4
        task.advance(10, 200)
    clock.now += 1
    task.advance(40, 100)
    task.close()
    task.close()
    assert out.getvalue().splitlines() == [
        "critique: 50 of 100 completions, 20 kept from before, 12 s, 50 tokens/s, about 20 s left",
        "critique: 100 of 100 completions, 20 kept from before, 17 s, 53 tokens/s",
    ]


def test_a_task_that_stops_early_says_where() -> None:
    out = io.StringIO()
    task = LineProgress(out).start("label", 7, "choices")
    task.close()
    assert out.getvalue() == "label: 0 of 7 choices\n"


def test_bars_in_a_terminal_lines_elsewhere() -> None:
    assert isinstance(progress_for(Terminal()), RichProgress)
    assert isinstance(progress_for(io.StringIO()), LineProgress)


def test_bars_one_after_another_and_at_once() -> None:
    out = Terminal()
    progress = RichProgress(out)
    first = progress.start("tag [x] prompts", 3, "choices", 1)
    second = progress.start("train", 2, "steps", 1)
    first.advance(2, 50)
    first.close()
    first.close()
    second.advance(1)
    second.close()
    third = progress.start("label", 1, "choices")
    third.close()
    shown = out.getvalue()
    for part in ("tag [x] prompts", "3/3", "1 kept", "tokens/s", "2/2", "label", "0/1"):
        assert part in shown


def test_silence() -> None:
    task = SilentProgress().start("t", 1, "u")
    task.advance(1, 5)
    task.close()


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (3780, "1 h 3 min")]
)
def test_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
