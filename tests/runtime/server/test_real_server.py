"""The engine against a real vLLM server on loopback, with a real small model in float32."""

from __future__ import annotations

import json
import os
import secrets
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")
pytest.importorskip("transformers")

from constitution_lang.ir.model import Role
from docs.benchmarks.vllm_server import vllm_server
from runtime.config import ServerConfig
from runtime.engines.base import ChooseRequest, Decoding, Engine, EngineError, GenerateRequest
from runtime.engines.server.engine import ServerEngine
from runtime.records import Turn
from tests.runtime.small_run import cai_run, write_run

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[3]
MODEL = "smollm2-135m-instruct"
KEY_ENV = "CAI_REAL_SERVER_KEY"
KEY = f"sk-{secrets.token_hex(16)}"
OPENING = "The better response is ("


@dataclass(frozen=True)
class Served:
    """The server, and the folder of the model that it serves."""

    url: str
    folder: Path

    def engine(self, folder: Path | None, **settings: object) -> ServerEngine:
        return ServerEngine(ServerConfig(url=self.url, key_env=KEY_ENV, **settings), MODEL, folder)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """vLLM in a process of its own, from the environment that `make test-server` sets up."""
    from runtime.engines.models import resolve

    python = Path(os.environ.get("CAI_VLLM_PYTHON", ROOT / ".venv-vllm" / "bin" / "python"))
    assert python.is_file(), "run `make test-server`, or name a Python that has vLLM in CAI_VLLM_PYTHON"
    folder = resolve(MODEL)
    with vllm_server(python, folder, name=MODEL, key=KEY) as url:
        os.environ[KEY_ENV] = KEY
        yield Served(url, folder)
        os.environ.pop(KEY_ENV, None)


@pytest.fixture(scope="module")
def local(served: Served) -> Iterator[Engine]:
    """The same weights on transformers."""
    from runtime.engines.transformers import TransformersEngine

    engine = TransformersEngine(served.folder, device="cpu", generate_dtype="float32")
    yield engine
    engine.close()


def questions(engine: Engine) -> list[ChooseRequest]:
    """Pairs with a beginning in common, prompts of all lengths, and options from the likeliest to absurd ones."""
    tokenizer = engine.tokenizer
    letters = tuple(tokenizer.option(OPENING, letter) for letter in "ABCDE")
    absurd = (9000, 17, 30_000, 41_234)
    asked = []
    for n in range(8):
        words = " ".join(["kind", "harm", "law", "truth"][k % 4] for k in range(3 + 17 * n))
        turns = (Turn(Role.USER, f"Consider this: {words}. Which is better, (A) or (B)?"),)
        tokens = tokenizer.encode(turns, OPENING)
        asked += [ChooseRequest(tokens, letters[:2]), ChooseRequest(tokens, (*letters, *absurd))]
    return asked


def draws(engine: Engine, count: int, **how: float) -> list[GenerateRequest]:
    decoding = Decoding(tokens_max=12, **how)
    texts = ("Name three fruits.", "Why is the sky blue?", "Say something kind.", "Who wrote Faust?")
    return [
        GenerateRequest(engine.tokenizer.encode((Turn(Role.USER, texts[n % 4]),)), decoding, 100 + n)
        for n in range(count)
    ]


def test_options_have_the_log_probabilities_of_transformers(served: Served, local: Engine) -> None:
    engine = served.engine(served.folder)
    assert engine.abilities.tokens
    assert engine.abilities.exact
    asked = questions(engine)
    ours, theirs = dict(engine.choose(asked)), dict(local.choose(asked))
    assert ours.keys() == theirs.keys() == set(range(16))
    for index, choice in ours.items():
        assert choice.log_probabilities == pytest.approx(theirs[index].log_probabilities, abs=1e-4)
    assert min(min(choice.log_probabilities) for choice in ours.values()) < -12, "far beyond the likeliest twenty"


def test_greedy_completions_are_those_of_transformers(served: Served, local: Engine) -> None:
    engine = served.engine(served.folder)
    requests = draws(engine, 4, temperature=0.0)
    assert dict(engine.generate(requests)) == dict(local.generate(requests))


def test_a_seed_gives_the_same_completion_whatever_else_is_under_way(served: Served) -> None:
    engine = served.engine(served.folder)
    requests = draws(engine, 12)
    together = dict(engine.generate(requests))
    alone = dict(served.engine(served.folder, requests_max=1).generate(list(reversed(requests))))
    assert {11 - index: made for index, made in alone.items()} == together
    assert len({made.text for made in together.values()}) > 4
    assert all(engine.tokenizer.decode(made.tokens) == made.text for made in together.values())


def test_messages_say_what_token_ids_say(served: Served) -> None:
    with_ids, with_messages = served.engine(served.folder), served.engine(None)
    assert not with_messages.abilities.tokens
    assert with_messages.abilities.opening
    for ids, messages in zip(
        sorted(with_ids.generate(draws(with_ids, 4, temperature=0.0))),
        sorted(with_messages.generate(draws(with_messages, 4, temperature=0.0))),
        strict=True,
    ):
        assert messages[1].text == ids[1].text
        assert len(messages[1].tokens) in {len(ids[1].tokens), len(ids[1].tokens) + 1}  # the end of the turn counts
    turns = (Turn(Role.USER, "Which is better, (A) or (B)?"),)
    seen = []
    for engine in (with_ids, with_messages):
        options = tuple(engine.tokenizer.option(OPENING, letter) for letter in "AB")
        ((_, choice),) = engine.choose([ChooseRequest(engine.tokenizer.encode(turns, OPENING), options)])
        seen.append(choice.log_probabilities)
    assert all(bound >= true - 1e-4 for true, bound in zip(*seen, strict=True))


def test_a_wrong_key_and_a_long_prompt_are_told(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken = served.engine(None)
    long = (Turn(Role.USER, "Tell me more of it. " * 400 + "The end."),)
    with pytest.raises(EngineError, match=r"The end\.” and 8 more tokens do not fit into the context"):
        list(spoken.generate([GenerateRequest(spoken.tokenizer.encode(long), Decoding(tokens_max=8), 0)]))
    monkeypatch.setenv(KEY_ENV, "sk-wrong")
    with pytest.raises(EngineError, match="does not take the key") as caught:
        list(spoken.generate(draws(spoken, 1)))
    assert KEY_ENV in caught.value.remedy


# --- what vLLM 0.32 does that one would not expect; a new version that does otherwise is noticed ---


def raw(served: Served, **how: object) -> dict[str, Any]:
    """The first choice of a reply to a question with an option next, asked without the engine."""
    body = {"model": MODEL, "prompt": f"Which is better, (A) tea or (B) coffee? {OPENING}", "max_tokens": 1, **how}
    head = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{served.url}/completions", json.dumps(body).encode(), head)  # noqa: S310
    with urllib.request.urlopen(request, timeout=120) as reply:  # noqa: S310 - our own server
        choice: dict[str, Any] = json.load(reply)["choices"][0]
    return choice


def test_guided_choice_is_ignored_without_a_word(served: Served) -> None:
    """`structured_outputs` is the name."""
    plain = raw(served, temperature=0, max_tokens=4)["text"]
    assert raw(served, temperature=0, max_tokens=4, guided_choice=["zebra"])["text"] == plain
    assert "zebra".startswith(raw(served, temperature=0, structured_outputs={"choice": ["zebra"]})["text"])


def test_a_choice_with_a_space_before_it_can_begin_with_the_space_alone(served: Served) -> None:
    """So its first token says nothing of the option: the ids of single tokens are asked for instead."""
    texts = {
        raw(served, seed=n, structured_outputs={"choice": [" A", " B"]}, temperature=2.0)["text"] for n in range(40)
    }
    assert texts <= {" ", " A", " B"}
    assert " " in texts


def test_a_mask_does_not_touch_what_is_listed(served: Served) -> None:
    engine = served.engine(served.folder)
    options = [engine.tokenizer.option(OPENING, letter) for letter in "QZ"]
    how = {"allowed_token_ids": options, "return_tokens_as_token_ids": True, "temperature": 0}
    listed = raw(served, logprobs=2, **how)["logprobs"]["top_logprobs"][0]
    assert not {f"token_id:{option}" for option in options} <= listed.keys()
    named = raw(served, logprobs=2, logprob_token_ids=options, **how)["logprobs"]["top_logprobs"][0]
    assert all(-50 < named[f"token_id:{option}"] < 0 for option in options)


RUN_FILE = """\
constitution = "small.const"
seed = 3
out = "out"

[engine]
kind = "openai"
generate_dtype = "float32"

[engine.openai]
url = "URL"
key_env = "CAI_REAL_SERVER_KEY"

[models]
policy = "smollm2-135m-instruct"

[prompts]
train = [{ data = "prompts.jsonl", limit = 3 }]
evaluation = [{ data = "prompts.jsonl", kind = "benign", offset = 12, limit = 1 }]

[respond]
tokens_max = 16

[revision]
critique_tokens_max = 12
revision_tokens_max = 16

[sft]
steps_max = 1

[pair]
tokens_max = 16

[preference_model]
steps_max = 1

[dpo]
steps_max = 1

[policy]
steps = 1
rollout_rows = 2
minibatch_rows = 2
completion_tokens_max = 8

[evaluation]
tokens_max = 16
"""


def test_a_whole_run_at_the_server_keeps_no_key(served: Served, tmp_path: Path) -> None:
    file = write_run(tmp_path / "run", run_file=RUN_FILE.replace("URL", served.url))
    done = cai_run("run", file, "--quiet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (
        f"feedback, critic, policy at {served.url}, as {MODEL}: token ids are sent; options at any rank" in done.stderr
    )
    told = [done.stdout, done.stderr]
    for command in (("explain", "--run", file.parent / "out"), ("report", "--run", file.parent / "out")):
        more = cai_run(*command, cwd=tmp_path)
        assert more.returncode == 0, more.stderr
        told += [more.stdout, more.stderr]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"ledger.sqlite", "report.html", "card.json"} <= {path.name for path in files}
    assert not any(KEY in text for text in told)
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []
    again = cai_run("run", file, "--quiet", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "0 steps done now" in again.stdout + again.stderr
    assert "0 answers from models" in again.stdout + again.stderr
