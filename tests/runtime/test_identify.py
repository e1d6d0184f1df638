"""Ids of many parts: gone through one by one, they are those of the list."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runtime.records import Each, identify

PARTS = st.lists(st.one_of(st.text(), st.integers(-9, 9), st.dictionaries(st.text(), st.integers(0, 9)), st.none()))


@given(PARTS, PARTS, st.text())
def test_items_taken_one_by_one_have_the_id_of_their_list(first: list[object], second: list[object], tag: str) -> None:
    assert identify(tag, first, 7, second) == identify(tag, Each(iter(first)), 7, Each(iter(second)))
