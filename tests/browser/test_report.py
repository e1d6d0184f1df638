"""The report in a real browser, cut off from every network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runtime.ledger.store import Ledger
from runtime.report.collect import collect
from runtime.report.pages import SECTIONS, write_report
from tests.runtime.report.fake_run import FakeRun

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    run = FakeRun(40).write(folder / "ledger.sqlite")
    with Ledger.open(folder / "ledger.sqlite", read_only=True) as ledger:
        return write_report(collect(ledger, run), folder / "report.html")


@pytest.fixture
def page(screen: Any, report: Path) -> Any:
    screen.get(report.as_uri())
    return screen


def _find(page: Any, selector: str) -> list[Any]:
    return list(page.find_elements("css selector", selector))


def test_nothing_is_requested_and_nothing_goes_wrong(page: Any, report: Path) -> None:
    for row in _find(page, "details"):
        page.execute_script("arguments[0].open = true", row)
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = {e["params"]["request"]["url"].split("#")[0] for e in events if e["method"] == "Network.requestWillBeSent"}
    assert report.as_uri() in asked
    assert {url for url in asked if not url.startswith("data:")} == {report.as_uri()}
    assert page.get_log("browser") == []
    assert page.execute_script("return window.hacked") is None


def test_every_section_is_seen_and_reached(page: Any) -> None:
    for id, name in SECTIONS:
        section = page.find_element("id", id)
        assert section.is_displayed()
        assert section.find_element("css selector", "h2").text == name
        assert section.size["height"] > 60
        link = page.find_element("css selector", f'nav a[href="#{id}"]')
        assert link.text == name


def test_the_page_is_not_wider_than_the_screen(page: Any) -> None:
    for row in _find(page, "details")[:10]:
        page.execute_script("arguments[0].open = true", row)
    wide = page.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]


def test_the_filter_finds_rows(page: Any) -> None:
    from selenium.webdriver.support.ui import Select

    rows = _find(page, ".row")
    assert len(rows) == 47
    field = page.find_element("name", "words")
    field.send_keys("lock picking")
    shown = [row for row in rows if row.is_displayed()]
    assert 0 < len(shown) < len(rows)
    assert all("lock picking" in row.get_attribute("textContent").lower() for row in shown)
    assert page.find_element("id", "row-count").text == f"{len(shown)} of 47 shown"
    field.clear()
    assert all(row.is_displayed() for row in rows)
    Select(page.find_element("name", "outcome")).select_by_visible_text("review")
    reviewed = [row for row in rows if row.is_displayed()]
    assert 0 < len(reviewed) < len(rows)
    Select(page.find_element("name", "principle")).select_by_visible_text("honesty.medical")
    both = [row for row in rows if row.is_displayed()]
    assert 0 < len(both) <= len(reviewed)
    assert all("honesty.medical" in json.loads(row.get_attribute("data-principles")) for row in both)


def test_a_row_opens_with_its_changes_marked(page: Any) -> None:
    row = _find(page, ".row")[1]
    assert not [e for e in row.find_elements("css selector", "ins, del") if e.is_displayed()]
    row.find_element("css selector", "summary").click()
    marks = [e for e in row.find_elements("css selector", "ins, del") if e.is_displayed()]
    assert {e.tag_name for e in marks} == {"ins", "del"}
    assert "rgba(0, 0, 0, 0)" not in {e.value_of_css_property("background-color") for e in marks}


def test_a_link_to_a_row_opens_it(page: Any) -> None:
    row = _find(page, ".row")[5]
    assert row.get_attribute("open") is None
    page.execute_script("location.hash = arguments[0]", row.get_attribute("id"))
    page.execute_async_script("setTimeout(arguments[0], 50)")
    assert row.get_attribute("open") is not None


def test_a_chart_tells_its_values(page: Any) -> None:
    figure = page.find_element("css selector", "#training figure")
    hit = figure.find_elements("css selector", ".hit")[3]
    page.execute_script("arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true}))", hit)
    assert figure.find_element("css selector", "output").text == hit.get_attribute("data-value")
    assert hit.get_attribute("data-value").startswith("step 4: ")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_colour_schemes_can_be_read(page: Any, scheme: str, faint: Any) -> None:
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    try:
        seen = faint("h1, h2, p, td, th, caption, .chip, del, ins, small, code, a, summary")
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert len(seen) > 500
    assert sorted((what, round(ratio, 2)) for ratio, what in seen if ratio < 4.5)[:5] == []
