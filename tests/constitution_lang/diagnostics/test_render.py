"""Findings as text for people, and as data for programs."""

from __future__ import annotations

import json

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix, Label
from constitution_lang.diagnostics.render import Format, render
from constitution_lang.source import Source, Span

TEXT = 'category harm\n  weight: 3\n\n\n  weight:\t2 # 漢字 "x"\n'
SOURCE = Source("dir/a b.const", TEXT)
SOURCES = {SOURCE.name: SOURCE}


def _at(text: str, after: int = 0) -> Span:
    start = TEXT.index(text, after)
    return SOURCE.span(start, start + len(text))


FIRST, SECOND = _at("weight"), _at("weight", 20)
TWICE = codes.E109.at(
    SECOND,
    "`weight` is given twice",
    label="again",
    secondary=(Label(FIRST, "first"),),
    help="keep one",
    fix=Fix(SECOND, "x", "rename it"),
)


def test_both_places_of_a_clash_are_underlined() -> None:
    assert render([TWICE], SOURCES) == (
        "error[E109]: `weight` is given twice\n"
        " --> dir/a b.const:5:3\n"
        "  |\n"
        "2 |   weight: 3\n"
        "  |   ------ first\n"
        "..\n"
        '5 |   weight:    2 # 漢字 "x"\n'
        "  |   ^^^^^^ again\n"
        "  |\n"
        "  = help: keep one\n"
        "\n"
        "Found 1 error.\n"
    )


def test_wide_characters_and_tabs_are_underlined_where_they_are_seen() -> None:
    shown = render([codes.E106.at(_at("x"), "odd")], SOURCES)
    line, under = shown.splitlines()[3:5]
    before_in_columns = line[: line.index("x")].replace("漢字", "....")
    assert under.index("^") == len(before_in_columns)


def test_color_only_where_it_is_asked_for() -> None:
    assert "\x1b" not in render([TWICE], SOURCES)
    colored = render([TWICE], SOURCES, color=True)
    assert "\x1b[31m" in colored
    assert "\x1b" not in render([TWICE], SOURCES, Format.JSON, color=True)


def test_nothing_of_a_file_can_steer_the_terminal() -> None:
    source = Source("a\x1b.const", 'category \x1b[31mharm\u202e "x"\n')
    shown = render([codes.E102.at(source.span(9, 10), "a \x1b[0m here", help="\x07")], {source.name: source})
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)


def test_findings_come_once_in_the_order_of_the_file_and_errors_first() -> None:
    late = codes.E106.at(SECOND, "late")
    early = codes.E106.at(FIRST, "early")
    mild = Diagnostic("A999", codes.named("E106").severity.ADVICE, "mild", Label(FIRST))  # type: ignore[union-attr]
    shown = json.loads(render([late, mild, early, late], SOURCES, Format.JSON))
    assert [row["message"] for row in shown] == ["early", "mild", "late"]
    assert render([late, mild, early], SOURCES).endswith("\n\nFound 2 errors and 1 piece of advice.\n")


def test_no_findings_are_no_text() -> None:
    assert render([], SOURCES) == ""
    assert render([], SOURCES, Format.GITHUB) == ""
    assert json.loads(render([], SOURCES, Format.JSON)) == []
    assert json.loads(render([], SOURCES, Format.SARIF))["runs"][0]["results"] == []


def test_json_has_places_and_the_fix() -> None:
    (row,) = json.loads(render([TWICE], SOURCES, Format.JSON))
    assert row["start"] == {"line": 5, "column": 3, "offset": SECOND.start}
    assert row["end"] == {"line": 5, "column": 9, "offset": SECOND.end}
    assert row["secondary"][0]["start"]["line"] == 2
    assert (row["fix"]["title"], row["fix"]["text"]) == ("rename it", "x")


def test_sarif_names_rule_place_and_fix() -> None:
    log = json.loads(render([TWICE], SOURCES, Format.SARIF))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    (result,) = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "E109"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "dir/a%20b.const"
    assert place["region"] == {"startLine": 5, "startColumn": 3, "endLine": 5, "endColumn": 9}
    assert result["relatedLocations"][0]["message"]["text"] == "first"
    change = result["fixes"][0]["artifactChanges"][0]
    assert change["replacements"][0]["insertedContent"]["text"] == "x"


def test_github_escapes_what_would_end_a_command() -> None:
    odd = codes.E106.at(Span("a,b:c.const", 0, 1), "100%\nsure", help="no")
    assert render([odd], {}, Format.GITHUB) == "::error file=a%2Cb%3Ac.const,title=E106::100%25%0Asure; no\n"
    assert render([TWICE], SOURCES, Format.GITHUB).startswith(
        "::error file=dir/a b.const,line=5,endLine=5,col=3,endColumn=9,title=E109::"
    )


def test_github_tells_of_the_other_place_too() -> None:
    assert "; dir/a b.const:2: first; " in render([TWICE], SOURCES, Format.GITHUB)


def test_a_very_long_line_is_cut_around_the_place() -> None:
    source = Source("a.const", "x" * 5000 + " here " + "y" * 5000 + "\n")
    shown = render([codes.E106.at(source.span(5001, 5005), "long")], {"a.const": source})
    line, under = shown.splitlines()[3:5]
    assert len(line) < 200
    assert line[under.index("^") : under.rindex("^") + 1] == "here"


def test_a_place_past_the_last_line_is_shown() -> None:
    source = Source("a.const", "edition 2026\n")
    shown = render([codes.E110.at(source.span(13, 13), "more")], {"a.const": source})
    assert " --> a.const:2:1" in shown
