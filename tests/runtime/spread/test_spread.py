"""Work spread over actors, on a real Ray on this machine."""

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest
import ray
from ray.actor import ActorHandle
from ray.exceptions import ActorDiedError
from ray.util.queue import Queue

from runtime.config import EngineConfig, EngineKind, RayConfig
from runtime.engines import actors
from runtime.engines.base import (
    ChooseRequest,
    Decoding,
    Engine,
    EngineError,
    GenerateRequest,
)
from runtime.engines.choose import open_engine
from runtime.engines.cluster import connect
from runtime.engines.scripted import ScriptedEngine
from runtime.engines.spread import RayEngine
from tests.runtime.spread.engines import (
    Holder,
    Precise,
    broken_elsewhere,
    comes_to,
    counting,
    deadly,
    dying,
    failing,
    late_first,
    named_by_process,
    noting,
    only_elsewhere,
    precise,
    tokenizer,
)

pytestmark = pytest.mark.ray

Open = Callable[..., RayEngine]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens engines that are closed after the test: their actors hold the cores of this machine."""
    engines: list[RayEngine] = []

    def open_engine(*arguments: object) -> RayEngine:
        engines.append(RayEngine(*arguments))  # type: ignore[arg-type]
        return engines[-1]

    yield open_engine
    for engine in engines:
        engine.close()


def config(store: Path | str, **how: object) -> EngineConfig:
    return EngineConfig(
        kind=EngineKind.SCRIPTED, spread="ray", ray=RayConfig.model_validate({"store": str(store), "cpus": 1} | how)
    )


def scripted(_: EngineConfig, model: str) -> Engine:
    return ScriptedEngine(model)


def writing(count: int) -> list[GenerateRequest]:
    return [
        GenerateRequest(tuple(f"question {n % 40}".encode()), Decoding(tokens_max=40), seed=n // 2)
        for n in range(count)
    ]


def choosing(count: int) -> list[ChooseRequest]:
    return [ChooseRequest(tuple(f"which, {n}".encode()), (65, 66)) for n in range(count)]


@pytest.mark.parametrize("shard_rows", [1000, 50, 15])  # 1, 2 and 7 shards
def test_answers_are_those_of_the_engine_here(tmp_path: Path, opened: Open, shard_rows: int) -> None:
    engine = opened(config(tmp_path, shard_rows=shard_rows, actors=2), "m", scripted)
    here = ScriptedEngine("m")
    assert engine.model == here.model
    asked = writing(100)
    Random(shard_rows).shuffle(asked)  # noqa: S311
    assert dict(engine.generate(asked)) == dict(here.generate(asked))
    assert dict(engine.choose(choosing(100))) == dict(here.choose(choosing(100)))


def test_what_is_in_the_shards_is_not_asked_again(tmp_path: Path, opened: Open) -> None:
    engine = opened(config(tmp_path / "a", shard_rows=10), "m", partial(counting, tmp_path / "asked"))
    first = dict(engine.generate(writing(30)))
    asked = (tmp_path / "asked").stat().st_size
    again = opened(config(tmp_path / "a", shard_rows=7), "m", partial(counting, tmp_path / "asked"))
    assert dict(again.generate(writing(40))) | first == dict(again.generate(writing(40)))
    assert (tmp_path / "asked").stat().st_size == asked + 10


def test_an_engine_that_is_opened_again_reads_no_shard_that_this_process_knows(
    tmp_path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = config(tmp_path, shard_rows=10)
    first = opened(how, "m", scripted)
    assert len(dict(first.choose(choosing(20)))) == 20
    assert list(opened(how, "m", scripted).choose(choosing(1)))  # learns what the two hold
    first.close()
    read: list[object] = []
    plain = pq.read_table

    def noting(file: object, **how: object) -> object:
        read.append(how.get("columns"))
        return plain(file, **how)

    monkeypatch.setattr(pq, "read_table", noting)
    assert len(dict(opened(how, "m", scripted).choose(choosing(24)[20:]))) == 4
    assert read == [None]  # its own shard, for its answers


def test_an_actor_that_dies_costs_its_open_shard(tmp_path: Path, opened: Open) -> None:
    opener = partial(dying, tmp_path)
    engine = opened(config(tmp_path / "store", shard_rows=10), "m", opener)
    asked = writing(60)
    assert dict(engine.generate(asked)) == dict(ScriptedEngine("m").generate(asked))
    assert (tmp_path / "died").exists()
    # 60 distinct requests, and the ten of the shard that was open, again.
    assert 60 < (tmp_path / "asked").stat().st_size <= 70


def test_actors_keep_a_model_until_they_are_asked_another(tmp_path: Path, opened: Open) -> None:
    how = config(tmp_path / "store", actors=1, shard_rows=10)
    one, other = (opened(how, model, partial(noting, tmp_path / "log")) for model in ("one", "other"))
    for _ in range(2):
        for engine in (one, other):
            list(engine.choose(choosing(30)))
            list(engine.generate(writing(30)))
        (tmp_path / "store").rename(tmp_path / f"store-{time.monotonic_ns()}")  # ask all of it once more
    lines = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    there = [(what, model) for what, model, process in lines if process != str(os.getpid())]
    assert there == [
        ("open", "one"), ("close", "one"), ("open", "other"), ("close", "other"),
        ("open", "one"), ("close", "one"), ("open", "other"),
    ]  # fmt: skip
    assert len({process for _, _, process in lines}) == 2


def test_the_last_that_closes_gives_everything_back(tmp_path: Path, opened: Open) -> None:
    how = config(tmp_path / "a", actors=2, shard_rows=5)
    one, other = opened(how, "one", scripted), opened(how, "other", scripted)
    had = ray.cluster_resources()["CPU"]
    list(one.generate(writing(20)))
    one.close()
    list(other.generate(writing(20)))
    assert comes_to(lambda: ray.available_resources().get("CPU", 0) == had - 2)
    other.close()
    assert comes_to(lambda: ray.available_resources().get("CPU", 0) == had)
    again = opened(how, "one", scripted)
    assert dict(again.choose(choosing(20))) == dict(ScriptedEngine("one").choose(choosing(20)))


@pytest.mark.timeout(300)
def test_work_goes_on_where_the_actors_hold_every_core(tmp_path: Path, opened: Open) -> None:
    """Ray waits without a word for a core that is not free: what is beside the actors may take none."""
    connect(RayConfig())
    assert comes_to(lambda: ray.available_resources().get("CPU", 0) == ray.cluster_resources()["CPU"])
    engine = opened(config(tmp_path, shard_rows=5, cpus=ray.cluster_resources()["CPU"]), "m", scripted)
    asked = writing(20)
    assert dict(engine.generate(asked)) == dict(ScriptedEngine("m").generate(asked))
    assert ray.available_resources().get("CPU", 0) == 0


def test_answers_are_known_by_their_ids_and_not_by_their_order(tmp_path: Path, opened: Open) -> None:
    """Ray keeps no order: the first shards come last here."""
    engine = opened(config(tmp_path, shard_rows=5, actors=2), "m", late_first)
    asked = writing(40)
    came = list(engine.generate(asked))
    assert [index for index, _ in came] != sorted(index for index, _ in came)
    assert dict(came) == dict(ScriptedEngine("m").generate(asked))


def test_a_shard_that_kills_every_actor_ends_the_run(tmp_path: Path, opened: Open) -> None:
    engine = opened(config(tmp_path / "store", shard_rows=10), "m", partial(deadly, tmp_path / "died"))
    with pytest.raises(EngineError, match="the work on Ray ended") as caught:
        list(engine.generate(writing(10)))
    assert "run again to go on" in caught.value.remedy
    assert len((tmp_path / "died").read_bytes()) == 4  # once, and three times again


def test_an_engine_that_fails_says_it_in_its_own_words(tmp_path: Path, opened: Open) -> None:
    engine = opened(config(tmp_path), "m", failing)
    with pytest.raises(EngineError, match="does not fit") as caught:
        list(engine.generate(writing(3)))
    assert caught.value.remedy == "choose a smaller model"


def test_what_is_no_error_of_an_engine_comes_through_in_its_own_words(tmp_path: Path, opened: Open) -> None:
    engine = opened(config(tmp_path), "m", partial(broken_elsewhere, os.getpid()))
    with pytest.raises(EngineError, match=r"an actor at [\d.:]+ failed: RuntimeError: the cause") as caught:
        list(engine.generate(writing(3)))
    assert "run again" in caught.value.remedy


def test_actors_that_would_compute_otherwise_are_refused(tmp_path: Path, opened: Open) -> None:
    engine = opened(config(tmp_path), "m", partial(named_by_process, os.getpid()))
    for _ in range(2):  # the actor that was refused is still there
        with pytest.raises(EngineError, match=r"would compute as .*, and the run asks for") as caught:
            list(engine.generate(writing(3)))
        assert "generate_dtype" in caught.value.remedy


def test_the_precision_is_chosen_once_for_all_machines(tmp_path: Path, opened: Open) -> None:
    engine = opened(config(tmp_path), "m", partial(precise, os.getpid()))
    assert engine.model == "m:bfloat16"
    assert dict(engine.generate(writing(3))) == dict(Precise("m", "m:bfloat16").generate(writing(3)))


def test_a_queue_is_given_back_after_an_error(tmp_path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ActorHandle[object]] = []

    def queue(**how: object) -> Queue:
        there = Queue(**how)
        made.append(there.actor)
        return there

    monkeypatch.setattr(actors, "Queue", queue)
    engine = opened(config(tmp_path, shard_rows=2), "m", failing)
    with pytest.raises(EngineError, match="does not fit"):
        list(engine.generate(writing(6)))
    next(iter(engine.choose(choosing(6))))  # the rest is left
    assert len(dict(engine.choose(choosing(20)))) == 20
    for left in made[:2]:
        with pytest.raises(ActorDiedError):
            ray.get(left.qsize.remote(), timeout=30)
    assert ray.get(made[2].qsize.remote(), timeout=30) == 1


def test_a_library_and_a_device_are_wanted_in_the_actors_alone(tmp_path: Path, opened: Open) -> None:
    opener = partial(only_elsewhere, os.getpid())
    engine = opened(config(tmp_path, shard_rows=2), "m", opener, tokenizer)
    assert engine.model == "m:bfloat16"  # as the actor chose
    assert dict(engine.generate(writing(5))) == dict(Precise("m", "m:bfloat16").generate(writing(5)))
    engine.close()
    with pytest.raises(EngineError, match=r"at an actor, [\d.:]+: no device on driver and actor alike") as caught:
        RayEngine(config(tmp_path), "m", partial(only_elsewhere, None), tokenizer)
    assert caught.value.remedy == "buy one"
    with pytest.raises(EngineError, match=r"an actor at [\d.:]+ failed: RuntimeError: the cause"):
        RayEngine(config(tmp_path), "m", partial(broken_elsewhere, os.getpid()), tokenizer)
    assert not actors.Actors._shared  # what could not be opened holds no cores


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is here")
def test_vllm_that_no_actor_has_is_told_with_what_installs_it(tmp_path: Path, tiny_model: Path) -> None:
    how = config(tmp_path).model_copy(update={"kind": EngineKind.VLLM})
    with pytest.raises(EngineError, match=r"at an actor, .* needs vLLM, which cannot be imported here") as caught:
        open_engine(how, str(tiny_model))
    assert "pip install 'constitution-compiler[vllm]'" in caught.value.remedy


def test_cores_that_others_hold_are_told(tmp_path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = opened(config(tmp_path), "m", scripted)
    monkeypatch.setattr(actors, "_START_SECONDS", 5)
    held = ray.remote(Holder).options(num_cpus=ray.cluster_resources()["CPU"]).remote()
    try:
        ray.get(held.here.remote())
        with pytest.raises(
            EngineError, match="no actor could start within 5 seconds: of the cluster's CPUs 0 are free"
        ):
            list(engine.generate(writing(3)))
    finally:
        ray.kill(held)
    assert len(list(engine.generate(writing(3)))) == 3


def test_shards_at_a_url_of_a_file(tmp_path: Path, opened: Open) -> None:
    url = (tmp_path / "store").as_uri()
    engine = opened(config(url, shard_rows=2), "m", scripted)
    assert dict(engine.generate(writing(5))) == dict(ScriptedEngine("m").generate(writing(5)))
    assert list((tmp_path / "store").rglob("*.parquet"))
