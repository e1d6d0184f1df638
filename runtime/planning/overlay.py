"""A ledger to plan with: over the file, which stays as it is, lies all that a run would make."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from runtime.engines.base import Choice, Completion
from runtime.ledger.runs import RunManifest, Step, StepId, StepTally, Tally, TrainingTally
from runtime.ledger.store import Ledger
from runtime.records import Record

__all__ = ["Overlay"]

R = TypeVar("R", bound=Record)

_ORDER = {step: place for place, step in enumerate(Step)}


@dataclass
class _Done:
    """A step, with its records, or the run of the file that holds them. `taken` says that it was done before."""

    fingerprint: str
    records: list[Record] | None
    holder: str
    taken: bool


@dataclass
class Overlay:
    """See `RunStore`. `asking` is the step that asks at the moment; `made_in` says which step made an answer."""

    kept: Ledger | None
    asking: StepId = field(default_factory=lambda: StepId(Step.DATA))
    made_in: dict[str, StepId] = field(default_factory=dict)
    tallies: list[StepTally] = field(default_factory=list)
    trainings: list[TrainingTally] = field(default_factory=list)
    _forgotten: frozenset[Step] = frozenset()
    _results: dict[str, Completion | Choice] = field(default_factory=dict)
    _asked_in: dict[str, Step] = field(default_factory=dict)
    _steps: dict[tuple[str, StepId], _Done] = field(default_factory=dict)

    def forget(self, steps: frozenset[Step]) -> None:
        """From now on nothing is known of these steps, and no answer is, where one of them asks."""
        self._forgotten = steps
        self._steps = {at: done for at, done in self._steps.items() if at[1].step not in steps}
        self._results = {key: x for key, x in self._results.items() if self._asked_in[key] not in steps}

    def lookup(self, keys: Sequence[str]) -> dict[str, Completion | Choice]:
        """What is kept, and what was planned."""
        planned = {key: self._results[key] for key in keys if key in self._results}
        rest = [key for key in keys if key not in planned]
        if self.kept is None or not rest or self.asking.step in self._forgotten:
            return planned
        return planned | self.kept.lookup(rest)

    def keep(self, results: Sequence[tuple[str, Completion | Choice]]) -> dict[str, Completion | Choice]:
        """Note what stands for an answer that nobody has given yet."""
        self._results.update(results)
        self.made_in.update((key, self.asking) for key, _ in results)
        self._asked_in.update((key, self.asking.step) for key, _ in results)
        return dict(results)

    def adopt(self, run_id: str, step: Step | StepId, fingerprint: str) -> bool:
        """Whether the step is done, in the file or in the plan."""
        which = step if isinstance(step, StepId) else StepId(step)
        for (_, planned), done in self._steps.items():
            if planned == which and done.fingerprint == fingerprint:
                self._steps[run_id, which] = replace(done, taken=True)
                return True
        known = self.kept is not None and which.step not in self._forgotten
        holder = self.kept.holder(which, fingerprint) if known and self.kept is not None else None
        if holder is None:
            return False
        self._steps[run_id, which] = _Done(fingerprint, None, holder, taken=True)
        return True

    def finish(
        self, run_id: str, step: Step | StepId, fingerprint: str | Callable[[], str], records: Iterable[Record]
    ) -> None:
        """Note what a step would make."""
        which = step if isinstance(step, StepId) else StepId(step)
        made = list(records)
        if not isinstance(fingerprint, str):
            fingerprint = fingerprint()
        before = self._steps.get((run_id, which))
        taken = before is not None and before.taken and before.fingerprint == fingerprint
        self._steps[run_id, which] = _Done(fingerprint, made, run_id, taken)

    def read(self, run_id: str, kind: type[R], step: Step | StepId | None = None) -> list[R]:
        """Records of one kind, in the order in which a `Ledger` gives them."""
        found: list[R] = []
        for which in self.steps(run_id):
            if step in (None, which, which.step):
                found += self._read(self._steps[run_id, which], which, kind)
        return found

    def each(self, run_id: str, kind: type[R], step: Step | StepId | None = None) -> Iterator[R]:
        """Records of one kind, one by one."""
        return iter(self.read(run_id, kind, step))

    def each_by_id(self, run_id: str, kind: type[R], step: StepId) -> Iterator[R]:
        """Records of one kind of a step in the order of their ids."""
        return iter(sorted(self.read(run_id, kind, step), key=lambda record: getattr(record, "id", "")))

    def records(self, run_id: str, step: StepId) -> Iterator[Record]:
        """All records of a step."""
        done = self._steps[run_id, step]
        if done.records is not None:
            return iter(done.records)
        assert self.kept is not None
        return self.kept.records(done.holder, step)

    def steps(self, run_id: str) -> list[StepId]:
        """The steps that the plan has come to."""
        return sorted((s for r, s in self._steps if r == run_id), key=lambda s: (_ORDER[s.step], s.round))

    def taken_over(self, run_id: str, step: StepId) -> bool:
        """Whether the step was done before, and the plan has nothing to do in it."""
        return self._steps[run_id, step].taken

    def runs(self) -> list[RunManifest]:
        """Those of the file."""
        return [] if self.kept is None else self.kept.runs()

    def add_tally(self, run_id: str, step: Step | StepId, tally: Tally) -> None:
        """Note what would be asked."""
        del run_id
        self.tallies.append(StepTally(step if isinstance(step, StepId) else StepId(step), tally))

    def add_training(self, run_id: str, tally: TrainingTally) -> None:
        """Note what would be trained."""
        del run_id
        self.trainings.append(tally)

    def _read(self, done: _Done, step: StepId, kind: type[R]) -> list[R]:
        if done.records is not None:
            return [x for x in done.records if isinstance(x, kind)]
        assert self.kept is not None
        return self.kept.read(done.holder, kind, step)
