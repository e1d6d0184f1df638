"""What a run's training rows would be under another constitution, as far as kept answers tell.

Every stage is gone through with the other constitution, and each question is looked up by its texts. What was never
asked is not known until it is redone; all else is exactly what a run would give.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import msgspec
from msgspec import Struct

from constitution_lang.ir.model import Bundle, PromptKind, Stage
from runtime.config import SftTarget
from runtime.progress import Task
from runtime.provenance.history import History
from runtime.provenance.kept import UnknownAnswerError
from runtime.provenance.replay import Replay
from runtime.records import (
    CaseRecord,
    Draw,
    Label,
    LabelSource,
    PreferenceRow,
    PromptRecord,
    Response,
    Revision,
    SftRow,
    SftSource,
    Vote,
)
from runtime.stages.draws import draw_principles
from runtime.stages.evidence import label_of
from runtime.stages.label import Question
from runtime.stages.rows import preference_rows, sft_rows
from runtime.stages.tag import UnknownValueError
from runtime.training.seen import seen_of, seen_texts

__all__ = ["Fate", "Redone", "RowFate", "redo"]

T = TypeVar("T", SftRow, PreferenceRow)
Draws = Mapping[tuple[str, int], tuple[Draw, ...]]


class Fate(StrEnum):
    """What becomes of a training row."""

    SAME = "same"
    """Equal but for the constitution's hash, the id that holds it, and the names of principles that were renamed."""
    RETRACED = "retraced"
    """The same to the training; made by other principles, or of other rows."""
    CHANGED = "changed"
    GONE = "gone"
    NEW = "new"
    UNKNOWN = "unknown"
    """A model has to be asked first."""


class RowFate(Struct, frozen=True):
    """One row's fate. `before` is None for a new row, `after` where there is none or it is not known.

    `why` is empty for what stays the same. `votes` are those that a label lacks.
    """

    fate: Fate
    before: SftRow | PreferenceRow | None
    after: SftRow | PreferenceRow | None
    why: str = ""
    votes: int = 0


@dataclass(frozen=True)
class Redone:
    """The run under another constitution. Cases and draws are of the prompts whose case is known."""

    bundle: Bundle
    cases: dict[str, CaseRecord]
    unknown: Mapping[str, str]
    """Why the case of a prompt is not known, by its id."""
    refused: str
    """The first thing in the data that a run would refuse before it asks anything; empty where there is none."""
    revision_draws: Draws
    preference_draws: Draws
    sft: list[RowFate]
    pairs_stand: bool
    """Whether the policy that gives the pairs is the same one."""
    preferences: list[RowFate]
    """As if the pairs stood, whether they do or not."""


@dataclass
class _Chain:
    """A prompt's revisions as far as they are known; `why` says what is missing, `missing` how many rounds are."""

    revisions: list[Revision]
    answer: Response | None = None
    why: str = ""
    missing: int = 0


def redo(history: History, replay: Replay, task: Task) -> Redone:
    """Go through the run once more under `replay`'s constitution; `task` advances by one for every prompt and pair."""
    bundle = replay.bundle
    cases, unknown, refused = _cases(history, replay)
    known = [cases[p.id] for p in history.train if p.id in cases]
    rounds = bundle.revision.rounds
    revision_draws = draw_principles(bundle, history.seed, Stage.REVISION, known, rounds)
    compared = known if history.pairs else []  # a run that was stopped before has drawn nothing for pairs
    preference_draws = draw_principles(bundle, history.seed, Stage.PREFERENCE, compared, history.config.pair.pairs)
    sft = [
        fate
        for prompt in _counted(history.train, task)
        for fate in _sft_fates(history, bundle, prompt, _chain(history, replay, prompt, revision_draws, unknown))
    ]
    sft += [RowFate(Fate.SAME, row, row) for row in history.sft if row.source is SftSource.DEMONSTRATION]
    asked = _Asked(cases, preference_draws, unknown)
    preferences = list(_preferences(history, replay, asked, task))
    stand = history.config.pair.policy is not None or _same_training(history, sft)
    return Redone(bundle, cases, unknown, refused, revision_draws, preference_draws, sft, stand, preferences)


def _counted(prompts: Sequence[PromptRecord], task: Task) -> Iterator[PromptRecord]:
    for prompt in prompts:
        yield prompt
        task.advance(1)


def _same_training(history: History, fates: Sequence[RowFate]) -> bool:
    """Whether the SL-CAI policy would be trained on the same texts in the same order: then it is the same policy."""
    if not history.sft:
        return False
    after = [fate.after for fate in fates if isinstance(fate.after, SftRow)]
    if any(fate.fate is Fate.UNKNOWN for fate in fates):
        return False
    return seen_texts(after) == seen_texts(history.sft)


def _cases(history: History, replay: Replay) -> tuple[dict[str, CaseRecord], dict[str, str], str]:
    """The prompts' cases, for those that have none the reason, and the first one that a run refuses."""
    cases, unknown, refused = {}, {}, ""
    for prompt in history.train:
        try:
            cases[prompt.id] = replay.case(prompt)
        except UnknownAnswerError:
            unknown[prompt.id] = "its case has to be asked for anew"
        except UnknownValueError as error:
            unknown[prompt.id] = f"its data do not fit: {error.says}"
            refused = refused or f"{error}; {error.remedy}"
    return cases, unknown, refused


# --- revisions ----------------------------------------------------------------------------------


def _chain(history: History, replay: Replay, prompt: PromptRecord, draws: Draws, unknown: Mapping[str, str]) -> _Chain:
    if prompt.id in unknown:  # so what is drawn is not known, nor how much
        sampling = replay.bundle.revision
        most = max(sampling.rounds * sampling.draw, len(history.chain(prompt.id)))
        return _Chain([], why=unknown[prompt.id], missing=most)
    rounds = [draws[prompt.id, r] for r in range(replay.bundle.revision.rounds)]
    chain, total = _Chain([]), sum(map(len, rounds))
    try:
        chain.answer = replay.answer(prompt)
        text: Response | Revision = chain.answer
        for draw in (draw for drawn in rounds for draw in drawn):
            chain.why = _cause(history, replay.bundle, prompt.id, draw)
            critique = replay.critique(prompt, text, draw) if replay.config.revision.critique else None
            text = replay.revise(prompt, text, draw, critique)
            chain.revisions.append(text)
    except UnknownAnswerError:
        chain.missing = total - len(chain.revisions)
        return chain
    chain.why = ""
    return chain


def _cause(history: History, bundle: Bundle, prompt: str, draw: Draw) -> str:
    """What is different about a draw, which is the reason if its question turns out to be new."""
    before = history.revision_draws.get((prompt, draw.round), [])
    was = before[draw.position] if draw.position < len(before) else None
    if was is None:
        return "a principle is drawn where none was"
    if history.bundle.principle(was.principle).key != bundle.principle(draw.principle).key:
        return "another principle is drawn"
    if was.over != draw.over:
        return f"{draw.principle} yields to others"
    kinds = (
        (PromptKind.CRITIQUE, PromptKind.REVISE) if history.config.revision.critique else (PromptKind.REVISE_DIRECT,)
    )
    for kind in kinds:
        old, new = history.bundle.prompt(kind, was.principle, was.over), bundle.prompt(kind, draw.principle, draw.over)
        if old.hash != new.hash:
            return f"{draw.principle} has other words"
    return "the text that it starts from is another one"


def _sft_fates(history: History, bundle: Bundle, prompt: PromptRecord, chain: _Chain) -> Iterator[RowFate]:
    before = [row for row in history.sft_of(prompt.id) if row.source is SftSource.REVISION]
    after: list[SftRow] = []
    missing = 0
    if chain.missing:
        each = history.config.sft.target is SftTarget.ALL
        missing = chain.missing if each else 1
    if chain.answer is not None and (not chain.missing or history.config.sft.target is SftTarget.ALL):
        after = sft_rows(
            [prompt], {prompt.id: chain.answer}, {prompt.id: chain.revisions}, (), target=history.config.sft.target,
            constitution=bundle.meaning_hash,
        )  # fmt: skip
    versions = _Versions(history.bundle, bundle)
    yield from _fates(versions, before, after, missing, why_unknown=chain.why, why_changed="its revisions are others")


@dataclass(frozen=True)
class _Versions:
    """The constitution that rows were made under, and the other one."""

    old: Bundle
    new: Bundle

    def fate(self, before: SftRow | PreferenceRow, after: SftRow | PreferenceRow) -> Fate:
        """What became of a row of the old one."""
        if _said(self.old, before) == _said(self.new, after):
            return Fate.SAME
        return Fate.RETRACED if seen_of(before) == seen_of(after) else Fate.CHANGED


def _fates(
    versions: _Versions,
    before: Sequence[T],
    after: Sequence[T],
    missing: int,
    *,
    why_unknown: str,
    why_changed: str,
) -> Iterator[RowFate]:
    """Rows side by side; `missing` more come after the ones that are known."""
    for one, other in zip(before, after, strict=False):
        fate = versions.fate(one, other)
        yield RowFate(fate, one, other, "" if fate is Fate.SAME else why_changed)
    for row in after[len(before) :]:
        yield RowFate(Fate.NEW, None, row, why_changed)
    left = before[len(after) :]
    for n in range(max(missing, 0)):
        yield RowFate(Fate.UNKNOWN, left[n] if n < len(left) else None, None, why_unknown)
    for row in left[missing:]:
        yield RowFate(Fate.GONE, row, None, why_changed)


def _said(bundle: Bundle, row: SftRow | PreferenceRow) -> SftRow | PreferenceRow:
    """All that a row says, its principles by their keys, which a rename leaves alone."""
    keys = tuple(bundle.principle(id).key for id in row.principles)
    return msgspec.structs.replace(row, id="", constitution="", principles=keys)


# --- preferences --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Asked:
    """The cases and draws of the preference stage; `unknown` are prompts whose case is not known, with the reason."""

    cases: Mapping[str, CaseRecord]
    draws: Draws
    unknown: Mapping[str, str]


def _preferences(history: History, replay: Replay, asked: _Asked, task: Task) -> Iterator[RowFate]:
    rows = {row.comparison: row for row in history.preferences}
    versions, nth = _Versions(history.bundle, replay.bundle), dict[str, int]()
    for comparison in history.pairs:
        task.advance(1)
        r = nth[comparison.prompt] = nth.get(comparison.prompt, -1) + 1
        before = [rows[comparison.id]] if comparison.id in rows else []
        if comparison.prompt in asked.unknown:
            why = asked.unknown[comparison.prompt]
            yield from _fates(versions, before, [], 1, why_unknown=why, why_changed="")
            continue
        prompt = history.prompts[comparison.prompt]
        drawn = asked.draws[comparison.prompt, r]
        question = Question(comparison, prompt, asked.cases[comparison.prompt].mapping, drawn)
        votes = [_vote(replay, question, draw) for draw in drawn]
        lacking = sum(vote is None for vote in votes) if comparison.text_a != comparison.text_b else 0
        if lacking:
            yield RowFate(Fate.UNKNOWN, before[0] if before else None, None, "votes are to be asked for", lacking)
            continue
        label = _label(replay, question, [vote for vote in votes if vote is not None])
        after = preference_rows(
            history.prompts, [comparison], {comparison.id: label}, constitution=replay.bundle.meaning_hash
        )  # fmt: skip
        why = _label_cause(versions, history.labels.get(comparison.id), label)
        yield from _fates(versions, before, after, 0, why_unknown="", why_changed=why)
    for label in history.peoples_labels():
        if label.comparison in rows:
            yield RowFate(Fate.SAME, rows[label.comparison], rows[label.comparison])


def _vote(replay: Replay, question: Question, draw: Draw) -> Vote | None:
    if question.comparison.text_a == question.comparison.text_b:
        return None
    try:
        votes = replay.label(Question(question.comparison, question.prompt, question.case, (draw,))).votes
    except UnknownAnswerError:
        return None
    return votes[0]


def _label(replay: Replay, question: Question, votes: Sequence[Vote]) -> Label:
    if question.comparison.text_a == question.comparison.text_b:
        return replay.label(question)
    return label_of(replay.bundle, question.case, question.comparison.id, votes)


def _label_cause(versions: _Versions, was: Label | None, label: Label) -> str:
    if was is None or was.source is LabelSource.HUMAN:
        return "it had no label"
    before = [msgspec.structs.replace(v, principle=versions.old.principle(v.principle).key) for v in was.votes]
    after = [msgspec.structs.replace(v, principle=versions.new.principle(v.principle).key) for v in label.votes]
    if [v.principle for v in before] != [v.principle for v in after]:
        return "others vote"
    return "the votes are others" if before != after else "the same votes decide otherwise"
