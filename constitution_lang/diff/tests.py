"""Pairs of answers that a model has to tell apart: no run sees them, and a reader of a difference wants to."""

from __future__ import annotations

from collections.abc import Iterator

from constitution_lang.diff.model import (
    Aspect,
    Change,
    Grade,
    PromptText,
    Subject,
    SubjectKind,
    change,
)
from constitution_lang.diff.pairing import LIKE, Pairing, likeness
from constitution_lang.diff.segments import marked
from constitution_lang.diff.words import declared
from constitution_lang.ir.model import ModelTest

__all__ = ["test_changes"]

_FIELDS = {"prompt": "prompt", "better": "better answer", "worse": "worse answer"}


def test_changes(pairing: Pairing) -> Iterator[Change]:
    """Tests that came, went or were edited. Those that are the same stay beside each other, whatever stands between."""
    before = list(pairing.old.model_tests)
    after = list(pairing.new.model_tests)
    kept = {_key(test, None) for test in after} & {_key(test, pairing) for test in before}
    before = [test for test in before if _key(test, pairing) not in kept]
    after = [test for test in after if _key(test, None) not in kept]
    for new in after:
        old = _partner(new, before, pairing)
        if old is not None:
            before.remove(old)
        yield _change(old, new)
    for old in before:
        yield _change(old, None)


def _key(test: ModelTest, pairing: Pairing | None) -> tuple[object, ...]:
    principle = pairing.side(test.principle) if pairing else test.principle
    return test.title, principle, test.at_least, test.prompt, test.better, test.worse


def _partner(new: ModelTest, among: list[ModelTest], pairing: Pairing) -> ModelTest | None:
    """The test that was edited: under the same principle, with the same title, or with most words of all its texts."""
    under = [old for old in among if pairing.side(old.principle) == new.principle]
    titled = [old for old in under if old.title == new.title]
    likely = [(likeness(_text(old), _text(new)), at) for at, old in enumerate(titled or under)]
    best = max(likely, default=(0.0, 0))
    return (titled or under)[best[1]] if best[0] >= LIKE or len(titled) == 1 else None


def _text(test: ModelTest) -> str:
    return "\n".join(getattr(test, field) for field in _FIELDS)


def _change(old: ModelTest | None, new: ModelTest | None) -> Change:
    test = new or old
    assert test is not None
    name, under = f'test "{test.title}"', f"under {test.principle}"
    places = (old.origin if old else None, new.origin if new else None)
    subject = Subject(SubjectKind.TEST, f"{test.principle}/{test.title}")
    if old is None or new is None:
        aspect, verb = (Aspect.ADDED, "new") if old is None else (Aspect.REMOVED, "gone")
        values = (_text(old) if old else "", _text(new) if new else "")
        return change(Grade.METADATA, subject, aspect, f"the {name} {under} is {verb}", places, values=values)
    texts = []
    for field, called in _FIELDS.items():
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            texts.append(PromptText((), (), (), marked(before, after), called))
    bounds = [declared(t.at_least) if t.at_least is not None else "more than half" for t in (old, new)]
    told = [text.note for text in texts] + (["bound"] if bounds[0] != bounds[1] else [])
    told += ["title"] if old.title != new.title else []
    says = f"the {name} {under} has another {' and '.join(told)}"
    values = (f"{_text(old)}\n{bounds[0]}", f"{_text(new)}\n{bounds[1]}")
    return change(Grade.METADATA, subject, Aspect.TEXT, says, places, values=values, prompts=tuple(texts))
