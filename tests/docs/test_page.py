"""The page for people who read constitutions and not code."""

from __future__ import annotations

import base64
import re
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest

from constitution_lang.cli import main
from constitution_lang.compile import compile_path, compile_text
from constitution_lang.emit.page import page
from constitution_lang.emit.page_words import bound_in_words, condition_in_words, outcome_in_words, percent
from constitution_lang.ir.model import (
    Abstain,
    AllOf,
    AnyOf,
    Attribute,
    AttributeKind,
    Compare,
    Condition,
    Not,
    Origin,
    Outcome,
    ShareBound,
    Stage,
    Weigh,
)
from tests.constitution_lang.texts import ATTRIBUTES, CATEGORIES, HEAD, PRINCIPLES, TENSION

ROOT = Path(__file__).parents[2]
HERE = Origin("x.const", 1, 1)
LEVELS = Attribute("severity", "?", AttributeKind.LEVELS, ("none", "minor", "serious", "grave"), "none", HERE)
TOPIC = Attribute("topic", "?", AttributeKind.ONE_OF, ("general", "law", "health"), "general", HERE)
ATTRIBUTE = {"severity": LEVELS, "topic": TOPIC}
HOSTILE = "<script>alert(1)</script> & \" ' </style> {{ 7 * 7 }} {% for x in y %}"

VOID = {"meta", "rect"}


class Reader(HTMLParser):
    """Every tag, id and link, what text is shown, and whether tags close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.contents: list[str] = []
        self.attributes: set[str] = set()
        self.shown = ""
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self._open.append(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if tag == "meta" and name == "content":
                self.contents.append(value or "")
            if name == "id":
                self.ids.append(value or "")
            if name in {"href", "src"}:
                self.links.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] != "style":
            self.shown += data


def made(text: str) -> str:
    bundle = compile_text(text).bundle
    assert bundle is not None
    return page(bundle)


def said(text: str) -> str:
    return re.sub(r"\s+", " ", Reader(text).shown)


@pytest.fixture(scope="module", params=sorted(ROOT.glob("constitutions/*/*.const")), ids=lambda path: path.stem)
def real(request: pytest.FixtureRequest) -> str:
    bundle = compile_path(request.param).bundle
    assert bundle is not None
    return page(bundle)


def test_a_page_is_sound_and_asks_for_nothing(real: str) -> None:
    read = Reader(real)
    assert len(read.ids) == len(set(read.ids))
    assert read.tags.count("h1") == 1
    assert {"script", "img", "iframe", "link"}.isdisjoint(read.tags)
    assert all(link.startswith("#") for link in read.links)
    assert {link[1:] for link in read.links} <= set(read.ids)
    style = real.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in read.contents
    assert "http" not in real.replace("http-equiv", "")


def test_it_tells_the_house_assistant_in_sentences() -> None:
    bundle = compile_path(ROOT / "constitutions" / "house-assistant" / "house-assistant.const").bundle
    assert bundle is not None
    told = said(page(bundle))
    for principle in bundle.principles:
        assert principle.title in told
        assert principle.statement in told
    assert "when topic is “weapons” and severity is “serious” or higher" in told
    assert "When severity is “serious” or higher, “Avoiding harm” comes before “Being useful”." in told
    assert "Otherwise, when severity is “none”, “Being useful” comes before “Avoiding harm”." in told
    assert "In all other cases, both count, “Avoiding harm” twice as much as “Being useful”." in told
    assert "Real uplift cannot be taken back." in told
    assert "harm.insults, a principle, since version 0.9.0; in its place is harm.respect" in told
    assert bundle.meaning_hash in told
    assert bundle.metadata_hash in told
    assert "Avoiding harm 40%" in told


def test_shares_are_those_of_the_draws() -> None:
    told = said(made(HEAD + ATTRIBUTES + CATEGORIES + PRINCIPLES + TENSION))
    # 3 to 1 by weight, and twice that where the tension weighs; by weight alone where harm comes first.
    assert "75% to 86%, depending on the request; 86% of an ordinary one" in told
    assert "14% to 25%, depending on the request; 14% of an ordinary one" in told


def test_hostile_text_stays_text() -> None:
    title = HOSTILE.replace('"', "")
    texts = CATEGORIES.replace("Hurt nobody.", HOSTILE).replace("Avoiding harm", title)
    texts += PRINCIPLES.replace("Give no help with weapons.", HOSTILE).replace("No weapons", title)
    texts += TENSION.replace("Harm lasts.", HOSTILE)
    example = "".join(f"  {key}:\n    {HOSTILE}\n" for key in ("prompt", "response", "critique", "revision"))
    text = made(f"{HEAD.replace('A house', title)}{ATTRIBUTES}{texts}\nexample revision\n{example}")
    read = Reader(text)
    assert "script" not in read.tags
    assert not any(name.startswith("on") or name == "style" for name in read.attributes)
    assert read.tags.count("style") == 1
    assert read.shown.count(HOSTILE) > 6
    assert title in read.shown


def test_text_that_turns_around_is_shown_as_it_is() -> None:
    text = made(
        HEAD + ATTRIBUTES + CATEGORIES + PRINCIPLES.replace("No weapons", "a\u202eb").replace("help", "\u2066x")
    )
    assert "\u202e" not in text
    assert "\u2066" not in text
    assert "a[U+202E]b" in text
    assert "[U+2066]x" in text


def test_shares_are_told_over_cases_too_many_to_count() -> None:
    many = "".join(
        f'\nattribute a{n} "?"\n  levels: {" < ".join(f"v{m}" for m in range(8))}\n  default: v0\n' for n in range(7)
    )
    applies = " and ".join(f"a{n} >= v1" for n in range(7))
    principle = PRINCIPLES.replace('weapons"\n', f'weapons"\n  applies when {applies}\n')
    told = said(made(HEAD + many + CATEGORIES + principle))
    assert "75% wherever it applies" in told
    assert "25% to 100%, depending on the request; 100% of an ordinary one" in told


def test_where_principles_are_too_many_the_ordinary_request_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("constitution_lang.emit.page.PRINCIPLES_MAX", 1)
    told = said(made(HEAD + CATEGORIES + PRINCIPLES))
    assert "75% of an ordinary request" in told


def test_requests_are_put_side_by_side() -> None:
    text = HEAD + ATTRIBUTES + CATEGORIES + PRINCIPLES + TENSION
    told = " ".join(said(made(text)).split())
    start = told.index("Some requests side by side", told.index("Some requests side by side") + 1)
    cases = told[start : told.index("What is asked of a request", start)]
    assert "An ordinary request 86% Avoiding harm · 14% Own decisions" in cases
    assert "When severity is “grave” 75% Avoiding harm" in cases
    assert "Avoiding harm comes before Own decisions." in cases


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (AllOf(()), ""),
        (AnyOf(()), "never"),
        (Compare("severity", ("serious", "grave")), "severity is “serious” or higher"),
        (Compare("severity", ("none", "minor")), "severity is “minor” or lower"),
        (Compare("severity", ("grave",)), "severity is “grave”"),
        (Compare("severity", ("none", "minor", "grave")), "severity is anything but “serious”"),
        (Compare("severity", ("none", "grave")), "severity is “none” or “grave”"),
        (Compare("topic", ("law", "health")), "topic is anything but “general”"),
        (Compare("topic", ()), "topic is none of its answers"),
        (Compare("topic", ("general", "law", "health")), "topic has any answer"),
        (Not(Compare("topic", ("law",))), "it is not so that topic is “law”"),
        (
            AllOf((Compare("topic", ("law",)), AnyOf((Compare("severity", ("none",)), Compare("topic", ("law",)))))),
            "topic is “law” and (severity is “none”, or topic is “law”)",
        ),
    ],
)
def test_a_condition_in_words(condition: Condition, words: str) -> None:
    assert condition_in_words(condition, ATTRIBUTE) == words


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Weigh(1, 1), "A and B count the same."),
        (Weigh(1, 3), "both count, B 3 times as much as A."),
        (Weigh(0, 3), "only B counts."),
        (Abstain(), "neither comes first. Where A and B disagree about two answers, a person looks at them."),
    ],
)
def test_an_outcome_in_words(outcome: Outcome, words: str) -> None:
    assert outcome_in_words(outcome, ("A", "B")) == words


def test_numbers_in_words() -> None:
    both = (Stage.REVISION, Stage.PREFERENCE)
    assert bound_in_words(ShareBound(0.05, 1, (Stage.REVISION,), HERE)) == "at least 5%, in revision"
    assert bound_in_words(ShareBound(0, 0.2, both, HERE)) == "at most 20%"
    assert bound_in_words(ShareBound(0.1, 0.2, both, HERE)) == "10% to 20%"
    assert [percent(x) for x in (0, 0.0004, 0.004, 0.5, 1)] == ["0%", "under 0.1%", "0.4%", "50%", "100%"]


def test_the_command_writes_beside_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "house.const"
    file.write_text(HEAD + ATTRIBUTES + CATEGORIES + PRINCIPLES)
    assert main(["docs", str(file)]) == 0
    written = (tmp_path / "house.html").read_text("utf-8")
    assert "A house" in written
    assert main(["docs", str(file), "-o", str(tmp_path / "other.html")]) == 0
    assert (tmp_path / "other.html").read_text("utf-8") == written
    capsys.readouterr()
    assert main(["docs", str(file), "-o", "-"]) == 0
    assert capsys.readouterr().out == written


def test_the_command_writes_nothing_of_a_constitution_with_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "house.const"
    file.write_text(HEAD)
    assert main(["docs", str(file)]) == 1
    assert "error[E304]" in capsys.readouterr().err
    assert not file.with_suffix(".html").exists()
