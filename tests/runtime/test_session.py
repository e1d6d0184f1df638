"""How much a session asks of its engine at once."""

from runtime.config import EngineConfig, RayConfig
from runtime.session import chunk_rows
from runtime.work import CHUNK_ROWS


def test_actors_are_asked_some_shards_each_and_not_a_whole_step() -> None:
    how = RayConfig(actors=3, shard_rows=10)
    assert chunk_rows(EngineConfig(spread="ray", ray=how)) == 240
    assert chunk_rows(EngineConfig(ray=how)) == CHUNK_ROWS
