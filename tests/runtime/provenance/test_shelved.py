"""Rows in a file are found as they would be in dictionaries and lists."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.engines.base import Choice, Completion, Finish
from runtime.ledger.store import Ledger
from runtime.provenance.kept import KeptAnswers
from runtime.provenance.shelved import grouped, kept_by, shelve


def completion(text: str, token: int) -> Completion:
    return Completion(text, (token,), Finish.STOP)


@given(st.lists(st.builds(completion, st.sampled_from("abc"), st.integers(0, 9))))
def test_they_are_what_dictionaries_of_them_would_be(rows: list[Completion]) -> None:
    by_key, groups = {row.text: row for row in rows}, dict[str, list[Completion]]()
    for row in rows:
        groups.setdefault(row.text, []).append(row)
    found = kept_by(Completion, iter(rows), lambda row: row.text)
    assert dict(found) == by_key
    assert list(found) == list(by_key)
    assert list(found.pick("cxa")) == [by_key[key] for key in "ca" if key in by_key]
    assert dict(grouped(Completion, iter(rows), lambda row: row.text)) == groups
    assert list(shelve(Completion, iter(rows))) == rows


def test_few_answers_are_held_and_all_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {f"key {n}": Choice((-1.0 - n, -2.0)) for n in range(10)}
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        ledger.keep(list(made.items()))
        asked: list[list[str]] = []
        lookup = ledger.lookup

        def noting(keys: Sequence[str]) -> dict[str, Completion | Choice]:
            asked.append(list(keys))
            return lookup(keys)

        monkeypatch.setattr(ledger, "lookup", noting)
        answers = KeptAnswers(ledger, held_max=2)
        answers.load(["key 0", "key 1"])
        answers.load(["key 1", "key 2"])
        assert {key: answers.get(key) for key in made} == made
        assert answers.get("none") is None
        assert len(answers._known) <= 2  # what the bound is for
        assert asked[:2] == [["key 0", "key 1"], ["key 1", "key 2"]]
