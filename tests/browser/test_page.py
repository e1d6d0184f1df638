"""The page for people who read constitutions, in a real browser, cut off from every network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from constitution_lang.cli import main

pytestmark = pytest.mark.browser

HOUSE = Path(__file__).parents[2] / "constitutions" / "house-assistant" / "house-assistant.const"
HOSTILE = "<img src=x onerror=window.hacked=1> <script>window.hacked=1</script> https://example.org/x.png"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    text = HOUSE.read_text(encoding="utf-8").replace("Keep what is safe and useful.", HOSTILE)
    assert HOSTILE in text
    (folder / "house.const").write_text(text, encoding="utf-8")
    assert main(["docs", str(folder / "house.const")]) == 0
    return folder / "house.html"


@pytest.fixture
def page(screen: Any, written: Path) -> Any:
    screen.get("about:blank")
    screen.get(written.as_uri())
    return screen


def _opened(page: Any) -> None:
    page.execute_script("document.querySelectorAll('details').forEach((each) => { each.open = true; })")


def test_nothing_is_requested_and_nothing_goes_wrong(page: Any, written: Path) -> None:
    _opened(page)
    assert HOSTILE in page.find_element("tag name", "main").text
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = {e["params"]["request"]["url"].split("#")[0] for e in events if e["method"] == "Network.requestWillBeSent"}
    assert asked - {"about:blank"} == {written.as_uri()}
    assert page.get_log("browser") == []
    assert page.execute_script("return window.hacked") is None


def test_every_link_of_the_contents_leads_to_its_place(page: Any) -> None:
    links = [link for link in page.find_elements("css selector", "nav a") if link.is_displayed()]
    assert len(links) > 9
    for link in links:
        target = page.find_element("id", link.get_attribute("href").rpartition("#")[2])
        assert link.text in target.text
        page.execute_script("arguments[0].click()", link)
        top, low, height, end = page.execute_script(
            "const at = arguments[0].getBoundingClientRect();"
            "return [at.top, at.bottom, innerHeight,"
            " scrollY + innerHeight >= document.documentElement.scrollHeight - 2]",
            target,
        )
        assert -2 <= top < height / 2 or (end and low > 0 and top < height)


def test_the_page_is_not_wider_than_the_screen(page: Any) -> None:
    _opened(page)
    wide, inner = page.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide <= inner


def test_text_is_large_enough_and_lines_are_not_too_long(page: Any) -> None:
    _opened(page)
    seen = page.execute_script(
        "return [...document.querySelectorAll('main p:not(.case .small), main li, main dd')]"
        ".filter((e) => e.getClientRects().length)"
        ".map((e) => [e, parseFloat(getComputedStyle(e).fontSize)])"
        ".map(([e, size]) => [size, e.clientWidth / size, e.textContent.trim().slice(0, 40)])"
    )
    assert len(seen) > 50
    assert [each for each in seen if each[0] < 12.5] == []
    # A character takes about half an em.
    assert [each for each in seen if each[1] > 46 and len(each[2]) == 40] == []


def test_tensions_are_told_as_sentences(page: Any) -> None:
    told = page.find_element("id", "tensions").text
    assert "“" not in page.find_element("id", "tensions-heading").text
    assert "When severity is “grave”" in told or "when severity is “grave”" in told
    assert "comes before" in told
    for spelled in ("prefer ", "otherwise:", ">=", "weigh "):
        assert spelled not in told


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_colour_schemes_can_be_read(page: Any, scheme: str, faint: Any) -> None:
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    try:
        seen = faint("h1, h2, h3, h4, h5, p, li, dt, dd, .chip, small, code, a, summary")
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert len(seen) > 100
    assert sorted((what, round(ratio, 2)) for ratio, what in seen if ratio < 4.5)[:5] == []
