"""People's preferences in: pairs of replies of which people chose one, marked as what they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from msgspec import Struct

from constitution_lang.diagnostics.numbers import number_of
from constitution_lang.ir.model import Role
from runtime.datasets.conversations import RowPair, extract_bare_pair, extract_pair
from runtime.datasets.errors import BadRow, DataError, RowError
from runtime.datasets.reading import RawRow, read
from runtime.records import (
    Conversation,
    Label,
    LabelOutcome,
    LabelSource,
    PromptRecord,
    PromptUse,
    Response,
    identify,
)

__all__ = ["HUMAN_POLICY", "HumanPair", "PairReport", "given_reply", "load_pairs"]

HUMAN_POLICY = "data"
"""Stands for the policy of a reply that a data set gives."""
_HERE = Path()


def given_reply(prompt: str, text: str) -> Response:
    """The row of a reply that a data set gives to the prompt of this id."""
    id = identify("response", prompt, HUMAN_POLICY, text)
    return Response(id=id, prompt=prompt, policy=HUMAN_POLICY, sample=0, text=text, key=id, finish="given")


class HumanPair(Struct, frozen=True, kw_only=True):
    """A prompt and two replies of which people chose one. Which of them is A follows from their texts alone."""

    id: str
    prompt: PromptRecord
    chosen: str
    rejected: str

    @property
    def chosen_is_a(self) -> bool:
        """Whether the chosen reply stands first in `sides`."""
        return self._response(self.chosen).id < self._response(self.rejected).id

    @property
    def sides(self) -> tuple[Response, Response]:
        """The two replies as A and B, by id: so the better one stands first in half of the pairs."""
        first, second = sorted((self._response(self.chosen), self._response(self.rejected)), key=lambda r: r.id)
        return first, second

    def label(self, comparison: str, certainty: float) -> Label:
        """People's label for the comparison of `sides`, held with `certainty`."""
        return Label(
            comparison=comparison,
            source=LabelSource.HUMAN,
            outcome=LabelOutcome.LABELLED,
            probability=certainty if self.chosen_is_a else 1 - certainty,
        )

    def _response(self, text: str) -> Response:
        return given_reply(self.prompt.id, text)


class PairReport(Struct, frozen=True, kw_only=True):
    """What became of every row: `rows` are the pairs and all that is counted here."""

    data: str
    rows: int
    pairs: int
    not_selected: int = 0
    duplicates: int = 0
    equal: tuple[int, ...] = ()
    """Rows whose two replies are the same text: no preference can be learned from them."""
    empty: tuple[int, ...] = ()
    """Rows of which one reply is empty."""
    parted: tuple[int, ...] = ()
    """Rows whose conversations part before the last reply."""
    skipped: tuple[BadRow, ...] = ()
    joined_turns: int = 0

    def __str__(self) -> str:
        parts = [f"{number_of(self.pairs, 'pairs')} from {number_of(self.rows, 'rows')}"]
        counted = {
            "merged as duplicates": self.duplicates,
            "of equal replies": len(self.equal),
            "with an empty reply": len(self.empty),
            "that part before the last reply": len(self.parted),
            "not selected": self.not_selected,
            "skipped as unreadable": len(self.skipped),
        }
        parts += [f"{count} {what}" for what, count in counted.items() if count]
        return f"{self.data}: {', '.join(parts)}"


class _Account:
    """Counts of what happened to the rows."""

    def __init__(self) -> None:
        self.rows = self.duplicates = self.joined = 0
        self.equal: list[int] = []
        self.empty: list[int] = []
        self.parted: list[int] = []
        self.skipped: list[BadRow] = []


def load_pairs(
    data: str,
    base: Path = _HERE,
    *,
    form: Literal["auto", "hh"] = "hh",
    limit: int | None = None,
    seed: int = 0,
    on_bad_row: Literal["error", "skip"] = "error",
) -> tuple[tuple[HumanPair, ...], PairReport]:
    """The pairs of a data set with `chosen` and `rejected`, in the order of a hash of the seed and each pair.

    In form `auto` a row that has a `prompt` as well holds the bare texts of a prompt and its two replies.

    Raises:
        DataError: The data set is missing, empty or unreadable, or a row is bad and may not be skipped.
    """
    account = _Account()
    distinct: dict[str, HumanPair] = {}
    for raw in read(data, base):
        account.rows += 1
        try:
            pairs = list(_pairs(raw, data, form, account))
        except RowError as error:
            if on_bad_row == "error":
                raise DataError(error.message, f"{data}:{raw.row}", error.remedy) from error
            account.skipped.append(BadRow(row=raw.row, message=error.message))
            continue
        for pair in pairs:
            account.duplicates += pair.id in distinct
            distinct.setdefault(pair.id, pair)
    if not distinct:
        raise DataError("there are no pairs to use", data, "Each row needs 'chosen' and 'rejected' that differ.")
    ordered = sorted(distinct.values(), key=lambda pair: identify("select", seed, pair.id))
    selected = tuple(ordered[:limit])
    return selected, PairReport(
        data=data,
        rows=account.rows,
        pairs=len(selected),
        not_selected=len(ordered) - len(selected),
        duplicates=account.duplicates,
        equal=tuple(account.equal),
        empty=tuple(account.empty),
        parted=tuple(account.parted),
        skipped=tuple(account.skipped),
        joined_turns=account.joined,
    )


def _pairs(raw: RawRow, data: str, form: str, account: _Account) -> Iterator[HumanPair]:
    """The row's pair, or none where it cannot teach a preference, which is counted."""
    if isinstance(raw.values, RowError):
        raise raw.values
    bare = form == "auto" and raw.values.get("prompt") is not None
    found = extract_bare_pair(raw.values) if bare else extract_pair(raw.values)
    account.joined += found.joined
    replies = _replies(found)
    if replies is None:
        account.parted.append(raw.row)
        return
    chosen, rejected = replies
    if chosen == rejected:
        account.equal.append(raw.row)
    elif not chosen.strip() or not rejected.strip():
        account.empty.append(raw.row)
    else:
        prompt = PromptRecord(
            id=identify("prompt", found.turns), turns=found.turns, kind=PromptUse.RED_TEAM, file=data, row=raw.row
        )
        id = identify("human pair", prompt.id, chosen, rejected)
        yield HumanPair(id=id, prompt=prompt, chosen=chosen, rejected=rejected)


def _replies(pair: RowPair) -> tuple[str, str] | None:
    """The two replies, where each side is one reply of the assistant after the shared turns."""
    sides: tuple[Conversation, Conversation] = (pair.chosen, pair.rejected)
    if any(len(side) != 1 or side[0].role is not Role.ASSISTANT for side in sides):
        return None
    return pair.chosen[0].text, pair.rejected[0].text
