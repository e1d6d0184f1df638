"""Formatting and parsing undo each other, and damage of any kind ends in findings with a place."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constitution_lang.diagnostics.render import Format, render
from constitution_lang.source import Source
from constitution_lang.syntax import nodes as n
from constitution_lang.syntax import to_text
from constitution_lang.syntax.from_text import parse
from constitution_lang.syntax.grammar import literals
from tests.constitution_lang.syntax.trees import trees, without_places

SAMPLE = (Path(__file__).parent / "sample.const").read_text(encoding="utf-8")


@given(trees)
@settings(max_examples=300)
def test_parsing_what_was_formatted_gives_the_tree(tree: n.FileTree) -> None:
    text = to_text.format(tree)
    read, findings = parse(Source("t.const", text))
    assert findings == ()
    assert without_places(read.blocks) == without_places(tree.blocks)
    assert to_text.format(read) == text


def test_the_sample_is_formatted_already() -> None:
    tree, findings = parse(Source("sample.const", SAMPLE))
    assert findings == ()
    assert len(tree.blocks) == 14
    assert to_text.format(tree) == SAMPLE


_PIECES = [
    "", " ", "  ", "    ", "\n", "\n\n", "\t", "\r", "\r\n", "#", '"', ":", ",", "<", "(", ")", "%", "=", "x", "é", "“",
    "\0", "\ufeff", "\u2028", "when ", "not ", "principle ", "otherwise", "9" * 30, "{{", "one of", "at least", "- ",
    "🙂", "\ud800",
]  # fmt: skip
_EDITS = st.lists(st.tuples(st.integers(0, len(SAMPLE)), st.integers(0, 12), st.sampled_from(_PIECES)), max_size=6)


def _damaged(edits: list[tuple[int, int, str]]) -> str:
    text = SAMPLE
    for at, length, piece in edits:
        text = text[:at] + piece + text[at + length :]
    return text


@given(_EDITS)
@settings(max_examples=400)
def test_damage_ends_in_findings_with_a_place_and_in_plain_words(edits: list[tuple[int, int, str]]) -> None:
    source = Source("sample.const", _damaged(edits))
    tree, findings = parse(source)
    for found in findings:
        for label in (found.primary, *found.secondary):
            assert label.span.file == "sample.const"
            assert 0 <= label.span.start <= label.span.end <= len(source.text)
        assert found.help
        assert not _terminal_names(re.sub(r"`[^`]*`", "", f"{found.message} {found.help}"))
    for how in Format:
        shown = render(findings, {source.name: source}, how, color=True)
        assert findings == () or "sample.const" in shown
    if not findings:
        again, none = parse(Source("sample.const", to_text.format(tree)))
        assert none == ()
        assert without_places((again.blocks, [one.text for one in again.comments])) == without_places(
            (tree.blocks, [one.text for one in tree.comments])
        )
        assert to_text.format(again) == to_text.format(tree)


def _terminal_names(message: str) -> list[str]:
    return [
        name for name in (*literals(), "_ENTRY", "$END", "KEY", "NAME", "PATH", "PROSE", "VERSION") if name in message
    ]


@pytest.mark.parametrize("seed", range(20))
def test_lines_in_any_order_end_in_findings_with_a_place(seed: int) -> None:
    lines = SAMPLE.splitlines()
    random.Random(seed).shuffle(lines)  # noqa: S311 - not a secret
    source = Source("sample.const", "\n".join(lines))
    _, findings = parse(source)
    assert findings
    assert all(0 <= found.primary.span.start <= found.primary.span.end <= len(source.text) for found in findings)


def test_a_broken_block_leaves_the_others_as_they_were() -> None:
    tree, _ = parse(Source("sample.const", SAMPLE))
    for damaged in tree.blocks:
        at = damaged.span.start
        header_end = SAMPLE.index("\n", at)
        text = SAMPLE[:header_end] + " ?!" + SAMPLE[header_end:]
        rest, findings = parse(Source("sample.const", text))
        assert len(findings) == 1
        assert without_places(rest.blocks) == without_places(tuple(one for one in tree.blocks if one is not damaged))


def test_line_ends_of_windows_change_nothing_but_places() -> None:
    tree, _ = parse(Source("sample.const", SAMPLE))
    windows, findings = parse(Source("sample.const", SAMPLE.replace("\n", "\r\n")))
    assert findings == ()
    assert without_places(windows.blocks) == without_places(tree.blocks)
