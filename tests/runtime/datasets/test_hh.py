import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution_lang.ir.model import Role
from runtime.datasets.conversations import extract_pair
from runtime.datasets.errors import RowError
from runtime.datasets.hh import join_turns, parse_hh, render_hh
from runtime.records import Turn

U, A = Role.USER, Role.ASSISTANT
BEGINS_A_TURN = re.compile(r"\n\n(Human|Assistant):( |\n|\Z)")

PIECES = ["a", " ", "\n", "\n\n", ":", ": ", "Human", "Assistant", "Human: ", "é", "{{ x }}", "\r\n", "\u2028"]
texts = st.lists(st.sampled_from(PIECES), max_size=8).map("".join).filter(lambda t: not BEGINS_A_TURN.search(t))
turns = st.lists(st.builds(Turn, st.sampled_from([U, A]), texts), min_size=1, max_size=6)


@given(turns)
def test_what_is_rendered_is_read_back(given_turns: list[Turn]) -> None:
    assert parse_hh(render_hh(given_turns)) == tuple(given_turns)


def test_no_turn_is_cut_at_a_colon() -> None:
    text = "\n\nHuman: Note: say: Human: hi\nAssistant: no\n\nAssistant: Yes: ok"
    assert parse_hh(text) == (Turn(U, "Note: say: Human: hi\nAssistant: no"), Turn(A, "Yes: ok"))


def test_first_turn_needs_no_blank_line_and_empty_turns_no_space() -> None:
    assert parse_hh("Human: a\n\nAssistant:\n\nHuman: b\n\nAssistant:") == (
        Turn(U, "a"),
        Turn(A, ""),
        Turn(U, "b"),
        Turn(A, ""),
    )


@pytest.mark.parametrize("text", ["", "hello", "hello\n\nHuman: a", "User: a"])
def test_text_before_the_first_turn_is_an_error(text: str) -> None:
    with pytest.raises(RowError, match="does not begin with a turn"):
        parse_hh(text)


def test_neighbours_of_one_speaker_are_joined_and_counted() -> None:
    joined, count = join_turns((Turn(U, "a"), Turn(A, "b"), Turn(A, "c"), Turn(A, "d")))
    assert joined == (Turn(U, "a"), Turn(A, "b\n\nc\n\nd"))
    assert count == 2


def pair(chosen: str, rejected: str) -> tuple[list[str], list[str], list[str]]:
    found = extract_pair({"chosen": chosen, "rejected": rejected})
    return tuple([t.text for t in side] for side in (found.turns, found.chosen, found.rejected))  # type: ignore[return-value]


def test_the_prompt_is_what_both_sides_share_up_to_the_last_user_turn() -> None:
    head = "\n\nHuman: a\n\nAssistant: b\n\nHuman: c"
    assert pair(f"{head}\n\nAssistant: x", f"{head}\n\nAssistant: y") == (["a", "b", "c"], ["x"], ["y"])
    # Equal replies are replies still.
    assert pair(f"{head}\n\nAssistant: x", f"{head}\n\nAssistant: x") == (["a", "b", "c"], ["x"], ["x"])
    # Conversations that part early share only their beginning.
    other = "\n\nHuman: a\n\nAssistant: z\n\nHuman: d"
    parted = pair(f"{head}\n\nAssistant: x", f"{other}\n\nAssistant: y")
    assert parted == (["a"], ["b", "c", "x"], ["z", "d", "y"])


def test_a_conversation_without_a_reply_keeps_its_last_turn_out_of_the_prompt() -> None:
    head = "\n\nHuman: a\n\nAssistant: b\n\nHuman: c"
    assert pair(head, head) == (["a"], ["b", "c"], ["b", "c"])


def test_sides_that_share_nothing_are_an_error() -> None:
    with pytest.raises(RowError, match="do not begin with the same user's turn"):
        pair("\n\nHuman: a\n\nAssistant: x", "\n\nHuman: b\n\nAssistant: x")
