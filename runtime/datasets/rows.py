"""Training rows out and in again: Parquet and JSONL, the same bytes for the same rows.

Rows stand sorted by id. Nothing in a file depends on the time, the machine or the order in which rows were made.
"""

from __future__ import annotations

import glob
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from hashlib import file_digest, sha256
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import msgspec
from msgspec import Struct

from runtime.datasets.errors import DataError
from runtime.records import PreferenceRow, SftRow

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "TrainingFile", "encode_rows", "in_order", "read_rows", "rows_hash", "write_lines", "write_ordered", "write_rows",
    "write_whole",
]  # fmt: skip

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
    return list(_once(sorted(rows, key=lambda row: row.id)))


def _once(rows: Iterable[R]) -> Iterator[R]:
    before: R | None = None
    for row in rows:
        if before is not None and row.id <= before.id:
            if row != before:
                raise ValueError(f"two different rows have the id {row.id}, or they are not in order")
            continue
        yield row
        before = row


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
    return write_ordered(path, in_order(list(rows)), kind, metadata)


def write_ordered(
    path: Path, rows: Iterable[R], kind: type[R], metadata: Mapping[str, str] | None = None
) -> TrainingFile:
    """What `write_rows` writes, of rows that come in the order of their ids; few are held at once.

    Raises:
        DataError: As there.
    """
    with _appearing(path) as unfinished:
        with unfinished.open("wb") as out:
            count, content = _write(out, path, _once(rows), kind, metadata or {})
        with unfinished.open("rb") as written:
            digest = file_digest(written, "sha256").hexdigest()
    return TrainingFile(path=path, rows=count, content=content, sha256=digest)


def encode_rows(path: Path, rows: Iterable[R], kind: type[R], metadata: Mapping[str, str] | None = None) -> bytes:
    """The bytes of the file that `write_rows` writes.

    Raises:
        DataError: The ending is unknown.
    """
    out = BytesIO()
    _write(out, path, in_order(list(rows)), kind, metadata or {})
    return out.getvalue()


def _write(out: BinaryIO, path: Path, rows: Iterable[R], kind: type[R], metadata: Mapping[str, str]) -> tuple[int, str]:
    """How many rows there were, and their `rows_hash`."""
    if path.suffix not in {".jsonl", ".parquet"}:
        raise DataError(f"no known format for '{path.suffix or path.name}'", str(path), _KNOWN)
    count, content, rest = 0, sha256(), iter(rows)
    with ExitStack() as stack:
        table = stack.enter_context(_table(out, kind, metadata)) if path.suffix == ".parquet" else None
        while group := list(islice(rest, _ROW_GROUP)):
            count += len(group)
            lines = b"".join(map(_line, group))
            content.update(lines)
            if table is None:
                out.write(lines)
            else:
                table(group)
    return count, content.hexdigest()


def write_lines(path: Path, lines: Iterable[bytes]) -> int:
    """Write lines as they come into a file that appears whole or not at all; how many there were.

    Raises:
        DataError: It cannot be written.
    """
    count = 0
    with _appearing(path) as unfinished, unfinished.open("wb") as out:
        for count, line in enumerate(lines, 1):  # noqa: B007 - the last is the count
            out.write(line)
    return count


def write_whole(path: Path, body: bytes) -> None:
    """Write a file that appears whole or not at all.

    Raises:
        DataError: It cannot be written.
    """
    with _appearing(path) as unfinished:
        unfinished.write_bytes(body)


@contextmanager
def _appearing(path: Path) -> Iterator[Path]:
    """A file beside `path` to write into, which takes its place in the end."""
    # The process in the name keeps two runs from writing into one file before it is in place.
    begins = f".{path.name}.{platform.node()}."
    unfinished = path.with_name(f"{begins}{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob(glob.escape(begins) + "*"):
            if not _is_running(left.name.removeprefix(begins)):
                left.unlink(missing_ok=True)
        yield unfinished
        unfinished.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"cannot be written: {reason}", str(path), "Check the folder and the free space.") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _is_running(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (ValueError, OSError):  # not a name of ours, or a process of somebody else
        pass
    return True


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


@contextmanager
def _table(out: BinaryIO, kind: type[R], metadata: Mapping[str, str]) -> Iterator[Callable[[Sequence[R]], None]]:
    """Takes the rows of a Parquet file, a row group at a time."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = _schema(kind)
    # Every setting that shapes the bytes is named, so that a new default changes nothing unseen.
    with parquet.ParquetWriter(
        out,
        schema,
        version="2.6",
        data_page_version="1.0",
        compression="zstd",
        compression_level=3,
        use_dictionary=False,
        write_statistics=True,
        store_schema=False,
    ) as writer:

        def add(group: Sequence[R]) -> None:
            table = pa.Table.from_pylist([msgspec.to_builtins(row) for row in group], schema=schema)
            writer.write_table(table, row_group_size=_ROW_GROUP)

        yield add
        if metadata:
            writer.add_key_value_metadata(dict(metadata))


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
