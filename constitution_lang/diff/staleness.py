"""What a change makes stale: the work of a run that would come out differently, and in words which."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from constitution_lang.diff.counts import Cases
from constitution_lang.diff.model import Stale, Work
from constitution_lang.diff.words import count_words, listed
from constitution_lang.ir.model import Abstain, Outcome, Prefer, PromptKind, Weigh

__all__ = ["of_applicability", "of_draws", "of_evidence", "of_key", "of_prompts", "of_tags", "of_tension"]

_WORK = {
    PromptKind.TAG: Work.TAGS,
    PromptKind.CRITIQUE: Work.CRITIQUES,
    PromptKind.REVISE: Work.REVISIONS,
    PromptKind.REVISE_DIRECT: Work.REVISIONS,
    PromptKind.PREFER: Work.VOTES,
    PromptKind.REASON: Work.VOTES,
    PromptKind.PREFER_REASONED: Work.VOTES,
    PromptKind.REFUSAL: Work.MEASURES,
}
_SHOWN = 6


def of_prompts(kinds: Iterable[PromptKind], prompts: Sequence[str], subjects: Sequence[str]) -> tuple[Stale, ...]:
    """Of prompts whose text changed: `subjects` are the principles, or the attributes, that they are of."""
    found, asked = [], set(kinds)
    for work in Work:
        of_work = {kind.value for kind in asked if _WORK.get(kind) is work}
        ids = tuple(p for p in prompts if p.partition("/")[0] in of_work)
        if not ids:
            continue
        under = tuple(s for s in subjects if any(p.partition("+")[0].partition("/")[2] == s for p in ids))
        named = listed(under, at_most=_SHOWN)
        if work is Work.TAGS:
            found.append(Stale(work, f"tags of {named}, where the model gave them", attributes=under, prompts=ids))
        elif work is Work.MEASURES:
            found.append(Stale(work, "the refusals that an evaluation counts", prompts=ids))
        else:
            follow = ", and the revisions that follow" if work is Work.CRITIQUES else ""
            found.append(Stale(work, f"{work} under {named}{follow}", principles=under, prompts=ids))
            if work is Work.VOTES:
                found.append(Stale(Work.LABELS, f"labels with a vote under {named}", principles=under))
    return tuple(found)


def of_tags(attribute: str, prompts: tuple[str, ...]) -> Stale:
    """Of an attribute whose question or values changed."""
    return Stale(Work.TAGS, f"tags of {attribute}, where the model gave them", attributes=(attribute,), prompts=prompts)


def _where(cases: Cases) -> str:
    """The cases of a change, and those that could not be compared, of which anything may be another."""
    told = count_words(cases.changed, cases.total, brief=True)
    return f"{told} and in those with {cases.left_out}" if cases.left_out else told


def of_applicability(principles: Sequence[str], cases: Cases, *, yields: bool, gone: bool = False) -> tuple[Stale, ...]:
    """Of principles that apply in other cases than before, and so stand in other draws; `gone` where in none.

    `yields` where a tension has one side come before another and they stand on one of the two: prompts of the other
    side say so where they apply, and do not where they do not.
    """
    where, named = _where(cases), listed(principles, at_most=_SHOWN)
    draws = f"the draws of prompts in {where}, and what follows from those that move"
    texts = f"critiques and revisions in {where} in which a tension puts {named} first or another before it"
    votes = Stale(Work.VOTES, f"votes under {named} in {where}", principles=tuple(principles), cases=cases.changed)
    return (
        Stale(Work.DRAWS, draws, cases=cases.changed),
        *(() if gone else (votes,)),
        Stale(Work.LABELS, f"labels in {where}", cases=cases.changed),
        *(Stale(work, texts, cases=cases.changed) for work in (Work.CRITIQUES, Work.REVISIONS) if yields),
    )


def of_key(principle: str) -> tuple[Stale, ...]:
    """Of a principle whose chance in every draw is another one."""
    says = f"every draw in which {principle} has a part, and the texts, votes and labels of those that move"
    return tuple(Stale(work, says) for work in Work if work not in {Work.TAGS, Work.MEASURES})


def of_draws(moving: Sequence[str], share: float, *, alone: bool) -> tuple[Stale, ...]:
    """Of a weight: the draws of each stage that move, in words, and the greatest share of them.

    `alone`: no other weight changed; else others may take back what this one moves.
    """
    if not moving:
        return ()
    by = "" if alone else ", by this weight alone"
    return (Stale(Work.DRAWS, f"{listed(moving)}{by}, and what follows from those", share=share),)


def of_evidence(category: str, *, alone: bool) -> tuple[Stale, ...]:
    """Of a category that counts for more or less in a label: the same votes make another one."""
    by = "" if alone else ", by this weight alone"
    says = f"labels with votes under {category} and under another category{by}; no vote is asked again for that"
    return (Stale(Work.LABELS, says),)


def of_tension(
    outcomes: Iterable[object], yielding: Sequence[str], cases: Cases, works: Collection[Work]
) -> tuple[Stale, ...]:
    """Of a tension that decides otherwise: `outcomes` are all that it decided or decides where it changes.

    `works` are others also where no outcome is.
    """
    where = _where(cases)
    kinds = {type(outcome) for outcome in outcomes if isinstance(outcome, Outcome)}
    draws = Weigh in kinds or Work.DRAWS in works
    found = []
    if draws:
        says = f"the draws of prompts in {where} that move, and what follows from those"
        found.append(Stale(Work.DRAWS, says, cases=cases.changed))
    if Prefer in kinds or Work.CRITIQUES in works:
        named = listed(yielding, at_most=_SHOWN)
        found += [
            Stale(work, f"critiques and revisions under {named} in {where}", tuple(yielding), cases=cases.changed)
            for work in (Work.CRITIQUES, Work.REVISIONS)
        ]
    if Work.LABELS in works or kinds & {Prefer, Weigh, Abstain}:
        again = "" if draws else "; no vote is asked again"
        found.append(Stale(Work.LABELS, f"labels in {where}{again}", cases=cases.changed))
    return tuple(found)
