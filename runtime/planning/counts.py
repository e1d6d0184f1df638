"""Which answers a step's records rest on, and under which principle each was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from runtime.records import CaseRecord, Critique, Label, Record, Response, Revision

__all__ = ["answers", "split"]


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
