"""What is asked about a prompt fits, is cut by the rule, or is an error that names the row."""

from __future__ import annotations

from pathlib import Path

import pytest

from constitution_lang.ir.model import Bundle, PromptKind, Role
from runtime.config import TooLong
from runtime.datasets.errors import DataError
from runtime.engines.base import Decoding
from runtime.engines.scripted import ScriptedEngine, ScriptedTokenizer
from runtime.ledger.store import Ledger
from runtime.opening import load_bundle
from runtime.progress import SilentProgress
from runtime.prompting import fill
from runtime.records import Conversation, PromptRecord, PromptUse, Response, Turn, identify
from runtime.stages.fitting import CUT_RULE, encode_for, look_over
from runtime.stages.respond import respond
from runtime.work import Worker
from tests.runtime.small_run import write_run

MORE = 10
USER, ASSISTANT = Role.USER, Role.ASSISTANT
TURNS = (Turn(USER, "a" * 30), Turn(ASSISTANT, "b" * 20), Turn(USER, "c" * 20), Turn(ASSISTANT, "d"), Turn(USER, "e"))


def prompt_of(turns: Conversation) -> PromptRecord:
    return PromptRecord(id=identify("prompt", turns), turns=turns, kind=PromptUse.RED_TEAM, file="rows.jsonl", row=7)


def size(turns: Conversation) -> int:
    return len(ScriptedTokenizer().encode(turns))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(tmp_path / "ledger.sqlite")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(write_run(tmp_path_factory.mktemp("small")).with_name("small.const"), lambda _: None)


def worker(ledger: Ledger, context_max: int, too_long: TooLong = TooLong.CUT) -> Worker:
    engine = ScriptedEngine("m", tokenizer=ScriptedTokenizer(context_max))
    return Worker(engine, ledger, SilentProgress(), too_long=too_long)


@pytest.mark.parametrize("left_out", [0, 2, 4])
def test_as_few_whole_turns_are_left_out_as_suffice(ledger: Ledger, left_out: int) -> None:
    rest = TURNS[left_out:]
    for room in (size(rest), size(rest) + 1):
        at_work = worker(ledger, room + MORE)
        tokens = encode_for(at_work, prompt_of(TURNS), None, MORE)
        assert tokens == ScriptedTokenizer().encode(rest)
        cuts = list(at_work.cuts.values())
        if not left_out:
            assert cuts == []
            continue
        [cut] = cuts
        assert (cut.prompt, cut.asked, cut.rule, cut.turns) == (prompt_of(TURNS).id, "", CUT_RULE, left_out)
        assert (cut.tokens_before, cut.tokens_after, cut.room) == (size(TURNS), size(rest), room)


def test_one_token_less_leaves_out_the_next_turns_too(ledger: Ledger) -> None:
    at_work = worker(ledger, size(TURNS[2:]) - 1 + MORE)
    assert encode_for(at_work, prompt_of(TURNS), None, MORE) == ScriptedTokenizer().encode(TURNS[4:])
    assert [cut.turns for cut in at_work.cuts.values()] == [4]


@pytest.mark.parametrize("kind", [PromptKind.CRITIQUE, PromptKind.PREFER])
def test_what_is_asked_about_stays_whole(ledger: Ledger, bundle: Bundle, kind: PromptKind) -> None:
    compiled = bundle.prompt(kind, "harm.kindness")
    texts = {"response": "r" * 200, "response_a": "x" * 99, "response_b": "y" * 99}
    rest = ScriptedTokenizer().encode(*fill(compiled, conversation=TURNS[2:], **texts))
    at_work = worker(ledger, len(rest) + MORE)
    assert encode_for(at_work, prompt_of(TURNS), compiled, MORE, **texts) == rest
    assert [(cut.asked, cut.turns) for cut in at_work.cuts.values()] == [(compiled.id, 2)]


def test_the_same_question_is_noted_once_and_another_one_apart(ledger: Ledger) -> None:
    at_work = worker(ledger, size(TURNS[2:]) + MORE)
    for turns in (TURNS, TURNS, (Turn(USER, "z" * 50), *TURNS[1:])):
        encode_for(at_work, prompt_of(turns), None, MORE)
    assert len(at_work.cuts) == 2


def test_the_last_users_turn_is_never_cut(ledger: Ledger) -> None:
    turns = (*TURNS[:4], Turn(USER, "e" * 99))
    at_work = worker(ledger, 50)
    with pytest.raises(DataError, match=rf"^rows.jsonl:7: this prompt takes {size(turns[4:])} tokens .* even without"):
        encode_for(at_work, prompt_of(turns), None, MORE)
    assert at_work.cuts == {}


def test_without_the_rule_the_error_says_that_there_is_one(ledger: Ledger) -> None:
    at_work = worker(ledger, 50, TooLong.ERROR)
    with pytest.raises(DataError, match=rf"^rows.jsonl:7: this prompt takes {size(TURNS)} tokens") as caught:
        encode_for(at_work, prompt_of(TURNS), None, MORE)
    assert 'too_long = "cut"' in caught.value.remedy
    with pytest.raises(DataError) as caught:
        encode_for(at_work, prompt_of((Turn(USER, "e" * 99),)), None, MORE)
    assert "too_long" not in caught.value.remedy


def test_a_prompt_without_room_in_the_last_block_is_found_before_anything_is_asked(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    tokenizer = ScriptedTokenizer(size((Turn(USER, "e" * 60),)) + MORE)
    engine = ScriptedEngine("m", tokenizer=tokenizer)
    generate = engine.generate
    monkeypatch.setattr(engine, "generate", lambda requests: asked.append(len(requests)) or generate(requests))
    prompts = [prompt_of((Turn(USER, f"{n}"),)) for n in range(40)]

    def answer(given: list[PromptRecord]) -> list[Response]:
        at_work = Worker(engine, ledger, SilentProgress(), chunk_rows=2)
        decoding = Decoding(tokens_max=MORE)
        return list(respond(at_work, given, policy="base", seed=0, decoding=decoding, title="answers"))

    with pytest.raises(DataError, match="room for"):
        answer([*prompts, prompt_of((Turn(USER, "e" * 61),))])
    assert asked == []
    assert [row.prompt for row in answer(prompts)] == [prompt.id for prompt in prompts]
    assert asked == [2] * 20


@pytest.mark.parametrize(
    "text", ["plain words", "e", "na\u00efve \u2019quotes\u2019 \ufdfa", "\ud55c\uad6d \u0390", "\n\n \t"]
)
def test_what_is_not_tokenised_when_looked_over_fits(ledger: Ledger, text: str) -> None:
    turns = (Turn(USER, text), Turn(ASSISTANT, text), Turn(USER, text))
    needed = size(turns) + MORE
    tokenised = set()
    for room in range(needed, needed + 400, 7):
        tokenised.add(look_over(worker(ledger, room, TooLong.ERROR), prompt_of(turns), None, MORE))
    assert tokenised == {True, False}
    with pytest.raises(DataError):
        look_over(worker(ledger, needed - 1, TooLong.ERROR), prompt_of(turns), None, MORE)
