"""From a row's values to the turns of its conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from constitution_lang.ir.model import Role
from runtime.datasets.errors import RowError
from runtime.datasets.hh import join_turns, parse_hh
from runtime.records import Conversation, Turn

__all__ = ["Form", "RowConversation", "RowPair", "extract", "extract_bare_pair", "extract_pair", "find_form"]

Form: TypeAlias = Literal["prompt", "messages", "hh"]

CHOSEN, REJECTED, MESSAGES, RESPONSE = "chosen", "rejected", "messages", "response"
_CLEAN: dict[Form, str] = {
    "prompt": "A prompt is a text that is not empty.",
    "messages": 'Write messages as [{"role": "user", "content": "…"}, …], first the user, then by turns.',
    "hh": "Both texts hold the same turns up to the last of 'Human: ', then one reply each.",
}


class RowConversation(Struct, frozen=True, kw_only=True):
    """A row's prompt, with the good answer that it gives. `used` are the columns that this was read from."""

    turns: Conversation
    demonstration: str | None
    used: tuple[str, ...]
    joined: int = 0


class RowPair(Struct, frozen=True, kw_only=True):
    """A row's prompt and what followed it in the conversation that was chosen and in the one that was not."""

    turns: Conversation
    chosen: Conversation
    rejected: Conversation
    joined: int


def find_form(values: Mapping[str, object], column: str) -> Form:
    """Which form a row has: messages, a prompt column, or chosen and rejected."""
    given = {name for name, value in values.items() if value is not None and value != ""}
    if MESSAGES in given and column in given:
        raise RowError(
            f"the row has both '{MESSAGES}' and '{column}'", 'Say which to read: form = "messages" or "prompt".'
        )
    if MESSAGES in given:
        return "messages"
    if column in given:
        return "prompt"
    if {CHOSEN, REJECTED} <= given:
        return "hh"
    if column in values:
        raise RowError(f"'{column}' is empty", _CLEAN["prompt"])
    raise _missing(column, values)


def extract(values: Mapping[str, object], form: Form, column: str) -> RowConversation:
    """The prompt of a row in `form`.

    Raises:
        RowError: A column is missing, or its value is not a conversation.
    """
    if form == "hh":
        pair = extract_pair(values)
        return RowConversation(turns=pair.turns, demonstration=None, used=(CHOSEN, REJECTED), joined=pair.joined)
    demonstration = _demonstration(values)
    used = (RESPONSE,) if RESPONSE in values else ()
    if form == "prompt":
        turns: Conversation = (Turn(Role.USER, _filled_text(values, column)),)
        return RowConversation(turns=turns, demonstration=demonstration, used=(column, *used))
    turns = _messages(_value(values, MESSAGES))
    if len(turns) > 1 and turns[-1].role is Role.ASSISTANT:
        if demonstration is not None:
            raise RowError(f"'{MESSAGES}' ends in a reply and there is a '{RESPONSE}' too", "Leave one of them out.")
        turns, demonstration = turns[:-1], turns[-1].text
    _require_order(turns, "messages")
    if demonstration is not None and not demonstration.strip():
        raise RowError("the last reply is empty", "Leave it out, or write it.")
    return RowConversation(turns=turns, demonstration=demonstration, used=(MESSAGES, *used))


def extract_pair(values: Mapping[str, object]) -> RowPair:
    """The prompt that `chosen` and `rejected` share, up to its last user's turn, and what follows in each."""
    chosen, joined_chosen = join_turns(_pair_side(values, CHOSEN))
    rejected, joined_rejected = join_turns(_pair_side(values, REJECTED))
    shared = 0
    while shared < min(len(chosen), len(rejected)) and chosen[shared] == rejected[shared]:
        shared += 1
    # A reply that both sides share word for word is the reply still, so the prompt ends before it.
    while shared > 0 and (chosen[shared - 1].role is not Role.USER or shared in (len(chosen), len(rejected))):
        shared -= 1
    turns = chosen[:shared]
    if not turns:
        raise RowError(f"'{CHOSEN}' and '{REJECTED}' do not begin with the same user's turn", _CLEAN["hh"])
    _require_order(turns, "hh")
    joined = joined_chosen + joined_rejected
    return RowPair(turns=turns, chosen=chosen[shared:], rejected=rejected[shared:], joined=joined)


def extract_bare_pair(values: Mapping[str, object]) -> RowPair:
    """The pair of a row whose `prompt`, `chosen` and `rejected` are bare texts."""
    replies = [_value(values, name) for name in (CHOSEN, REJECTED)]
    if not all(isinstance(reply, str) for reply in replies):
        raise RowError(f"'{CHOSEN}' or '{REJECTED}' is not a text", 'Leave the prompt out of rows in form "hh".')
    chosen, rejected = ((Turn(Role.ASSISTANT, str(reply)),) for reply in replies)
    turns = (Turn(Role.USER, _filled_text(values, "prompt")),)
    return RowPair(turns=turns, chosen=chosen, rejected=rejected, joined=0)


def _pair_side(values: Mapping[str, object], name: str) -> Conversation:
    value = _value(values, name)
    return parse_hh(value) if isinstance(value, str) else _messages(value)


def _demonstration(values: Mapping[str, object]) -> str | None:
    value = values.get(RESPONSE)
    if value is None or value == "":
        return None
    return _filled_text(values, RESPONSE)


def _messages(value: object) -> Conversation:
    if isinstance(value, str):
        # A CSV cell can hold a list only as its JSON.
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError as error:
            raise RowError(f"'{MESSAGES}' is not JSON: {error}", _CLEAN["messages"]) from error
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise RowError("no list of messages", _CLEAN["messages"])
    return tuple(_message(item, number) for number, item in enumerate(value, 1))


def _message(item: object, number: int) -> Turn:
    role = item.get("role") if isinstance(item, Mapping) else None
    text = item.get("content") if isinstance(item, Mapping) else None
    if role not in tuple(Role) or not isinstance(text, str):
        raise RowError(f"message {number} lacks a role of user, assistant or system, or a text", _CLEAN["messages"])
    return Turn(Role(role), text)


def _require_order(turns: Conversation, form: Form) -> None:
    spoken = turns[1:] if turns[0].role is Role.SYSTEM else turns
    for number, turn in enumerate(spoken):
        expected = Role.ASSISTANT if number % 2 else Role.USER
        if turn.role is not expected:
            place = number + 1 + len(turns) - len(spoken)
            raise RowError(f"turn {place} is the {turn.role}'s where the {expected}'s is due", _CLEAN[form])
        if not turn.text.strip():
            raise RowError(f"turn {number + 1 + len(turns) - len(spoken)} is empty", _CLEAN[form])
    if len(spoken) % 2 == 0:
        raise RowError("the conversation does not end in a user's turn", _CLEAN[form])


def _value(values: Mapping[str, object], name: str) -> object:
    value = values.get(name)
    if value is None:
        raise _missing(name, values)
    return value


def _filled_text(values: Mapping[str, object], name: str) -> str:
    value = _value(values, name)
    if not isinstance(value, str):
        raise RowError(f"'{name}' is not a text", f"Write '{name}' as a text, in quotes.")
    if not value.strip():
        raise RowError(f"'{name}' is empty", _CLEAN["prompt"])
    return value


def _missing(name: str, values: Mapping[str, object]) -> RowError:
    there = ", ".join(f"'{n}'" for n in values) or "none"
    return RowError(f"no column '{name}'", f'Columns here: {there}. Name the right one: column = "…" in the run file.')
