"""The engine against a server that answers as it should, with more skills or fewer."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")
pytest.importorskip("transformers")

from constitution_lang.ir.model import Role
from runtime.config import ServerConfig
from runtime.engines.base import ChooseRequest, Completion, Decoding, EngineError, Finish, GenerateRequest
from runtime.engines.server.engine import ServerEngine
from runtime.records import Turn
from tests.runtime.server.misbehaving import NAME, State

Serve = Callable[..., State]
USER = Role.USER


def engine_of(state: State, folder: Path | None, **settings: Any) -> ServerEngine:
    config = ServerConfig(url=state.url, **{"timeout_seconds": 5.0, **settings})
    return ServerEngine(config, NAME, folder, wait_seconds=0.01)


def questions(engine: ServerEngine, count: int = 6, opening: str = "The better response is (") -> list[ChooseRequest]:
    tokenizer = engine.tokenizer
    options = (tokenizer.option(opening, "A"), tokenizer.option(opening, "B"))
    return [
        ChooseRequest(tokenizer.encode((Turn(USER, f"Which response, number {n}?"),), opening), options)
        for n in range(count)
    ]


def draws(engine: ServerEngine, count: int = 6, **decoding: Any) -> list[GenerateRequest]:
    how = Decoding(**{"tokens_max": 24, **decoding})
    return [GenerateRequest(engine.tokenizer.encode((Turn(USER, f"Say {n}."),)), how, n) for n in range(count)]


def truth(state: State, number: int, opening: str = "The better response is (") -> tuple[float, float]:
    """What the server's distribution says of question `number`."""
    tokens = state.tokenizer.encode((Turn(USER, f"Which response, number {number}?"),), opening)
    scores = state.scores(tokens)
    return scores[state.tokenizer.option(opening, "A")], scores[state.tokenizer.option(opening, "B")]


def test_all_that_vllm_does_is_found_and_used(serve: Serve, folder: Path) -> None:
    state = serve()
    engine = engine_of(state, folder)
    assert engine.abilities.tokens
    assert engine.abilities.exact
    assert engine.tokenizer.context_max == 2048
    for n, choice in engine.choose(questions(engine)):
        assert choice.log_probabilities == pytest.approx(truth(state, n), abs=1e-9)
    sent = [b for b in state.bodies if b["path"] == "/v1/completions"]
    assert all(isinstance(b["prompt"], list) for b in sent[-6:])


@pytest.mark.parametrize("skills", [{}, {"exact": False}, {"ids": False}], ids=["exact", "listed", "messages"])
def test_log_probabilities_after_the_temperature_are_those_before_it(
    serve: Serve, folder: Path, skills: dict[str, bool]
) -> None:
    """Some servers give those after it; asked at temperature 1, the two are one."""
    state = serve(processed=True, **skills)
    engine = engine_of(state, folder)
    plain = engine_of(serve(**skills), folder)
    given, wanted = (
        [score for _, choice in sorted(one.choose(questions(one, 60)), key=lambda pair: pair[0])
         for score in choice.log_probabilities]
        for one in (engine, plain)
    )  # fmt: skip
    assert given == pytest.approx(wanted, abs=1e-9)
    assert any(math.isfinite(score) for score in given)
    asked = [body["temperature"] for body in state.bodies if body.get("logprobs")]
    assert set(asked) == {1.0}


def test_completions_are_the_drawn_ids_and_their_text(serve: Serve, folder: Path) -> None:
    state = serve()
    engine = engine_of(state, folder)
    requests = draws(engine, tokens_max=8)
    made = dict(engine.generate(requests))
    assert sorted(made) == list(range(6))
    assert {c.finish for c in made.values()} == set(Finish)
    for n, completion in made.items():
        ids, finish = state.draw(requests[n].tokens, {"seed": n, "temperature": 1.0, "max_tokens": 8})
        assert completion.finish == finish
        assert completion.tokens == tuple(id for id in ids if id not in state.tokenizer.stops)
        assert completion.text == state.tokenizer.decode(ids)
    body = state.bodies[-1]
    # What a model's generation_config.json says would be taken from there.
    assert (body["top_k"], body["min_p"], body["repetition_penalty"]) == (-1, 0.0, 1.0)
    assert set(body["stop_token_ids"]) == set(state.tokenizer.stops)


def test_the_same_request_gets_the_same_completion(serve: Serve, folder: Path) -> None:
    engine = engine_of(serve(), folder)
    assert dict(engine.generate(draws(engine))) == dict(engine.generate(draws(engine)))


def test_lists_of_the_likeliest_bound_what_they_leave_out(serve: Serve, folder: Path) -> None:
    state = serve(exact=False, listed=20)
    engine = engine_of(state, folder)
    assert engine.abilities.tokens
    assert (engine.abilities.exact, engine.abilities.listed) == (False, 20)
    seen = set()
    for n, choice in engine.choose(questions(engine, 120)):
        wanted = truth(state, n)
        tokens = state.tokenizer.encode((Turn(USER, f"Which response, number {n}?"),), "The better response is (")
        twentieth = sorted(state.scores(tokens), reverse=True)[19]
        listed = [x >= twentieth for x in wanted]
        seen.add(sum(listed))
        if not any(listed):
            assert choice.log_probabilities == (-math.inf, -math.inf)
            assert choice.mass == 0
            continue
        for given, true, is_listed in zip(choice.log_probabilities, wanted, listed, strict=True):
            # A bound is never below the truth, so the odds are never surer than the model.
            assert given == pytest.approx(true) if is_listed else true <= given <= twentieth + 1e-9
    assert seen >= {0, 1}


def test_ids_without_extras_are_read_by_what_they_say(serve: Serve, folder: Path) -> None:
    for strict in (False, True):
        state = serve(extras=False, exact=False, strict=strict, listed=512)
        engine = engine_of(state, folder)
        assert engine.abilities.tokens
        assert engine.abilities.extras is not strict
        made = dict(engine.generate(draws(engine)))
        again = engine.tokenizer.encode_answer((Turn(USER, "?"),), made[0].text)[1]
        assert made[0].tokens == again[:-1]
        for n, choice in engine.choose(questions(engine)):
            wanted = truth(state, n)
            for given, true in zip(choice.log_probabilities, wanted, strict=True):
                assert given >= true - 1e-9 or given == -math.inf


@pytest.mark.parametrize("why", ["refuses", "no tokenizer here", "counts otherwise"])
def test_messages_where_ids_are_not_taken(serve: Serve, folder: Path, why: str) -> None:
    state = serve(ids=why != "refuses", usage=True)
    if why == "counts otherwise":
        state = serve(usage=False)
    engine = engine_of(state, None if why == "no tokenizer here" else folder)
    assert not engine.abilities.tokens
    opening = "The better response is (" if engine.abilities.opening else ""
    assert engine.abilities.opening is (why != "counts otherwise")
    requests = questions(engine, 3, opening)
    for n, choice in engine.choose(requests):
        true = truth(state, n, opening)
        assert all(g >= t - 1e-9 or g == -math.inf for g, t in zip(choice.log_probabilities, true, strict=True))
    chats = [b for b in state.bodies if b["path"] == "/v1/chat/completions"]
    asked = {b["messages"][0]["content"] for b in chats[-3:]}
    assert asked == {f"Which response, number {n}?" for n in range(3)}
    assert not any(isinstance(b.get("prompt"), str) and "<|im_start|>" in b["prompt"] for b in state.bodies)
    made = dict(engine.generate(draws(engine)))
    assert all(c.text and engine.tokenizer.decode(c.tokens) == c.text for c in made.values())
    if why != "counts otherwise":
        ids, _ = state.draw(
            state.tokenizer.encode((Turn(USER, "Say 0."),)), {"seed": 0, "temperature": 1.0, "max_tokens": 24}
        )
        assert len(made[0].tokens) == len(ids)


def test_an_opening_that_is_not_continued_is_found_out_and_refused(serve: Serve) -> None:
    engine = engine_of(serve(opening=False), None)
    assert not engine.abilities.opening
    with pytest.raises(EngineError, match="does not go on with an answer") as caught:
        engine.need_opening("The better response is (")
    assert "without an opening" in caught.value.remedy
    with pytest.raises(EngineError, match="does not go on"):
        list(engine.choose(questions(engine, 1)))


@pytest.mark.parametrize("ids", [True, False])
def test_log_probabilities_that_are_ignored_without_a_word_are_found_out(
    serve: Serve, folder: Path, *, ids: bool
) -> None:
    """As `transformers serve` does it: the field is taken, the reply is whole, and nothing of it is in there."""
    state = serve(listed=0, ids=ids, tokenize=False)
    engine = engine_of(state, folder)
    assert not engine.abilities.chooses
    asked = [body for body in state.bodies if body.get("logprobs")]
    assert asked  # what it can do was seen in its replies, not in its refusals
    with pytest.raises(EngineError, match="gives no log-probabilities"):
        engine.need_options()


def test_a_server_without_log_probabilities_can_write_and_not_choose(serve: Serve, folder: Path) -> None:
    for ids in (True, False):
        engine = engine_of(serve(listed=0, ids=ids), folder)
        assert engine.abilities.tokens is ids
        assert len(list(engine.generate(draws(engine)))) == 6
        with pytest.raises(EngineError, match="cannot choose") as caught:
            engine.choose(questions(engine))
        assert "vLLM" in caught.value.remedy


def test_the_newer_name_of_the_limit_is_found_out(serve: Serve) -> None:
    state = serve(ids=False, limit="max_completion_tokens", extras=False, strict=True, opening=False)
    engine = engine_of(state, None)
    assert engine.abilities.limit == "max_completion_tokens"
    assert len(list(engine.generate(draws(engine)))) == 6


def test_another_model_under_the_same_name_is_found_out(
    serve: Serve, folder: Path, make_tokenizer: Callable[..., Path], tmp_path: Path
) -> None:
    import shutil

    ours = shutil.copytree(folder, tmp_path / "ours")
    make_tokenizer(metaspace=True)  # now the server's folder has another
    for tokenize in (True, False):
        state = serve(tokenize=tokenize)
        with pytest.raises(EngineError, match="another tokenizer") as caught:
            engine_of(state, ours)
        assert "names" in caught.value.remedy


def test_a_model_that_is_not_served_is_told_with_those_that_are(serve: Serve) -> None:
    state = serve()
    with pytest.raises(EngineError, match=f"has no model gpt; it has another, {NAME}"):
        ServerEngine(ServerConfig(url=state.url), "gpt", None)


def test_a_server_without_a_list_of_models_is_asked_all_the_same(serve: Serve, folder: Path) -> None:
    state = serve(models=False)
    assert engine_of(state, folder).abilities.exact
    with pytest.raises(EngineError, match="does not exist"):
        ServerEngine(ServerConfig(url=state.url), "gpt", None)


def test_identity_names_the_model_and_the_way_of_asking_but_not_the_server(serve: Serve, folder: Path) -> None:
    engines = [engine_of(serve(), folder), engine_of(serve(), folder), engine_of(serve(exact=False), folder)]
    engines += [engine_of(serve(), None)]
    assert engines[0].model == engines[1].model
    assert len({engine.model for engine in engines}) == 3
    assert "127.0.0.1" not in engines[0].model
    assert engines[0].model.startswith(f"{NAME}:")


def test_few_requests_are_under_way_at_once_and_results_come_as_they_are_done(serve: Serve, folder: Path) -> None:
    state = serve()
    engine = engine_of(state, folder, requests_max=5)
    state.delay = 0.05
    state.most_under_way = 0
    results = engine.generate(draws(engine, 40))
    next(results)
    assert len(state.bodies) < 35
    assert len(list(results)) == 39
    assert state.most_under_way == 5


def test_closing_cancels_what_is_under_way(serve: Serve, folder: Path) -> None:
    import time

    state = serve()
    engine = engine_of(state, folder, requests_max=4)
    results = engine.generate(draws(engine, 50))
    next(results)
    state.delay = 2.0
    began = time.monotonic()
    results.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 1.5
    asked = len(state.bodies)
    time.sleep(0.3)
    assert len(state.bodies) <= asked + 4


def test_prompts_that_begin_alike_follow_one_another(serve: Serve, folder: Path) -> None:
    state = serve()
    engine = engine_of(state, folder, requests_max=1)
    before = len(state.bodies)
    list(engine.generate(list(reversed(draws(engine, 12)))))
    prompts = [b["prompt"] for b in state.bodies[before:]]
    assert prompts == sorted(prompts)


def test_a_prompt_beyond_the_context_is_named(serve: Serve, folder: Path) -> None:
    state = serve(context_max=200)
    engine = engine_of(state, folder)
    assert engine.tokenizer.context_max == 200
    long = Turn(USER, "Tell me a long story. " * 60 + "The end, number 7.")
    how = Decoding(tokens_max=8)
    with pytest.raises(EngineError, match="context of 200"):
        engine.generate([GenerateRequest(engine.tokenizer.encode((long,)), how, 0)])
    spoken = engine_of(state, None)
    fine = draws(spoken, 2)
    with pytest.raises(EngineError, match=r"the prompt that ends with “….*The end, number 7\.”.*do not fit") as caught:
        list(spoken.generate([*fine, GenerateRequest(spoken.tokenizer.encode((long,)), how, 0)]))
    assert "longer context" in caught.value.remedy


def test_an_empty_completion_is_one(serve: Serve, folder: Path) -> None:
    from tests.runtime.server.misbehaving import body

    state = serve()
    engine = engine_of(state, folder)
    state.faults = [body({"choices": [{"text": "", "finish_reason": "stop", "token_ids": [2]}]})]
    assert list(engine.generate(draws(engine, 1))) == [(0, Completion("", (), Finish.STOP))]
