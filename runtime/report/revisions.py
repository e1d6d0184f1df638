"""What came of each round of revision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from runtime.records import Response, Revision, RevisionStatus
from runtime.report.data import RoundCounts

__all__ = ["RevisionTally"]


@dataclass(slots=True)
class _Round:
    status: Counter[RevisionStatus] = field(default_factory=Counter)
    cut: int = 0
    words_before: int = 0
    words_after: int = 0


class RevisionTally:
    """Counts over revisions, added one by one in the order in which they were made, from the first answers on."""

    def __init__(self, answers: Iterable[Response]) -> None:
        self._words = {answer.prompt: len(answer.text.split()) for answer in answers}
        """Of every prompt's text as it stands; a revision is of what the one before left."""
        self._rounds: dict[int, _Round] = {}

    def add(self, revision: Revision) -> None:
        """Count one revision."""
        found = self._rounds.setdefault(revision.round, _Round())
        words = len(revision.text.split())
        found.status[revision.status] += 1
        found.cut += revision.finish == "length"
        found.words_before += self._words.get(revision.prompt, 0)
        found.words_after += words
        self._words[revision.prompt] = words

    def rounds(self) -> tuple[RoundCounts, ...]:
        """All rounds that revised anything, in their order."""
        return tuple(_counts(number, found) for number, found in sorted(self._rounds.items()))


def _counts(number: int, found: _Round) -> RoundCounts:
    status = found.status
    return RoundCounts(
        round=number,
        revised=status[RevisionStatus.REVISED],
        unchanged=status[RevisionStatus.UNCHANGED],
        empty=status[RevisionStatus.EMPTY],
        declined=status[RevisionStatus.DECLINED],
        cut=found.cut,
        words_before=found.words_before / status.total(),
        words_after=found.words_after / status.total(),
    )
