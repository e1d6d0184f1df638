from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.report.texts import Change, cut, visible, word_changes

TEXTS = st.text(alphabet=st.sampled_from("ab c.\n,\u2019水"), max_size=60) | st.text(max_size=40)


def _joined(before: str, after: str, *left_out: Change) -> str:
    return "".join("".join(p.text.split()) for p in word_changes(before, after) if p.change not in left_out)


@given(TEXTS, TEXTS)
def test_the_pieces_give_back_both_texts(before: str, after: str) -> None:
    assert _joined(before, after, Change.INSERTED) == "".join(before.split())
    assert _joined(before, after, Change.DELETED) == "".join(after.split())


@given(TEXTS)
def test_equal_texts_have_no_change(text: str) -> None:
    assert {p.change for p in word_changes(text, text)} <= {Change.SAME}


def test_one_word_is_one_deletion_and_one_insertion() -> None:
    pieces = word_changes("Do it at once, please.", "Do it tomorrow, please.")
    assert [(p.change, p.text) for p in pieces] == [
        (Change.SAME, "Do it "),
        (Change.DELETED, "at once"),
        (Change.INSERTED, "tomorrow"),
        (Change.SAME, ", please."),
    ]


def test_a_lone_word_between_two_changes_joins_them() -> None:
    pieces = word_changes("one two three end here", "uno two tres end here")
    assert [p.change for p in pieces] == [Change.DELETED, Change.INSERTED, Change.SAME]


def test_texts_too_long_to_compare_are_replaced_as_a_whole() -> None:
    before = "start " + " ".join(f"a{n}" for n in range(3000)) + " end"
    after = "start " + " ".join(f"b{n}" for n in range(3000)) + " end"
    assert [p.change for p in word_changes(before, after)] == [
        Change.SAME, Change.DELETED, Change.INSERTED, Change.SAME,
    ]  # fmt: skip


@given(st.text(st.characters(), max_size=80))
def test_visible_text_can_be_written_and_holds_no_control(text: str) -> None:
    shown = visible(text)
    shown.encode("utf-8")
    assert not any(ord(c) < 0x20 and c not in "\t\n" for c in shown)
    assert not set(shown) & set("\x1b\x7f\u202e\u2066\u200f")


def test_what_was_hidden_is_named() -> None:
    assert visible("a\x1b[31m\u202eb\ud800\x00\r\n") == "a␛[31m⟨U+202E⟩b\ufffd␀\n"


@pytest.mark.parametrize(("length", "hidden"), [(3, 2), (5, 0), (9, 0)])
def test_a_cut_text_says_how_much_is_missing(length: int, hidden: int) -> None:
    shown = cut("abcde", length)
    assert (shown.text, shown.hidden) == ("abcde"[:length], hidden)
