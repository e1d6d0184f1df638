"""What a plan's steps amount to: answers that are known and asked for, draws that moved, trainings, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from constitution_lang.diff.model import Difference
from runtime.ledger.runs import Step, StepId, Usage
from runtime.planning.before import TEXTS, TRAININGS, Before, drawn
from runtime.planning.costs import Measured
from runtime.planning.counts import split, unnamed
from runtime.planning.model import Cost, PrincipleWork, StageWork, TrainingWork
from runtime.planning.overlay import Overlay
from runtime.planning.why import Reasons
from runtime.records import (
    Comparison,
    Critique,
    Draw,
    Label,
    PreferenceRow,
    Record,
    Response,
    Revision,
    SftRow,
)
from runtime.session import Session
from runtime.training.seen import seen_of

__all__ = ["stage_works", "training_works"]

_POLICIES = (None, Step.SFT, Step.DPO, Step.POLICY)
"""The policies of the evaluation, by what trains them."""


def stage_works(
    session: Session,
    overlay: Overlay,
    *,
    measured: Measured,
    kin: Mapping[str, str],
    before: Before | None,
    difference: Difference | None,
) -> tuple[StageWork, ...]:
    """Every step that asks a model, or would."""
    reasons = Reasons(difference, before.since if before else None)
    new_texts = _new_texts(session, overlay, before)
    new_pairs = _new_pairs(session, overlay, new_texts)
    works = []
    for step in overlay.steps(session.run):
        records = list(overlay.records(session.run, step))
        tallies = [entry.tally for entry in overlay.tallies if entry.step == step]
        counted = split(records, lambda key, step=step: overlay.made_in.get(key) == step)  # type: ignore[misc]
        rest = unnamed(session, step, records) if overlay.taken_over(session.run, step) else 0
        if step.step is Step.DATA or not (counted or tallies or rest):
            continue
        cost = sum(
            (measured.cost(kin.get(t.model, t.model), t.generate, t.choose) for t in tallies), Cost()
        )  # fmt: skip
        now = drawn(session.bundle, [(step.step, r) for r in records if isinstance(r, Draw)])
        stands = before is not None and step in before.since.done
        moved = before.moved(step, now) if before else {}
        moved_keys = frozenset[str]().union(*(moved if stands else now).values())
        follows = _followers(records, new_texts, new_pairs)
        principles = tuple(
            PrincipleWork(
                principle=id,
                kept=kept,
                calls=calls,
                why=reasons.of_answers(
                    step,
                    id,
                    moved=session.bundle.principle(id).key in moved_keys or not now,
                    follows=id in follows,
                )
                if calls
                else (),
            )
            for id, (kept, calls) in sorted(counted.items())
            if id
        )
        # Where it is gone through once more, answers that no record names are in the tally alone.
        listed = sum((t.generate + t.choose for t in tallies), Usage()).reused
        kept = max(listed, sum(kept for kept, _ in counted.values()) + rest)
        why = tuple(dict.fromkeys(r for p in principles for r in p.why))
        if cost.calls and not why:
            why = reasons.of_answers(step, "", moved=False, follows=_follows_alone(session, step, before, new_texts))
        works.append(
            StageWork(
                step=step,
                taken_over=overlay.taken_over(session.run, step),
                kept=kept,
                cost=cost,
                principles=principles,
                why=why,
                draws=sum(len(keys) for keys in now.values()),
                moved=sum(len(keys) for keys in moved.values()) if stands else None,
            )
        )
    return tuple(works)


def training_works(
    session: Session, overlay: Overlay, measured: Measured, before: Before | None, difference: Difference | None
) -> tuple[TrainingWork, ...]:
    """Every training."""
    reasons = Reasons(difference, before.since if before else None)
    texts = [seen_of(r) for r in session.read(SftRow, StepId(Step.SFT, 0))]
    pairs = [seen_of(r) for r in session.read(PreferenceRow, StepId(Step.LABEL, 0))]
    planned = {tally.step.step: tally for tally in overlay.trainings}
    works = []
    for step in TRAININGS:
        tally = planned.get(step)
        if tally is None:
            works.append(TrainingWork(step=StepId(step), taken_over=True))
            continue
        says = []
        if step is Step.SFT:
            says += _changed("texts", texts, before.texts if before else frozenset())
        if step in (Step.PREFERENCE_MODEL, Step.DPO):
            says += _changed("pairs", pairs, before.pairs if before else frozenset())
        if before is not None and step in (Step.DPO, Step.POLICY) and before.is_new(session, Step.SFT):
            says.append("SL-CAI, which it starts from, is trained anew")
        if before is not None and step is Step.POLICY and before.is_new(session, Step.PREFERENCE_MODEL):
            says.append("the preference model is trained anew")
        works.append(
            TrainingWork(
                step=StepId(step),
                taken_over=False,
                steps=tally.steps,
                tokens=tally.tokens,
                seconds=measured.training_seconds(step, tally.model, tally.tokens),
                why=reasons.of_training(StepId(step), says),
            )
        )
    return tuple(works)


def _changed(what: str, now: Sequence[object], before: frozenset[object]) -> list[str]:
    new = sum(x not in before for x in now)
    gone = len(before - set(now))
    if new:
        return [f"{new} of {len(now)} {what} are new"]
    if gone:
        return [f"{gone} {what} are gone"]
    return []


def _new_texts(session: Session, overlay: Overlay, before: Before | None) -> frozenset[str]:
    """Ids of responses, critiques and revisions that the plan only supposes, or that the run before did not have.

    A run that was stopped may have written some of them.
    """
    return frozenset(
        record.id
        for step in overlay.steps(session.run)
        for record in overlay.records(session.run, step)
        if isinstance(record, TEXTS)
        and (record.key in overlay.made_in or (before is not None and record.id not in before.written))
    )


def _new_pairs(session: Session, overlay: Overlay, new_texts: frozenset[str]) -> frozenset[str]:
    """Ids of pairs with a text that is new."""
    return frozenset(
        record.id
        for step in overlay.steps(session.run)
        for record in overlay.records(session.run, step)
        if isinstance(record, Comparison) and new_texts & {record.a, record.b}
    )


def _follows_alone(session: Session, step: StepId, before: Before | None, new_texts: frozenset[str]) -> bool:
    """Whether what is asked under no principle is asked as the policy that answers, or what it said, is new."""
    policy = None
    if step.step is Step.PAIR and session.config.pair.policy is None:
        policy = Step.SFT
    if step.step is Step.EVALUATE:
        if step.round % 2:
            return any(x.id in new_texts for x in session.read(Response, StepId(step.step, step.round - 1)))
        policy = _POLICIES[step.round // 2]
    return before is not None and policy is not None and before.is_new(session, policy)


def _followers(records: Sequence[Record], new_texts: frozenset[str], new_pairs: frozenset[str]) -> frozenset[str]:
    """Principles that are asked about a text that is new."""
    found = set[str]()
    for record in records:
        if isinstance(record, Critique | Revision) and record.of in new_texts:
            found.add(record.principle)
        if isinstance(record, Label) and record.comparison in new_pairs:
            found.update(vote.principle for vote in record.votes)
    return frozenset(found)
