from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from collections import Counter
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution_lang.ir.model import Role
from runtime.engines.base import Choice, ChooseRequest, Completion, Decoding, EngineError, Finish, GenerateRequest
from runtime.engines.scripted import DIE_AFTER, Rates, Script, ScriptedEngine, ScriptedTokenizer
from runtime.records import Turn

TOKENIZER = ScriptedTokenizer()
CONTROLS = range(256, 261)
TURNS = st.lists(st.builds(Turn, st.sampled_from(Role), st.text()), max_size=4)


def asked(text: str, opening: str = "") -> tuple[int, ...]:
    return TOKENIZER.encode([Turn(Role.USER, text)], opening)


def requests(count: int, tokens_max: int = 192) -> list[GenerateRequest]:
    return [GenerateRequest(asked(f"question {n}"), Decoding(tokens_max=tokens_max), n) for n in range(count)]


def pair(a: str, b: str, principle: str = "Be kind.") -> ChooseRequest:
    return ChooseRequest(asked(f"Here are two.\n\n(A) {a}\n\n(B) {b}\n\n{principle}", "("), (ord("A"), ord("B")))


def log_odds(choice: Choice) -> float:
    return choice.log_probabilities[0] - choice.log_probabilities[1]


# --- tokenizer ----------------------------------------------------------------------------------


@given(TURNS, st.text())
def test_text_never_becomes_a_control_token(turns: list[Turn], opening: str) -> None:
    ids = TOKENIZER.encode(turns, opening)
    assert sum(id in CONTROLS for id in ids) == 1 + 2 * len(turns) + 1
    assert ids.count(256) == 1
    assert ids[0] == 256
    assert TOKENIZER.decode(ids) == "".join(turn.text for turn in turns) + opening


@given(TURNS, st.text())
def test_training_ids_begin_with_the_prompt_and_end_the_turn_once(turns: list[Turn], answer: str) -> None:
    prompt, target = TOKENIZER.encode_answer(turns, answer)
    assert prompt == TOKENIZER.encode(turns)
    assert target[-1] == 257
    assert TOKENIZER.decode(target[:-1]) == answer
    assert not set(target[:-1]) & set(CONTROLS)


def test_options_are_single_tokens() -> None:
    assert TOKENIZER.option("(", "A") == 65
    for text in ("", "AB", "é"):
        with pytest.raises(EngineError) as caught:
            TOKENIZER.option("(", text)
        assert caught.value.remedy


# --- completions --------------------------------------------------------------------------------


def test_every_request_once_in_another_order_and_the_same_each_time() -> None:
    wanted = requests(300)
    first = list(ScriptedEngine("m").generate(wanted))
    order = [index for index, _ in first]
    assert sorted(order) == list(range(300))
    assert order != list(range(300))
    assert list(ScriptedEngine("m").generate(wanted)) == first


def test_answers_do_not_depend_on_the_batch() -> None:
    wanted = requests(40)
    whole = dict(ScriptedEngine("m").generate(wanted))
    for n, request in enumerate(wanted):
        assert list(ScriptedEngine("m").generate([request])) == [(0, whole[n])]


def test_completions_are_what_their_tokens_say_and_fit() -> None:
    for tokens_max in (1, 7, 40, 192):
        for _, made in ScriptedEngine("m").generate(requests(200, tokens_max)):
            assert TOKENIZER.decode(made.tokens) == made.text
            assert len(made.tokens) <= tokens_max
            assert (made.finish is Finish.LENGTH) <= (len(made.tokens) == tokens_max)
            if made.finish is Finish.STOP:
                assert not made.text or made.text.endswith(".")


def test_what_goes_wrong_goes_wrong_at_its_rate() -> None:
    made = [c for _, c in ScriptedEngine("m").generate(requests(2000))]
    assert 20 <= sum(not c.text for c in made) <= 70
    assert 40 <= sum(c.text == "No revisions needed." for c in made) <= 130
    assert 40 <= sum(c.finish is Finish.LENGTH for c in made) <= 130
    lengths = [len(c.tokens) for c in made]
    assert min(n for n in lengths if n) < 60
    assert max(lengths) == 192
    assert len({c.text for c in made}) > 1700

    nothing = ScriptedEngine("m", rates=Rates(cut=0, empty=0, declined=0))
    assert all(c.text and c.finish is Finish.STOP for _, c in nothing.generate(requests(500)))
    always = ScriptedEngine("m", rates=Rates(empty=1))
    assert {c.text for _, c in always.generate(requests(50))} == {""}


def test_seed_and_decoding_and_model_count_and_greedy_ignores_the_seed() -> None:
    engine = ScriptedEngine("m", rates=Rates(same=0))
    base = GenerateRequest(asked("hello"), Decoding(tokens_max=100), 1)
    others = [
        GenerateRequest(asked("hello"), Decoding(tokens_max=100), 2),
        GenerateRequest(asked("hello!"), Decoding(tokens_max=100), 1),
        GenerateRequest(asked("hello"), Decoding(tokens_max=100, temperature=0.5), 1),
    ]
    texts = [made.text for _, made in sorted(engine.generate([base, *others]))]
    texts += [made.text for _, made in ScriptedEngine("n", rates=Rates(same=0)).generate([base])]
    assert len(set(texts)) == 5
    greedy = [GenerateRequest(asked("hello"), Decoding(tokens_max=100, temperature=0), n) for n in range(9)]
    assert len({made for _, made in engine.generate(greedy)}) == 1


def test_two_samples_of_a_prompt_are_sometimes_equal() -> None:
    engine = ScriptedEngine("m", rates=Rates(same=0.3))
    pairs = [[GenerateRequest(asked(f"q {n}"), Decoding(tokens_max=192), s) for s in (0, 1)] for n in range(500)]
    equal = sum(a.text == b.text for a, b in (dict(engine.generate(two)).values() for two in pairs))
    assert 15 <= equal <= 90


# --- choices ------------------------------------------------------------------------------------


def test_taste_is_stable_with_a_pull_towards_the_first() -> None:
    engine = ScriptedEngine("m")
    texts = [made.text for _, made in ScriptedEngine("t").generate(requests(800)) if made.text]
    pairs = [(a, b) for a, b in zip(texts[::2], texts[1::2], strict=False) if a != b]
    straight = dict(engine.choose([pair(a, b) for a, b in pairs]))
    swapped = dict(engine.choose([pair(b, a) for a, b in pairs]))
    odds = [(log_odds(straight[n]), -log_odds(swapped[n])) for n in range(len(pairs))]
    agreeing = fmean((one > 0) == (other > 0) for one, other in odds)
    assert 0.6 < agreeing < 0.95
    assert 0.2 < fmean((one - other) / 2 for one, other in odds) < 0.6
    assert 0.35 < fmean(one + other > 0 for one, other in odds) < 0.65


def test_choices_are_probabilities_with_mass_left_over_and_some_unclear() -> None:
    engine = ScriptedEngine("m")
    choices = [c for _, c in engine.choose([ChooseRequest(asked(f"q {n}"), (65, 66, 67)) for n in range(1000)])]
    assert all(c.mass < 1 and len(c.log_probabilities) == 3 for c in choices)
    assert all(math.isclose(math.fsum(c.normalised), 1) for c in choices)
    assert 10 <= sum(c.mass < 0.01 for c in choices) <= 60
    best = Counter(c.normalised.index(max(c.normalised)) for c in choices)
    assert all(best[n] > 200 for n in range(3))


# --- scripts, limits, ends ----------------------------------------------------------------------


def test_script_by_mapping_and_by_function() -> None:
    script = Script(texts={"weather": "It rains.", "long": "x" * 99}, chances={"weather": (0.25, 0.5), "no": (0.5, 0)})
    engine = ScriptedEngine("s", script=script)
    prompts = [GenerateRequest(asked(t), Decoding(tokens_max=10), 0) for t in ("the weather?", "a long one", "other")]
    made = dict(engine.generate(prompts))
    assert made[0] == Completion("It rains.", tuple(b"It rains."), Finish.STOP)
    assert made[1] == Completion("x" * 10, tuple(b"x" * 10), Finish.LENGTH)
    assert made[2] == dict(ScriptedEngine("s").generate(prompts))[2]
    (_, sure), (_, never) = sorted(engine.choose([ChooseRequest(asked(t), (65, 66)) for t in ("weather", "no")]))
    assert sure.mass == pytest.approx(0.75)
    assert sure.normalised == pytest.approx((1 / 3, 2 / 3))
    assert never.log_probabilities[1] == -math.inf

    loud = ScriptedEngine("s", script=Script(texts=lambda prompt: prompt.upper() if "loud" in prompt else None))
    assert next(loud.generate([GenerateRequest(asked("loud"), Decoding(tokens_max=9), 0)]))[1].text == "LOUD"


def test_identity() -> None:
    assert ScriptedEngine().model == "scripted/1"
    assert ScriptedEngine("policy").model == "scripted/1/policy"
    assert ScriptedEngine("policy", rates=Rates(cut=0.5)).model != ScriptedEngine("policy").model


def test_another_tokenizer() -> None:
    class Doubled(ScriptedTokenizer):
        """Two tokens a byte, and an end of turn of two tokens."""

        def encode_answer(self, turns: object, answer: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
            del turns
            return (), (*(id for byte in answer.encode() for id in (byte, 300)), 257, 258)

    engine = ScriptedEngine("m", tokenizer=Doubled(), script=Script(texts={"?": "yes"}))
    made = next(engine.generate([GenerateRequest(asked("?"), Decoding(tokens_max=5), 0)]))[1]
    assert made.finish is Finish.LENGTH
    assert made.tokens == (121, 300, 101, 300, 115)


def test_too_long_for_the_context_and_closed() -> None:
    engine = ScriptedEngine("m", tokenizer=ScriptedTokenizer(context_max=20))
    with pytest.raises(EngineError, match="20"):
        list(engine.generate(requests(1, tokens_max=15)))
    with pytest.raises(EngineError, match="20"):
        list(engine.choose([ChooseRequest(asked("x" * 40), (65,))]))
    engine.close()
    with pytest.raises(RuntimeError):
        list(engine.generate(requests(1, tokens_max=1)))


def test_dies_after_so_many_answers_over_all_engines() -> None:
    child = (
        "from runtime.engines.scripted import ScriptedEngine\n"
        "from runtime.engines.base import ChooseRequest\n"
        "for name in 'ab':\n"
        "    for index, _ in ScriptedEngine(name).choose([ChooseRequest((n,), (65,)) for n in range(4)]):\n"
        "        print(name, flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", child], env=os.environ | {DIE_AFTER: "6"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert done.stdout.split() == ["a"] * 4 + ["b"] * 2
