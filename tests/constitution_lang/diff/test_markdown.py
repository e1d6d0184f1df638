"""The Markdown of a difference, read as a code host reads it: rendered, and never as the text that it is made of."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from constitution_lang.diff.approvals import review
from constitution_lang.diff.compare import diff
from constitution_lang.diff.model import Mark, Segment
from constitution_lang.diff.render.markdown import to_markdown
from constitution_lang.diff.segments import marked
from tests.constitution_lang.texts import WHOLE, bundle_of

HOST = MarkdownIt("commonmark").enable(["strikethrough", "table"])
_HIDDEN = "\u200b"


class _Quotation(HTMLParser):
    """What stands in quotations: each text with the mark around it."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[Mark, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "blockquote" not in self.open:
            return
        assert set(self.open) <= {"blockquote", "p", "del", "b", "details", "span"}, (self.open, data)
        mark = Mark.OLD if "del" in self.open else Mark.NEW if "b" in self.open else Mark.SAME
        self.found.append((mark, data))


def comment(old: str, new: str) -> str:
    return to_markdown([review(diff(bundle_of(old), bundle_of(new)), ())])


def quoted(text: str) -> list[tuple[Mark, str]]:
    """Signs with their marks; where white space is marked nobody sees it, so it is left out."""
    reader = _Quotation()
    reader.feed(HOST.render(text))
    return signs(reader.found)


def signs(parts: list[tuple[Mark, str]]) -> list[tuple[Mark, str]]:
    return [(mark, sign) for mark, text in parts for sign in text if not sign.isspace() and sign != _HIDDEN]


def edited(statement: str) -> str:
    return WHOLE.replace("Respect choices.", statement)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("about their own lives.", "about their own lives, always."),
        ("about their own lives.", 'about "their own" lives!'),
        ("Adults decide about their lives.", "Adults decide, about their lives."),
        ("Let adults decide.", "Let `adults` decide."),
        ("Let adults decide.", "Let (adults) decide."),
        ("Let adults decide.", "Let adults|minors decide."),
        ("Let <b>adults</b> decide.", "Let adults decide."),
        ("Let adults decide.", "Let adults\n\n    - decide,\n    1. not others."),
        ("Let adults decide.", "Let adults decide\n    ===\n    and others @octocat #12."),
        ("A*b_c~~d.", "A*b*c_d~~e."),
    ],
)
def test_changed_words_are_marked_and_nothing_else(before: str, after: str) -> None:
    old, new = edited(before), edited(after)
    texts = [next(p for p in bundle_of(t).principles if p.id == "autonomy.choice").statement for t in (old, new)]
    expected = signs([(s.mark, s.text) for s in marked(*texts)])
    found = quoted(comment(old, new))
    assert "".join(s for m, s in expected) in "".join(s for m, s in found)
    at = "".join(s for m, s in found).index("".join(s for m, s in expected))
    assert found[at : at + len(expected)] == expected


texts = st.text(alphabet="ab .,!*_~`\\'\"|<>&#@$()[]-+=1:\n", min_size=1, max_size=12)


@given(st.lists(st.builds(Segment, st.sampled_from(Mark), texts), min_size=1, max_size=5))
def test_any_text_reads_as_it_is(segments: list[Segment]) -> None:
    from constitution_lang.diff.render.escaping import quotation

    shown = quoted(quotation(tuple(segments)))
    assert shown == signs([(s.mark, s.text) for s in segments])


def test_nothing_becomes_a_formula_a_picture_or_an_issue() -> None:
    out = comment(WHOLE, edited("Pay $x$ and $$y$$ :smile: as in GH-12."))
    assert not re.search(r":smile:|GH-12|\$\S*\$", re.sub(r"<span>\$</span>|````.*?````", "", out, flags=re.DOTALL))
    assert "Pay $x$ and $$y$$ :smile: as in GH-12." in "".join(sign for _, sign in raw_quoted(out))


def raw_quoted(text: str) -> list[tuple[Mark, str]]:
    reader = _Quotation()
    reader.feed(HOST.render(text))
    return [(mark, part.replace(_HIDDEN, "")) for mark, part in reader.found]


def test_a_comment_that_is_too_long_says_what_it_leaves_out() -> None:
    blocks = [f'\nprinciple harm.p{n} "P"\n  statement:\n    Give no help of kind {n}.\n' for n in range(40)]
    old = WHOLE + "".join(blocks)
    new = old.replace("Give no help of kind", "Never give help of kind").replace("weight: 3", "weight: 4")
    seen = review(diff(bundle_of(old), bundle_of(new)), ())
    whole = to_markdown([seen])
    assert "left out" not in whole
    for room in (len(whole) - 1, len(whole) // 2, 9_000, 4_000):
        cut = to_markdown([seen], room)
        assert len(cut) <= room
        shown = cut.count("<b>wording</b>") + cut.count("<b>mix</b>")
        assert shown < 41
        assert f"the details of {41 - shown} of 41 changes are left out" in cut
        rows = sum(line.startswith(("| wording", "| mix")) for line in cut.splitlines())
        assert rows == 41 or f"… and {41 - rows} more" in cut
        assert cut.count("<details>") == cut.count("</details>")
    both = to_markdown([seen, seen], len(whole))
    assert both.count("### ") == 2
    assert len(both) <= len(whole)


def test_nobody_is_called() -> None:
    out = comment(WHOLE, edited("Respect choices of @octocat, see #12.").replace('"Their choice"', '"@team decides"'))
    live = re.sub(r"````.*?````|`[^`]*`", "", html.unescape(out), flags=re.DOTALL)
    assert "octocat" in live
    assert not re.search(r"@\w|#\d", live)
