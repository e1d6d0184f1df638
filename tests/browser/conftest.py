"""Headless Chromium, cut off from every network."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CONTRASTS = """
const lum = (c) => {
  const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = (e) => {
  for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor;
    if (c !== "rgba(0, 0, 0, 0)" && !c.startsWith("color(")) return c;
  }
  return "rgb(255, 255, 255)";
};
document.querySelectorAll("details").forEach((d) => { d.open = true; });
return [...document.querySelectorAll(arguments[0])]
  .filter((e) => e.textContent.trim() && e.getClientRects().length && !e.closest(".skip, .heat"))
  .map((e) => {
    const [a, b] = [lum(getComputedStyle(e).color), lum(ground(e))];
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.tagName + "." + e.className];
  });
"""
CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--force-prefers-reduced-motion",
    # No name resolves: whatever the page might ask for can't be had.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    selenium = pytest.importorskip("selenium.webdriver", reason="the extra `browser` is not installed")
    from selenium.webdriver.chrome.service import Service

    if not (CHROMIUM.exists() and DRIVER.exists()):
        pytest.skip("Debian's packages chromium and chromium-driver are not installed")
    options = selenium.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    profile = tmp_path_factory.mktemp("profile")
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    opened = selenium.Chrome(options=options, service=Service(executable_path=str(DRIVER)))
    try:
        yield opened
    finally:
        opened.quit()
        shutil.rmtree(profile, ignore_errors=True)


@pytest.fixture(params=[(1280, 900), (390, 800)], ids=["desk", "phone"])
def screen(driver: Any, request: pytest.FixtureRequest) -> Any:
    """The browser with a screen of a size, and nothing in its logs."""
    width, height = request.param
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    driver.get_log("performance")
    driver.get_log("browser")
    return driver


@pytest.fixture
def faint(driver: Any) -> Callable[[str], list[tuple[float, str]]]:
    """The contrast of the text of all elements of some kinds with what is behind it, with all details open."""
    return lambda kinds: driver.execute_script(CONTRASTS, kinds)
