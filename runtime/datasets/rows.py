"""Training rows out and in again: Parquet and JSONL, the same bytes for the same rows.

Rows stand sorted by id. Nothing in a file depends on the time, the machine or the order in which rows were made.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import Struct

from runtime.datasets.errors import DataError
from runtime.records import PreferenceRow, SftRow

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TrainingFile", "encode_rows", "in_order", "read_rows", "rows_hash", "write_rows", "write_whole"]

R = TypeVar("R", SftRow, PreferenceRow)

_ROW_GROUP = 4096
_KNOWN = "Name a file that ends in .parquet or .jsonl."


class TrainingFile(Struct, frozen=True, kw_only=True):
    """A file of training rows. `content` is `rows_hash`, the same for both formats; `sha256` is of the bytes."""

    path: Path
    rows: int
    content: str
    sha256: str


def in_order(rows: Sequence[R]) -> list[R]:
    """The rows by id, each once. Two different rows with one id are a fault of whoever made them."""
    by_id: dict[str, R] = {}
    for row in rows:
        if by_id.setdefault(row.id, row) != row:
            raise ValueError(f"two different rows have the id {row.id}")
    return [by_id[id] for id in sorted(by_id)]


def rows_hash(rows: Iterable[R]) -> str:
    """SHA-256 of the rows' canonical lines, in the order of their ids."""
    digest = sha256()
    for row in in_order(list(rows)):
        digest.update(_line(row))
    return digest.hexdigest()


def write_rows(path: Path, rows: Iterable[R], kind: type[R], metadata: Mapping[str, str] | None = None) -> TrainingFile:
    """Write `rows` of `kind` in the format of the path's ending. The file appears whole or not at all.

    `metadata` goes into the schema of a Parquet file; JSON lines have no place for it.

    Raises:
        DataError: The ending is unknown, or the file cannot be written.
    """
    ordered = in_order(list(rows))
    body = encode_rows(path, ordered, kind, metadata)
    write_whole(path, body)
    return TrainingFile(path=path, rows=len(ordered), content=rows_hash(ordered), sha256=sha256(body).hexdigest())


def encode_rows(path: Path, rows: Iterable[R], kind: type[R], metadata: Mapping[str, str] | None = None) -> bytes:
    """The bytes of the file that `write_rows` writes.

    Raises:
        DataError: The ending is unknown.
    """
    ordered = in_order(list(rows))
    if path.suffix == ".jsonl":
        return b"".join(map(_line, ordered))
    if path.suffix == ".parquet":
        return _parquet(ordered, kind, metadata or {})
    raise DataError(f"no known format for '{path.suffix or path.name}'", str(path), _KNOWN)


def write_whole(path: Path, body: bytes) -> None:
    """Write a file that appears whole or not at all.

    Raises:
        DataError: It cannot be written.
    """
    # The process in the name keeps two runs from writing into one file before it is in place.
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(body)
        unfinished.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"cannot be written: {reason}", str(path), "Check the folder and the free space.") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def read_rows(path: Path, kind: type[R]) -> tuple[R, ...]:
    """The rows that `write_rows` wrote.

    Raises:
        DataError: The file is missing, or its rows are not of `kind`.
    """
    if path.suffix not in {".jsonl", ".parquet"}:
        raise DataError(f"no known format for '{path.suffix or path.name}'", str(path), _KNOWN)
    try:
        if path.suffix == ".jsonl":
            return tuple(msgspec.json.decode(line, type=kind) for line in path.read_bytes().splitlines())
        from pyarrow import parquet

        return tuple(msgspec.convert(row, type=kind) for row in parquet.read_table(path).to_pylist())
    except (OSError, ValueError) as error:
        # ValueError is the base of pyarrow's and msgspec's errors alike.
        reason = (str(error) or type(error).__name__).splitlines()[0]
        remedy = "Write the file again: it is made from the ledger."
        raise DataError(f"not a file of {kind.__name__}: {reason}", str(path), remedy) from error


def _line(row: SftRow | PreferenceRow) -> bytes:
    return msgspec.json.encode(row) + b"\n"


def _parquet(rows: Sequence[R], kind: type[R], metadata: Mapping[str, str]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    schema = _schema(kind)
    table = pa.Table.from_pylist([msgspec.to_builtins(row) for row in rows], schema=schema)
    sink = pa.BufferOutputStream()
    # Every setting that shapes the bytes is named, so that a new default changes nothing unseen.
    with parquet.ParquetWriter(
        sink,
        schema,
        version="2.6",
        data_page_version="1.0",
        compression="zstd",
        compression_level=3,
        use_dictionary=False,
        write_statistics=True,
        store_schema=False,
    ) as writer:
        writer.write_table(table, row_group_size=_ROW_GROUP)
        if metadata:
            writer.add_key_value_metadata(dict(metadata))
    return bytes(sink.getvalue().to_pybytes())


def _schema(kind: type[SftRow | PreferenceRow]) -> pa.Schema:
    """The columns of a kind of row, in the order of its fields."""
    import pyarrow as pa

    text = pa.string()
    types: dict[str, Any] = {
        "turns": pa.list_(pa.struct([("role", text), ("text", text)])),
        "principles": pa.list_(text),
        "made_from": pa.list_(text),
        "probability": pa.float64(),
    }
    fields = [pa.field(name, types.get(name, text), nullable=False) for name in kind.__struct_fields__]
    return pa.schema(fields)
