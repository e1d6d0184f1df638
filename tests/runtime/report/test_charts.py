from __future__ import annotations

import math
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.report import charts
from runtime.report.charts import Point

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


def _parsed(svg: str) -> ET.Element:
    assert "nan" not in svg.replace("not a number", "")
    return ET.fromstring(svg)  # noqa: S314  # our own


@given(st.lists(NUMBERS, max_size=30))
def test_any_series_gives_a_readable_chart(values: list[float]) -> None:
    root = _parsed(charts.line([Point(n + 1, v) for n, v in enumerate(values)], "loss"))
    assert root.get("role") == "img"
    assert (root.get("aria-label") or "").startswith("loss")


def test_a_line_has_its_values_and_a_gap_where_there_is_none() -> None:
    svg = charts.line([Point(1, 2.0), Point(2, math.nan), Point(3, 1.5)], "kl")
    root = _parsed(svg)
    path = next(e for e in root.iter() if e.get("class") == "line").get("d") or ""
    assert path.count("M") == 2
    assert [e.get("data-value") for e in root.iter() if e.get("class") == "hit"] == ["step 1: 2", "step 3: 1.50"]
    assert root.get("aria-label") == "kl over 3 steps: first 2, last 1.50, lowest 1.50, highest 2"


def test_a_long_series_is_averaged_and_bounded() -> None:
    svg = charts.line([Point(n, float(n % 2)) for n in range(1, 64_001)], "loss")
    assert svg.count("data-value") <= 160
    assert len(svg) < 60_000
    assert "0.500" in svg


def test_a_name_cannot_leave_its_attribute() -> None:
    svg = charts.line([Point(1, 1.0)], '"><script>alert(1)</script>')
    assert "<script" not in svg
    _parsed(svg)


def test_bars_of_a_histogram_are_as_tall_as_their_counts() -> None:
    root = _parsed(charts.histogram([0, 5, 10], "labels"))
    tall = [float(e.get("height") or 0) for e in root.iter() if e.get("class") == "bar"]
    assert tall[0] == 0
    assert tall[2] == pytest.approx(2 * tall[1], abs=0.2)


def test_a_share_stands_where_its_numbers_say() -> None:
    root = _parsed(charts.share(planned=0.5, drawn=0.25, low=0.2, high=0.3, top=0.5))
    assert next(e for e in root.iter() if e.get("class") == "bar").get("width") == "88"
    assert next(e for e in root.iter() if e.get("class") == "tick").get("d") == "M178 1v16"
    assert root.get("aria-label") == "drawn 25%, 95% interval 20% to 30%, planned 50%"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.1234, "0.123"), (12.345, "12.35"), (123.45, "123.5"), (12345.6, "12,346"), (1e-5, "1.00e-05"),
     (3.0, "3"), (math.inf, "infinite"), (math.nan, "not a number")],
)  # fmt: skip
def test_numbers(value: float, text: str) -> None:
    assert charts.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0%"), (1, "100%"), (0.123, "12%"), (0.0123, "1.2%"), (0.996, "99.6%")]
)
def test_percentages(value: float, text: str) -> None:
    assert charts.percent(value) == text
