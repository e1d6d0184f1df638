"""Answers in files: whole ones count, all others are named or passed over."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runtime.engines.base import Choice, Completion, EngineError, Finish
from runtime.engines.shards import ShardStore


def _found(store: ShardStore, *keys: str) -> dict[str, Completion | Choice]:
    return {key: answer for answers in store.find(keys) for key, answer in answers.items()}


@pytest.mark.parametrize("text", ["", "the answer", "東京 🙂", "\ud7ff\uffff" * 7])
@pytest.mark.parametrize("count", [1, 3, 1000])
def test_tokens_that_are_pieces_of_text_fit(tmp_path: Path, text: str, count: int) -> None:
    pytest.importorskip("openai")
    from runtime.engines.server.messages import pieces

    made: dict[str, Completion | Choice] = {"k": Completion(text, pieces(text, count), Finish.STOP)}
    ShardStore(str(tmp_path), "generate/x").write("one", made)
    assert _found(ShardStore(str(tmp_path), "generate/x"), "k") == made


def test_shards_with_tokens_of_32_bits_are_read(tmp_path: Path) -> None:
    store = ShardStore(str(tmp_path), "generate/x")
    kinds = [pa.string(), pa.string(), pa.list_(pa.int32()), pa.string()]
    columns = [["k", "l"], ["yes", ""], [[7, 49151], []], ["stop", "length"]]
    before = pa.schema(list(zip(["key", "text", "tokens", "finish"], kinds, strict=True)))
    pq.write_table(pa.table(columns, schema=before), tmp_path / "generate" / "x" / "before.parquet")
    assert _found(store, "k", "l") == {
        "k": Completion("yes", (7, 49151), Finish.STOP),
        "l": Completion("", (), Finish.LENGTH),
    }


def test_completions_with_tokens_of_another_kind_are_no_shard(tmp_path: Path) -> None:
    store = ShardStore(str(tmp_path), "generate/x")
    for tokens in (["a"], [1.5]):
        table = pa.table({"key": ["k"], "text": ["t"], "tokens": [tokens], "finish": ["stop"]})
        pq.write_table(table, tmp_path / "generate" / "x" / "odd.parquet")
        with pytest.raises(EngineError, match=r"odd\.parquet is no shard"):
            _found(store, "k")


@pytest.mark.parametrize("content", [b"junk", b"PAR1PAR1"])
def test_a_torn_shard_is_named(tmp_path: Path, content: bytes) -> None:
    store = ShardStore(str(tmp_path), "generate/x")
    torn = tmp_path / "generate" / "x" / "torn.parquet"
    torn.write_bytes(content)
    with pytest.raises(EngineError, match=r"torn\.parquet is no shard") as caught:
        _found(store, "k")
    assert "delete it" in caught.value.remedy
    torn.unlink()
    assert _found(store, "k") == {}


def test_a_table_of_something_else_is_no_shard(tmp_path: Path) -> None:
    store = ShardStore(str(tmp_path), "generate/x")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "generate" / "x" / "other.parquet")
    with pytest.raises(EngineError, match="is no shard"):
        _found(store, "k")


def test_an_unfinished_shard_does_not_count(tmp_path: Path) -> None:
    store = ShardStore(str(tmp_path), "generate/x")
    (tmp_path / "generate" / "x" / ".half.0").write_bytes(b"PAR1")
    store.write("whole", {"k": Choice((-1.0, -2.0))})
    assert _found(store, "k", "other") == {"k": Choice((-1.0, -2.0))}


def test_shards_that_another_machine_keeps_are_missed(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="is not in") as caught:
        ShardStore(str(tmp_path), "choose/x").read("abc")
    assert "every machine" in caught.value.remedy


def test_a_shard_is_read_once_for_its_keys_and_for_what_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, read = ShardStore(str(tmp_path), "choose/x"), list[tuple[str, object]]()
    made = {f"k{n}": Choice((-1.0 - n, -2.0)) for n in range(3)}
    for key, choice in made.items():
        store.write(key, {key: choice})
    plain = pq.read_table

    def noting(file: pa.NativeFile, *, columns: list[str] | None = None) -> pa.Table:
        table = plain(file, columns=columns)
        read.append((table["key"][0].as_py(), columns))
        return table

    monkeypatch.setattr(pq, "read_table", noting)
    assert _found(store, "k1", "other") == {"k1": made["k1"]}
    assert read == [("k0", ["key"]), ("k1", ["key"]), ("k2", ["key"]), ("k1", None)]
    read.clear()
    store.write("k3", {"k3": Choice((-9.0, -2.0))})
    assert _found(store, "k2") == {"k2": made["k2"]}
    assert read == [("k3", ["key"]), ("k2", None)]


def test_shards_that_went_are_forgotten(tmp_path: Path) -> None:
    store = ShardStore(str(tmp_path), "choose/x")
    store.write("one", {"k": Choice((-1.0, -2.0))})
    assert _found(store, "k")
    (tmp_path / "choose" / "x" / "one.parquet").unlink()
    assert _found(store, "k") == {}
    (tmp_path / "choose" / "x").rmdir()
    assert _found(store, "k") == {}
