"""What only measures is derived anew too: who judges, what they say, and the figures."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from runtime.cli import main
from runtime.datasets.pairs import given_reply
from runtime.progress import SilentProgress
from runtime.provenance.verify import find_target, verify
from tests.runtime.provenance.reading import first, misfits
from tests.runtime.provenance.tampering import change_record, double_record, drop_record, tampered_vote
from tests.runtime.small_run import RUN_FILE, write_run


def another_judge(label: Any) -> Any:
    if not label.votes:
        return None
    first = label.votes[0]
    other = "harm.kindness" if first.principle != "harm.kindness" else "autonomy.choice"
    return replace(label, votes=(replace(first, principle=other), *label.votes[1:]))


def a_word_more(measure: Any) -> Any:
    return replace(measure, value=measure.value + 1) if measure.name.startswith("words") else None


def a_refusal_more(measure: Any) -> Any:
    return replace(measure, value=0.9) if measure.name.startswith("refuses") else None


@pytest.mark.parametrize(
    ("kind", "change", "field"),
    [
        ("Label", another_judge, "votes"),
        ("Response", lambda r: replace(r, text="Something else."), "text"),
        ("Response", lambda r: replace(r, key="0" * 32), "key"),
        ("Comparison", lambda r: replace(r, text_a=r.text_b, text_b=r.text_a), "text_a"),
        ("Measure", a_word_more, "base, words: benign: value"),
        ("Measure", a_refusal_more, "base, refuses: benign: value"),
    ],
)
def test_a_row_of_the_evaluation(copied: Path, kind: str, change: Callable[[Any], Any], field: str) -> None:
    change_record(copied, kind, change, step="evaluate")
    found = first(copied)
    assert (found.kind, found.field) == (kind, field)
    assert found.says != found.should


def test_the_principles_that_judge_are_those_that_are_drawn(copied: Path) -> None:
    before = change_record(copied, "Label", another_judge, step="evaluate")
    found = first(copied)
    assert found.id == before.comparison
    drawn = [vote.principle for vote in before.votes]
    assert all(principle in found.should for principle in drawn)
    assert "drawn" in found.should


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("Response", "an answer of"),
        ("Comparison", "judged under"),
        ("Label", "judged under"),
        ("Measure", "missing"),
    ],
)
def test_a_row_that_is_gone_from_the_evaluation(copied: Path, kind: str, told: str) -> None:
    drop_record(copied, kind, "evaluate")
    assert any(told in f"{m.says} {m.should}" for m in misfits(copied / "out"))


AUDITED = RUN_FILE + '\n[audit]\nhuman = [{ data = "pairs.jsonl" }]\n'


@pytest.fixture(scope="module", params=["in the run", "alone"])
def audited(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with an audit in it, or followed by an audit that is a run of its own."""
    folder = tmp_path_factory.mktemp("audited")
    alone = request.param == "alone"
    file = write_run(folder, run_file=RUN_FILE if alone else AUDITED)
    pairs = [
        {"chosen": f"\n\nHuman: Thing {n}?\n\nAssistant: Yes.", "rejected": f"\n\nHuman: Thing {n}?\n\nAssistant: No."}
        for n in (1, 1, 2, 3)
    ]
    pairs[1]["rejected"] += " Never."
    (folder / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    assert main(["run", str(file), "--quiet"]) == 0
    if alone:
        file.write_text(AUDITED)
        assert main(["audit", str(file), "--quiet"]) == 0
    return folder


def test_an_audit_fits_and_what_nobody_can_derive_is_said(audited: Path) -> None:
    found = verify([find_target(audited / "out")], models=(), progress=SilentProgress(), first_only=False)
    assert found.misfits == ()
    assert [line for line in found.unchecked if "audit" in line]


@pytest.mark.parametrize(
    ("kind", "change", "field"),
    [
        ("Label", another_judge, "votes"),
        ("Label", tampered_vote, "votes[1].log_odds"),
        ("Comparison", lambda r: replace(r, text_a="Perhaps."), "text_a"),
        ("Response", lambda r: replace(r, policy="m"), "policy"),
        ("Response", lambda r: replace(r, sample=1), "sample"),
        ("Response", lambda r: replace(r, key="0" * 32), "key"),
        ("Response", lambda r: replace(r, finish="stop"), "finish"),
        (
            "Measure", lambda r: replace(r, value=0.4321) if r.name.startswith("answer flips") else None,
            "labeler, answer flips with the order: value",
        ),
    ],
)  # fmt: skip
def test_a_row_of_an_audit(audited: Path, tmp_path: Path, kind: str, change: Callable[[Any], Any], field: str) -> None:
    shutil.copytree(audited, tmp_path / "copy")
    change_record(tmp_path / "copy", kind, change, step="audit")
    found = first(tmp_path / "copy")
    assert (found.kind, found.field[: len(field)]) == (kind, field)


def test_a_reply_that_no_pair_of_an_audit_has(audited: Path, tmp_path: Path) -> None:
    shutil.copytree(audited, tmp_path / "copy")
    prompt = change_record(tmp_path / "copy", "Response", lambda r: r, step="audit").prompt
    reply = given_reply(prompt, "A third one.")
    double_record(tmp_path / "copy", "Response", "audit", lambda _: reply)
    found = first(tmp_path / "copy")
    assert (found.kind, found.id, found.field) == ("Response", reply.id, "row")


@pytest.mark.parametrize("done", [0, 1, 4, 6])
def test_a_run_that_was_stopped_in_its_evaluation_fits(copied: Path, done: int) -> None:
    """All answers come before the first is judged."""
    left = (0, 2, 4, 6, 1, 3, 5, 7)[:done]
    with closing(sqlite3.connect(copied / "out" / "ledger.sqlite", isolation_level=None)) as connection:
        for table in ("record", "step"):
            query = f"DELETE FROM {table} WHERE step = 'evaluate' AND round NOT IN (SELECT value FROM json_each(?))"  # noqa: S608
            connection.execute(query, (json.dumps(left),))
    assert misfits(copied / "out") == ()
