"""Prompts that lie in a file are the same prompts, in every order."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution_lang.ir.model import Role
from runtime.datasets.errors import DataError
from runtime.datasets.stored import Chained, Shelf, Stored, by_id, distinct
from runtime.records import PromptRecord, PromptUse, Turn, identify


def prompt(text: str, row: int) -> PromptRecord:
    turns = (Turn(Role.USER, text),)
    return PromptRecord(id=identify("prompt", turns), turns=turns, kind=PromptUse.BENIGN, row=row)


@given(st.lists(st.lists(st.sampled_from(["a", "ä\n", "c" * 99, "📜", "e"]), max_size=6), max_size=4), st.data())
def test_they_are_what_lists_of_them_would_be(texts: list[list[str]], data: st.DataObject) -> None:
    lists = [[prompt(text, row) for row, text in enumerate(part)] for part in texts]
    parts = []
    for part in lists:
        shelf = Shelf(PromptRecord)
        numbers = [shelf.put(p) for p in part]
        order = data.draw(st.permutations(numbers))
        stored = Stored(shelf, order)
        assert list(stored) == [part[n] for n in order]
        assert stored[1:] == [part[n] for n in order[1:]]
        parts.append(Stored(shelf, numbers))
    whole = [p for part in lists for p in part]
    assert list(Chained(parts)) == whole
    assert [Chained(parts)[n] for n in range(-len(whole), len(whole))] == [*whole, *whole]
    known = {p.id: p for p in whole}
    assert dict(by_id(parts)) == known
    assert list(distinct(parts)) == list(known.values())
    with pytest.raises(IndexError):
        Chained(parts)[len(whole)]


def test_a_shelf_takes_more_after_it_was_read() -> None:
    shelf = Shelf(PromptRecord)
    first = shelf.put(prompt("one", 1))
    assert shelf.get(first).row == 1
    assert [shelf.get(n).row for n in (shelf.put(prompt("two", 2)), first)] == [2, 1]


def test_where_there_is_no_room_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(DataError, match="set aside"):
        Shelf(PromptRecord)
