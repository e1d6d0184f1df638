"""Answers as Parquet files, a shard each, on any filesystem that pyarrow knows.

A shard is whole or not there: it is written under another name and then moved. Its rows carry the keys of the
ledger, so their order means nothing, and a run that starts again finds in them what was answered before.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from runtime.engines.base import Choice, Completion, EngineError, Finish

__all__ = ["ShardStore", "shard_store"]

# Tokens in 64 bits: the ids of a server that takes messages are pieces of text, seven bytes and one.
_COMPLETIONS = pa.schema(
    [("key", pa.string()), ("text", pa.string()), ("tokens", pa.list_(pa.int64())), ("finish", pa.string())]
)
_CHOICES = pa.schema([("key", pa.string()), ("log_probabilities", pa.list_(pa.float64()))])


class ShardStore:
    """The shards of one model's answers of one kind, in a folder of their own under `root`.

    Args:
        root: A folder, or a URL such as `s3://bucket/runs`.
        part: The folder under it: what the answers are, and whose.
    """

    def __init__(self, root: str, part: str) -> None:
        try:
            self._files, base = fs.FileSystem.from_uri(root) if "://" in root else (fs.LocalFileSystem(), root)
            self._folder = f"{base.rstrip('/')}/{part}"
            self._files.create_dir(self._folder, recursive=True)
        except (OSError, pa.ArrowException) as error:
            raise EngineError(
                f"the shards cannot be kept in {root}: {error}",
                "name a folder or URL in [engine.ray] store that exists",
            ) from error
        # Of each shard the hashes of its keys: eight bytes a key, for as long as the process lives.
        self._held: dict[str, array[int]] = {}

    def write(self, shard: str, answers: Mapping[str, Completion | Choice]) -> None:
        """Write a shard, whole or not at all. Answers are of one kind, by their keys."""
        table = _table(answers)
        unfinished = f"{self._folder}/.{shard}.{uuid4().hex}"
        try:
            with self._files.open_output_stream(unfinished) as out:
                pq.write_table(table, out, compression="zstd")
            self._files.move(unfinished, f"{self._folder}/{shard}.parquet")
        except (OSError, pa.ArrowException) as error:
            raise EngineError(
                f"a shard cannot be written to {self._folder}: {error}",
                "make room there, or see who may write; what was answered before is kept: run again to go on",
            ) from error

    def read(self, shard: str) -> dict[str, Completion | Choice]:
        """The answers of a shard.

        Raises:
            EngineError: It is not there, though it was written: each machine sees a folder of its own.
        """
        try:
            return self._read(f"{self._folder}/{shard}.parquet")
        except FileNotFoundError as error:
            raise EngineError(
                f"the shard {shard} was written by an actor, but is not in {self._folder} here",
                "name in [engine.ray] store a folder or URL that every machine of the cluster sees",
            ) from error

    def find(self, keys: Iterable[str]) -> Iterator[dict[str, Completion | Choice]]:
        """What the shards so far hold of `keys`, shard by shard, each key once.

        Of a shard the keys are read once for as long as the store is open, and the answers only where one is wanted.
        """
        self._look()
        wanted = set(keys)
        hashes = set(map(hash, wanted))
        for path, held in self._held.items():
            if hashes.isdisjoint(held):
                continue
            some = {key: answer for key, answer in self._read(path).items() if key in wanted}
            wanted -= some.keys()
            yield some

    def _look(self) -> None:
        """Learn which shards there are by now, and what is in those that are new."""
        there = {
            entry.path
            for entry in self._files.get_file_info(fs.FileSelector(self._folder, allow_not_found=True))
            if entry.base_name.endswith(".parquet") and not entry.base_name.startswith(".")
        }
        held = {path: hashes for path, hashes in self._held.items() if path in there}  # somebody may have made room
        for path in sorted(there - held.keys()):
            with suppress(FileNotFoundError):
                held[path] = array("q", map(hash, self._columns(path, ["key"])["key"].to_pylist()))
        self._held = held

    def _read(self, path: str) -> dict[str, Completion | Choice]:
        table = self._columns(path)
        try:
            return dict(_answers(table))
        except (KeyError, TypeError, ValueError, pa.ArrowException) as error:
            raise _no_shard(path, error) from error

    def _columns(self, path: str, columns: list[str] | None = None) -> pa.Table:
        try:
            with self._files.open_input_file(path) as file:
                table = pq.read_table(file, columns=columns)
        except FileNotFoundError:
            raise
        except (OSError, pa.ArrowException) as error:
            raise _no_shard(path, error) from error
        if "key" not in table.column_names:
            raise _no_shard(path, KeyError("key"))
        return table


@cache
def shard_store(root: str, part: str) -> ShardStore:
    """The one store of this process for a folder: engines come and go, and what it learnt stays."""
    return ShardStore(root, part)


def _no_shard(path: str, error: Exception) -> EngineError:
    return EngineError(
        f"{path} is no shard, or not a whole one: {str(error).strip().partition(chr(10))[0]}",
        "delete it: what it held is asked again",
    )


def _table(answers: Mapping[str, Completion | Choice]) -> pa.Table:
    rows: Sequence[Completion | Choice] = list(answers.values())
    if all(isinstance(row, Completion) for row in rows):
        made = [row for row in rows if isinstance(row, Completion)]
        columns = [
            list(answers),
            [r.text for r in made],
            [list(r.tokens) for r in made],
            [r.finish.value for r in made],
        ]
        return pa.table(columns, schema=_COMPLETIONS)
    choices = [row for row in rows if isinstance(row, Choice)]
    return pa.table([list(answers), [list(r.log_probabilities) for r in choices]], schema=_CHOICES)


def _answers(table: pa.Table) -> Iterator[tuple[str, Completion | Choice]]:
    # By the names of the columns: shards of before have tokens of 32 bits.
    if table.column_names == _COMPLETIONS.names:
        for row in table.cast(_COMPLETIONS).to_pylist():
            yield row["key"], Completion(row["text"], tuple(row["tokens"]), Finish(row["finish"]))
        return
    for row in table.to_pylist():
        yield row["key"], Choice(tuple(row["log_probabilities"]))
