"""What steps are made from, gone through in the order of the prompts, so that none of it is held for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Generic, TypeVar, overload

from runtime.ledger.runs import Step, StepId
from runtime.records import PromptRecord, Record, Response, Revision
from runtime.session import Session

__all__ = ["Again", "KeptRows", "chains"]

T = TypeVar("T")
R = TypeVar("R", bound=Record)


class Again(Iterable[T]):
    """Something that can be gone through more than once; `make` begins anew each time."""

    def __init__(self, make: Callable[[], Iterator[T]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[T]:
        return self._make()


class KeptRows(Sequence[R], Generic[R]):
    """The records of a step that is done. To go through them is quick; to pick one is not."""

    def __init__(self, session: Session, kind: type[R], step: StepId) -> None:
        self._session = session
        self._kind = kind
        self._step = step
        self._count: int | None = None

    def __iter__(self) -> Iterator[R]:
        return self._session.each(self._kind, self._step)

    def __len__(self) -> int:
        if self._count is None:
            self._count = sum(1 for _ in self)
        return self._count

    @overload
    def __getitem__(self, index: int) -> R: ...

    @overload
    def __getitem__(self, index: slice) -> list[R]: ...

    def __getitem__(self, index: int | slice) -> R | list[R]:
        return list(self)[index]


def chains(
    session: Session, prompts: Iterable[PromptRecord], rounds: int
) -> Iterator[tuple[PromptRecord, Response, list[Revision]]]:
    """Every prompt with its first response and its revisions of the first `rounds` rounds, as they followed."""
    responses = session.each(Response, StepId(Step.RESPOND))
    made = [_ByPrompt(session.each(Revision, StepId(Step.REVISE, r))) for r in range(rounds)]
    for prompt in prompts:
        response = next(responses)
        assert response.prompt == prompt.id
        yield prompt, response, [revision for of_round in made for revision in of_round.of(prompt.id)]
    assert not any(of_round.more for of_round in made)


class _ByPrompt:
    """Revisions in the order of the prompts, of which some have none."""

    def __init__(self, revisions: Iterable[Revision]) -> None:
        self._groups = groupby(revisions, key=attrgetter("prompt"))
        self._next = next(self._groups, None)

    @property
    def more(self) -> bool:
        return self._next is not None

    def of(self, prompt: str) -> list[Revision]:
        if self._next is None or self._next[0] != prompt:
            return []
        revisions = list(self._next[1])
        self._next = next(self._groups, None)
        return revisions
