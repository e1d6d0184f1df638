import gzip
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from constitution_lang.ir.model import Role
from runtime.config import PromptSource
from runtime.datasets.errors import DataError
from runtime.datasets.prompts import LoadReport, PromptStream, load_prompts, select
from runtime.records import PromptRecord, PromptUse, Turn, identify

MESSAGES = [
    {"role": "user", "content": "a"},
    {"role": "assistant", "content": "b"},
    {"role": "user", "content": "c"},
]


def write(folder: Path, rows: list[Any], name: str = "p.jsonl") -> str:
    (folder / name).write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return name


def load(folder: Path, data: str, **settings: Any) -> tuple[tuple[PromptRecord, ...], LoadReport]:
    seed = settings.pop("seed", 0)
    exclude = settings.pop("exclude", ())
    return load_prompts(PromptSource(data=data, **settings), folder, seed=seed, exclude=exclude)


def first_texts(records: tuple[PromptRecord, ...]) -> set[str]:
    return {r.turns[0].text for r in records}


def test_rows_of_both_forms_stand_in_one_file(tmp_path: Path) -> None:
    data = write(tmp_path, [{"prompt": "p", "topic": "law", "n": 3, "b": True, "x": None}, {"messages": MESSAGES}])
    records, report = load(tmp_path, data)
    by_row = {r.row: r for r in records}
    assert by_row[1].turns == (Turn(Role.USER, "p"),)
    assert by_row[1].columns == (("b", "true"), ("n", "3"), ("topic", "law"))
    assert by_row[1].id == identify("prompt", by_row[1].turns)
    assert [t.text for t in by_row[2].turns] == ["a", "b", "c"]
    assert (report.rows, report.prompts, report.columns) == (2, 2, ("b", "n", "topic"))


def test_an_answer_in_the_data_is_a_demonstration(tmp_path: Path) -> None:
    reply = {"role": "assistant", "content": "d"}
    data = write(tmp_path, [{"prompt": "p", "response": "r"}, {"messages": [*MESSAGES, reply]}, {"prompt": "q"}])
    records, _ = load(tmp_path, data)
    assert {r.row: r.demonstration for r in records} == {1: "r", 2: "d", 3: None}
    assert all(r.turns[-1].role is Role.USER and r.columns == () for r in records)


@pytest.mark.parametrize("name", ["p.csv", "p.parquet", "p.jsonl", "p.jsonl.gz", "p.csv.gz", "P.JSONL"])
def test_every_format_gives_the_same_prompts(tmp_path: Path, name: str) -> None:
    rows = [{"ask": "one, two", "topic": "x"}, {"ask": "l1\nl2 \u2028 ü", "topic": "y"}, {"ask": 'a "q"', "topic": "z"}]
    plain = tmp_path / name.removesuffix(".gz")
    if ".csv" in name:
        body = "\ufeffask,topic\r\n" + "".join(
            '"{}",{}\r\n'.format(r["ask"].replace('"', '""'), r["topic"]) for r in rows
        )
        plain.write_bytes(body.encode())
    elif ".parquet" in name:
        parquet.write_table(pa.Table.from_pylist(rows), plain)
    else:
        write(tmp_path, rows, plain.name)
    if name.endswith(".gz"):
        (tmp_path / name).write_bytes(gzip.compress(plain.read_bytes()))
    records, report = load(tmp_path, name, column="ask")
    assert {(r.turns[0].text, r.columns) for r in records} == {(r["ask"], (("topic", r["topic"]),)) for r in rows}
    assert report.prompts == 3


def test_a_row_is_named_by_its_line_even_after_cells_of_several_lines(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text('prompt\n"a\nb"\n""\n')
    with pytest.raises(DataError) as caught:
        load(tmp_path, "p.csv")
    assert caught.value.place == "p.csv:4"


def test_messages_in_parquet_and_in_a_csv_cell(tmp_path: Path) -> None:
    parquet.write_table(pa.Table.from_pylist([{"messages": MESSAGES, "prompt": None}]), tmp_path / "p.parquet")
    (tmp_path / "p.csv").write_text('messages\n"{}"\n'.format(json.dumps(MESSAGES).replace('"', '""')))
    assert load(tmp_path, "p.parquet")[0][0].id == load(tmp_path, "p.csv")[0][0].id


def test_equal_conversations_are_merged_and_counted(tmp_path: Path) -> None:
    first = {"prompt": "p", "topic": "a"}
    rows = [first, {"prompt": "q"}, first, {"prompt": "p", "topic": "b"}]
    records, report = load(tmp_path, write(tmp_path, rows))
    assert sorted(r.row for r in records) == [1, 2]
    assert (report.rows, report.prompts, report.duplicates, report.conflicts) == (4, 2, 2, (4,))


def test_excluded_prompts_are_counted(tmp_path: Path) -> None:
    data = write(tmp_path, [{"prompt": "p"}, {"prompt": "q"}, {"prompt": "p"}])
    records, report = load(tmp_path, data, exclude={identify("prompt", (Turn(Role.USER, "p"),))})
    assert first_texts(records) == {"q"}
    assert (report.rows, report.prompts, report.excluded, report.duplicates) == (3, 1, 2, 0)
    with pytest.raises(DataError, match="none of its prompts is left"):
        load(tmp_path, data, exclude={r.id for r in load(tmp_path, data)[0]})


def test_hh_replies_are_demonstrations_only_where_the_data_set_is_there_for_help(tmp_path: Path) -> None:
    head = "\n\nHuman: a\n\nAssistant: b: c\n\nHuman: d"
    data = write(tmp_path, [{"chosen": f"{head}\n\nAssistant: good", "rejected": f"{head}\n\nAssistant: bad"}])
    (helpful,), _ = load(tmp_path, data, kind=PromptUse.HELPFUL)
    (red,), _ = load(tmp_path, data)
    assert [t.text for t in helpful.turns] == ["a", "b: c", "d"]
    assert (helpful.demonstration, red.demonstration, helpful.columns) == ("good", None, ())


# --- selection -----------------------------------------------------------------------------------


def test_selection_does_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    rows = [{"prompt": f"p{n}"} for n in range(40)]
    shuffled = random.Random(1).sample(rows, len(rows))  # noqa: S311 - no secret
    one, two = write(tmp_path, rows, "a.jsonl"), write(tmp_path, shuffled, "b.jsonl")
    ids = [r.id for r in load(tmp_path, one, limit=7, offset=3)[0]]
    assert ids == [r.id for r in load(tmp_path, two, limit=7, offset=3)[0]]
    assert ids == [r.id for r in load(tmp_path, one)[0]][3:10]
    assert ids != [r.id for r in load(tmp_path, one, limit=7, offset=3, seed=1)[0]]
    _, report = load(tmp_path, one, limit=7, offset=3)
    assert (report.prompts, report.not_selected) == (7, 33)


@given(st.integers(1, 12), st.integers(0, 5), st.integers(0, 3))
def test_limits_grow_and_offsets_adjoin(limit: int, offset: int, seed: int) -> None:
    turns = [(Turn(Role.USER, str(n)),) for n in range(15)]
    prompts = [PromptRecord(id=identify("prompt", t), turns=t, kind=PromptUse.BENIGN) for t in turns]
    whole = select(prompts, limit=None, seed=seed)
    part = select(prompts, limit=limit, offset=offset, seed=seed)
    assert list(part) == whole[offset : offset + limit]
    assert sorted(p.id for p in whole) == sorted(p.id for p in prompts)


def test_a_stream_keeps_the_order_of_the_file_and_accounts_for_every_row(tmp_path: Path) -> None:
    rows: list[Any] = [{"prompt": f"p{n % 60}"} for n in range(100)] + [7, {"prompt": ""}]
    stream = PromptStream(PromptSource(data=write(tmp_path, rows), on_bad_row="skip"), tmp_path)
    assert [r.row for r in stream] == list(range(1, 61))
    report = stream.report()
    assert report.rows == report.prompts + report.duplicates + len(report.skipped) == 102
    assert [s.row for s in report.skipped] == [101, 102]


# --- errors --------------------------------------------------------------------------------------

BAD_LINES = {
    '["a"]': "a list, not an object",
    "3": "a number or a truth value, not an object",
    '{"prompt": "a"': "not JSON",
    '{"prompt": "\\ud800"}': "not JSON",
    '{"text": "a", "b": 1}': "no column 'prompt'",
    '{"prompt": "  "}': "'prompt' is empty",
    '{"prompt": ""}': "'prompt' is empty",
    '{"prompt": 3}': "'prompt' is not a text",
    '{"prompt": "a", "response": 3}': "'response' is not a text",
    '{"prompt": "a", "messages": [{"role": "user", "content": "a"}]}': "has both 'messages' and 'prompt'",
    '{"messages": []}': "no list of messages",
    '{"messages": [{"role": "bot", "content": "a"}]}': "message 1 lacks a role",
    '{"messages": [{"role": "user"}]}': "message 1 lacks a role",
    '{"messages": [{"role": "assistant", "content": "a"}]}': "turn 1 is the assistant's where the user's is due",
    '{"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]}': "turn 2 is the user's",
    '{"messages": [{"role": "system", "content": "a"}]}': "does not end in a user's turn",
    '{"messages": [{"role": "user", "content": " "}]}': "turn 1 is empty",
}


@pytest.mark.parametrize(("line", "message"), BAD_LINES.items())
def test_a_bad_row_is_an_error_with_its_place_or_skipped_and_listed(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "p.jsonl").write_text(f'{{"prompt": "fine"}}\n\n{line}\n{{"prompt": "too"}}\n')
    with pytest.raises(DataError) as caught:
        load(tmp_path, "p.jsonl")
    assert message in caught.value.message
    assert caught.value.place == "p.jsonl:3"
    assert caught.value.remedy
    records, report = load(tmp_path, "p.jsonl", on_bad_row="skip")
    assert first_texts(records) == {"fine", "too"}
    assert [s.row for s in report.skipped] == [3]
    assert message in report.skipped[0].message


def test_a_missing_column_names_those_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load(tmp_path, write(tmp_path, [{"text": "a", "label": "b"}]))
    assert "'text', 'label'" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("p.txt", b"a", "no known format for '.txt'"),
        ("p.parquet.gz", b"a", "no known format"),
        ("p", b"a", "no known format for 'p'"),
        ("p.jsonl", b"", "there are no rows"),
        ("p.csv", b"prompt\n", "there are no rows"),
        ("p.csv", b"", "there are no rows"),
        ("p.jsonl", b'{"prompt": "a"}\n{"prompt": "\xff"}\n', "not UTF-8: byte 0xff at position 13"),
        ("p.csv", b"prompt\na\n\xe9\n", "not UTF-8"),
        ("p.csv", b"prompt,prompt\na,b\n", "two columns are named 'prompt'"),
        ("p.csv", b'prompt\n"a"b\n', "not CSV"),
        ("p.csv", b"prompt\na,b\n", "2 cells under 1 column names"),
        ("p.parquet", b"PAR1 nothing", "not a Parquet file"),
        ("p.jsonl.gz", b"plain", "not a whole gzip file"),
        ("p.jsonl.gz", gzip.compress(b'{"prompt": "a"}\n' * 50)[:-9], "not a whole gzip file"),
    ],
)
def test_a_bad_file_is_one_clear_error(tmp_path: Path, name: str, body: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(body)
    with pytest.raises(DataError) as caught:
        load(tmp_path, name)
    assert message in caught.value.message
    assert caught.value.place.startswith(name)
    assert caught.value.remedy


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        load(tmp_path, "p.jsonl")
    (tmp_path / "q.jsonl").mkdir()
    with pytest.raises(DataError, match="a folder"):
        load(tmp_path, "q.jsonl")


def test_skipping_everything_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no row can be read; the first: no column 'prompt'"):
        load(tmp_path, write(tmp_path, [{"text": "a"}]), on_bad_row="skip")


# --- hubs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", ["hub:", "hub:a:b:c:d"])
def test_a_hub_name_that_is_none(data: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no name of a data set"):
        load(tmp_path, data)


def test_a_hub_data_set_that_is_a_folder_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "set"
    folder.mkdir()
    write(folder, [{"prompt": "a", "topic": "x"}, {"prompt": "b", "topic": None}], "train.jsonl")
    records, report = load(tmp_path, f"hub:{folder}")
    assert first_texts(records) == {"a", "b"}
    assert (report.rows, report.columns) == (2, ("topic",))
    with pytest.raises(DataError, match="cannot be loaded"):
        load(tmp_path, f"hub:{folder}::nosuchsplit")
