"""The report as one page of HTML that needs no network: styles, script and charts stand inside it.

Whatever a model or a user wrote is escaped by the templates, and the page's own policy allows no script but
its own, by hash, and nothing from elsewhere.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Sequence
from hashlib import sha256
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from constitution_lang.diagnostics.numbers import number_of
from runtime.report import charts
from runtime.report.data import ReportData
from runtime.report.figures import agreement_rows, measure_table, training_charts, vote_rows
from runtime.report.rows import row_views
from runtime.report.texts import visible

__all__ = ["SECTIONS", "render", "write_report"]

SECTIONS = (
    ("run", "What was run"),
    ("cost", "What it cost"),
    ("cases", "Prompts and cases"),
    ("shares", "Principles, planned and drawn"),
    ("texts", "Critique and revision"),
    ("labels", "Labels"),
    ("tensions", "Tensions"),
    ("training", "Training"),
    ("evaluation", "Evaluation"),
    ("audit", "The labeler against people"),
    ("rows", "Rows"),
)
"""Every section's anchor and heading, in order. A section without anything to show says so."""


def write_report(data: ReportData, out: Path) -> Path:
    """Write the page to `out`, whole or not at all; the path that was written."""
    out.parent.mkdir(parents=True, exist_ok=True)
    building = out.with_name(out.name + ".new")
    # What no style of ours escapes can't stop the page: a lone surrogate in a path or an id becomes a question mark.
    building.write_bytes(render(data).encode("utf-8", "replace"))
    os.replace(building, out)  # noqa: PTH105  # atomic, and says so
    return out


def render(data: ReportData) -> str:
    """The page's text."""
    environment = Environment(
        loader=PackageLoader("runtime.report", "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_shown,
    )  # fmt: skip
    environment.filters |= {
        "percent": charts.percent, "number": charts.number, "whole": _whole, "number_of": number_of,
        "tojson_text": _json,
    }  # fmt: skip
    style, script = _asset("report.css"), _asset("report.js")
    policy = f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    return environment.get_template("report.html.j2").render(
        data=data,
        sections=SECTIONS,
        policy=Markup(policy),  # noqa: S704  # our own constants
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        share_top=[max((p.high for p in stage.principles), default=1.0) for stage in data.shares],
        share_bar=charts.share,
        histogram=charts.histogram(data.histogram, "labels by the probability that A is better"),
        votes=vote_rows(data),
        agreements=agreement_rows(data),
        trainings=training_charts(data.curves),
        policies=measure_table(data.measures),
        audit=measure_table(data.audit),
        rows=row_views(data),
    )


def _shown(value: object) -> object:
    """What every printed value passes through: text becomes visible text, markup of ours stays."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _json(values: Sequence[str]) -> str:
    """For an attribute: escaped there as any text is."""
    return json.dumps([visible(value) for value in values], ensure_ascii=False)


def _asset(name: str) -> str:
    return resources.files("runtime.report").joinpath("templates", name).read_text("utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(sha256(text.encode()).digest()).decode()
