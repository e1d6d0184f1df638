"""Actors that ask a server: what they answer is what is answered without them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("openai")
pytest.importorskip("transformers")

from constitution_lang.ir.model import Role
from runtime.config import EngineConfig, EngineKind, RayConfig, ServerConfig
from runtime.engines.base import ChooseRequest, Decoding, Engine, GenerateRequest
from runtime.engines.choose import open_engine
from runtime.engines.spread import RayEngine
from runtime.records import Turn
from tests.runtime.server.misbehaving import NAME, Skills, State, serving
from tests.runtime.small_run import ONE_STEP_EACH, cai_run, row_sets, write_run

pytestmark = pytest.mark.ray

KEY = "sk-test-9f8e7d6c5b4a3210"
RUN_FILE = """\
constitution = "small.const"
seed = 3
out = "out"

[engine]
kind = "openai"
spread = "here"
device = "cpu"
generate_dtype = "float32"

[engine.ray]
shard_rows = 3
cpus = 0.5

[engine.openai]
url = "URL"
key_env = "CAI_TEST_KEY"
names = { "POLICY" = "served-model" }

[models]
policy = "POLICY"

[prompts]
train = [{ data = "prompts.jsonl", limit = 4 }]

"""
RUN_FILE += ONE_STEP_EACH.replace("[pair]\n", '[pair]\npolicy = "POLICY"\n')
Serve = Callable[..., State]


@pytest.fixture
def serve(tiny_model: Path) -> Iterator[Serve]:
    """Start a server for the tiny model, which takes token ids or, with `ids=False`, messages alone."""
    with ExitStack() as servers:
        yield lambda **skills: servers.enter_context(serving(tiny_model, Skills(**skills)))


def config(state: State, model: Path, store: Path) -> EngineConfig:
    return EngineConfig(
        kind=EngineKind.OPENAI,
        spread="ray",
        openai=ServerConfig(url=state.url, names={str(model): NAME}, key_env="CAI_TEST_KEY", timeout_seconds=20),
        ray=RayConfig(store=str(store), actors=2, shard_rows=4, cpus=0.5),
    )


def writing(engine: Engine, count: int) -> list[GenerateRequest]:
    ask = engine.tokenizer.encode
    return [
        GenerateRequest(ask((Turn(Role.USER, f"Say {n} kindly."),)), Decoding(tokens_max=9), n) for n in range(count)
    ]


def choosing(engine: Engine, count: int) -> list[ChooseRequest]:
    opening = "The better response is ("
    options = tuple(engine.tokenizer.option(opening, option) for option in "AB")
    ask = engine.tokenizer.encode
    return [ChooseRequest(ask((Turn(Role.USER, f"Which one, {n}?"),), opening), options) for n in range(count)]


@pytest.mark.parametrize("sends", ["messages", "ids"])
def test_answers_are_those_of_the_server_asked_from_here(
    tmp_path: Path, tiny_model: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch, sends: str
) -> None:
    monkeypatch.delenv("CAI_TEST_KEY", raising=False)
    how = config(serve(ids=sends == "ids"), tiny_model, tmp_path)
    here = open_engine(how.model_copy(update={"spread": "here"}), str(tiny_model))
    spread = open_engine(how, str(tiny_model))
    try:
        assert isinstance(spread, RayEngine)
        assert spread.model == here.model
        wanted = dict(here.generate(writing(here, 10)))
        assert any(token >= 2**31 for made in wanted.values() for token in made.tokens) == (sends == "messages")
        assert dict(spread.generate(writing(spread, 10))) == wanted
        assert dict(spread.choose(choosing(spread, 10))) == dict(here.choose(choosing(here, 10)))
    finally:
        spread.close()


def test_a_run_at_a_server_of_messages_publishes_the_same_and_keeps_no_key(
    tmp_path: Path, tiny_model: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAI_TEST_KEY", KEY)
    state = serve(ids=False, key=KEY)
    state.likely = tuple(state.tokenizer.option("(", letter) for letter in "AB")  # else no pair is decided
    here = RUN_FILE.replace("URL", state.url).replace("POLICY", str(tiny_model))
    published = []
    for name, text in (("here", here), ("ray", here.replace('spread = "here"', 'spread = "ray"'))):
        done = cai_run("run", write_run(tmp_path / name, run_file=text), "--quiet", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        published.append(row_sets(tmp_path / name))
    assert published[0] == published[1]
    assert {"sft.jsonl", "preference.jsonl"} <= published[0].keys()
    kept = [path for path in (tmp_path / "ray").rglob("*") if path.is_file()]
    assert any(path.suffix == ".parquet" and "shards" in path.parts for path in kept)
    assert [path for path in kept if KEY.encode() in path.read_bytes()] == []
