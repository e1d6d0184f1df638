"""Shares of principles: what the plan says of these prompts' cases, and what was drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from constitution_lang import sampling
from constitution_lang.ir.model import Bundle, Stage
from runtime.evaluation.intervals import share
from runtime.records import CaseRecord, Draw
from runtime.report.data import PrincipleShare, StageShares

__all__ = ["Case", "DrawTally", "case_of", "planned_shares"]

Case = tuple[tuple[str, str], ...]
"""Every attribute with its value, by the attribute's id."""


def case_of(record: CaseRecord) -> Case:
    """What all prompts of a case have in common."""
    return tuple(sorted(record.mapping.items()))


class DrawTally:
    """Counts over draws, added one by one. `cases` says which case a prompt is, by its id.

    Only first draws have shares that are known exactly: the second of two draws without replacement has others.
    What was planned is averaged over the cases in which something was drawn, once for each first draw.
    """

    def __init__(self, bundle: Bundle, cases: Mapping[str, Case]) -> None:
        self._bundle = bundle
        self._cases = cases
        self._totals: Counter[Stage] = Counter()
        self._precedence: Counter[Stage] = Counter()
        self._firsts: dict[Stage, Counter[str]] = {}
        self._slots: dict[Stage, Counter[Case]] = {}

    def add(self, draw: Draw) -> None:
        """Count one draw."""
        self._totals[draw.stage] += 1
        self._precedence[draw.stage] += bool(draw.over)
        if draw.position == 0:
            self._firsts.setdefault(draw.stage, Counter())[draw.principle] += 1
            if draw.prompt in self._cases:
                self._slots.setdefault(draw.stage, Counter())[self._cases[draw.prompt]] += 1

    def shares(self) -> tuple[StageShares, ...]:
        """Both shares for every stage that drew anything."""
        return tuple(self._of(stage, firsts) for stage in Stage if (firsts := self._firsts.get(stage)))

    def _of(self, stage: Stage, firsts: Counter[str]) -> StageShares:
        planned = planned_shares(self._bundle, stage, self._slots.get(stage, {}))
        principles = []
        for id in dict.fromkeys([*(p.id for p in self._bundle.principles), *firsts]):
            drawn = firsts[id]
            if not drawn and not planned.get(id):
                continue
            measured = share(id, stage, drawn, firsts.total())
            principles.append(
                PrincipleShare(
                    principle=id, planned=planned.get(id, 0.0), drawn=drawn, share=measured.value,
                    low=measured.low, high=measured.high,
                )
            )  # fmt: skip
        principles.sort(key=lambda p: (-p.planned, p.principle))
        return StageShares(
            stage=stage, first_draws=firsts.total(), draws=self._totals[stage], with_precedence=self._precedence[stage],
            principles=tuple(principles),
        )  # fmt: skip


def planned_shares(bundle: Bundle, stage: Stage, slots: Mapping[Case, int]) -> dict[str, float]:
    """The mean over first draws of each principle's probability; `slots` counts the first draws in a case.

    A row of a draw names the share of what was drawn, so its plain mean would favour what is drawn often. The plan's
    own shares of the case are used instead, for the principles that were never drawn too.
    """
    sums: dict[str, float] = {}
    for values, count in slots.items():
        for principle, planned in sampling.shares(bundle, stage, dict(values)).items():
            sums[principle] = sums.get(principle, 0.0) + planned * count
    return {principle: total / sum(slots.values()) for principle, total in sums.items()}
