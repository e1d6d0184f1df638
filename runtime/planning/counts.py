"""Which answers a step's records rest on, and under which principle each was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from runtime.ledger.runs import Step, StepId
from runtime.records import (
    CaseRecord,
    Critique,
    Label,
    Measure,
    PromptRecord,
    Record,
    Response,
    Revision,
    ValueOrigin,
)
from runtime.session import Session

__all__ = ["answers", "split", "unnamed"]


def answers(records: Iterable[Record]) -> Iterator[tuple[str, str]]:
    """Every key that the records name, with its principle; an empty one where none asked."""
    for record in records:
        match record:
            case Critique() | Revision():
                yield record.key, record.principle
            case Response():
                yield record.key, ""
            case CaseRecord():
                yield from ((value.key, "") for value in record.values if value.key is not None)
            case Label():
                yield from ((key, vote.principle) for vote in record.votes for key in vote.keys)
            case _:
                pass


def split(records: Iterable[Record], is_new: Callable[[str], bool]) -> dict[str, tuple[int, int]]:
    """For every principle: answers that were known, and answers that are new. Each key counts once."""
    found: dict[str, list[int]] = {}
    seen: set[str] = set()
    for key, principle in answers(records):
        if key not in seen:
            seen.add(key)
            found.setdefault(principle, [0, 0])[is_new(key)] += 1
    return {principle: (known, new) for principle, (known, new) in found.items()}


def unnamed(session: Session, step: StepId, records: Iterable[Record]) -> int:
    """How many answers a step that is done rests on and that none of its records names.

    An answer to a question about a case that could not be read leaves the default, and whether a reply refuses is only
    counted. Both were asked once: of each value that neither the data nor a model gave, and of each reply.
    """
    if step.step is Step.TAG:
        return _unreadable(session, [r for r in records if isinstance(r, CaseRecord)])
    if step.step is Step.EVALUATE and any(isinstance(r, Measure) for r in records):
        return sum(1 for _ in session.each(Response, StepId(Step.EVALUATE, step.round - 1)))
    return 0


def _unreadable(session: Session, cases: Iterable[CaseRecord]) -> int:
    if not session.config.tag.ask:
        return 0
    values = [(case.prompt, value) for case in cases for value in case.values]
    silent = [(prompt, value.attribute) for prompt, value in values if value.origin is ValueOrigin.DEFAULT]
    if all(value.origin is not ValueOrigin.FEEDBACK for _, value in values):
        # Columns of nothing but spaces say nothing, and are not asked about where there are only such.
        columns = {p.id: dict(p.columns) for p in session.each(PromptRecord, StepId(Step.DATA))}
        if all(columns[prompt].get(attribute) for prompt, attribute in silent):
            return 0
    return len(silent)
