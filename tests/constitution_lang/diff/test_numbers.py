"""One of a thing is told in the singular, wherever a difference counts."""

from __future__ import annotations

import re

import pytest
from msgspec import structs

from constitution_lang.diff.approvals import Review, review
from constitution_lang.diff.compare import diff
from constitution_lang.diff.counts import Cases, Direction
from constitution_lang.diff.model import Difference
from constitution_lang.diff.render import terminal
from constitution_lang.diff.render.markdown import to_markdown
from constitution_lang.diff.render.sentences import together_lines
from constitution_lang.diff.render.terminal import to_terminal
from constitution_lang.diff.words import count_words
from tests.constitution_lang.texts import WHOLE, bundle_of

ONE = """\
edition 2026
constitution house 1.0.0 "House"

attribute topic "Which topic?"
  one of: a, b, c
  default: a

category harm "Harm"

principle harm.p "P"
  statement:
    Do no harm.
"""
MANY_OF_ONE = re.compile(
    r"(?<![\w.,])1 (?:new |more )?(?:cases|prompts|changes|principles|values|differences|constitutions)\b"
)


def reviewed(old: str, new: str) -> Review:
    return review(diff(bundle_of(old), bundle_of(new)), ())


def says(found: Review) -> str:
    """All that people read of it."""
    return f"{to_terminal(found)}\n{to_markdown([found])}"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("a, b, c", "a, b, c, d", "has the new value d: 1 new case"),
        ("a, b, c", "a, b, c, d, e", "has the new values d and e: 2 new cases"),
        ("a, b, c", "a, b", "lost c: 1 case that is no more"),
        ("a, b, c, d", "a, b", "lost c and d: 2 cases that are no more"),
    ],
)
def test_values_that_come_and_go(old: str, new: str, said: str) -> None:
    found = reviewed(ONE.replace("a, b, c", old), ONE.replace("a, b, c", new))
    assert said in " ".join(says(found).split())
    assert MANY_OF_ONE.search(says(found)) is None


def test_the_only_case_there_is() -> None:
    assert [count_words(n, 1) for n in (0, 1)] == ["no case", "every case"]
    cases = Cases(0, 1, Direction.NONE, ())
    assert list(together_lines(cases, ())) == ["no case changes"]
    assert list(together_lines(structs.replace(cases, total=6), ())) == ["none of 6 cases change"]
    bare = ONE[: ONE.index("attribute")] + ONE[ONE.index("category") :]
    edited = bare.replace("Do no harm.", "Do no harm at all.").replace('"Harm"\n', '"Harm"\n  weight: 2\n')
    assert MANY_OF_ONE.search(says(reviewed(bare, edited))) is None


def test_one_text_more_and_one_constitution_more(monkeypatch: pytest.MonkeyPatch) -> None:
    found = reviewed(WHOLE, WHOLE.replace("Respect choices", "Respect their choices"))
    [change] = [c for c in found.difference.changes if c.prompts]
    monkeypatch.setattr(terminal, "_TEXTS_SHOWN", len(change.prompts))
    twice = structs.replace(change, prompts=(*change.prompts, change.prompts[0]))
    more = structs.replace(found, difference=_with(found.difference, twice))
    assert "… and 1 more difference: --format markdown has all" in to_terminal(more)
    whole = to_markdown([found, found])
    head = to_markdown([found])[: len(whole) // 2]
    texts = (to_markdown([found, found], room) for room in range(len(head) // 3, len(whole), 50))
    assert any("And 1 more constitution, for which there is no room" in text for text in texts)


def _with(difference: Difference, change: object) -> Difference:
    return structs.replace(difference, changes=(change,))
