"""Every row of a run's ledger, held against what the rows before it give.

Each is derived from the rows before it as they stand, so one that does not fit does not make all after it seem wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

from runtime.ledger.runs import Step
from runtime.progress import Task
from runtime.provenance.cut_checks import DerivedCuts, cut_misfits
from runtime.provenance.filing_checks import FilingChecks
from runtime.provenance.history import History
from runtime.provenance.measured_checks import MeasuredChecks
from runtime.provenance.misfits import Misfit
from runtime.provenance.pair_checks import PairChecks
from runtime.provenance.replay import Replay
from runtime.provenance.row_checks import RowChecks
from runtime.provenance.step_checks import StepChecks, marked_by_another
from runtime.provenance.text_checks import TextChecks
from runtime.records import Label, Response

__all__ = ["rederive", "rows_total"]


def rows_total(history: History) -> int:
    """How many rows there are to derive, as `rederive` counts them."""
    ledger, run = history.ledger, history.run
    measured = sum(ledger.count(run, kind, step) for kind in (Response, Label) for step in (Step.EVALUATE, Step.AUDIT))
    return (
        len(history.prompts) + len(history.cases) + len(history.answers) + len(history.labels) + len(history.pairs)
        + sum(map(len, history.revisions.values())) + measured
    )  # fmt: skip


def rederive(history: History, replay: Replay, task: Task) -> Iterator[Misfit]:
    """All that does not fit, in the order in which the rows were made; `task` advances by one for every row.

    The marks of steps come last, and only where all else fits: each is of all rows before its step. Those of another
    version of this package are not compared.
    """
    cuts, fit = DerivedCuts(), True
    for misfit in _of_rows(history, replay, cuts, task):
        fit = False
        yield misfit
    if fit and not marked_by_another(history):
        yield from StepChecks(history, replay, cuts, task).misfits()


def _of_rows(history: History, replay: Replay, cuts: DerivedCuts, task: Task) -> Iterator[Misfit]:
    yield from RowChecks(history, replay, cuts, task).misfits()
    yield from TextChecks(history, replay, cuts, task).misfits()
    yield from PairChecks(history, replay, cuts, task).misfits()
    yield from MeasuredChecks(history, replay, cuts, task).misfits()
    yield from FilingChecks(history, replay, cuts, task).misfits()
    yield from cut_misfits(history, cuts)
