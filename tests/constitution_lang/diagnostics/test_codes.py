"""Each code is written down once, in full, and its example shows it."""

from __future__ import annotations

import re
from textwrap import dedent

import pytest

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.codes.code import Code
from constitution_lang.diagnostics.model import Severity
from constitution_lang.loader import source_of
from constitution_lang.source import Span
from constitution_lang.syntax.from_text import parse

ALL = codes.all_codes()
SYNTAX = [code for code in ALL if code.id.startswith("E1")]


@pytest.mark.parametrize("code", ALL, ids=lambda code: code.id)
def test_a_code_is_written_down_in_full(code: Code) -> None:
    assert re.fullmatch(r"[EWA]\d{3}", code.id)
    assert codes.named(code.id.lower()) is code
    assert code.title[-1] != "."
    assert code.what.strip().endswith(".")
    assert code.why.strip().endswith(".")
    assert code.example.strip() != code.instead.strip()
    page = code.explain()
    assert page.startswith(f"{code.id}: {code.title}\n")
    prose, _ = page.split("\nExample\n")
    assert all(len(line) <= 90 for line in prose.splitlines()[1:])


def test_ids_are_their_variables() -> None:
    assert len(SYNTAX) == 17
    assert [code.id for code in ALL] == sorted({code.id for code in ALL})
    assert all(getattr(codes, code.id) is code for code in ALL)


def test_the_letter_is_the_severity() -> None:
    assert codes.E101.severity is Severity.ERROR
    assert Code("W999", "", "", "", "", "").severity is Severity.WARNING
    assert Code("A999", "", "", "", "", "").severity is Severity.ADVICE


def test_a_finding_carries_what_it_was_given() -> None:
    span = Span("a.const", 1, 2)
    found = codes.E107.at(span, "no such field", label="here", help="leave it out")
    assert (found.code, found.severity, found.message) == ("E107", Severity.ERROR, "no such field")
    assert (found.primary.span, found.primary.text, found.help) == (span, "here", "leave it out")


def test_a_code_that_does_not_exist_is_none() -> None:
    assert codes.named("E000") is None
    assert codes.named("code") is None


@pytest.mark.parametrize("code", SYNTAX, ids=lambda code: code.id)
def test_the_example_shows_the_code_and_what_to_write_instead_does_not(code: Code) -> None:
    assert code.id in _found(code.example)
    assert code.id not in _found(code.instead)


def _found(example: str) -> set[str]:
    text = dedent(example).strip("\n") + "\n"
    raw = text.encode("latin-1", "backslashreplace").decode("unicode_escape") if "\\" in text else text
    data = raw.encode("latin-1") if "\\x" in text else raw.encode()
    return {found.code for found in parse(source_of("a.const", data))[1]}
