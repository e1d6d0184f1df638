"""Training rows, from what the stages made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from runtime.config import SftTarget
from runtime.records import (
    Comparison,
    Label,
    LabelOutcome,
    PreferenceRow,
    PromptRecord,
    Response,
    Revision,
    SftRow,
    SftSource,
    identify,
)

__all__ = ["demonstration_rows", "preference_row", "preference_rows", "revised_rows", "sft_rows"]


def revised_rows(
    prompt: PromptRecord, response: Response, revisions: Sequence[Revision], *, target: SftTarget, constitution: str
) -> list[SftRow]:
    """The rows of one prompt, from its first response and its revisions in order; none where the text is empty.

    Every row names the principles of all the rounds that led to its text.
    """
    ends = range(1, len(revisions) + 1) if target is SftTarget.ALL else [len(revisions)]
    return [
        SftRow(
            id=identify("sft", prompt.id, revisions[end - 1].id, constitution),
            prompt=prompt.id,
            turns=prompt.turns,
            completion=revisions[end - 1].text,
            source=SftSource.REVISION,
            principles=tuple(r.principle for r in revisions[:end]),
            made_from=(response.id, *(x for r in revisions[:end] for x in (r.critique, r.id) if x is not None)),
            constitution=constitution,
        )
        for end in ends
        if end > 0 and revisions[end - 1].text
    ]


def demonstration_rows(demonstrations: Iterable[PromptRecord], *, constitution: str) -> Iterator[SftRow]:
    """A row for every demonstration that a data set gives."""
    for prompt in demonstrations:
        if prompt.demonstration is not None:
            yield SftRow(
                id=identify("demonstration", prompt.id, prompt.demonstration),
                prompt=prompt.id,
                turns=prompt.turns,
                completion=prompt.demonstration,
                source=SftSource.DEMONSTRATION,
                principles=(),
                made_from=(),
                constitution=constitution,
            )


def sft_rows(
    prompts: Sequence[PromptRecord],
    responses: Mapping[str, Response],
    revisions: Mapping[str, Sequence[Revision]],
    demonstrations: Iterable[PromptRecord],
    *,
    target: SftTarget,
    constitution: str,
) -> list[SftRow]:
    """The rows of all prompts and demonstrations; responses and revisions are by prompt id."""
    rows = [
        row
        for p in prompts
        for row in revised_rows(p, responses[p.id], revisions[p.id], target=target, constitution=constitution)
    ]
    return [*rows, *demonstration_rows(demonstrations, constitution=constitution)]


def preference_rows(
    prompts: Mapping[str, PromptRecord],
    comparisons: Sequence[Comparison],
    labels: Mapping[str, Label],
    *,
    constitution: str,
) -> list[PreferenceRow]:
    """A row for every labelled pair, the likelier side first; what got no label stays in the ledger."""
    made = (preference_row(prompts[c.prompt], c, labels[c.id], constitution=constitution) for c in comparisons)
    return [row for row in made if row is not None]


def preference_row(
    prompt: PromptRecord, comparison: Comparison, label: Label, *, constitution: str
) -> PreferenceRow | None:
    """The row of one pair; None where it got no label."""
    if label.outcome is not LabelOutcome.LABELLED or label.probability is None:
        return None
    flip = label.probability < 0.5
    seen = comparison.swap() if flip else comparison
    return PreferenceRow(
        id=identify("preference", comparison.id, label.probability, constitution),
        prompt=comparison.prompt,
        turns=prompt.turns,
        chosen=seen.text_a,
        rejected=seen.text_b,
        probability=1 - label.probability if flip else label.probability,
        source=label.source,
        principles=tuple(v.principle for v in label.votes if v.abstained is None),
        comparison=comparison.id,
        constitution=constitution,
    )
