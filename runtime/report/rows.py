"""Sampled prompts as the page shows them: texts cut to a bounded length, changes marked, filters named."""

from __future__ import annotations

from msgspec import Struct

from runtime.records import Label, LabelOutcome, LabelSource, RevisionStatus
from runtime.report.data import Pair, ReportData, Story, StoryRound
from runtime.report.texts import Change, Cut, Piece, cut, word_changes

__all__ = ["Judgement", "PairView", "RoundView", "RowView", "row_views"]

TEXT_MAX = 2500
"""Characters of one text in the page. The ledger has all of it, and `cai-run explain` prints it."""
_SUMMARY_MAX = 110


class RoundView(Struct, frozen=True):
    """One round: what was said, and what it changed."""

    number: int
    principle: str
    over: tuple[str, ...]
    compiled: str
    status: RevisionStatus
    critique: Cut | None
    pieces: tuple[Piece, ...]
    hidden: int


class Judgement(Struct, frozen=True):
    """What was said about a pair. In an evaluation the same pair is judged under each category."""

    label: Label | None
    outcome: str


class PairView(Struct, frozen=True):
    """Two answers, by whom, and what was said about them."""

    purpose: str
    a: Cut
    b: Cut
    by_a: str
    by_b: str
    judgements: tuple[Judgement, ...]


class RowView(Struct, frozen=True):
    """One prompt. `principles` and `outcomes` are what the filter looks at."""

    id: str
    kind: str
    place: str
    summary: str
    turns: tuple[tuple[str, Cut], ...]
    story: Story
    first: Cut | None
    first_pieces: tuple[Piece, ...]
    last_pieces: tuple[Piece, ...]
    last_hidden: int
    rounds: tuple[RoundView, ...]
    pairs: tuple[PairView, ...]
    principles: tuple[str, ...]
    outcomes: tuple[str, ...]


def row_views(data: ReportData) -> list[RowView]:
    """A view of every sampled story, those with revisions first, else in the order of the data."""
    return [_row(story) for story in sorted(data.sample.stories, key=lambda story: not story.rounds)]


def _row(story: Story) -> RowView:
    prompt = story.prompt
    turns = tuple((turn.role.value, cut(turn.text, TEXT_MAX)) for turn in prompt.turns) if prompt else ()
    pairs = tuple(_pairs(story))
    over = {(d.round, d.principle): d.over for d in story.draws if d.stage == "revision"}
    rounds = tuple(_round(r, over.get((r.revision.round, r.revision.principle), ())) for r in story.rounds)
    first = story.rounds[0].before if story.rounds else story.responses[0].text if story.responses else None
    last = story.rounds[-1].revision.text if story.rounds else None
    pieces = (
        word_changes(cut(first, TEXT_MAX).text, cut(last, TEXT_MAX).text)
        if first is not None and last is not None
        else []
    )
    voters = {v.principle for p in story.pairs if p.label for v in p.label.votes}
    outcomes = {j.outcome for p in pairs for j in p.judgements} | {r.status.value for r in rounds}
    return RowView(
        id=story.id,
        kind=prompt.kind.value if prompt else "unknown",
        place=f"{prompt.file}, row {prompt.row}" if prompt and prompt.file else "",
        summary=_summary(turns[-1][1].text if turns else story.id),
        turns=turns,
        story=story,
        first=cut(first, TEXT_MAX) if first is not None else None,
        first_pieces=tuple(p for p in pieces if p.change is not Change.INSERTED),
        last_pieces=tuple(p for p in pieces if p.change is not Change.DELETED),
        last_hidden=max(0, len(last) - TEXT_MAX) if last is not None else 0,
        rounds=rounds,
        pairs=pairs,
        principles=tuple(sorted({r.principle for r in rounds} | voters)),
        outcomes=tuple(sorted(outcomes)),
    )


def _round(found: StoryRound, over: tuple[str, ...]) -> RoundView:
    revision = found.revision
    before, after = cut(found.before, TEXT_MAX), cut(revision.text, TEXT_MAX)
    return RoundView(
        number=revision.round + 1,
        principle=revision.principle,
        over=over,
        compiled=revision.compiled,
        status=revision.status,
        critique=cut(found.critique.text, TEXT_MAX) if found.critique else None,
        pieces=tuple(word_changes(before.text, after.text)),
        hidden=max(before.hidden, after.hidden),
    )


def _pairs(story: Story) -> list[PairView]:
    policies = {r.id: r.policy for r in story.responses}
    grouped: dict[tuple[str, str, str], list[Pair]] = {}
    for pair in story.pairs:
        grouped.setdefault((pair.comparison.purpose.value, pair.comparison.a, pair.comparison.b), []).append(pair)
    return [
        PairView(
            purpose=purpose,
            a=cut(pairs[0].comparison.text_a, TEXT_MAX),
            b=cut(pairs[0].comparison.text_b, TEXT_MAX),
            by_a=policies.get(a, ""),
            by_b=policies.get(b, ""),
            judgements=tuple(Judgement(pair.label, _outcome(pair.label)) for pair in pairs),
        )
        for (purpose, a, b), pairs in grouped.items()
    ]


def _outcome(label: Label | None) -> str:
    if label is None:
        return "not labelled"
    if label.outcome is LabelOutcome.LABELLED:
        return "labelled by people" if label.source is LabelSource.HUMAN else "labelled"
    return label.outcome.value


def _summary(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SUMMARY_MAX else flat[: _SUMMARY_MAX - 1] + "…"
