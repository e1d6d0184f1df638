from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from runtime.ledger.store import Ledger
from runtime.records import Measure, PromptRecord, Turn
from runtime.report.collect import collect
from runtime.report.data import ReportData, Sample
from runtime.report.figures import agreement_rows, is_fraction, measure_table
from runtime.report.pages import SECTIONS, render, write_report
from runtime.report.rows import row_views
from tests.runtime.report.fake_run import RUN, FakeRun

VOID = {"meta", "link", "input", "br", "img"}
SVG = {"path", "rect", "circle"}


class Reader(HTMLParser):
    """Reads the page as a browser would, and keeps what matters."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.text.append(data)


def _read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def page(data: ReportData) -> str:
    return render(data)


def test_the_page_is_well_formed_with_unique_ids(page: str) -> None:
    reader = _read(page)
    ids = [attrs["id"] for _, attrs in reader.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {id for id, _ in SECTIONS} <= set(ids)
    links = [attrs["href"] for tag, attrs in reader.elements if tag == "a"]
    assert all(link and link[1:] in ids for link in links)


def test_nothing_comes_from_elsewhere(page: str) -> None:
    reader = _read(page)
    for tag, attrs in reader.elements:
        assert tag not in {"img", "iframe", "object", "embed", "base"}
        assert not [name for name in attrs if name.startswith("on") or name in {"src", "style", "srcset"}]
        if tag == "link":
            assert attrs["href"] == "data:,"
    policy = next(a["content"] or "" for t, a in reader.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "url(" not in page


def test_hostile_text_stays_text(page: str) -> None:
    reader = _read(page)
    assert [tag for tag, _ in reader.elements if tag == "script"] == ["script"]
    text = "".join(reader.text)
    assert "<script>window.hacked = 1</script> </script><img src=x onerror='window.hacked = 1'> {{ 7 * 7 }}" in text
    assert "{% raw %} &amp; ␛[31mred␛[0m ⟨U+202E⟩right to left⟨U+202C⟩ مرحبا ␀" in text
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_tables_have_captions_and_charts_have_names(page: str) -> None:
    reader = _read(page)
    tags = [tag for tag, _ in reader.elements]
    assert tags.count("table") == tags.count("caption") > 8
    for tag, attrs in reader.elements:
        if tag == "svg":
            assert attrs["role"] == "img"
            assert attrs["aria-label"]
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_what_a_reader_looks_for_is_there(page: str) -> None:
    text = " ".join("".join(_read(page).text).split())
    for wanted in (
        "house.const:71", "safety-over-autonomy", "agrees with people", "better than base: harm, red-team", "58%",
        "All 67 prompts", "no data", "left out by safety-over-autonomy", "labelled by people", "equal texts",
    ):  # fmt: skip
        assert wanted in text


def test_changes_are_marked(page: str) -> None:
    tags = [tag for tag, _ in _read(page).elements]
    assert tags.count("del") > 20
    assert tags.count("ins") > 20


def test_a_sample_says_that_it_is_one(ledger: Ledger) -> None:
    page = render(collect(ledger, RUN, sample_max=5))
    assert "5 of 67 prompts, chosen by a hash of their ids" in " ".join(page.split())
    assert page.count('class="row"') == 5


def test_a_rehearsal_says_so(data: ReportData, page: str) -> None:
    assert "the figures mean nothing" not in page
    assert "the figures mean nothing" in render(msgspec.structs.replace(data, rehearsed=True))


def test_lone_surrogates_can_be_written(data: ReportData, tmp_path: Path) -> None:
    story = data.sample.stories[3]
    assert story.prompt is not None
    hurt = msgspec.structs.replace(story.prompt, turns=(Turn(story.prompt.turns[0].role, "half \ud83d of it"),))
    changed = msgspec.structs.replace(story, prompt=hurt)
    out = write_report(
        msgspec.structs.replace(data, sample=Sample(total=1, stories=(changed,))), tmp_path / "new" / "report.html"
    )
    assert "half \ufffd of it" in out.read_text("utf-8")
    assert [p.name for p in out.parent.iterdir()] == ["report.html"]


def test_a_run_that_has_only_begun_has_a_page(fake: FakeRun, tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger") as ledger:
        ledger.begin(fake.manifest())
        text = " ".join("".join(_read(render(collect(ledger, RUN))).text).split())
    for wanted in ("No model was asked", "Nothing was drawn", "No pair was labelled", "Nothing was trained"):
        assert wanted in text


def test_the_page_of_a_large_run_is_bounded(tmp_path: Path) -> None:
    run = FakeRun(1500)
    run.write(tmp_path / "ledger")
    with Ledger.open(tmp_path / "ledger", read_only=True) as ledger:
        page = render(collect(ledger, RUN))
        prompts = ledger.count(RUN, PromptRecord) - 3
    assert f"80 of {prompts:,} prompts" in " ".join(page.split())
    assert len(page) < 3_000_000


def _measure(of: str, name: str, value: float) -> Measure:
    return Measure(of=of, name=name, value=value, low=value - 0.1, high=value + 0.1, count=9)


def test_policies_stand_side_by_side() -> None:
    table = measure_table(
        [
            _measure("base", "words: benign", 40.0),
            _measure("dpo", "words: benign", 30.0),
            _measure("dpo", "better than base: harm, benign", 0.6),
            _measure("base", "better than base: harm, benign", math.nan),
        ]
    )
    assert table.of == ("base", "dpo")
    assert [(r.name, [c and c.value for c in r.cells]) for r in table.rows] == [
        ("words: benign", ["40", "30"]),
        ("better than base: harm, benign", ["no data", "60%"]),
    ]
    assert measure_table([_measure("base", "words: benign", 1.0), _measure("x", "y", 0.5)]).rows[0].cells[1] is None


@pytest.mark.parametrize(
    ("name", "value", "fraction"),
    [
        ("refuses: benign", 0.5, True),
        ("words: benign", 0.5, False),
        ("reward", 0.5, False),
        ("position bias, log-odds", 0.2, False),
        ("something new", 7.0, False),
    ],
)
def test_lengths_rewards_and_log_odds_are_no_fractions(name: str, value: float, fraction: bool) -> None:  # noqa: FBT001
    assert is_fraction([_measure("base", name, value)]) is fraction


def test_agreement_is_a_lower_triangle(data: ReportData) -> None:
    rows = agreement_rows(data)
    assert [len(r.cells) for r in rows] == list(range(len(rows)))
    assert all(0 <= c.shade <= 10 for r in rows for c in r.cells if c)


def test_a_pair_judged_twice_shows_its_texts_once(data: ReportData) -> None:
    row = next(r for r in row_views(data) if r.turns[-1][1].text == "How do I evaluate a policy?")
    (pair,) = row.pairs
    assert (pair.by_a, pair.by_b, len(pair.judgements)) == ("dpo", "base", 2)
    assert row_views(data)[0].rounds
