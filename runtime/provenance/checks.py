"""What every check of a ledger's rows needs: a row against what it should be, and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from constitution_lang.ir.model import Stage
from runtime.ledger.runs import Step
from runtime.progress import Task
from runtime.provenance.history import History
from runtime.provenance.kept import KeptWorker, MissingAnswerError, UnknownAnswerError
from runtime.provenance.misfits import Misfit, difference, shown
from runtime.provenance.replay import Replay
from runtime.records import (
    Draw,
    PromptRecord,
    Record,
)

__all__ = ["Checks"]

R = TypeVar("R", bound=Record)


class Checks:
    """Checks of the rows of one run. `task` advances by one for every row."""

    def __init__(self, history: History, replay: Replay, task: Task) -> None:
        self.history = history
        self.replay = replay
        self.task = task
        self.file = str(history.ledger.path)

    def same(self, row: R, step: Step, worker: KeptWorker, derive: Callable[[], R]) -> Iterator[Misfit]:
        """A row against what is derived in its place."""
        try:
            meant = derive()
        except (MissingAnswerError, UnknownAnswerError) as error:
            yield self.unkept(row, step, error)
            return
        except KeyError as error:
            yield self.at(row, step, "compiled", "made", f"no prompt {error} in the constitution")
            return
        yield from self.keys(row, step, worker)
        found = difference(row, meant)
        if found is not None:
            yield self.at(row, step, found.field, found.says, found.should)

    def drawn(self, prompt: PromptRecord, says: Sequence[Draw], should: Sequence[Draw], r: int) -> Iterator[Misfit]:
        """A prompt's draws in a round against the plan."""
        for one, other in zip(says, should, strict=False):
            found = difference(one, other)
            if found is not None:
                step = Step.REVISE if one.stage is Stage.REVISION else Step.LABEL
                yield self.at(one, step, found.field, found.says, found.should)
        if len(says) > len(should):
            step = Step.REVISE if says[-1].stage is Stage.REVISION else Step.LABEL
            yield self.at(says[len(should)], step, "row", "a draw", "no draw here")
        elif len(says) < len(should):
            missing = should[len(says)]
            yield self.of("Draw", prompt.id, f"round {r}", "missing", f"{missing.principle} ({missing.stage.value})")

    def keys(self, row: Record, step: Step, worker: KeptWorker) -> Iterator[Misfit]:
        """The keys that the worker found wrong since it was last asked."""
        for says, should in worker.wrong:
            yield self.at(row, step, "key", says, should)
        worker.wrong.clear()

    def unkept(self, row: Record, step: Step, error: Exception) -> Misfit:
        """A row whose answer is not kept."""
        key = getattr(error, "key", "")
        should = "the key of an answer that the ledger keeps" if key else "a key for every question that was asked"
        return self.at(row, step, "key", key or "nothing", should)

    def at(self, row: Record, step: Step, field: str, says: str, should: str) -> Misfit:
        """A misfit of a row that stands in the ledger."""
        id = getattr(row, "id", None) or getattr(row, "comparison", None) or str(getattr(row, "prompt", ""))
        place = self._place(row, step)
        return Misfit(
            file=self.file, row=place, kind=type(row).__name__, id=id, field=field, says=shown(says),
            should=shown(should),
        )  # fmt: skip

    def of(self, kind: str, id: str, field: str, says: str, should: str) -> Misfit:
        """A misfit that no row stands for."""
        return Misfit(
            file=self.file, row=0, kind=kind, id=id, field=field, says=shown(says), should=shown(should)
        )  # fmt: skip

    def _place(self, row: Record, step: Step) -> int:
        """Looked up only where something does not fit."""
        rows: Iterable[Record] = self.history.ledger.read(self.history.run, type(row), step)
        return next((n for n, kept in enumerate(rows, 1) if kept == row), 0)
