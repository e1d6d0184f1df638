"""Answers in files: whole ones count, all others are named or passed over."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runtime.engines.base import Choice, EngineError
from runtime.engines.shards import ShardStore


@pytest.mark.parametrize("content", [b"junk", b"PAR1PAR1"])
def test_a_torn_shard_is_named(tmp_path: Path, content: bytes) -> None:
    store = ShardStore(str(tmp_path), "generate/x")
    torn = tmp_path / "generate" / "x" / "torn.parquet"
    torn.write_bytes(content)
    with pytest.raises(EngineError, match=r"torn\.parquet is no shard") as caught:
        store.find(["k"])
    assert "delete it" in caught.value.remedy
    torn.unlink()
    assert store.find(["k"]) == {}


def test_a_table_of_something_else_is_no_shard(tmp_path: Path) -> None:
    store = ShardStore(str(tmp_path), "generate/x")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "generate" / "x" / "other.parquet")
    with pytest.raises(EngineError, match="is no shard"):
        store.find(["k"])


def test_an_unfinished_shard_does_not_count(tmp_path: Path) -> None:
    store = ShardStore(str(tmp_path), "generate/x")
    (tmp_path / "generate" / "x" / ".half.0").write_bytes(b"PAR1")
    store.write("whole", {"k": Choice((-1.0, -2.0))})
    assert store.find(["k", "other"]) == {"k": Choice((-1.0, -2.0))}


def test_shards_that_another_machine_keeps_are_missed(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="is not in") as caught:
        ShardStore(str(tmp_path), "choose/x").read("abc")
    assert "every machine" in caught.value.remedy
