"""Critique and revision, one round at a time. A principle is drawn anew for every round."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from constitution_lang.ir.model import Bundle, Prompt, PromptKind
from runtime.engines.base import Completion, Decoding, GenerateRequest
from runtime.records import Critique, Draw, PromptRecord, Response, Revision, RevisionStatus, identify
from runtime.stages.fitting import encode_for, look_over
from runtime.stages.respond import request_seed
from runtime.work import Answer, OnDemand, Worker

__all__ = ["Subject", "critique", "look_over_subject", "revise"]

# Models that find nothing to do say so instead of repeating the text. Kept narrow: a whole answer, never a part.
_DECLINED = re.compile(
    r"\W*(?:no|there (?:are|is) no)\s+(?:further\s+)?(?:revisions?|changes?|edits?)\s+"
    r"(?:(?:is|are)\s+)?(?:needed|necessary|required)\W*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Subject:
    """A text under a principle, before its round. `text` is that of `of`."""

    prompt: PromptRecord
    of: Response | Revision
    draw: Draw


def look_over_subject(
    worker: Worker, bundle: Bundle, subject: Subject, critiquing: Decoding | None, revising: Decoding
) -> None:
    """Raise what the first question about a text would raise: the critique's, or the revision's without one."""
    kind, decoding = (PromptKind.CRITIQUE, critiquing) if critiquing else (PromptKind.REVISE_DIRECT, revising)
    compiled = _compiled(bundle, kind, subject)
    look_over(worker, subject.prompt, compiled, decoding.tokens_max, response=subject.of.text)


def critique(
    worker: Worker, bundle: Bundle, subjects: Sequence[Subject], *, seed: int, decoding: Decoding, title: str
) -> list[Critique]:
    """One critique per subject, in their order."""

    def request(n: int) -> GenerateRequest:
        subject = subjects[n]
        compiled = _compiled(bundle, PromptKind.CRITIQUE, subject)
        tokens = encode_for(worker, subject.prompt, compiled, decoding.tokens_max, response=subject.of.text)
        return GenerateRequest(tokens, decoding, _seed(seed, "critique", subject))

    answers = worker.generate(OnDemand(len(subjects), request), title)
    return [
        Critique(
            id=identify("critique", subject.of.id, subject.draw.round, subject.draw.position, answer.key),
            prompt=subject.prompt.id,
            of=subject.of.id,
            round=subject.draw.round,
            principle=subject.draw.principle,
            compiled=_compiled(bundle, PromptKind.CRITIQUE, subject).id,
            text=answer.value.text.strip(),
            key=answer.key,
        )
        for subject, answer in zip(subjects, answers, strict=True)
    ]


def revise(
    worker: Worker,
    bundle: Bundle,
    subjects: Sequence[Subject],
    critiques: Sequence[Critique] | None,
    *,
    seed: int,
    decoding: Decoding,
    title: str,
) -> list[Revision]:
    """One revision per subject, in their order; asked for directly where there are no critiques."""
    kind = PromptKind.REVISE_DIRECT if critiques is None else PromptKind.REVISE

    def request(n: int) -> GenerateRequest:
        subject = subjects[n]
        said = None if critiques is None else critiques[n].text
        tokens = encode_for(
            worker, subject.prompt, _compiled(bundle, kind, subject), decoding.tokens_max, response=subject.of.text,
            critique=said,
        )  # fmt: skip
        return GenerateRequest(tokens, decoding, _seed(seed, "revise", subject))

    answers = worker.generate(OnDemand(len(subjects), request), title)
    return [
        _revision(subject, None if critiques is None else critiques[n].id, _compiled(bundle, kind, subject).id, answer)
        for n, (subject, answer) in enumerate(zip(subjects, answers, strict=True))
    ]


def _compiled(bundle: Bundle, kind: PromptKind, subject: Subject) -> Prompt:
    return bundle.prompt(kind, subject.draw.principle, subject.draw.over)


def _seed(seed: int, what: str, subject: Subject) -> int:
    return request_seed(seed, what, subject.prompt.id, subject.draw.round, subject.draw.position)


def _revision(subject: Subject, critique_id: str | None, compiled: str, answer: Answer[Completion]) -> Revision:
    raw = answer.value.text.strip()
    before = subject.of.text
    if not raw:
        status = RevisionStatus.EMPTY
    elif raw == before:
        status = RevisionStatus.UNCHANGED
    elif _DECLINED.fullmatch(raw):
        status = RevisionStatus.DECLINED
    else:
        status = RevisionStatus.REVISED
    return Revision(
        id=identify("revision", subject.of.id, subject.draw.round, subject.draw.position, answer.key),
        prompt=subject.prompt.id,
        of=subject.of.id,
        critique=critique_id,
        round=subject.draw.round,
        principle=subject.draw.principle,
        compiled=compiled,
        status=status,
        text=raw if status is RevisionStatus.REVISED else before,
        raw=raw,
        key=answer.key,
        finish=answer.value.finish,
    )
