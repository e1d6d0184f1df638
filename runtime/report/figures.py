"""Tables and charts of a report, laid out: what stands in which cell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup
from msgspec import Struct

from runtime.records import Measure
from runtime.report import charts
from runtime.report.data import Curve, PrincipleVotes, ReportData

__all__ = [
    "AgreementCell", "AgreementRow", "MeasureCell", "MeasureRow", "MeasureTable", "TrainerCharts", "VoteRow",
    "agreement_rows", "measure_table", "training_charts", "vote_rows",
]  # fmt: skip

_AGREEMENT_PRINCIPLES_MAX = 24


class VoteRow(Struct, frozen=True):
    """A principle's votes; fractions are None where there is nothing that they could be fractions of."""

    votes: PrincipleVotes
    decided: float | None
    abstained: float | None
    flips: float | None


class AgreementCell(Struct, frozen=True):
    """The share of pairs that two principles agree on. `shade` is 0 to 10, from even to always or never."""

    share: float
    both: int
    shade: int
    against: bool


class AgreementRow(Struct, frozen=True):
    """A principle against those before it."""

    principle: str
    cells: tuple[AgreementCell | None, ...]


class MeasureCell(Struct, frozen=True):
    """One figure, as text and as a chart."""

    value: str
    low: str
    high: str
    count: int
    chart: Markup


class MeasureRow(Struct, frozen=True):
    """One measure, a cell for each policy."""

    name: str
    cells: tuple[MeasureCell | None, ...]


class MeasureTable(Struct, frozen=True):
    """Measures of some policies."""

    of: tuple[str, ...]
    rows: tuple[MeasureRow, ...]


class TrainerCharts(Struct, frozen=True):
    """The curves of one trainer, by metric: name, chart, last value, number of steps."""

    trainer: str
    charts: tuple[tuple[str, Markup, str, int], ...]


def vote_rows(data: ReportData) -> list[VoteRow]:
    """A row for each principle that voted."""
    return [
        VoteRow(
            votes=v,
            decided=v.decided / v.votes if v.votes else None,
            abstained=v.abstained / v.votes if v.votes else None,
            flips=v.flips / v.both_orders if v.both_orders else None,
        )
        for v in data.votes
    ]


def agreement_rows(data: ReportData) -> list[AgreementRow]:
    """The lower triangle of principles against principles; those that voted most where there are too many."""
    known = {id for a in data.agreements for id in (a.first, a.second)}
    order = [v.principle for v in sorted(data.votes, key=lambda v: -v.votes) if v.principle in known]
    ids = sorted(order[:_AGREEMENT_PRINCIPLES_MAX])
    found = {(a.first, a.second): a for a in data.agreements}
    rows = []
    for at, second in enumerate(ids):
        cells: list[AgreementCell | None] = []
        for first in ids[:at]:
            entry = found.get((first, second))
            if entry is None or not entry.both:
                cells.append(None)
                continue
            share = entry.same / entry.both
            cells.append(AgreementCell(share, entry.both, round(abs(share - 0.5) * 20), share < 0.5))
        rows.append(AgreementRow(second, tuple(cells)))
    return rows


def is_fraction(measures: Sequence[Measure]) -> bool:
    """Whether measures of one name are shares or probabilities; lengths, rewards and log-odds are not."""
    if any(m.name.startswith(("words", "reward")) or "log-odds" in m.name for m in measures):
        return False
    return all(0 <= x <= 1 for m in measures for x in (m.value, m.low, m.high) if math.isfinite(x))


def measure_table(measures: Sequence[Measure]) -> MeasureTable:
    """A row for each measure, a column for each policy, both in the order in which they were written."""
    of = tuple(dict.fromkeys(m.of for m in measures))
    rows = []
    for name in dict.fromkeys(m.name for m in measures):
        found = {m.of: m for m in measures if m.name == name}
        fraction = is_fraction(list(found.values()))
        axis = (0.0, 1.0) if fraction else _axis(list(found.values()))
        even = 0.5 if name.startswith("better than") else None if fraction else 0.0
        rows.append(MeasureRow(name, tuple(_cell(found[o], axis, even, fraction) if o in found else None for o in of)))
    return MeasureTable(of, tuple(rows))


def _axis(measures: Sequence[Measure]) -> tuple[float, float]:
    ends = [x for m in measures for x in (m.low, m.high, m.value) if math.isfinite(x)]
    return min([0.0, *ends]), max([0.0, *ends]) or 1.0


def _cell(measure: Measure, axis: tuple[float, float], even: float | None, fraction: bool) -> MeasureCell:  # noqa: FBT001
    text = charts.percent if fraction else charts.number
    if not math.isfinite(measure.value):
        return MeasureCell("no data", "", "", measure.count, Markup())
    chart = charts.interval(measure.value, measure.low, measure.high, axis, even)
    return MeasureCell(text(measure.value), text(measure.low), text(measure.high), measure.count, chart)


def training_charts(curves: Iterable[Curve]) -> list[TrainerCharts]:
    """A group of charts for each trainer, in the order in which they ran."""
    found: dict[str, list[tuple[str, Markup, str, int]]] = {}
    for curve in curves:
        points = [charts.Point(x, y) for x, y in curve.points]
        finite = [p.y for p in points if math.isfinite(p.y)]
        last = charts.number(finite[-1]) if finite else "no finite value"
        name = f"{curve.trainer.value}: {curve.metric}"
        found.setdefault(curve.trainer.value, []).append((curve.metric, charts.line(points, name), last, len(points)))
    return [TrainerCharts(trainer, tuple(listed)) for trainer, listed in found.items()]
