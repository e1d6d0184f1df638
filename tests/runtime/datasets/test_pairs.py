import json
from pathlib import Path
from typing import Any

import pytest

from runtime.datasets.errors import DataError
from runtime.datasets.pairs import HumanPair, load_pairs
from runtime.records import LabelOutcome, LabelSource

HEAD = "\n\nHuman: a: b\n\nAssistant: c\n\nHuman: d"


def hh(chosen: str, rejected: str, head: str = HEAD) -> dict[str, str]:
    return {"chosen": f"{head}\n\nAssistant: {chosen}", "rejected": f"{head}\n\nAssistant: {rejected}"}


def write(folder: Path, rows: list[Any]) -> str:
    (folder / "p.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return "p.jsonl"


def test_every_row_is_a_pair_or_counted(tmp_path: Path) -> None:
    parted = {"chosen": f"{HEAD}\n\nAssistant: x", "rejected": "\n\nHuman: a: b\n\nAssistant: z"}
    rows = [hh("x", "y"), hh("x", "x"), hh("", "y"), hh("x", " "), parted, hh("x", "y"), hh("y", "x"), {"chosen": "?"}]
    pairs, report = load_pairs(write(tmp_path, rows), tmp_path, on_bad_row="skip")
    assert {(p.chosen, p.rejected, p.prompt.row) for p in pairs} == {("x", "y", 1), ("y", "x", 7)}
    assert [t.text for t in pairs[0].prompt.turns] == ["a: b", "c", "d"]
    assert (report.equal, report.empty, report.parted, report.duplicates) == ((2,), (3, 4), (5,), 1)
    assert [s.row for s in report.skipped] == [8]
    assert report.rows == 8 == report.pairs + 1 + 2 + 1 + report.duplicates + 1
    assert str(report).endswith(
        "2 pairs from 8 rows, 1 merged as duplicates, 1 of equal replies, 2 with an empty reply, "
        "1 that part before the last reply, 1 skipped as unreadable"
    )


def test_a_label_turns_with_the_sides(tmp_path: Path) -> None:
    pairs, _ = load_pairs(write(tmp_path, [hh(f"x{n}", f"y{n}") for n in range(40)]), tmp_path)
    for pair in pairs:
        a, b = pair.sides
        label = pair.label("id", 0.9)
        assert (label.source, label.outcome) == (LabelSource.HUMAN, LabelOutcome.LABELLED)
        assert label.probability == pytest.approx(0.9 if a.text == pair.chosen else 0.1)
        assert {a.text, b.text} == {pair.chosen, pair.rejected}
        assert a.text == (pair.chosen if pair.chosen_is_a else pair.rejected)
    assert 8 < sum(p.chosen_is_a for p in pairs) < 32


def test_a_reversed_preference_is_about_the_same_sides(tmp_path: Path) -> None:
    def only(row: dict[str, str]) -> HumanPair:
        ((pair,), _) = load_pairs(write(tmp_path, [row]), tmp_path)
        return pair

    one, two = only(hh("x", "y")), only(hh("y", "x"))
    assert one.sides == two.sides
    assert one.chosen_is_a is not two.chosen_is_a
    assert one.id != two.id


def test_selection_follows_the_content(tmp_path: Path) -> None:
    rows = [hh(f"x{n}", f"y{n}") for n in range(20)]
    some, report = load_pairs(write(tmp_path, rows), tmp_path, limit=5)
    assert (report.pairs, report.not_selected) == (5, 15)
    again, _ = load_pairs(write(tmp_path, rows[::-1]), tmp_path, limit=5)
    assert [p.id for p in some] == [p.id for p in again]


def test_bare_texts_beside_a_prompt(tmp_path: Path) -> None:
    data = write(tmp_path, [{"prompt": "p", "chosen": "x", "rejected": "y"}])
    ((pair,), _) = load_pairs(data, tmp_path, form="auto")
    assert ([t.text for t in pair.prompt.turns], pair.chosen, pair.rejected) == (["p"], "x", "y")


def test_lists_of_messages_on_both_sides(tmp_path: Path) -> None:
    ask = {"role": "user", "content": "p"}
    row = {
        "chosen": [ask, {"role": "assistant", "content": "x"}],
        "rejected": [ask, {"role": "assistant", "content": "y"}],
    }
    ((pair,), _) = load_pairs(write(tmp_path, [row]), tmp_path)
    assert (pair.prompt.turns[0].text, pair.chosen, pair.rejected) == ("p", "x", "y")


def test_errors_have_a_place(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_pairs(write(tmp_path, [hh("x", "y"), {"chosen": "\n\nHuman: a"}]), tmp_path)
    assert caught.value.place == "p.jsonl:2"
    assert "no column 'rejected'" in caught.value.message
    with pytest.raises(DataError, match="there are no pairs"):
        load_pairs(write(tmp_path, [hh("x", "x")]), tmp_path)
