"""What a run asks of its ledger, so that a plan can have one of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from runtime.engines.base import Choice, Completion
from runtime.ledger.runs import RunManifest, Step, StepId, Tally, TrainingTally
from runtime.records import Record

__all__ = ["RunStore"]

R = TypeVar("R", bound=Record)


class RunStore(Protocol):
    """What a run asks of its ledger: a `Ledger`, or one that only plans. See there for what each method does."""

    def lookup(self, keys: Sequence[str]) -> dict[str, Completion | Choice]:
        """The results that are kept for `keys`."""
        ...

    def keep(self, results: Sequence[tuple[str, Completion | Choice]]) -> dict[str, Completion | Choice]:
        """Keep results; what is kept now."""
        ...

    def adopt(self, run_id: str, step: Step | StepId, fingerprint: str) -> bool:
        """Whether the step is done, here or in a run whose records it then takes."""
        ...

    def finish(
        self, run_id: str, step: Step | StepId, fingerprint: str | Callable[[], str], records: Iterable[Record]
    ) -> None:
        """Replace the records of a step, which are taken one by one."""
        ...

    def read(self, run_id: str, kind: type[R], step: Step | StepId | None = None) -> list[R]:
        """A run's records of one kind."""
        ...

    def each(self, run_id: str, kind: type[R], step: Step | StepId | None = None) -> Iterator[R]:
        """The same, one by one."""
        ...

    def each_by_id(self, run_id: str, kind: type[R], step: StepId) -> Iterator[R]:
        """The records of one kind of a step in the order of their ids, one by one."""
        ...

    def records(self, run_id: str, step: StepId) -> Iterator[Record]:
        """All records of a step, one by one."""
        ...

    def runs(self) -> list[RunManifest]:
        """All runs, the one begun last at the end."""
        ...

    def add_tally(self, run_id: str, step: Step | StepId, tally: Tally) -> None:
        """Add what a step asked of a model."""
        ...

    def add_training(self, run_id: str, tally: TrainingTally) -> None:
        """Note what a training cost."""
        ...
