"""What a run shows while it works: bars in a terminal, plain lines elsewhere, nothing in tests."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

__all__ = ["LineProgress", "Progress", "RichProgress", "SilentProgress", "Task", "in_words", "progress_for"]


class Task(Protocol):
    """One bar."""

    def advance(self, count: int, tokens: int = 0) -> None:
        """`count` more are done; they took `tokens` tokens, which are shown as a speed."""
        ...

    def close(self) -> None:
        """Nothing more will come, whether all is done or not."""
        ...


class Progress(Protocol):
    """Shows how far each task is."""

    def start(self, title: str, total: int, unit: str, done: int = 0) -> Task:
        """Begin a task of `total` units (a plural noun), of which `done` were there before."""
        ...


def progress_for(stream: TextIO | None = None) -> Progress:
    """Bars where `stream` (stderr if unnamed) is a terminal, else plain lines."""
    stream = stream or sys.stderr
    return RichProgress(stream) if stream.isatty() else LineProgress(stream)


class SilentProgress:
    """Shows nothing."""

    def start(self, title: str, total: int, unit: str, done: int = 0) -> Task:
        """Begin a task that nobody sees."""
        del title, total, unit, done
        return _SilentTask()


class _SilentTask:
    def advance(self, count: int, tokens: int = 0) -> None:
        pass

    def close(self) -> None:
        pass


class LineProgress:
    """Plain lines: one when a task ends, and one every `every` seconds in between."""

    def __init__(
        self, stream: TextIO | None = None, *, every: float = 10.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream or sys.stderr
        self._every = every
        self._clock = clock

    def start(self, title: str, total: int, unit: str, done: int = 0) -> Task:
        """Begin a task; its first line comes once there is something to say."""
        return _LineTask(self._stream, self._clock, self._every, title, total, unit, done)


@dataclass
class _LineTask:
    stream: TextIO
    clock: Callable[[], float]
    every: float
    title: str
    total: int
    unit: str
    before: int

    def __post_init__(self) -> None:
        self._done = self.before
        self._tokens = 0
        self._started = self._said = self.clock()
        self._closed = False

    def advance(self, count: int, tokens: int = 0) -> None:
        self._done += count
        self._tokens += tokens
        now = self.clock()
        if now - self._said >= self.every and self._done < self.total:
            self._said = now
            self._say(now, last=False)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._say(self.clock(), last=True)

    def _say(self, now: float, *, last: bool) -> None:
        seconds = now - self._started
        made = self._done - self.before
        line = f"{self.title}: {self._done} of {self.total} {self.unit}"
        if self.before:
            line += f", {self.before} kept from before"
        if made:
            line += f", {in_words(seconds)}"
            if self._tokens and seconds > 0:
                line += f", {self._tokens / seconds:.0f} tokens/s"
            if not last:
                line += f", about {in_words(seconds / made * (self.total - self._done))} left"
        print(line, file=self.stream, flush=True)


class RichProgress:
    """Bars with speed and time left. They are live while some task is open, and stay when it ends."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._bars: Bars | None = None
        self._open = 0

    def start(self, title: str, total: int, unit: str, done: int = 0) -> Task:
        """Begin a task, below those that are open. The title says enough: its unit is not shown."""
        del unit
        from rich.markup import escape

        if self._bars is None:
            self._bars = _bars(self._stream)
            self._bars.start()
        self._open += 1
        kept = f"{done} kept" if done else ""
        bar = self._bars.add_task(escape(title), total=total, completed=done, note=kept)
        return _RichTask(self._bars, bar, kept, self._end)

    def _end(self) -> None:
        self._open -= 1
        if self._open == 0 and self._bars is not None:
            self._bars.stop()
            self._bars = None


def _bars(stream: TextIO) -> Bars:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn
    from rich.progress import Progress as Bars
    from rich.progress import Task as Bar
    from rich.text import Text

    class TimeColumn(ProgressColumn):
        max_refresh = 0.5

        def render(self, task: Bar) -> Text:
            if task.finished or task.stop_time is not None:
                return Text(in_words(task.elapsed or 0))
            left = task.time_remaining
            return Text("" if left is None else f"{in_words(left)} left")

    # Narrow enough for 80 columns.
    return Bars(
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        TimeColumn(),
        TextColumn("{task.fields[note]}", style="dim"),
        console=Console(file=stream),
        refresh_per_second=4,
        speed_estimate_period=120,
    )


@dataclass
class _RichTask:
    bars: Bars
    bar: TaskID
    kept: str
    end: Callable[[], None]

    def __post_init__(self) -> None:
        self._tokens = 0
        self._started = time.monotonic()
        self._closed = False

    def advance(self, count: int, tokens: int = 0) -> None:
        self._tokens += tokens
        seconds = time.monotonic() - self._started
        note = f"{self._tokens / seconds:.0f} tokens/s" if self._tokens and seconds > 0 else self.kept
        self.bars.update(self.bar, advance=count, note=note)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.bars.stop_task(self.bar)
            self.end()


def in_words(seconds: float) -> str:
    """A length of time as people say it: `8 s`, `2 min 5 s`, `1 h 3 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
