"""From the ledger of a run to what its report says. One kind of row at a time, so that a large run fits."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from operator import itemgetter
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
    Sample,
)
from runtime.report.facts import fact_groups, is_rehearsal, step_costs
from runtime.report.revisions import RevisionTally
from runtime.report.shares import Case, DrawTally, case_of
from runtime.report.stories import Rows, stories
from runtime.report.votes import LabelTally, purposes_of

__all__ = ["SAMPLE_MAX", "cases_of", "collect", "manifest_of"]

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
    files, pool, chosen = _prompts(ledger, run_id, sample_max)
    rows = Rows(wanted=list(chosen), prompts=chosen)

    rows.cases = {c.prompt: c for c in ledger.each(run_id, CaseRecord) if c.prompt in chosen}
    attributes = _attribute_uses(bundle, ledger.each(run_id, CaseRecord))
    drawn = DrawTally(bundle, cases_of(ledger, run_id))
    rows.draws = _counting(ledger.each(run_id, Draw), drawn.add, chosen)
    shares = drawn.shares()
    del drawn

    rows.responses = _counting(ledger.each(run_id, Response), None, chosen)
    rows.critiques = {c.id: c for c in _counting(ledger.each(run_id, Critique), None, chosen)}
    revised = RevisionTally(ledger.each(run_id, Response, Step.RESPOND))
    rows.revisions = _counting(ledger.each(run_id, Revision), revised.add, chosen)
    rounds = revised.rounds()
    del revised

    compared = _counting(ledger.each(run_id, Comparison), None, chosen)
    rows.comparisons = list({c.id: c for c in compared}.values())
    shown = {c.id for c in rows.comparisons}
    labelled = LabelTally(bundle, purposes_of(ledger.each(run_id, Comparison)))
    for label in ledger.each(run_id, Label):
        labelled.add(label)
        if label.comparison in shown:
            rows.labels[label.comparison] = label

    sft_sources, preference_sources = Counter[str](), Counter[str]()
    rows.sft_rows = _counting(ledger.each(run_id, SftRow), lambda r: sft_sources.update([r.source.value]), chosen)
    rows.preference_rows = _counting(
        ledger.each(run_id, PreferenceRow), lambda r: preference_sources.update([r.source.value]), chosen
    )
    cuts = ledger.read(run_id, PromptCut)
    rows.cuts = [cut for cut in cuts if cut.prompt in chosen]

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
        labels=labelled.counts(),
        histogram=tuple(labelled.histogram),
        votes=labelled.votes(),
        agreements=labelled.agreements(),
        agreement_labels=labelled.agreement_labels,
        rules=labelled.rules(),
        sft_sources=tuple(sorted(sft_sources.items())),
        preference_sources=tuple(sorted(preference_sources.items())),
        curves=_curves(ledger.each(run_id, TrainingStep)),
        checkpoints=tuple(
            CheckpointFact(kind=c.kind, path=c.path, weights=c.weights, rows=len(c.data))
            for c in ledger.read(run_id, Checkpoint)
        ),
        measures=tuple(ledger.read(run_id, Measure, Step.EVALUATE)),
        audit=tuple(ledger.read(run_id, Measure, Step.AUDIT)),
        sample=Sample(total=pool, stories=stories(rows, chosen)),
    )


def cases_of(ledger: Ledger, run_id: str) -> dict[str, Case]:
    """The case of every prompt, by its id. Prompts of one case share it."""
    shared: dict[Case, Case] = {}
    return {c.prompt: shared.setdefault(case := case_of(c), case) for c in ledger.each(run_id, CaseRecord)}


def _prompts(ledger: Ledger, run_id: str, count: int) -> tuple[Counter[tuple[str, str]], int, dict[str, PromptRecord]]:
    """How many prompts each file has of each kind; how many could be shown; and at most `count` of those, by id.

    Which ones depends on their ids alone; they stand in their order.
    """
    files = Counter[tuple[str, str]]()
    pool = 0

    def shown() -> Iterator[tuple[str, int, PromptRecord]]:
        nonlocal pool
        for prompt in ledger.each(run_id, PromptRecord):
            files[prompt.file or "unnamed", prompt.kind.value] += 1
            # A demonstration is answered by its data set: there is nothing to show but the answer.
            if prompt.demonstration is None:
                yield identify("report sample", prompt.id), pool, prompt
                pool += 1

    chosen = heapq.nsmallest(count, shown(), key=itemgetter(0, 1))
    return files, pool, {prompt.id: prompt for _, _, prompt in sorted(chosen, key=itemgetter(1))}


def _counting(rows: Iterable[P], count: Callable[[P], None] | None, wanted: Collection[str]) -> list[P]:
    """The rows of the wanted prompts; all of them are counted."""
    found = []
    for row in rows:
        if count is not None:
            count(row)
        if row.prompt in wanted:
            found.append(row)
    return found


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
