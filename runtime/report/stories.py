"""The story of a prompt: its rows, put in the order in which they were made."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from runtime.records import (
    CaseRecord,
    Comparison,
    Critique,
    Draw,
    Label,
    PreferenceRow,
    PromptCut,
    PromptRecord,
    Response,
    Revision,
    SftRow,
)
from runtime.report.data import Pair, Story, StoryRound

__all__ = ["Rows", "stories"]


@dataclass(slots=True)
class Rows:
    """Rows of some prompts, as they are found. `wanted` are the ids of those prompts."""

    wanted: Collection[str]
    prompts: dict[str, PromptRecord] = field(default_factory=dict)
    cases: dict[str, CaseRecord] = field(default_factory=dict)
    draws: list[Draw] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    critiques: dict[str, Critique] = field(default_factory=dict)
    revisions: list[Revision] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    labels: dict[str, Label] = field(default_factory=dict)
    sft_rows: list[SftRow] = field(default_factory=list)
    preference_rows: list[PreferenceRow] = field(default_factory=list)
    cuts: list[PromptCut] = field(default_factory=list)


def stories(rows: Rows, order: Iterable[str]) -> tuple[Story, ...]:
    """One story for each prompt id of `order`."""
    by_prompt: dict[str, _Found] = {}
    for draw in rows.draws:
        _found(by_prompt, draw.prompt).draws.append(draw)
    for response in rows.responses:
        _found(by_prompt, response.prompt).responses.append(response)
    for revision in rows.revisions:
        _found(by_prompt, revision.prompt).revisions.append(revision)
    for comparison in rows.comparisons:
        _found(by_prompt, comparison.prompt).pairs.append(
            Pair(comparison=comparison, label=rows.labels.get(comparison.id))
        )
    for sft_row in rows.sft_rows:
        _found(by_prompt, sft_row.prompt).sft_rows.append(sft_row)
    for preference_row in rows.preference_rows:
        _found(by_prompt, preference_row.prompt).preference_rows.append(preference_row)
    for prompt_cut in rows.cuts:
        _found(by_prompt, prompt_cut.prompt).cuts.append(prompt_cut)
    return tuple(_story(id, rows, by_prompt.get(id, _Found())) for id in order)


@dataclass(slots=True)
class _Found:
    draws: list[Draw] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    revisions: list[Revision] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    sft_rows: list[SftRow] = field(default_factory=list)
    preference_rows: list[PreferenceRow] = field(default_factory=list)
    cuts: list[PromptCut] = field(default_factory=list)


def _found(by_prompt: dict[str, _Found], prompt: str) -> _Found:
    return by_prompt.setdefault(prompt, _Found())


def _story(id: str, rows: Rows, found: _Found) -> Story:
    texts = {r.id: r.text for r in found.responses} | {r.id: r.text for r in found.revisions}
    return Story(
        id=id,
        prompt=rows.prompts.get(id),
        case=rows.cases.get(id),
        draws=tuple(sorted(found.draws, key=lambda d: (d.stage != "revision", d.round, d.position))),
        responses=tuple(found.responses),
        rounds=tuple(
            StoryRound(
                before=texts.get(revision.of, ""),
                critique=rows.critiques.get(revision.critique) if revision.critique else None,
                revision=revision,
            )
            for revision in sorted(found.revisions, key=lambda r: r.round)
        ),
        pairs=tuple(found.pairs),
        sft_rows=tuple(found.sft_rows),
        preference_rows=tuple(found.preference_rows),
        cuts=tuple(found.cuts),
    )
