import os
import platform
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from constitution_lang.ir.model import Role
from runtime.datasets.errors import DataError
from runtime.datasets.rows import read_rows, rows_hash, write_rows, write_whole
from runtime.records import LabelSource, PreferenceRow, SftRow, SftSource, Turn

# Everything that UTF-8 can hold.
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
turn = st.builds(Turn, st.sampled_from(list(Role)), text)


def sft(n: int, completion: str = "answer") -> SftRow:
    return SftRow(
        id=f"{n:04}", prompt="p", turns=(Turn(Role.USER, "ask\n\u2028"),), completion=completion,
        source=SftSource.REVISION, principles=("harm.weapons", "honesty.true"), made_from=("r",), constitution="c0ffee",
    )  # fmt: skip


def preference(n: int) -> PreferenceRow:
    return PreferenceRow(
        id=f"{n:04}", prompt="p", turns=(Turn(Role.USER, "a"), Turn(Role.ASSISTANT, "b"), Turn(Role.USER, "c")),
        chosen="x", rejected="y", probability=0.1 + 0.2 * (n % 3), source=LabelSource.AI, principles=(),
        comparison="q", constitution="c0ffee",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["rows.parquet", "rows.jsonl"])
@pytest.mark.parametrize(("make", "kind"), [(sft, SftRow), (preference, PreferenceRow)])
def test_the_order_of_rows_moves_no_byte(tmp_path: Path, name: str, make: Any, kind: Any) -> None:
    rows = [make(n) for n in range(30)]
    one = write_rows(tmp_path / "one" / name, rows, kind)
    two = write_rows(tmp_path / "two" / name, random.Random(3).sample(rows, 30) + rows[:5], kind)  # noqa: S311
    assert one.path.read_bytes() == two.path.read_bytes()
    assert (one.sha256, one.content, one.rows) == (two.sha256, two.content, 30)
    assert read_rows(one.path, kind) == tuple(rows)
    assert [p.name for p in one.path.parent.iterdir()] == [name]


@pytest.mark.parametrize("name", ["rows.parquet", "rows.jsonl"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(turns=st.lists(turn, max_size=3).map(tuple), completion=text)
def test_any_text_comes_back_as_it_was(tmp_path: Path, name: str, turns: tuple[Turn, ...], completion: str) -> None:
    row = msgspec.structs.replace(sft(1), turns=turns, completion=completion)
    assert read_rows(write_rows(tmp_path / name, [row], SftRow).path, SftRow) == (row,)


def test_the_content_hash_is_the_same_for_both_formats_and_moves_with_the_rows(tmp_path: Path) -> None:
    rows = [sft(1), sft(2)]
    files = [write_rows(tmp_path / f"r.{end}", rows, SftRow) for end in ("parquet", "jsonl")]
    assert {f.content for f in files} == {rows_hash(rows)}
    assert rows_hash(rows) != rows_hash([sft(1), sft(2, "another")])
    assert len({f.sha256 for f in files}) == 2


def test_columns_name_the_principles_the_constitution_and_the_row(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "r.parquet", [preference(1)], PreferenceRow).path
    table = parquet.read_table(path)
    assert table.column_names == [
        "id", "prompt", "turns", "chosen", "rejected", "probability", "source", "principles", "comparison",
        "constitution",
    ]  # fmt: skip
    assert table.column("constitution").to_pylist() == ["c0ffee"]


def test_no_rows_are_a_file_as_well(tmp_path: Path) -> None:
    for name in ("r.parquet", "r.jsonl"):
        assert read_rows(write_rows(tmp_path / name, [], SftRow).path, SftRow) == ()


def test_two_rows_of_one_id_are_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two different rows have the id 0001"):
        write_rows(tmp_path / "r.jsonl", [sft(1), sft(1, "another")], SftRow)
    assert list(tmp_path.iterdir()) == []


def test_errors_are_clear(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no known format for '\.txt'"):
        write_rows(tmp_path / "r.txt", [sft(1)], SftRow)
    with pytest.raises(DataError, match="not a file of SftRow"):
        read_rows(tmp_path / "missing.parquet", SftRow)
    for name in ("r.parquet", "r.jsonl"):
        path = write_rows(tmp_path / name, [preference(1)], PreferenceRow).path
        with pytest.raises(DataError, match="not a file of SftRow"):
            read_rows(path, SftRow)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        write_rows(tmp_path / "file" / "r.jsonl", [sft(1)], SftRow)


def test_what_a_killed_process_left_is_swept_and_what_a_running_one_writes_stays(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, written = (tmp_path / f".rows.jsonl.{platform.node()}.{pid}" for pid in (ended.pid, os.getppid()))
    left.write_bytes(b"half")
    written.write_bytes(b"half")
    write_whole(tmp_path / "rows.jsonl", b"whole")
    assert sorted(tmp_path.iterdir()) == sorted([written, tmp_path / "rows.jsonl"])
