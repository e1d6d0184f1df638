"""Conversations as ids, for servers that take none: nothing is lost, and no text becomes anything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("openai")

from constitution_lang.ir.model import Role
from runtime.engines.base import EngineError
from runtime.engines.server.messages import MessageTokenizer, pieces
from runtime.records import Turn

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)
TURNS = st.lists(st.builds(Turn, st.sampled_from(Role), TEXTS), max_size=5)


@given(TURNS, TEXTS)
def test_turns_and_opening_are_read_back(turns: list[Turn], opening: str) -> None:
    tokens = MessageTokenizer().encode(turns, opening)
    assert MessageTokenizer().read(tokens) == (tuple(turns), opening)
    assert all(0 <= id < 2**63 for id in tokens), "the ledger and Parquet hold no larger ones"


@given(TURNS, TURNS, TEXTS, TEXTS)
def test_other_conversations_have_other_ids(one: list[Turn], two: list[Turn], first: str, second: str) -> None:
    tokenizer = MessageTokenizer()
    same = tokenizer.encode(one, first) == tokenizer.encode(two, second)
    assert same == ((one, first) == (two, second))


@given(TEXTS, st.integers(0, 80))
def test_a_text_is_in_as_many_pieces_as_were_drawn_where_that_can_be(text: str, count: int) -> None:
    ids = pieces(text, count)
    assert MessageTokenizer().decode(ids) == text
    size = len(text.encode())
    if -(-size // 7) <= count <= size:
        assert len(ids) == count


def test_half_a_surrogate_pair_is_the_replacement_character() -> None:
    assert MessageTokenizer().decode(pieces("a\ud800b")) == "a\ufffdb"


def test_options_are_letters_and_digits() -> None:
    tokenizer = MessageTokenizer()
    assert tokenizer.decode((tokenizer.option("(", "A"), tokenizer.option("(", "7"))) == "A7"
    for wrong in ("AB", "", " ", "("):
        with pytest.raises(EngineError, match="more than one token"):
            tokenizer.option("(", wrong)
