"""What too long a row loses, and that it is counted."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from constitution_lang.ir.model import Role
from runtime.prompting import ModelTokenizer
from runtime.records import PreferenceRow, PromptRecord, SftRow, Turn
from runtime.training.encoding import encode_pairs, encode_prompts, encode_sft
from runtime.training.errors import TrainingError

LONG = "The capital of France is Paris. " * 20


@pytest.fixture(scope="module")
def chat(tiny_model: Path) -> ModelTokenizer:
    return ModelTokenizer(tiny_model)


def user(text: str) -> Turn:
    return Turn(Role.USER, text)


def assistant(text: str) -> Turn:
    return Turn(Role.ASSISTANT, text)


def with_turns(row: SftRow, *turns: Turn) -> SftRow:
    return msgspec.structs.replace(row, turns=turns)


def test_what_fits_is_left_alone(chat: ModelTokenizer, sft_rows: list[SftRow]) -> None:
    data, seen = encode_sft(chat, sft_rows, 256)
    assert (seen.rows, seen.prompts, seen.answers) == (len(sft_rows), [], [])
    for row, encoded in zip(sft_rows, data, strict=True):
        assert (encoded.prompt, encoded.answer) == chat.encode_answer(row.turns, row.completion)


def test_the_oldest_turns_go_first_and_the_system_turn_stays(chat: ModelTokenizer, sft_rows: list[SftRow]) -> None:
    system = Turn(Role.SYSTEM, "You help.")
    row = with_turns(sft_rows[0], system, user(LONG), assistant("Yes."), user("And then?"))
    data, seen = encode_sft(chat, [row], 120)
    kept = (system, user("And then?"))
    assert (data[0].prompt, data[0].answer) == chat.encode_answer(kept, row.completion)
    assert (seen.prompts, seen.answers) == ([row.id], [])


def test_then_the_beginning_of_the_last_text(chat: ModelTokenizer, sft_rows: list[SftRow]) -> None:
    row = with_turns(sft_rows[0], user(LONG + "What now?"))
    data, seen = encode_sft(chat, [row], 150)
    text = chat.decode(data[0].prompt)
    assert "What now?" in text
    assert data[0].answer == chat.encode_answer(row.turns, row.completion)[1]
    assert 130 < len(data[0].prompt) + len(data[0].answer) <= 150
    # Still a whole conversation: the template's own opening and closing are there.
    assert data[0].prompt[:3] == chat.encode((user(""),))[:3]
    assert seen.prompts == [row.id]


def test_then_the_end_of_the_answer(chat: ModelTokenizer, sft_rows: list[SftRow]) -> None:
    row = msgspec.structs.replace(sft_rows[0], completion=LONG)
    data, seen = encode_sft(chat, [row], 100)
    assert len(data[0].prompt) + len(data[0].answer) == 100
    assert data[0].answer[-1] != chat.end_of_turn
    assert seen.answers == [row.id]


def test_no_room_at_all_is_said(chat: ModelTokenizer, sft_rows: list[SftRow]) -> None:
    with pytest.raises(TrainingError, match=sft_rows[0].id) as caught:
        encode_sft(chat, sft_rows, 8)
    assert "tokens_max" in caught.value.remedy


def test_both_answers_of_a_pair_keep_the_same_prompt(
    chat: ModelTokenizer, preference_rows: list[PreferenceRow]
) -> None:
    row = msgspec.structs.replace(
        preference_rows[0], turns=(user(LONG), assistant("Yes."), user("More?")), rejected="No. " * 30
    )
    data, seen = encode_pairs(chat, [row], 160)
    assert data[0].prompt == chat.encode((user("More?"),))
    assert len(data[0].prompt) + max(len(data[0].chosen), len(data[0].rejected)) <= 160
    assert (seen.prompts, seen.answers) == ([row.id], [])
    assert data[0].probability == row.probability


def test_a_cut_prompt_keeps_its_turns_for_the_reward(chat: ModelTokenizer, prompts: list[PromptRecord]) -> None:
    prompt = msgspec.structs.replace(prompts[0], turns=(user(LONG),))
    data, seen = encode_prompts(chat, [prompt, prompts[1]], 60)
    assert len(data[0].tokens) <= 60
    assert data[0].turns == prompt.turns
    assert seen.prompts == [prompt.id]
    assert data[1].tokens == chat.encode(prompts[1].turns)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    texts=st.lists(st.text(max_size=80), min_size=1, max_size=5), answer=st.text(max_size=80), room=st.integers(45, 160)
)
def test_no_row_is_dropped_or_too_long(
    chat: ModelTokenizer, sft_rows: list[SftRow], texts: list[str], answer: str, room: int
) -> None:
    texts = texts if len(texts) % 2 else texts[1:]
    turns = tuple(user(text) if n % 2 == 0 else assistant(text) for n, text in enumerate(texts))
    row = msgspec.structs.replace(sft_rows[0], turns=turns, completion=answer)
    data, seen = encode_sft(chat, [row], room)
    assert len(data[0].answer) > 0
    assert len(data[0].prompt) + len(data[0].answer) <= room
    whole = chat.encode_answer(turns, answer)
    assert (data[0].prompt != whole[0]) == bool(seen.prompts)
    assert (data[0].answer != whole[1]) == bool(seen.answers)
