from __future__ import annotations

import math
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from constitution_lang.ir.model import Role
from runtime.engines.base import ChooseRequest, Completion, Decoding, EngineError, Finish, GenerateRequest
from runtime.engines.vllm import VllmEngine
from runtime.engines.vllm_process import hold, release
from runtime.records import Turn
from tests.runtime.vllm.conftest import engine_of

pytestmark = pytest.mark.vllm

WORDS = ["which", "response", "gives", "less", "help", "with", "a", "weapon", "and", "is", "the", "kinder", "of", "two"]


def prompt(engine: VllmEngine, text: str, opening: str = "") -> tuple[int, ...]:
    return engine.tokenizer.encode((Turn(Role.USER, text),), opening)


def words(count: int, seed: int) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=count))  # noqa: S311


def plainly(folder: Path, prompts: Sequence[tuple[int, ...]]) -> list[Any]:
    """Log-probabilities of every next token, by transformers, one prompt at a time."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        return [model(torch.tensor([tokens])).logits[0, -1].log_softmax(-1) for tokens in prompts]


def without_cache(engine: VllmEngine) -> None:
    assert hold(engine._load("float32")).reset_prefix_cache()


def questions(engine: VllmEngine, pairs: int, principles: int, length: int) -> list[ChooseRequest]:
    """Pairs in both orders under several principles: the pair first, the principle last."""
    options = (engine.tokenizer.option("(", "A"), engine.tokenizer.option("(", "B"))
    asked = []
    for pair in range(pairs):
        sides = words(length, 2 * pair), words(length, 2 * pair + 1)
        for first, second in (sides, sides[::-1]):
            for principle in range(principles):
                text = f"{words(20, 99)}\n(A) {first}\n(B) {second}\n{words(3 + 2 * principle, principle)}"
                asked.append(ChooseRequest(prompt(engine, text, "("), options))
    return asked


# --- options ------------------------------------------------------------------------------------


def check_options(engine: VllmEngine, folder: Path, requests: Sequence[ChooseRequest]) -> None:
    answers = dict(engine.choose(requests))
    assert sorted(answers) == list(range(len(requests)))
    expected = plainly(folder, [request.tokens for request in requests])
    for index, request in enumerate(requests):
        wanted = [expected[index][option].item() for option in request.options]
        assert answers[index].log_probabilities == pytest.approx(wanted, abs=1e-4)


def test_options_are_those_of_transformers(small: VllmEngine, small_model: Path) -> None:
    asked = questions(small, pairs=2, principles=5, length=40)
    options = asked[0].options
    # Equal prompts with other options; token 0, which vLLM pads its rows with; many; one alone; a shorter prompt.
    asked += [
        ChooseRequest(asked[0].tokens, options[::-1]),
        ChooseRequest(asked[0].tokens, (7,)),
        ChooseRequest(asked[1].tokens, (0, 511)),
        ChooseRequest(asked[2].tokens, tuple(range(100))),
        ChooseRequest(asked[0].tokens[:-9], options),
    ]
    check_options(small, small_model, asked)


def test_options_are_found_at_any_rank(small: VllmEngine, small_model: Path) -> None:
    """Two log-probabilities asked for would be the two likeliest tokens', and an option is neither."""
    tokens = prompt(small, "which", "(")
    (expected,) = plainly(small_model, [tokens])
    unlikely = expected.argsort()[:3].tolist()
    (answer,) = dict(small.choose([ChooseRequest(tokens, tuple(unlikely))])).values()
    assert answer.log_probabilities == pytest.approx([expected[token].item() for token in unlikely], abs=1e-4)
    assert answer.mass < 1e-3


def test_options_of_a_real_model_are_those_of_transformers() -> None:
    """Its two embeddings are one tensor, which a loader can lose."""
    from runtime.engines.models import resolve

    folder = resolve("smollm2-135m-instruct")
    engine = engine_of(folder)
    asked = questions(engine, pairs=1, principles=3, length=60)
    asked.append(ChooseRequest(asked[0].tokens, (0, 1, 2, 49151)))
    check_options(engine, folder, asked)


def test_more_options_than_vllm_answers(small: VllmEngine) -> None:
    with pytest.raises(EngineError, match="129 options") as caught:
        list(small.choose([ChooseRequest((1, 2), tuple(range(129)))]))
    assert "transformers" in caught.value.remedy


def test_what_prompts_share_is_computed_once(small: VllmEngine) -> None:
    """Asked in an order that separates what belongs together, and with vLLM's blocks of 32 tokens."""
    from vllm import SamplingParams

    from runtime.engines.vllm import _Answers

    asked = questions(small, pairs=4, principles=8, length=120)
    random.Random(0).shuffle(asked)  # noqa: S311
    params = SamplingParams(max_tokens=1, detokenize=False)
    outputs = dict(_Answers(small._load("float32"), [(request.tokens, params) for request in asked]))
    computed = sum(len(asked[n].tokens) - (output.num_cached_tokens or 0) for n, output in outputs.items())
    assert 0 < computed < 0.3 * sum(len(request.tokens) for request in asked)


# --- generation ---------------------------------------------------------------------------------


def test_greedy_generation_is_that_of_transformers(small: VllmEngine, small_model: Path) -> None:
    from runtime.engines.transformers import TransformersEngine

    other = TransformersEngine(small_model, device="cpu", generate_dtype="float32")
    requests = [
        GenerateRequest(prompt(small, words(n, n)), Decoding(tokens_max=24, temperature=0), 0) for n in (3, 30, 12)
    ]
    assert dict(small.generate(requests)) == dict(other.generate(requests))


def test_completions_do_not_depend_on_the_batch(small: VllmEngine) -> None:
    shared = words(90, 1)
    texts = [words(5, 2), words(40, 3), *(f"{shared} {words(n, n)}" for n in range(1, 18))]
    requests = [
        GenerateRequest(prompt(small, text), Decoding(tokens_max=20 + n % 3, top_p=0.9 + 0.1 * (n % 2)), n)
        for n, text in enumerate(texts)
    ]
    together = dict(small.generate(requests))
    alone = {n: dict(small.generate([request]))[0] for n, request in enumerate(requests)}
    small.close()  # and with an empty cache, in the other order
    reversed_ = dict(small.generate(requests[::-1]))
    assert together == alone == {len(requests) - 1 - n: answer for n, answer in reversed_.items()}
    assert len({answer.tokens for answer in together.values()}) > len(requests) // 2


def test_options_do_not_depend_on_the_batch(small: VllmEngine) -> None:
    asked = questions(small, pairs=2, principles=6, length=50)
    without_cache(small)
    together = dict(small.choose(asked))
    for n, request in enumerate(asked):
        # What the cache holds already may move the last bit: it decides how many tokens are computed at once.
        (warm,) = dict(small.choose([request])).values()
        assert warm.log_probabilities == pytest.approx(together[n].log_probabilities, abs=1e-5)
        without_cache(small)
        (alone,) = dict(small.choose([request])).values()
        assert alone == together[n]


def test_seed_decides_the_draw(small: VllmEngine) -> None:
    tokens = prompt(small, "which")
    seeds = (1, 2, 1, -1, -1, 2**64 + 5)
    answers = dict(small.generate([GenerateRequest(tokens, Decoding(tokens_max=12), seed) for seed in seeds]))
    assert answers[0] == answers[2] != answers[1]
    assert answers[3] == answers[4]  # which vLLM would take for no seed at all
    assert len({answer.tokens for answer in answers.values()}) == 4


def test_draws_follow_the_models_distribution(small: VllmEngine, small_model: Path) -> None:
    """So many that a step of vLLM would take the last prompt in half, which with seeds it cannot do on a CPU."""
    tokens = prompt(small, "which")
    expected = (plainly(small_model, [tokens])[0] / 0.5).softmax(-1)
    count = 2000
    requests = [GenerateRequest(tokens, Decoding(tokens_max=1, temperature=0.5), seed) for seed in range(count)]
    drawn = [answer.tokens[0] for _, answer in small.generate(requests) if answer.tokens]
    for token in expected.topk(5).indices.tolist():
        share = expected[token].item()
        if token not in small.tokenizer.stops:
            assert abs(drawn.count(token) / count - share) < 4 * (share * (1 - share) / count) ** 0.5


def test_completion_is_cut_at_its_own_bound(small: VllmEngine) -> None:
    tokens = prompt(small, "which")
    answers = dict(small.generate([GenerateRequest(tokens, Decoding(tokens_max=n), 3) for n in (1, 5, 9)]))
    lengths = [len(answers[n].tokens) for n in range(3)]
    assert lengths == sorted(lengths)
    assert lengths[0] <= 1
    for answer, most in zip((answers[n] for n in range(3)), (1, 5, 9), strict=True):
        assert (len(answer.tokens) == most) == (answer.finish is Finish.LENGTH)


def test_empty_completion(saying: Callable[..., Path]) -> None:
    engine = engine_of(saying(None, after="\n"))
    (answer,) = dict(engine.generate([GenerateRequest(prompt(engine, "a"), Decoding(tokens_max=9), 0)])).values()
    assert answer == Completion("", (), Finish.STOP)


def test_end_of_turn_ends_an_answer_and_is_no_part_of_it(saying: Callable[..., Path]) -> None:
    engine = engine_of(saying("kind", after="\n"))
    request = GenerateRequest(prompt(engine, "a"), Decoding(tokens_max=9, temperature=0), 0)
    (answer,) = dict(engine.generate([request])).values()
    assert (answer.text, answer.finish) == ("kind", Finish.STOP)
    assert answer.tokens == engine.tokenizer._plain.ids("kind")


def test_next_turn_ends_an_answer_in_the_plain_form(saying: Callable[..., Path]) -> None:
    """Also in the middle of others, and nothing of it stays behind."""
    engine = engine_of(saying(" fine\n\nHuman:", template=None, after=":"))
    assert engine.tokenizer.stop_text == "\n\nHuman:"
    requests = [
        GenerateRequest(prompt(engine, text), Decoding(tokens_max=most, temperature=0), 0)
        for text, most in (("a", 90), ("b", 2), ("c", 90))
    ]
    answers = dict(engine.generate(requests))
    assert [(answers[n].text, answers[n].finish) for n in (0, 2)] == [("fine", Finish.STOP)] * 2
    assert (len(answers[1].tokens), answers[1].finish) == (2, Finish.LENGTH)
    assert dict(engine.generate(requests)) == answers


# --- identity, and the process that it lives in -------------------------------------------------


def test_model_tells_precisions_and_engines_apart(small_model: Path) -> None:
    from runtime.engines.transformers import TransformersEngine

    names = {
        engine_of(small_model).model,
        engine_of(small_model, generate_dtype="bfloat16").model,
        engine_of(small_model, label_dtype="bfloat16").model,
        TransformersEngine(small_model, device="cpu", generate_dtype="float32").model,
    }
    assert len(names) == 4
    assert not any(str(small_model) in name for name in names)


def test_two_precisions_take_turns(small_model: Path) -> None:
    """bfloat16 for generation, float32 for labels: one after the other, and labels are still exact."""
    engine = engine_of(small_model, generate_dtype="bfloat16")
    asked = questions(engine, pairs=1, principles=2, length=20)
    assert len(dict(engine.generate([GenerateRequest(asked[0].tokens, Decoding(tokens_max=4), 0)]))) == 1
    check_options(engine, small_model, asked)


def test_no_question(small: VllmEngine) -> None:
    assert list(small.choose([])) == []
    assert list(small.generate([])) == []


def test_whoever_stops_early_leaves_nothing_behind(small: VllmEngine) -> None:
    requests = [GenerateRequest(prompt(small, words(9, n)), Decoding(tokens_max=1 + 20 * n), n) for n in range(6)]
    whole = dict(small.generate(requests))
    some = small.generate(requests)
    index, answer = next(some)
    assert whole[index] == answer
    some.close()  # type: ignore[attr-defined]
    assert dict(small.generate(requests)) == whole


def test_close_in_the_middle_and_go_on(small: VllmEngine) -> None:
    requests = [GenerateRequest(prompt(small, words(9, n)), Decoding(tokens_max=1 + 20 * n), n) for n in range(4)]
    some = small.generate(requests)
    next(some)
    small.close()
    some.close()  # type: ignore[attr-defined]
    assert len(dict(small.generate(requests))) == 4


def test_memory_is_given_back_and_taken_again(small_model: Path) -> None:
    import psutil
    import torch

    from runtime.engines.models import resolve

    def memory() -> float:
        return psutil.Process().memory_info().rss / 2**20

    release()
    threads, set_num_threads = torch.get_num_threads(), torch.set_num_threads
    request = GenerateRequest((5, 6), Decoding(tokens_max=2), 0)
    list(engine_of(small_model).generate([request]))
    engine_of(small_model).close()
    before = memory()
    real = engine_of(resolve("smollm2-135m-instruct"))
    first = dict(real.generate([request]))
    opened = memory()
    assert opened > before + 1024  # 513 MiB of weights and the cache
    real.close()
    # What a training needs afterwards: memory, no process group, threads.
    assert memory() < before + 0.2 * (opened - before)
    assert not torch.distributed.is_initialized()
    assert (torch.set_num_threads, torch.get_num_threads()) == (set_num_threads, threads)
    assert torch.get_default_dtype() is torch.float32
    other = engine_of(small_model)
    assert len(dict(other.generate([request]))) == 1
    assert dict(real.generate([request])) == first
    real.close()
    other.close()
    assert memory() < before + 0.2 * (opened - before)


def test_nothing_is_printed(small_model: Path) -> None:
    """The run has bars of its own; a line of another's among them tears them apart."""
    code = f"""
from pathlib import Path
from runtime.engines.base import ChooseRequest, Decoding, GenerateRequest
from runtime.engines.vllm import VllmEngine
from runtime.engines.vllm_process import hold, release
engine = VllmEngine(Path({str(small_model)!r}), generate_dtype="float32")
assert len(list(engine.generate([GenerateRequest((5, 6), Decoding(tokens_max=3), 1)]))) == 1
assert len(list(engine.choose([ChooseRequest((5, 6), (1, 2))]))) == 1
engine.close()
assert len(list(engine.choose([ChooseRequest((5, 6), (1, 2))]))) == 1
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_log_probabilities_are_of_the_full_distribution(small: VllmEngine) -> None:
    (answer,) = dict(small.choose([ChooseRequest(prompt(small, "which", "("), tuple(range(128)))])).values()
    (rest,) = dict(small.choose([ChooseRequest(prompt(small, "which", "("), tuple(range(128, 256)))])).values()
    more = [
        dict(small.choose([ChooseRequest(prompt(small, "which", "("), tuple(range(n, n + 128)))]))[0]
        for n in (256, 384)
    ]
    assert math.fsum(part.mass for part in (answer, rest, *more)) == pytest.approx(1, abs=1e-5)
