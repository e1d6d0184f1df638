"""Tests of cases: what a version no longer expects of itself, and what it newly does. No run sees any of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from constitution_lang.diff.model import (
    Aspect,
    Change,
    Grade,
    Subject,
    SubjectKind,
    change,
)
from constitution_lang.diff.pairing import Pairing
from constitution_lang.diff.words import listed
from constitution_lang.ir.model import CaseTest, Origin

__all__ = ["case_test_changes"]

_ID = re.compile(r"[A-Za-z][\w.-]*")
_SHOWN = 1
"""So many expectations are told in the headline; all of them stand below it."""

_Expected = Mapping[str, Origin]
"""Expectations in words, each with its place."""


def case_test_changes(pairing: Pairing) -> Iterator[Change]:
    """Every test that came, went, got another title or expects something else.

    An id that is only called otherwise is the same id, whatever the words.
    """
    before = _by_title(pairing.old.case_tests, dict(pairing.renamed()))
    after = _by_title(pairing.new.case_tests, {})
    gone = {title: before[title] for title in before if title not in after}
    for title, now in after.items():
        was = before.get(title)
        if was is None:
            called = next((t for t, expected in gone.items() if expected.keys() == now.keys()), None)
            if called is None:
                yield _whole(title, {}, now)
                continue
            del gone[called]
            yield change(
                Grade.COSMETIC, Subject(SubjectKind.TEST, title), Aspect.RENAMED,
                f'the test "{called}" is called "{title}" now', (_first(before[called]), _first(now)),
                values=(called, title),
            )  # fmt: skip
        elif was.keys() != now.keys():
            yield _edited(title, was, now)
    for title, was in gone.items():
        yield _whole(title, was, {})


def _by_title(tests: tuple[CaseTest, ...], names: Mapping[str, str]) -> Mapping[str, _Expected]:
    found: dict[str, dict[str, Origin]] = {}
    for test in tests:
        expects = _ID.sub(lambda word: names.get(word[0], word[0]), test.expects)
        case = listed(f"{attribute} is {value}" for attribute, value in test.case)
        words = f"{expects} where {case}" if case else f"{expects} where all is at its default"
        found.setdefault(test.title, {}).setdefault(words, test.origin)
    return found


def _whole(title: str, was: _Expected, now: _Expected) -> Change:
    expected = was or now
    aspect, verb = (Aspect.REMOVED, "is gone") if was else (Aspect.ADDED, "is new")
    many = f"{len(expected)} expectation{'s' if len(expected) > 1 else ''}"
    return _change(title, aspect, f'the test "{title}" {verb}, with {many}', (was, now), (was, now))


def _edited(title: str, was: _Expected, now: _Expected) -> Change:
    lost = {words: was[words] for words in was if words not in now}
    more = {words: now[words] for words in now if words not in was}
    told = [f"no longer expects {listed(lost, at_most=_SHOWN)}"] if lost else []
    told += [f"newly expects {listed(more, at_most=_SHOWN)}"] if more else []
    return _change(title, Aspect.TEXT, f'the test "{title}" {"; ".join(told)}', (lost, more), (was, now))


def _change(
    title: str, aspect: Aspect, says: str, told: tuple[_Expected, _Expected], placed: tuple[_Expected, _Expected]
) -> Change:
    """`told` is what the versions do not share, `placed` what says where: an edit stands at what it is about."""
    places = [_first(own or whole) for own, whole in zip(told, placed, strict=True)]
    values = ["\n".join(f"expect {words}" for words in own) for own in told]
    return change(
        Grade.COSMETIC, Subject(SubjectKind.TEST, title), aspect, says, (places[0], places[1]),
        values=(values[0], values[1]),
    )  # fmt: skip


def _first(expected: _Expected) -> Origin | None:
    return min(expected.values(), key=lambda o: (o.file, o.line, o.column), default=None)
