"""Shares of principles: what the plan says of these prompts' cases, and what was drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from constitution_lang import sampling
from constitution_lang.ir.model import Bundle, Stage
from runtime.evaluation.intervals import share
from runtime.records import CaseRecord, Draw
from runtime.report.data import PrincipleShare, StageShares

__all__ = ["planned_shares", "stage_shares"]


def stage_shares(bundle: Bundle, cases: Mapping[str, CaseRecord], draws: Iterable[Draw]) -> tuple[StageShares, ...]:
    """Both shares for every stage that drew anything.

    Only first draws have shares that are known exactly: the second of two draws without replacement has others.
    What was planned is averaged over the cases in which something was drawn, once for each first draw.
    """
    totals: Counter[Stage] = Counter()
    precedence: Counter[Stage] = Counter()
    firsts: dict[Stage, Counter[str]] = {}
    slots: dict[Stage, Counter[str]] = {}
    for draw in draws:
        totals[draw.stage] += 1
        precedence[draw.stage] += bool(draw.over)
        if draw.position == 0:
            firsts.setdefault(draw.stage, Counter())[draw.principle] += 1
            slots.setdefault(draw.stage, Counter())[draw.prompt] += 1
    found = []
    for stage in Stage:
        if stage not in firsts:
            continue
        count = firsts[stage].total()
        planned = planned_shares(bundle, stage, cases, slots[stage])
        principles = []
        for id in dict.fromkeys([*(p.id for p in bundle.principles), *firsts[stage]]):
            drawn = firsts[stage][id]
            if not drawn and not planned.get(id):
                continue
            measured = share(id, stage, drawn, count)
            principles.append(
                PrincipleShare(
                    principle=id, planned=planned.get(id, 0.0), drawn=drawn, share=measured.value,
                    low=measured.low, high=measured.high,
                )
            )  # fmt: skip
        principles.sort(key=lambda p: (-p.planned, p.principle))
        found.append(
            StageShares(
                stage=stage, first_draws=count, draws=totals[stage], with_precedence=precedence[stage],
                principles=tuple(principles),
            )
        )  # fmt: skip
    return tuple(found)


def planned_shares(
    bundle: Bundle, stage: Stage, cases: Mapping[str, CaseRecord], slots: Mapping[str, int]
) -> dict[str, float]:
    """The mean over first draws of each principle's probability; `slots` counts a prompt's first draws.

    A row of a draw names the share of what was drawn, so its plain mean would favour what is drawn often. The plan's
    own shares of the case are used instead, for the principles that were never drawn too.
    """
    by_case: Counter[tuple[tuple[str, str], ...]] = Counter()
    for prompt, count in slots.items():
        if prompt in cases:
            by_case[tuple(sorted(cases[prompt].mapping.items()))] += count
    sums: dict[str, float] = {}
    for values, count in by_case.items():
        for principle, planned in sampling.shares(bundle, stage, dict(values)).items():
            sums[principle] = sums.get(principle, 0.0) + planned * count
    return {principle: total / by_case.total() for principle, total in sums.items()}
