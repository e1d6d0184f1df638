"""Charts as static SVG. Colours are classes of the page's style sheet, so that light and dark both work.

Every chart says in its `aria-label` what it shows. A point's value stands in a `title`, which browsers show
on hover, and in `data-value`, which the page's script prints under the chart, for fingers too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup, escape
from msgspec import Struct

from constitution_lang.diagnostics.numbers import number_of

__all__ = ["Point", "histogram", "interval", "line", "number", "percent", "share"]

_WIDTH, _HEIGHT = 360, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 10, 30
_POINTS_MAX = 160


class Point(Struct, frozen=True):
    """A value at a step."""

    x: float
    y: float


def number(value: float) -> str:
    """A value in few characters: at least three digits that mean something."""
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "infinite"
    size = abs(value)
    if size and (size < 1e-3 or size >= 1e6):
        return f"{value:.2e}"
    if size >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 100 else f"{value:.2f}" if size >= 1 else f"{value:.3f}"


def percent(value: float) -> str:
    """A fraction as a percentage; a decimal where it tells something."""
    scaled = 100 * value
    if scaled in {0, 100} or 10 <= abs(scaled) <= 99:
        return f"{scaled:.0f}%"
    return "0%" if abs(scaled) < 1e-9 else f"{scaled:.1f}%"


def share(planned: float, drawn: float, low: float, high: float, top: float) -> Markup:
    """A bar for what was drawn with its interval as a whisker, and a tick where it was planned to be."""
    width, scale = 180, 176 / (top or 1.0)
    x_drawn, x_low, x_high, x_planned = (2 + scale * min(v, top) for v in (drawn, low, high, planned))
    label = f"drawn {percent(drawn)}, 95% interval {percent(low)} to {percent(high)}, planned {percent(planned)}"
    return _svg(
        width, 18, label, "inline",
        f'<rect class="track" x="2" y="3" width="176" height="12" rx="2"/>'
        f'<rect class="bar" x="2" y="3" width="{_c(x_drawn - 2)}" height="12" rx="2"/>'
        f'<path class="whisker" d="M{_c(x_low)} 9H{_c(x_high)}M{_c(x_low)} 6v6M{_c(x_high)} 6v6"/>'
        f'<path class="tick" d="M{_c(x_planned)} 1v16"/>',
    )  # fmt: skip


def interval(value: float, low: float, high: float, axis: tuple[float, float], even: float | None = None) -> Markup:
    """A dot with its interval on an axis; a dashed line at `even` where there is one."""
    left, right = axis
    scale = 132 / ((right - left) or 1.0)
    x_value, x_low, x_high = (4 + scale * (min(max(v, left), right) - left) for v in (value, low, high))
    mark = ""
    if even is not None and left <= even <= right:
        mark = f'<path class="even" d="M{_c(4 + scale * (even - left))} 1v16"/>'
    label = f"{number(value)}, 95% interval {number(low)} to {number(high)}, axis {number(left)} to {number(right)}"
    return _svg(
        140, 18, label, "inline",
        f'<path class="axis" d="M4 9H136"/>{mark}<path class="span" d="M{_c(x_low)} 9H{_c(x_high)}"/>'
        f'<circle class="dot" cx="{_c(x_value)}" cy="9" r="4"/>',
    )  # fmt: skip


def histogram(counts: Sequence[int], name: str, low: float = 0.0, high: float = 1.0) -> Markup:
    """How many values fell into each of equal bins between `low` and `high`."""
    top_ticks = _ticks(0, max([*counts, 1]), whole=True)
    top = top_ticks[-1]
    wide = (_WIDTH - _LEFT - _RIGHT) / max(len(counts), 1)
    step = (high - low) / max(len(counts), 1)
    marks = [_y_axis(top_ticks, 0, top)]
    for at, count in enumerate(counts):
        tall = (_HEIGHT - _TOP - _BOTTOM) * count / top
        x, y = _LEFT + at * wide, _HEIGHT - _BOTTOM - tall
        text = escape(f"{low + at * step:.2f} to {low + (at + 1) * step:.2f}: {count:,}")
        marks.append(
            f'<g class="hit" data-value="{text}"><title>{text}</title>'
            f'<rect class="area" x="{_c(x)}" y="{_TOP}" width="{_c(wide)}" height="{_HEIGHT - _TOP - _BOTTOM}"/>'
            f'<rect class="bar" x="{_c(x + 1)}" y="{_c(y)}" width="{_c(wide - 2)}" height="{_c(tall)}"/></g>'
        )
    for at in range(5):
        value = low + (high - low) * at / 4
        marks.append(_x_label(_LEFT + (_WIDTH - _LEFT - _RIGHT) * at / 4, f"{value:g}"))
    total = sum(counts)
    return _svg(
        _WIDTH,
        _HEIGHT,
        f"Histogram of {name}: {number_of(total, 'values')} in {number_of(len(counts), 'bins')}",
        "chart",
        "".join(marks),
    )


def line(points: Sequence[Point], name: str) -> Markup:
    """A series over steps. Values that are no finite numbers leave a gap; long series are averaged in buckets."""
    # A loss of 10^100 is no more of a curve than an infinite one, and scales for it overflow.
    points = [p if abs(p.y) < 1e100 else Point(p.x, math.nan) for p in points]
    finite = [p for p in points if math.isfinite(p.y)]
    if not finite:
        return _svg(_WIDTH, _HEIGHT, f"{name}: no finite value", "chart", _note("no finite value"))
    shown = _buckets(points)
    ys = [p.y for p in shown if math.isfinite(p.y)] or [p.y for p in finite]
    ticks = _ticks(min(ys), max(ys))
    low, high = ticks[0], ticks[-1]
    first, last = points[0].x, points[-1].x
    across = (_WIDTH - _LEFT - _RIGHT) / ((last - first) or 1.0)
    down = (_HEIGHT - _TOP - _BOTTOM) / (high - low)
    marks = [_y_axis(ticks, low, high)]
    path, pen = [], "M"
    dots = []
    wide = (_WIDTH - _LEFT - _RIGHT) / max(len(shown), 1)
    for point in shown:
        if not math.isfinite(point.y):
            pen = "M"
            continue
        x = _LEFT + (point.x - first) * across if last > first else (_LEFT + _WIDTH - _RIGHT) / 2
        y = _HEIGHT - _BOTTOM - (point.y - low) * down
        path.append(f"{pen}{_c(x)} {_c(y)}")
        pen = "L"
        text = escape(f"step {point.x:g}: {number(point.y)}")
        dots.append(
            f'<g class="hit" data-value="{text}"><title>{text}</title>'
            f'<rect class="area" x="{_c(x - wide / 2)}" y="{_TOP}" width="{_c(wide)}" '
            f'height="{_HEIGHT - _TOP - _BOTTOM}"/><circle class="dot" cx="{_c(x)}" cy="{_c(y)}" r="2.5"/></g>'
        )
    marks.append(f'<path class="line" d="{"".join(path)}"/>{"".join(dots)}')
    for value in sorted({first, last} | ({round((first + last) / 2)} if last - first > 2 else set())):
        at = _LEFT + (value - first) * across if last > first else (_LEFT + _WIDTH - _RIGHT) / 2
        marks.append(_x_label(at, f"{value:g}"))
    label = (
        f"{name} over {number_of(len(points), 'steps')}: first {number(finite[0].y)}, last {number(finite[-1].y)}, "
        f"lowest {number(min(p.y for p in finite))}, highest {number(max(p.y for p in finite))}"
    )
    return _svg(_WIDTH, _HEIGHT, label, "chart", "".join(marks))


def _buckets(points: Sequence[Point]) -> list[Point]:
    if len(points) <= _POINTS_MAX:
        return list(points)
    wide = math.ceil(len(points) / _POINTS_MAX)
    averaged = []
    for at in range(0, len(points), wide):
        finite = [p for p in points[at : at + wide] if math.isfinite(p.y)]
        x = points[min(at + wide, len(points)) - 1].x
        averaged.append(Point(x, math.fsum(p.y for p in finite) / len(finite) if finite else math.nan))
    return averaged


def _ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Three to seven round numbers that enclose `low` and `high`."""
    if high <= low:
        wide = abs(low) / 2 or 1.0
        low, high = low - wide, high + wide
    rough = (high - low) / 4
    magnitude = 10.0 ** math.floor(math.log10(rough)) if rough > 1e-300 else 1e-300
    step = next(magnitude * m for m in (1, 2, 2.5, 5, 10) if magnitude * m >= rough * 0.999)
    if whole:
        step = max(1.0, math.ceil(step))
    start, end = math.floor(low / step), math.ceil(high / step)
    return [step * at for at in range(start, end + 1)]


def _y_axis(ticks: Sequence[float], low: float, high: float) -> str:
    marks = []
    for value in ticks:
        y = _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * (value - low) / (high - low)
        marks.append(
            f'<path class="grid" d="M{_LEFT} {_c(y)}H{_WIDTH - _RIGHT}"/>'
            f'<text x="{_LEFT - 5}" y="{_c(y + 4)}" text-anchor="end">{_short(value)}</text>'
        )
    return "".join(marks)


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 or abs(value) >= 1e6 else f"{value:,.0f}"


def _x_label(x: float, text: str) -> str:
    return f'<text x="{_c(x)}" y="{_HEIGHT - 10}" text-anchor="middle">{escape(text)}</text>'


def _note(text: str) -> str:
    return f'<text x="{_WIDTH // 2}" y="{_HEIGHT // 2}" text-anchor="middle">{escape(text)}</text>'


def _svg(width: int, height: int, label: str, kind: str, body: str) -> Markup:
    return Markup('<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        kind,
        width,
        height,
        label,
        Markup(body),  # noqa: S704  # built above, its texts escaped
    )


def _c(value: float) -> str:
    """A coordinate: a tenth of a pixel is enough."""
    return f"{value:.1f}".removesuffix(".0")
