"""Every row of a run's ledger, held against what the rows before it give.

Each is derived from the rows before it as they stand, so one that does not fit does not make all after it seem wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

from runtime.progress import Task
from runtime.provenance.history import History
from runtime.provenance.misfits import Misfit
from runtime.provenance.pair_checks import PairChecks
from runtime.provenance.replay import Replay
from runtime.provenance.text_checks import TextChecks

__all__ = ["rederive", "rows_total"]


def rows_total(history: History) -> int:
    """How many rows there are to derive, as `rederive` counts them."""
    return (
        len(history.prompts) + len(history.cases) + len(history.answers) + len(history.labels) + len(history.pairs)
        + sum(map(len, history.revisions.values()))
    )  # fmt: skip


def rederive(history: History, replay: Replay, task: Task) -> Iterator[Misfit]:
    """All that does not fit, in the order in which the rows were made; `task` advances by one for every row."""
    yield from TextChecks(history, replay, task).misfits()
    yield from PairChecks(history, replay, task).misfits()
