"""Which records of a run are meant, and in which order they are given."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from runtime.ledger.runs import Step, StepId
from runtime.records import Record

__all__ = ["ORDER", "decoded", "selection", "step_id"]

R = TypeVar("R", bound=Record)

ORDER = {step.value: place for place, step in enumerate(Step)}
"""The place of each step in a run."""


def step_id(step: Step | StepId) -> StepId:
    """A step without rounds, where none is named."""
    return step if isinstance(step, StepId) else StepId(step)


def selection(run_id: str, kind: type[Any], step: Step | StepId | None) -> dict[str, str | int | None]:
    """Values for a query by run, kind, step and round, where None means any."""
    name = step.step if isinstance(step, StepId) else step
    turn = step.round if isinstance(step, StepId) else None
    return {"run": run_id, "kind": kind.__name__, "step": name and name.value, "round": turn}


def decoded(rows: list[tuple[str, int, int, bytes]], kind: type[R]) -> list[R]:
    """The records of rows of step, round, number and body: by step, by round, then as they were written."""
    decode = msgspec.msgpack.Decoder(kind).decode
    return [decode(row[3]) for row in sorted(rows, key=lambda row: (ORDER[row[0]], row[1], row[2]))]
