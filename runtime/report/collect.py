"""From the ledger of a run to what its report says. One kind of row at a time, so that a large run fits."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Protocol, TypeVar

import msgspec

from constitution_lang.ir.model import Bundle
from runtime.ledger.runs import RunManifest, Step
from runtime.ledger.store import Ledger, LedgerError
from runtime.records import (
    CaseRecord,
    Checkpoint,
    Comparison,
    Critique,
    Draw,
    Label,
    Measure,
    PreferenceRow,
    PromptCut,
    PromptRecord,
    Response,
    Revision,
    RevisionStatus,
    SftRow,
    TrainingStep,
    identify,
)
from runtime.report.data import (
    AttributeUse,
    CheckpointFact,
    Curve,
    CutCount,
    DataFact,
    ReportData,
    RoundCounts,
    Sample,
)
from runtime.report.facts import fact_groups, is_rehearsal, step_costs
from runtime.report.shares import stage_shares
from runtime.report.stories import Rows, stories
from runtime.report.votes import LabelTally

__all__ = ["SAMPLE_MAX", "collect", "manifest_of"]

SAMPLE_MAX = 80
"""Prompts whose whole story is in the page."""


class _OfPrompt(Protocol):
    @property
    def prompt(self) -> str: ...


P = TypeVar("P", bound=_OfPrompt)


def manifest_of(ledger: Ledger, run_id: str) -> RunManifest:
    """The manifest of a run; LedgerError where the ledger has none of that id."""
    for manifest in ledger.runs():
        if manifest.id == run_id:
            return manifest
    raise LedgerError(f"The ledger {ledger.path} knows no run {run_id}.", "Name one of its runs, or none for the last.")


def collect(ledger: Ledger, run_id: str, *, sample_max: int = SAMPLE_MAX) -> ReportData:
    """All that the report of `run_id` says."""
    manifest = manifest_of(ledger, run_id)
    bundle = msgspec.json.decode(manifest.bundle, type=Bundle)
    prompts = _unique(ledger.read(run_id, PromptRecord))
    # A demonstration is answered by its data set: there is nothing to show but the answer.
    pool = [p.id for p in prompts.values() if p.demonstration is None]
    wanted = _choose(pool, sample_max)
    rows = Rows(wanted=wanted, prompts={id: prompts[id] for id in wanted})

    cases = {case.prompt: case for case in ledger.read(run_id, CaseRecord)}
    rows.cases = {id: cases[id] for id in wanted if id in cases}
    draws = ledger.read(run_id, Draw)
    shares = stage_shares(bundle, cases, draws)
    attributes = _attribute_uses(bundle, cases.values())
    rows.draws = _of(draws, wanted)
    del draws, cases

    rounds = _read_texts(ledger, run_id, rows)
    comparisons = ledger.read(run_id, Comparison)
    rows.comparisons = list({c.id: c for c in _of(comparisons, wanted)}.values())
    tally = LabelTally(bundle, {c.id: c.purpose for c in comparisons})
    shown = {c.id for c in rows.comparisons}
    del comparisons
    for label in ledger.each(run_id, Label):
        tally.add(label)
        if label.comparison in shown:
            rows.labels[label.comparison] = label

    sft_rows = ledger.read(run_id, SftRow)
    rows.sft_rows = _of(sft_rows, wanted)
    sft_sources = Counter(row.source.value for row in sft_rows)
    del sft_rows
    preference_rows = ledger.read(run_id, PreferenceRow)
    rows.preference_rows = _of(preference_rows, wanted)
    preference_sources = Counter(row.source.value for row in preference_rows)
    del preference_rows

    cuts = ledger.read(run_id, PromptCut)
    rows.cuts = _of(cuts, wanted)

    files = Counter((p.file or "unnamed", p.kind.value) for p in prompts.values())
    return ReportData(
        run=run_id,
        title=bundle.title or bundle.name,
        rehearsed=is_rehearsal(manifest),
        facts=fact_groups(manifest, bundle),
        costs=step_costs(ledger.tally(run_id)),
        data=tuple(DataFact(file=file, kind=kind, prompts=count) for (file, kind), count in sorted(files.items())),
        cuts=_cut_counts(cuts),
        titles={c.id: c.title for c in bundle.categories} | {p.id: p.title for p in bundle.principles},
        origins={p.id: p.origin for p in bundle.principles},
        decided=bundle.preference.decided,
        attributes=attributes,
        shares=shares,
        rounds=rounds,
        labels=tally.counts(),
        histogram=tuple(tally.histogram),
        votes=tally.votes(),
        agreements=tally.agreements(),
        agreement_labels=tally.agreement_labels,
        rules=tally.rules(),
        sft_sources=tuple(sorted(sft_sources.items())),
        preference_sources=tuple(sorted(preference_sources.items())),
        curves=_curves(ledger.read(run_id, TrainingStep)),
        checkpoints=tuple(
            CheckpointFact(kind=c.kind, path=c.path, weights=c.weights, rows=len(c.data))
            for c in ledger.read(run_id, Checkpoint)
        ),
        measures=tuple(ledger.read(run_id, Measure, Step.EVALUATE)),
        audit=tuple(ledger.read(run_id, Measure, Step.AUDIT)),
        sample=Sample(total=len(pool), stories=stories(rows, wanted)),
    )


def _choose(ids: list[str], count: int) -> list[str]:
    """At most `count` ids, in their order. Which ones depends on their hash alone."""
    if len(ids) <= count:
        return ids
    chosen = set(heapq.nsmallest(count, ids, key=lambda prompt: identify("report sample", prompt)))
    return [id for id in ids if id in chosen]


def _unique(prompts: Iterable[PromptRecord]) -> dict[str, PromptRecord]:
    return {p.id: p for p in prompts}


def _of(rows: Iterable[P], wanted: Collection[str]) -> list[P]:
    ids = set(wanted)
    return [row for row in rows if row.prompt in ids]


def _read_texts(ledger: Ledger, run_id: str, rows: Rows) -> tuple[RoundCounts, ...]:
    responses = {r.id: r for r in ledger.read(run_id, Response)}
    words = {id: len(r.text.split()) for id, r in responses.items()}
    rows.responses = _of(responses.values(), rows.wanted)
    del responses
    rows.critiques = {c.id: c for c in _of(ledger.read(run_id, Critique), rows.wanted)}
    revisions = ledger.read(run_id, Revision)
    rows.revisions = _of(revisions, rows.wanted)
    words |= {r.id: len(r.text.split()) for r in revisions}
    rounds: dict[int, list[Revision]] = {}
    for revision in revisions:
        rounds.setdefault(revision.round, []).append(revision)
    return tuple(_round_counts(number, found, words) for number, found in sorted(rounds.items()))


def _round_counts(number: int, revisions: list[Revision], words: dict[str, int]) -> RoundCounts:
    status = Counter(r.status for r in revisions)
    return RoundCounts(
        round=number,
        revised=status[RevisionStatus.REVISED],
        unchanged=status[RevisionStatus.UNCHANGED],
        empty=status[RevisionStatus.EMPTY],
        declined=status[RevisionStatus.DECLINED],
        cut=sum(r.finish == "length" for r in revisions),
        words_before=sum(words.get(r.of, 0) for r in revisions) / len(revisions),
        words_after=sum(words[r.id] for r in revisions) / len(revisions),
    )


def _cut_counts(cuts: Iterable[PromptCut]) -> tuple[CutCount, ...]:
    by_step: dict[str, list[PromptCut]] = {}
    for cut in cuts:
        by_step.setdefault(cut.step, []).append(cut)
    return tuple(
        CutCount(
            step=step.replace("_", " "),
            prompts=len({cut.prompt for cut in found}),
            questions=len(found),
            turns_max=max(cut.turns for cut in found),
        )
        for step, found in by_step.items()
    )


def _attribute_uses(bundle: Bundle, cases: Iterable[CaseRecord]) -> tuple[AttributeUse, ...]:
    values: Counter[tuple[str, str]] = Counter()
    origins: Counter[tuple[str, str]] = Counter()
    for case in cases:
        for value in case.values:
            values[value.attribute, value.value] += 1
            origins[value.attribute, value.origin.value] += 1
    return tuple(
        AttributeUse(
            attribute=a.id,
            question=a.question,
            origin=a.origin,
            values=tuple((v, values[a.id, v]) for v in a.values),
            origins=tuple((o, n) for (of, o), n in sorted(origins.items()) if of == a.id),
        )
        for a in bundle.attributes
    )


def _curves(steps: Iterable[TrainingStep]) -> tuple[Curve, ...]:
    found: dict[tuple[str, str], list[tuple[int, float]]] = {}
    trainers = {}
    for step in steps:
        trainers[step.trainer.value] = step.trainer
        for metric, value in step.metrics:
            found.setdefault((step.trainer.value, metric), []).append((step.step, value))
    return tuple(
        Curve(trainer=trainers[trainer], metric=metric, points=tuple(sorted(points)))
        for (trainer, metric), points in found.items()
    )
