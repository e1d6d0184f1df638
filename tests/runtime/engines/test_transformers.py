from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from constitution_lang.ir.model import Role
from runtime.engines.base import ChooseRequest, Completion, Decoding, EngineError, Finish, GenerateRequest
from runtime.records import Turn

torch = pytest.importorskip("torch")

from runtime.engines.completions import completion, ends_in_plain_form  # noqa: E402
from runtime.engines.transformers import TransformersEngine  # noqa: E402

WORDS = ["which", "response", "gives", "less", "help", "with", "a", "weapon", "and", "is", "the", "kinder", "of", "two"]


def engine_of(folder: Path, **settings: Any) -> TransformersEngine:
    return TransformersEngine(folder, device="cpu", generate_dtype="float32", **settings)


@pytest.fixture(scope="module")
def tiny(tiny_model: Path) -> Iterator[TransformersEngine]:
    engine = engine_of(tiny_model)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def real(real_model: Path) -> Iterator[TransformersEngine]:
    engine = engine_of(real_model)
    yield engine
    engine.close()


def prompt(engine: TransformersEngine, text: str, opening: str = "") -> tuple[int, ...]:
    return engine.tokenizer.encode((Turn(Role.USER, text),), opening)


def words(count: int, seed: int) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=count))  # noqa: S311


def plainly(engine: TransformersEngine, request: ChooseRequest) -> list[float]:
    """The same by one pass over the whole prompt."""
    model = engine._loaded("float32")
    with torch.inference_mode():
        scores = model(torch.tensor([request.tokens])).logits[0, -1].log_softmax(-1)
    return [scores[option].item() for option in request.options]


# --- generation ---------------------------------------------------------------------------------


def greedily(engine: TransformersEngine, tokens: tuple[int, ...], tokens_max: int) -> list[int]:
    """What the library's own generation gives, end of turn left out."""
    model = engine._loaded("float32")
    ids = torch.tensor([tokens])
    stops = sorted(engine.tokenizer.stops)
    out = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=tokens_max,
        do_sample=False,
        eos_token_id=stops,
        pad_token_id=engine.tokenizer.pad,
    )
    new = out[0, len(tokens) :].tolist()
    return new[:-1] if new[-1] in stops else new


def check_greedy_equals_library(engine: TransformersEngine, tokens_max: int) -> None:
    requests = [
        GenerateRequest(prompt(engine, words(n, n)), Decoding(tokens_max=tokens_max, temperature=0), 0)
        for n in (3, 30, 12)
    ]
    answers = dict(engine.generate(requests))
    assert sorted(answers) == [0, 1, 2]
    for n, request in enumerate(requests):
        assert list(answers[n].tokens) == greedily(engine, request.tokens, tokens_max)
        assert answers[n].text == engine.tokenizer.decode(answers[n].tokens)


def test_greedy_generation_equals_the_librarys(tiny: TransformersEngine) -> None:
    check_greedy_equals_library(tiny, 24)


@pytest.mark.model
def test_greedy_generation_of_a_real_model_equals_the_librarys(real: TransformersEngine) -> None:
    check_greedy_equals_library(real, 12)


def check_independence(engine: TransformersEngine, tokens_max: int) -> None:
    """A request's completion is the same alone, in a batch, and among prompts that share its prefix."""
    shared = words(90, 1)
    texts = [words(5, 2), words(40, 3), *(f"{shared} {words(n, n)}" for n in range(1, 18))]
    requests = [
        GenerateRequest(prompt(engine, text), Decoding(tokens_max=tokens_max + n % 3, top_p=0.9 + 0.1 * (n % 2)), n)
        for n, text in enumerate(texts)
    ]
    together = dict(engine.generate(requests))
    assert len(together) == len(requests)
    alone = {n: dict(engine.generate([request]))[0] for n, request in enumerate(requests)}
    assert together == alone
    assert len({answer.tokens for answer in together.values()}) > len(requests) // 2


def test_completion_does_not_depend_on_the_batch(tiny: TransformersEngine) -> None:
    check_independence(tiny, 20)


@pytest.mark.model
def test_completion_of_a_real_model_does_not_depend_on_the_batch(real: TransformersEngine) -> None:
    check_independence(real, 4)


def test_seed_decides_the_draw(tiny: TransformersEngine) -> None:
    tokens = prompt(tiny, "which")
    requests = [GenerateRequest(tokens, Decoding(tokens_max=12), seed) for seed in (1, 2, 1)]
    answers = dict(tiny.generate(requests))
    assert answers[0] == answers[2] != answers[1]


def test_draws_follow_the_models_distribution(tiny: TransformersEngine) -> None:
    tokens = prompt(tiny, "which")
    model = tiny._loaded("float32")
    with torch.inference_mode():
        expected = (model(torch.tensor([tokens])).logits[0, -1] / 0.5).softmax(-1)
    count = 2000
    requests = [GenerateRequest(tokens, Decoding(tokens_max=1, temperature=0.5), seed) for seed in range(count)]
    engine = TransformersEngine(
        tiny._folder, device="cpu", generate_dtype="float32", batch_rows=256, batch_tokens=1 << 16
    )
    drawn = [answer.tokens[0] for _, answer in engine.generate(requests) if answer.tokens]
    for token in expected.topk(5).indices.tolist():
        share = expected[token].item()
        if token in tiny.tokenizer.stops:
            continue
        assert abs(drawn.count(token) / count - share) < 4 * (share * (1 - share) / count) ** 0.5


def test_top_p_keeps_the_smallest_set_that_reaches_it(tiny: TransformersEngine) -> None:
    tokens = prompt(tiny, "which")
    requests = [GenerateRequest(tokens, Decoding(tokens_max=8, top_p=1e-6), seed) for seed in range(4)]
    requests.append(GenerateRequest(tokens, Decoding(tokens_max=8, temperature=0), 0))
    answers = dict(tiny.generate(requests))
    assert len({answer.tokens for answer in answers.values()}) == 1


def test_completion_is_cut_at_its_own_bound(tiny: TransformersEngine) -> None:
    tokens = prompt(tiny, "which")
    requests = [GenerateRequest(tokens, Decoding(tokens_max=bound), 5) for bound in (1, 3, 9)]
    for index, answer in tiny.generate(requests):
        bound = requests[index].decoding.tokens_max
        assert len(answer.tokens) == bound if answer.finish is Finish.LENGTH else len(answer.tokens) < bound


def test_every_stop_ends_a_completion_and_is_not_part_of_it(tiny: TransformersEngine) -> None:
    free = dict(tiny.generate([GenerateRequest(prompt(tiny, "which"), Decoding(tokens_max=9, temperature=0), 0)]))[0]
    stop = free.tokens[4]
    before = tiny.tokenizer.stops
    try:
        tiny.tokenizer.stops = before | {stop}
        request = GenerateRequest(prompt(tiny, "which"), Decoding(tokens_max=9, temperature=0), 0)
        answer = dict(tiny.generate([request]))[0]
    finally:
        tiny.tokenizer.stops = before
    assert answer.finish is Finish.STOP
    assert answer.tokens == free.tokens[: free.tokens.index(stop)]


def test_next_turn_ends_an_answer_in_the_plain_form(tiny_model: Path, tmp_path: Path) -> None:
    import shutil

    bare = shutil.copytree(tiny_model, tmp_path / "bare", ignore=shutil.ignore_patterns("chat_template*"))
    engine = engine_of(bare)
    _, written = engine.tokenizer.encode_answer((Turn(Role.USER, "a"),), "Fine.\n\nHuman: more")
    assert [ends_in_plain_form(engine.tokenizer, written[:n]) for n in (1, len(written))] == [False, True]
    answer = completion(engine.tokenizer, written, Finish.STOP)
    assert answer.text == "Fine."
    assert engine.tokenizer.decode(answer.tokens) == "Fine."


def test_prompt_that_does_not_fit_is_an_error_before_anything_is_drawn(tiny: TransformersEngine) -> None:
    requests = [
        GenerateRequest(prompt(tiny, "a"), Decoding(tokens_max=4), 0),
        GenerateRequest((5,) * 2040, Decoding(tokens_max=9), 0),
    ]
    with pytest.raises(
        EngineError, match="2040 tokens and 9 more do not fit into the model's context of 2048"
    ) as caught:
        next(tiny.generate(requests))
    assert "tokens_max" in caught.value.remedy


@pytest.mark.parametrize("kind", ["longrope", "dynamic", "su"])
def test_positions_that_are_turned_by_the_longest_prompt_end_the_context(
    tiny_model: Path, tmp_path: Path, kind: str
) -> None:
    """Beyond the length of its first training such a model would answer by what stands beside a prompt."""
    folder = shutil.copytree(tiny_model, tmp_path / "long")
    config = json.loads((folder / "config.json").read_text())
    config["rope_parameters"] = {"rope_type": kind, "original_max_position_embeddings": 128, "factor": 16.0}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(EngineError, match="do not fit into the model's context of 128"):
        next(engine_of(folder).choose([ChooseRequest((5,) * 128, (7, 8))]))
    config["rope_parameters"]["rope_type"] = "yarn"
    (folder / "config.json").write_text(json.dumps(config))
    assert engine_of(folder).tokenizer.context_max == 2048


def test_batch_that_does_not_fit_into_memory_is_halved(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_of(tiny_model)
    requests = [GenerateRequest(prompt(engine, words(n, n)), Decoding(tokens_max=4), n) for n in range(1, 8)]
    expected = dict(engine.generate(requests))
    sizes: list[int] = []
    decode = engine._decode

    def scarce(batch: Sequence[GenerateRequest], *rest: Any) -> list[Completion]:
        sizes.append(len(batch))
        if len(batch) > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")
        return decode(batch, *rest)

    monkeypatch.setattr(engine, "_decode", scarce)
    assert dict(engine.generate(requests)) == expected
    assert max(sizes) == 7


def test_one_row_that_does_not_fit_into_memory_is_an_error(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_of(tiny_model)

    def none_left(*_: object) -> list[Completion]:
        raise MemoryError

    monkeypatch.setattr(engine, "_decode", none_left)
    with pytest.raises(EngineError, match="does not fit into the memory"):
        list(engine.generate([GenerateRequest(prompt(engine, "a"), Decoding(tokens_max=4), 0)]))


def test_other_errors_are_not_taken_for_a_lack_of_memory(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_of(tiny_model)

    def broken(*_: object) -> list[Completion]:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(engine, "_decode", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        list(engine.generate([GenerateRequest(prompt(engine, "a"), Decoding(tokens_max=4), 0)]))


# --- options ------------------------------------------------------------------------------------


def questions(engine: TransformersEngine, pairs: int, principles: int, length: int) -> list[ChooseRequest]:
    """Pairs in both orders under several principles, an unrelated prompt, and equal prompts with other options."""
    options = (engine.tokenizer.option("(", "A"), engine.tokenizer.option("(", "B"))
    asked = []
    for pair in range(pairs):
        sides = words(length, 2 * pair), words(length, 2 * pair + 1)
        for first, second in (sides, sides[::-1]):
            for principle in range(principles):
                text = f"{words(20, 99)}\n(A) {first}\n(B) {second}\n{words(3 + 2 * principle, principle)}"
                asked.append(ChooseRequest(prompt(engine, text, "("), options))
    asked.append(ChooseRequest(prompt(engine, "a", "("), options))
    asked.append(ChooseRequest(asked[0].tokens, options[::-1]))
    asked.append(ChooseRequest(asked[0].tokens, (7,)))
    asked.append(ChooseRequest(asked[0].tokens[:-9], options))
    return asked


def check_choices(engine: TransformersEngine, requests: Sequence[ChooseRequest]) -> None:
    answers = dict(engine.choose(requests))
    assert sorted(answers) == list(range(len(requests)))
    for index, request in enumerate(requests):
        assert answers[index].log_probabilities == pytest.approx(plainly(engine, request), abs=1e-4)


@pytest.mark.parametrize("limits", [{}, {"batch_tokens": 64}, {"batch_rows": 1}])
def test_option_log_probabilities_equal_the_plain_computation(tiny_model: Path, limits: dict[str, int]) -> None:
    engine = engine_of(tiny_model, **limits)
    check_choices(engine, questions(engine, pairs=3, principles=5, length=40))


@pytest.mark.model
def test_option_log_probabilities_of_a_real_model_equal_the_plain_computation(real: TransformersEngine) -> None:
    check_choices(real, questions(real, pairs=1, principles=3, length=60))


def test_one_question_alone(tiny: TransformersEngine) -> None:
    check_choices(tiny, questions(tiny, pairs=1, principles=1, length=5)[:1])


def test_no_question(tiny: TransformersEngine) -> None:
    assert list(tiny.choose([])) == []
    assert list(tiny.generate([])) == []


def test_shared_prefix_and_equal_prompts_are_computed_once(tiny_model: Path) -> None:
    engine = engine_of(tiny_model)
    requests = questions(engine, pairs=1, principles=8, length=60)
    model = engine._loaded("float32")
    seen = 0

    def count(_: object, __: object, given: dict[str, Any]) -> None:
        nonlocal seen
        seen += given["input_ids"].numel()

    hook = model.register_forward_pre_hook(count, with_kwargs=True)
    list(engine.choose(requests * 3))
    hook.remove()
    assert 0 < seen < sum(len(request.tokens) for request in requests) / 3


# --- identity and the rest ----------------------------------------------------------------------


def test_model_tells_precisions_apart_and_not_paths(tiny_model: Path, tmp_path: Path) -> None:
    import shutil

    copied = shutil.copytree(tiny_model, tmp_path / "copy")
    names = {
        engine_of(tiny_model).model,
        engine_of(copied).model,
        TransformersEngine(tiny_model, device="cpu", generate_dtype="bfloat16").model,
        engine_of(tiny_model, label_dtype="bfloat16").model,
    }
    assert len(names) == 3
    assert not any(str(tiny_model) in name for name in names)


def test_labels_and_generation_have_their_own_precision(tiny_model: Path) -> None:
    engine = TransformersEngine(tiny_model, device="cpu", generate_dtype="bfloat16")
    list(engine.generate([GenerateRequest(prompt(engine, "a"), Decoding(tokens_max=1), 0)]))
    assert {p.dtype for p in engine._models["bfloat16"].parameters()} == {torch.bfloat16}
    list(engine.choose(questions(engine, 1, 1, 2)[:1]))
    assert {p.dtype for p in engine._models["float32"].parameters()} == {torch.float32}
    engine.close()
    assert engine._models == {}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_missing_gpu_is_an_error(tiny_model: Path) -> None:
    with pytest.raises(EngineError, match="no GPU") as caught:
        TransformersEngine(tiny_model, device="cuda")
    assert "[engine]" in caught.value.remedy


def test_folder_without_weights_is_an_error(tiny_model: Path, tmp_path: Path) -> None:
    import shutil

    bare = shutil.copytree(tiny_model, tmp_path / "bare", ignore=shutil.ignore_patterns("*.safetensors"))
    with pytest.raises(EngineError, match=r"has no \.safetensors file"):
        engine_of(bare)


def test_torn_weights_are_an_error(tiny_model: Path, tmp_path: Path) -> None:
    torn = Path(shutil.copytree(tiny_model, tmp_path / "torn"))
    file = torn / "model.safetensors"
    file.write_bytes(b"\xff" * 100)
    engine = TransformersEngine(torn, device="cpu", generate_dtype="float32")
    tokens = engine.tokenizer.encode([Turn(Role.USER, "Hi?")])
    with pytest.raises(EngineError, match="cannot be loaded") as caught:
        list(engine.generate([GenerateRequest(tokens, Decoding(tokens_max=2), 0)]))
    assert "whole" in caught.value.remedy
