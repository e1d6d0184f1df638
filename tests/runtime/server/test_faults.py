"""The engine against a server that misbehaves on purpose: every failure is an error that says what to do."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

pytest.importorskip("openai")
pytest.importorskip("transformers")

from runtime.config import ServerConfig
from runtime.engines.base import EngineError
from runtime.engines.server.client import read_key
from runtime.engines.server.engine import ServerEngine
from tests.runtime.server import misbehaving
from tests.runtime.server.misbehaving import NAME, Fault, State, body, status
from tests.runtime.server.test_server import Serve, draws, engine_of, questions

KEY = "sk-never-to-be-seen-0123456789abcdef"


def text(**changes: Any) -> dict[str, Any]:
    """A reply to a completion, with something else in it."""
    choice = {"text": "fine", "finish_reason": "stop", "token_ids": [50, 51], **changes}
    return {"choices": [choice], "usage": {"prompt_tokens": 3}}


def logprobs(**listed: float) -> dict[str, Any]:
    return text(logprobs={"tokens": ["x"], "top_logprobs": [listed]})


PASSING = {
    "too many requests": status(429, "slow down"),
    "too many, wait a moment": status(429, "slow down", Retry_After="0.05"),
    "too many, wait until": lambda handler: handler.fail(429, "slow", {"Retry-After": formatdate(usegmt=True)}),
    "a wait without end": status(503, "soon", Retry_After="inf"),
    "a wait that is no number": status(503, "soon", Retry_After="nan"),
    "an error in errors": lambda handler: handler.reply(b'{"error":' * 20_000, 500),
    "a wait that cannot be read": status(503, "soon", Retry_After="in a while"),
    "internal error": status(500),
    "bad gateway": status(502),
    "overloaded": status(529),
    "half a reply": misbehaving.half,
    "half a text": misbehaving.cut_json,
    "hangs up": misbehaving.hang_up,
    "a web page": misbehaving.web_page,
    "wrong shape": body({"choices": []}),
    "silence": misbehaving.silence,
    "a byte now and then": misbehaving.drip,
}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_waited_out(serve: Serve, folder: Path, name: str) -> None:
    state = serve()
    engine = engine_of(state, folder, timeout_seconds=0.5)
    expected = dict(engine.generate(draws(engine)))
    state.faults = [PASSING[name]] * 2
    assert dict(engine.generate(draws(engine))) == expected
    assert not state.faults


WRONG = {
    "no choices": (body({"choices": []}), "answered with something else"),
    "two choices": (body({"choices": [text()["choices"][0]] * 2}), "answered with something else"),
    "choices missing": (body({"object": "completion"}), "answered with something else"),
    "a list": (body([1, 2]), "answered with something else"),
    "null": (body(None), "answered with something else"),
    "text is a number": (body(text(text=7)), "answered with something else"),
    "no text": (body({"choices": [{"finish_reason": "stop"}]}), "answered with something else"),
    "ids are words": (body(text(token_ids=["a"])), "answered with something else"),
    "ids below zero": (body(text(token_ids=[-1])), "answered with something else"),
    "more tokens than asked for": (body(text(token_ids=[50] * 99)), "drew 99 tokens where 24 may come"),
    "another end": (body(text(finish_reason="abort")), "ended a completion with 'abort'"),
    "no end": (body(text(finish_reason=None)), "ended a completion with None"),
    "half a text": (misbehaving.cut_json, "answered with something else"),
    "no text at all": (body(b""), "answered with something else"),
    "not utf-8": (body(b'{"choices": [{"text": "\xff\xfe"}]}'), "answered with something else"),
    "a web page": (misbehaving.web_page, "a web page and not with JSON"),
    "lists in lists": (body(b"[" * 100_000), "answered with something else"),
    "no end of it": (misbehaving.endless, "sends a reply of more than 32 MB"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_replies_end_as_errors_soon(serve: Serve, folder: Path, name: str) -> None:
    state = serve()
    engine = engine_of(state, folder)
    state.always, message = WRONG[name]
    asked = len(state.bodies)
    with pytest.raises(EngineError, match=message) as caught:
        list(engine.generate(draws(engine, 1)))
    assert len(state.bodies) - asked == 3, "a wrong server does not pass"
    assert "url" in caught.value.remedy


def turn(finish: str, **message: Any) -> Fault:
    return body({"choices": [{"message": {"role": "assistant", **message}, "finish_reason": finish}]})


def test_a_refusal_in_a_field_of_its_own_is_the_answer(serve: Serve) -> None:
    state = serve(ids=False)
    engine = engine_of(state, None)
    state.always = turn("stop", content=None, refusal="I won't.")
    [(_, said)] = engine.generate(draws(engine, 1))
    assert said.text == "I won't."
    state.always = turn("length", content=None)
    [(_, said)] = engine.generate(draws(engine, 1))
    assert (said.text, said.finish) == ("", "length")
    state.always = turn("stop", content=None, tool_calls=[{}])
    with pytest.raises(EngineError, match="answered without any text") as caught:
        list(engine.generate(draws(engine, 1)))
    assert "plain text" in caught.value.remedy


WRONG_CHOICES = {
    "no log-probabilities": (text(), "gave no log-probabilities"),
    "null": (text(logprobs=None), "gave no log-probabilities"),
    "an empty list": (text(logprobs={"tokens": [], "top_logprobs": []}), "gave no log-probabilities"),
    "null at the place": (text(logprobs={"tokens": ["x"], "top_logprobs": [None]}), "gave no log-probabilities"),
    "other tokens": (logprobs(**{"token_id:1": -1.0, "token_id:2": -2.0}), "gave no log-probability for token_id"),
    "logits": (logprobs(**{"token_id:1": 14.0}), "no log-probabilities"),
    "more than everything": (logprobs(**{f"token_id:{n}": -0.1 for n in range(9)}), "no log-probabilities"),
    "words": (text(logprobs={"tokens": ["x"], "top_logprobs": [{"a": "b"}]}), "something else"),
}


@pytest.mark.parametrize("name", WRONG_CHOICES)
def test_wrong_log_probabilities_end_as_errors(serve: Serve, folder: Path, name: str) -> None:
    state = serve()
    engine = engine_of(state, folder)
    reply, message = WRONG_CHOICES[name]
    state.always = body(reply)
    with pytest.raises(EngineError, match=message):
        list(engine.choose(questions(engine, 1)))


def test_a_token_that_cannot_come_has_no_probability(serve: Serve, folder: Path) -> None:
    state = serve()
    engine = engine_of(state, folder)
    a, b = questions(engine, 1)[0].options
    state.always = body(logprobs(**{f"token_id:{a}": -9999.0, f"token_id:{b}": -0.5}))
    ((_, choice),) = engine.choose(questions(engine, 1))
    assert choice.log_probabilities == (float("-inf"), -0.5)


@pytest.mark.parametrize(
    ("fault", "message", "remedy"),
    [
        (status(401, "bad key"), "wants a key", "CAI_TEST_KEY"),
        (status(403, "not for you"), "does not allow this: not for you", "owner"),
        (status(404, "nothing here"), "nothing here", "/v1"),
        (status(400, "bad \x1b[31m thing"), r"refuses \(status 400\): bad \[31m thing", "log"),
        (status(429, "insufficient_quota"), "account is used up", "credit"),
        (status(429, "slow", Retry_After="86400"), "alone for a while", "86400 seconds"),
        (body(text(finish_reason="content_filter")), "content filter", "without a filter"),
    ],
)
def test_what_does_not_pass_is_not_asked_again(
    serve: Serve, folder: Path, fault: Fault, message: str, remedy: str
) -> None:
    state = serve()
    engine = engine_of(state, folder, key_env="CAI_TEST_KEY")
    asked = len(state.bodies)
    state.always = fault
    with pytest.raises(EngineError, match=message) as caught:
        list(engine.generate(draws(engine, 1)))
    assert remedy in caught.value.remedy
    assert len(state.bodies) - asked == 1


def test_a_server_that_fails_for_good_ends_the_work_and_keeps_what_was_done(serve: Serve, folder: Path) -> None:
    state = serve()
    engine = engine_of(state, folder, requests_max=2, retries_max=3)
    results = engine.generate(draws(engine, 30))
    done = [next(results) for _ in range(4)]
    state.always = status(500, "out of memory")
    with pytest.raises(EngineError, match=r"fails \(status 500\): out of memory \(asked 4 times\)") as caught:
        done.extend(results)
    assert 4 <= len(done) < 30
    assert "run again" in caught.value.remedy


def test_a_failure_of_one_lets_the_others_end(serve: Serve, folder: Path) -> None:
    state = serve()
    engine = engine_of(state, folder, requests_max=4)
    state.delay = 0.3
    state.faults = [status(400, "no")]
    results, done = engine.generate(draws(engine, 20)), []
    with pytest.raises(EngineError, match="refuses"):
        done.extend(results)  # what came before the error stays
    # Three were under way, and each may have begun one more before the failure was heard of.
    assert 3 <= len(dict(done)) <= 6


def test_a_key_that_is_refused_is_told_soon_whatever_the_others_wait_for(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAI_TEST_KEY", KEY)
    state = serve()
    slow = ServerEngine(
        ServerConfig(url=state.url, requests_max=4, key_env="CAI_TEST_KEY"), NAME, folder, wait_seconds=60
    )
    busy = status(503, "busy", Retry_After="100")
    state.always, state.faults = busy, [busy, busy, status(401, "no"), busy]
    asked, began = len(state.bodies), time.monotonic()
    with pytest.raises(EngineError, match="does not take the key"):
        list(slow.generate(draws(slow, 8)))
    assert time.monotonic() - began < 30
    assert len(state.bodies) - asked <= 4


def test_nobody_at_the_address_is_told_soon(folder: Path) -> None:
    began = time.monotonic()
    with pytest.raises(EngineError, match=r"cannot be reached.*asked 3 times") as caught:
        ServerEngine(ServerConfig(url="http://127.0.0.1:9/v1"), NAME, folder, wait_seconds=0.01)
    assert time.monotonic() - began < 10
    assert "check that it runs" in caught.value.remedy


def test_an_address_without_the_protocol_is_told(serve: Serve, folder: Path) -> None:
    state = serve()
    with pytest.raises(EngineError, match="404") as caught:
        ServerEngine(ServerConfig(url=state.url.removesuffix("/v1")), NAME, folder, wait_seconds=0.01)
    assert "/v1" in caught.value.remedy


# --- the key ---------------------------------------------------------------------------------------


@pytest.fixture
def locked(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> State:
    """A server that wants the key, and the key in the environment."""
    monkeypatch.setenv("CAI_TEST_KEY", KEY)
    return serve(key=KEY)


def test_the_key_of_the_environment_is_sent_and_no_other(
    locked: State, folder: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "another")
    engine = engine_of(locked, folder, key_env="CAI_TEST_KEY")
    assert len(list(engine.generate(draws(engine)))) == 6
    assert {h["Authorization"] for h in locked.headers} == {f"Bearer {KEY}"}
    free = serve()
    monkeypatch.delenv("CAI_TEST_KEY")
    engine_of(free, folder, key_env="CAI_TEST_KEY")
    assert not any("Authorization" in h for h in free.headers)


def test_a_key_that_the_server_repeats_is_not_shown(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for logger in (None, "openai", "httpx2", "httpcore2"):
        caplog.set_level(1, logger=logger)
    monkeypatch.setenv("CAI_TEST_KEY", KEY)
    state = serve()
    engine = engine_of(state, folder, key_env="CAI_TEST_KEY")
    shown = []
    for fault in (
        status(400, f"I got {KEY}, which is no good"),
        status(403, f"{KEY} may not"),
        status(401, f"wrong: {KEY}"),
        status(429, f"insufficient_quota for {KEY}"),
        body({"choices": KEY}),
        body(text(finish_reason=KEY)),
        lambda handler: handler.fail(500, f"Traceback … {KEY}"),
    ):
        state.always = fault
        with pytest.raises(EngineError) as caught:
            list(engine.generate(draws(engine, 1)))
        error: BaseException | None = caught.value
        while error is not None:
            shown += [str(error), repr(error), getattr(error, "remedy", "")]
            error = error.__cause__
    shown += [engine.model, repr(engine.__dict__), repr(engine.abilities), caplog.text]
    assert not any(KEY in text for text in shown)
    assert any("[key]" in text for text in shown)
    assert "/completions" in caplog.text, "the loggers were listened to"


SHOWN = {
    "in base64": b64encode(KEY.encode()).decode(),
    "as its header in base64": b64encode(f"Bearer {KEY}".encode()).decode(),
    "as in an address": quote(KEY + "/+", safe=""),
    "in capitals": KEY.upper(),
    "masked": f"{KEY[:12]}...{KEY[-4:]}",
    "over two lines": f"{KEY[:20]}\n{KEY[20:]}",
}


@pytest.fixture
def keyed(serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[State, ServerEngine]:
    """A server, and an engine that sends it the key."""
    monkeypatch.setenv("CAI_TEST_KEY", KEY)
    state = serve()
    return state, engine_of(state, folder, key_env="CAI_TEST_KEY")


@pytest.mark.parametrize("how", SHOWN)
def test_what_gives_the_key_away_is_not_shown(keyed: tuple[State, ServerEngine], how: str) -> None:
    state, engine = keyed
    state.always = status(400, f"wrong: {SHOWN[how]} is no good")
    with pytest.raises(EngineError, match=r"wrong: \[key\] (\[key\] )?is no good"):
        list(engine.generate(draws(engine, 1)))


def test_a_key_among_the_names_of_models_is_not_shown(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAI_TEST_KEY", KEY)
    state = serve()
    state.listed = ["other", f"x-{KEY[:20]}"]
    with pytest.raises(EngineError, match=r"has no model served-model; it has other, \[key\]"):
        engine_of(state, folder, key_env="CAI_TEST_KEY")


@pytest.mark.parametrize("written", [KEY, "".join(f"\\u{ord(c):04x}" for c in KEY)])
def test_an_answer_with_the_key_is_not_kept(keyed: tuple[State, ServerEngine], written: str) -> None:
    state, engine = keyed
    reply = json.dumps(text(text="Your key is HERE.", token_ids=None)).replace("HERE", written)
    state.always = body(reply.encode())
    with pytest.raises(EngineError, match="repeats the key") as caught:
        list(engine.generate(draws(engine, 1)))
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("value", ["two words", "sk-\u00e9t\u00e9", "line\nline"])
def test_what_cannot_be_a_key_is_told_without_showing_it(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAI_TEST_KEY", value)
    with pytest.raises(EngineError, match="CAI_TEST_KEY holds is no key") as caught:
        read_key(ServerConfig(key_env="CAI_TEST_KEY"))
    assert value not in str(caught.value)
    monkeypatch.setenv("CAI_TEST_KEY", f" {KEY}\n")
    assert read_key(ServerConfig(key_env="CAI_TEST_KEY")) == KEY


@pytest.mark.parametrize(
    "settings", [{"url": f"http://me:{KEY}@localhost/v1"}, {"url": f"http://localhost/v1?key={KEY}"}, {"key_env": KEY}]
)
def test_a_key_in_the_run_file_is_refused_without_showing_it(tmp_path: Path, settings: dict[str, str]) -> None:
    from runtime.run_file import RunFileError, load_run_file

    file = tmp_path / "run.toml"
    lines = [f'{name} = "{value}"' for name, value in settings.items()]
    file.write_text("\n".join(['constitution = "a.const"', "[models]", 'policy = "p"', "[engine.openai]", *lines]))
    with pytest.raises(RunFileError) as caught:
        load_run_file(file)
    assert "engine.openai" in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_port_that_is_none_is_told_in_the_run_file() -> None:
    with pytest.raises(ValueError, match="a port is a number up to 65535"):
        ServerConfig(url="http://localhost:99999/v1")
