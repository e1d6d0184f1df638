"""Rows of a data set, one at a time: JSONL, CSV, Parquet, or a data set of a hub.

A row's number is its line where the file has lines (JSONL, CSV), else its position from 1: what an
editor or a viewer shows.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

import msgspec
from msgspec import Struct

from runtime.datasets.errors import DataError, RowError

__all__ = ["HUB", "RawRow", "read"]

HUB = "hub:"
_BOM = b"\xef\xbb\xbf"


class RawRow(Struct, frozen=True):
    """One row as it stands. `values` is an error where the row could not be read but the next ones can."""

    row: int
    values: Mapping[str, object] | RowError


def read(data: str, base: Path) -> Iterator[RawRow]:
    """The rows of `data`: a file, relative to `base`, or `hub:NAME[:CONFIG[:SPLIT]]`.

    Raises:
        DataError: The data set is missing or unreadable as a whole.
    """
    if data.startswith(HUB):
        return _hub(data)
    suffixes = [s.lower() for s in Path(data).suffixes]
    zipped = suffixes[-1:] == [".gz"]
    suffix = "".join((suffixes[:-1] if zipped else suffixes)[-1:])
    reader = _READERS.get(suffix)
    if reader is None or (zipped and suffix == ".parquet"):
        raise DataError(
            f"no known format for '{''.join(suffixes[-2:]) or Path(data).name}'",
            data,
            f"Use a file that ends in {', '.join(_READERS)} (the first two also with .gz), or hub:NAME.",
        )
    path = base / data
    if not path.is_file():
        message = "a folder, not a file" if path.is_dir() else "no such file"
        raise DataError(message, data, f"Looked for {path.absolute()}; paths are relative to the run file.")
    return _guarded(reader, path, data, zipped=zipped)


def _guarded(
    reader: Callable[[IO[bytes], str], Iterator[RawRow]], path: Path, data: str, *, zipped: bool
) -> Iterator[RawRow]:
    """The rows of an open file, with what the system says about it turned into a DataError."""
    try:
        with path.open("rb") as file:
            yield from reader(cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if zipped else file, data)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"not a whole gzip file: {error}", data, "Fetch or write the file again.") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"cannot be read: {reason}", data, "Check the file and its permissions.") from error


def _jsonl(file: IO[bytes], data: str) -> Iterator[RawRow]:
    for number, raw in enumerate(file, 1):
        line = raw.removeprefix(_BOM) if number == 1 else raw
        if line.strip():
            yield RawRow(number, _json_object(_text(line, data, number)))


def _json_object(line: str) -> dict[str, object] | RowError:
    try:
        value = msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        return RowError(f"not JSON: {error}", "Each line of a .jsonl file is one JSON object.")
    except RecursionError:
        return RowError("not readable: nested too deeply", "Each line of a .jsonl file is one flat JSON object.")
    if not isinstance(value, dict):
        shown = {list: "a list", str: "a text", type(None): "null"}.get(type(value), "a number or a truth value")
        return RowError(f"{shown}, not an object", 'Write each row as an object: {"prompt": "…"}.')
    return value


def _text(raw: bytes, data: str, line: int) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"not UTF-8: byte 0x{raw[error.start]:02x} at position {error.start + 1} of the line",
            f"{data}:{line}",
            "Save the file as UTF-8.",
        ) from error


def _csv(file: IO[bytes], data: str) -> Iterator[RawRow]:
    lines = (_text(raw.removeprefix(_BOM) if n == 1 else raw, data, n) for n, raw in enumerate(file, 1))
    reader = csv.reader(lines, strict=True)
    start = 1
    try:
        names = next(reader, [])
        if len(set(names)) < len(names):
            twice = sorted({n for n in names if names.count(n) > 1})
            raise DataError(f"two columns are named '{twice[0]}'", f"{data}:1", "Give each column its own name.")
        start = reader.line_num + 1
        for cells in reader:
            if not cells:
                pass
            elif len(cells) == len(names):
                yield RawRow(start, dict(zip(names, cells, strict=True)))
            else:
                message = f"{len(cells)} cells under {len(names)} column names"
                yield RawRow(start, RowError(message, "Quote cells that hold a comma or a line break."))
            start = reader.line_num + 1
    except csv.Error as error:
        # The reader's state is lost with the row, so nothing after it can be trusted.
        raise DataError(f"not CSV: {error}", f"{data}:{start}", "Quote cells, and double the quotes inside.") from error


def _parquet(file: IO[bytes], data: str) -> Iterator[RawRow]:
    import pyarrow as pa
    from pyarrow import parquet

    number = 0
    try:
        for batch in parquet.ParquetFile(file).iter_batches(batch_size=1024):
            for values in batch.to_pylist():
                number += 1
                yield RawRow(number, values)
    except pa.ArrowException as error:
        first = str(error).splitlines()[0]
        raise DataError(f"not a Parquet file: {first}", data, "Write the file again as Parquet.") from error


_READERS: dict[str, Callable[[IO[bytes], str], Iterator[RawRow]]] = {
    ".jsonl": _jsonl,
    ".csv": _csv,
    ".parquet": _parquet,
}


def _hub(data: str) -> Iterator[RawRow]:
    name, *rest = data.removeprefix(HUB).split(":")
    if not name or len(rest) > 2:
        raise DataError("no name of a data set", data, "Write hub:NAME, hub:NAME:CONFIG or hub:NAME:CONFIG:SPLIT.")
    config = rest[0] if rest and rest[0] else None
    split = rest[1] if len(rest) == 2 and rest[1] else "train"
    try:
        import datasets
    except ImportError as error:
        remedy = "Install it: pip install 'constitution-compiler[train]'."
        raise DataError("the library 'datasets' is not installed", data, remedy) from error
    return _hub_rows(datasets, data, name, config, split)


def _hub_rows(datasets: Any, data: str, name: str, config: str | None, split: str) -> Iterator[RawRow]:  # noqa: ANN401 - an untyped library
    try:
        table = datasets.load_dataset(name, config, split=split)
    except Exception as error:  # the hub's client raises what its transport raises
        reason = (str(error) or type(error).__name__).splitlines()[0]
        remedy = "Check name, configuration and split, and that the hub can be reached; or use a file."
        raise DataError(f"cannot be loaded: {reason}", data, remedy) from error
    for number, values in enumerate(table, 1):
        yield RawRow(number, values)
