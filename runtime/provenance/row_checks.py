"""Every row once: what stands twice in a step, and what a step that is done left out or has too much of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from runtime.datasets.pairs import HUMAN_POLICY
from runtime.ledger.runs import Step, StepId
from runtime.provenance.checks import Checks
from runtime.provenance.history import TRAININGS
from runtime.provenance.misfits import Misfit, shown
from runtime.records import (
    CaseRecord,
    Checkpoint,
    Comparison,
    Draw,
    Label,
    Measure,
    PreferenceRow,
    PromptCut,
    PromptRecord,
    Record,
    Response,
    SftRow,
    TrainingStep,
)

__all__ = ["RowChecks"]

_WHAT: dict[type[Any], tuple[str, Callable[[Any], object]]] = {
    PromptRecord: ("prompt", lambda row: row.id),
    CaseRecord: ("case of this prompt", lambda row: row.prompt),
    Draw: ("draw of this prompt, round and position", lambda row: (row.prompt, row.stage, row.round, row.position)),
    Response: ("answer of this policy to this prompt", lambda row: (row.prompt, row.policy, row.sample)),
    Comparison: ("pair of these answers", lambda row: row.id),
    Label: ("label of this pair", lambda row: row.comparison),
    SftRow: ("row of this id", lambda row: row.id),
    PreferenceRow: ("row of this id", lambda row: row.id),
    PromptCut: ("record of this cut", lambda row: row.id),
    Measure: ("figure of this name", lambda row: (row.of, row.name)),
    Checkpoint: ("checkpoint of this step", lambda row: row.kind),
    TrainingStep: ("record of this step of the training", lambda row: row.step),
}
"""What is there once in a step, and what it is known by. Critiques and revisions are counted beside their draws."""


class RowChecks(Checks):
    """Whether each row is the only one of what it is of: checks by what a row is of look at one."""

    def misfits(self) -> Iterator[Misfit]:
        """All that does not fit, step by step."""
        for step in self.history.ledger.steps(self.history.run):
            for kind in _WHAT:
                yield from self._once(kind, step)
            if step in map(StepId, TRAININGS):
                yield from self._trained(step)

    def _once(self, kind: type[Any], step: StepId) -> Iterator[Misfit]:
        what, known_by = _WHAT[kind]
        seen: set[object] = set()
        for row in self.history.ledger.each(self.history.run, kind, step):
            if kind is Response and row.policy == HUMAN_POLICY:
                continue  # a reply may stand in several pairs of a data set
            key = known_by(row)
            if key in seen:
                yield self.at(row, step.step, "row", f"a second {what}", "one")
            seen.add(key)

    def _trained(self, step: StepId) -> Iterator[Misfit]:
        """A training that is done has a checkpoint, and its steps are counted without a gap."""
        history = self.history
        if not history.ledger.count(history.run, Checkpoint, step):
            yield self.of("Checkpoint", "", step.step.value, "missing", "the checkpoint of a training that is done")
            return
        name = history.config.policy.method.value if step.step is Step.POLICY else TRAININGS[step.step]
        counted = []
        for row in history.ledger.each(history.run, TrainingStep, step):
            counted.append(row.step)
            if row.trainer != name:
                yield self.at(row, step.step, "trainer", row.trainer, name)
        if sorted(set(counted)) != list(range(1, len(set(counted)) + 1)):
            should = f"1 to {max(counted)}"
            yield self.of("TrainingStep", "", f"{step.step.value}: steps", shown(counted), should)

    def _place(self, row: Record, step: Step) -> int:
        """The last of several that are equal."""
        rows = self.history.ledger.each(self.history.run, type(row), step)
        return max((n for n, kept in enumerate(rows, 1) if kept == row), default=0)
