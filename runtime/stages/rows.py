"""Training rows, from what the stages made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

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

__all__ = ["preference_row", "preference_rows", "sft_rows"]


def sft_rows(
    prompts: Sequence[PromptRecord],
    responses: Mapping[str, Response],
    revisions: Mapping[str, Sequence[Revision]],
    demonstrations: Iterable[PromptRecord],
    *,
    target: SftTarget,
    constitution: str,
) -> tuple[list[SftRow], list[str], list[str]]:
    """The rows, and ids of prompts that have none: those whose text is empty, and those that no principle touched.

    `responses` holds the first response of each prompt and `revisions` its revisions in order of rounds, both by
    prompt id. Every row names the principles of all the rounds that led to its text.
    """
    rows: list[SftRow] = []
    empty: list[str] = []
    untouched: list[str] = []
    for prompt in prompts:
        chain = revisions[prompt.id]
        ends = range(1, len(chain) + 1) if target is SftTarget.ALL else [len(chain)]
        made = [
            SftRow(
                id=identify("sft", prompt.id, chain[end - 1].id, constitution),
                prompt=prompt.id,
                turns=prompt.turns,
                completion=chain[end - 1].text,
                source=SftSource.REVISION,
                principles=tuple(r.principle for r in chain[:end]),
                made_from=(
                    responses[prompt.id].id,
                    *(x for r in chain[:end] for x in (r.critique, r.id) if x is not None),
                ),
                constitution=constitution,
            )
            for end in ends
            if end > 0 and chain[end - 1].text
        ]
        rows += made
        if not made:
            (empty if chain else untouched).append(prompt.id)
    for prompt in demonstrations:
        if prompt.demonstration is None:
            continue
        rows.append(
            SftRow(
                id=identify("demonstration", prompt.id, prompt.demonstration),
                prompt=prompt.id,
                turns=prompt.turns,
                completion=prompt.demonstration,
                source=SftSource.DEMONSTRATION,
                principles=(),
                made_from=(),
                constitution=constitution,
            )
        )
    return rows, empty, untouched


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
