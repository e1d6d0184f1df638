"""The loaders on published data sets, read where they lie."""

import gzip
import json
from pathlib import Path

import pytest

from runtime.config import PromptSource
from runtime.datasets.hh import join_turns, parse_hh, render_hh
from runtime.datasets.pairs import load_pairs
from runtime.datasets.prompts import load_prompts
from runtime.records import PromptUse

PUBLIC = Path(__file__).resolve().parents[4] / "shared" / "data" / "prompts"
HH = "hh_rlhf_harmless_base_test.jsonl.gz"
XSTEST = "xstest_prompts.csv"


def need(name: str) -> None:
    if not (PUBLIC / name).is_file():
        pytest.skip(f"the public data set {PUBLIC / name} is not there")


def test_hh_rlhf_is_read_whole() -> None:
    need(HH)
    records, report = load_prompts(PromptSource(data=HH), PUBLIC)
    assert (report.rows, report.skipped, report.excluded) == (2312, (), 0)
    assert (len(records), report.prompts, report.duplicates) == (2310, 2310, 2)
    assert report.joined_turns == 13
    assert all(r.turns[-1].role == "user" and len(r.turns) % 2 for r in records)


def test_no_turn_of_hh_rlhf_is_lost_or_cut() -> None:
    need(HH)
    rows = [json.loads(line) for line in gzip.decompress((PUBLIC / HH).read_bytes()).splitlines()]
    chosen = [parse_hh(row["chosen"]) for row in rows]
    first = [turns[0].text for turns in chosen]
    assert (len(rows), len(first) - len(set(first))) == (2312, 134)
    assert sum(len(turns) > 2 for turns in chosen) == 1650
    assert any(": " in turn.text for turns in chosen for turn in turns)
    for row in rows:
        for side in (row["chosen"], row["rejected"]):
            assert render_hh(parse_hh(side)) == side
    # Every prompt is all that came before the last reply.
    records, _ = load_prompts(PromptSource(data=HH), PUBLIC)
    for record in records:
        assert record.turns == join_turns(chosen[record.row - 1])[0][:-1]


def test_pairs_of_hh_rlhf() -> None:
    need(HH)
    pairs, report = load_pairs(HH, PUBLIC)
    assert (report.rows, report.pairs, report.duplicates, report.equal, report.parted) == (2312, 2308, 0, (), ())
    assert report.empty == (87, 517, 926, 1104)
    assert len({p.id for p in pairs}) == 2308
    assert 1000 < sum(p.chosen_is_a for p in pairs) < 1308


def test_xstest_keeps_its_labels() -> None:
    need(XSTEST)
    records, report = load_prompts(PromptSource(data=XSTEST, kind=PromptUse.BENIGN), PUBLIC)
    assert (report.rows, len(records), report.columns) == (450, 450, ("focus", "id", "label", "note", "type"))
    labels = [dict(r.columns)["label"] for r in records]
    assert (labels.count("safe"), labels.count("unsafe")) == (250, 200)
