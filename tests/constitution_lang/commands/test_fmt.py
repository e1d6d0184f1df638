"""Formatting: one form, reached in one step; comments and texts stay; nothing that says something else is written."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constitution_lang import cli
from constitution_lang.source import Source
from constitution_lang.syntax import nodes as n
from constitution_lang.syntax import to_text
from constitution_lang.syntax.from_text import parse
from constitution_lang.syntax.same import same, same_file
from tests.constitution_lang.syntax.trees import NOWHERE, trees
from tests.constitution_lang.texts import WHOLE

FORMED = to_text.format(parse(Source("a.const", WHOLE))[0])
LOOSE = FORMED.replace("weight: 3", "weight:   3 # three").replace(
    "category autonomy", "\n\n# Own.\ncategory  autonomy"
)
TIDY = FORMED.replace("weight: 3", "weight: 3  # three").replace("category autonomy", "# Own.\ncategory autonomy")


@pytest.fixture
def loose(tmp_path: Path) -> Path:
    path = tmp_path / "loose.const"
    path.write_text(LOOSE, encoding="utf-8")
    return path


def test_in_place(loose: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loose.chmod(0o640)
    assert cli.main(["fmt", str(loose)]) == 0
    assert loose.read_text(encoding="utf-8") == TIDY
    assert loose.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in loose.parent.iterdir()] == ["loose.const"]
    assert capsys.readouterr() == ("", "1 formatted, 0 in their form already\n")
    before = loose.stat().st_mtime_ns
    assert cli.main(["fmt", str(loose)]) == 0
    assert loose.stat().st_mtime_ns == before
    assert capsys.readouterr().err == "0 formatted, 1 in their form already\n"


def test_a_link_stays_a_link(loose: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.const"
    link.symlink_to(loose)
    assert cli.main(["fmt", str(link)]) == 0
    assert link.is_symlink()
    assert loose.read_text(encoding="utf-8") == TIDY


def test_check_lists_and_writes_nothing(loose: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tidy = tmp_path / "tidy.const"
    tidy.write_text(TIDY, encoding="utf-8")
    assert cli.main(["fmt", "--check", str(tidy), str(loose)]) == 1
    assert capsys.readouterr() == (
        f"{loose}\n",
        "1 would change, 1 in their form already, `cai-compile fmt` puts them into it\n",
    )
    assert loose.read_text(encoding="utf-8") == LOOSE
    assert cli.main(["fmt", "--check", str(tidy)]) == 0
    assert capsys.readouterr().out == ""


def test_diff_prints_what_would_change(loose: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["fmt", "--diff", str(loose)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"--- {loose}\n+++ {loose} (formatted)\n@@ ")
    assert "\n-  weight:   3 # three\n+  weight: 3  # three\n" in out
    assert loose.read_text(encoding="utf-8") == LOOSE
    assert cli.main(["fmt", "--diff", "--check", str(loose)]) == 1
    assert capsys.readouterr().out == out


def test_diff_of_a_text_without_a_last_line_break(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.const"
    path.write_text("edition 2026", encoding="utf-8")
    assert cli.main(["fmt", "--diff", str(path)]) == 0
    assert capsys.readouterr().out.endswith("-edition 2026\n\\ No newline at end of file\n+edition 2026\n")


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["fmt"], ["fmt", "-"]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LOOSE.encode())))
        assert cli.main(arguments) == 0
        assert capsys.readouterr() == (TIDY, "")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LOOSE.encode())))
    assert cli.main(["fmt", "--check"]) == 1
    assert capsys.readouterr().out == "<stdin>\n"


def test_a_file_with_errors_is_left_as_it_is(loose: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = LOOSE.replace("category  autonomy", "categori  autonomy")
    loose.write_text(broken, encoding="utf-8")
    other = loose.with_name("other.const")
    other.write_text(LOOSE, encoding="utf-8")
    assert cli.main(["fmt", str(loose), str(other)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "error[E105]" in err
    assert "did you mean `category`?" in err
    assert err.endswith("1 formatted, 0 in their form already, 1 left as they are because of errors\n")
    assert loose.read_text(encoding="utf-8") == broken
    assert other.read_text(encoding="utf-8") == TIDY


def test_a_missing_file_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["fmt", "no/such.const"]) == 2
    assert "cannot read no/such.const: no such file" in capsys.readouterr().err


def test_windows_line_ends_and_a_mark_go(tmp_path: Path) -> None:
    path = tmp_path / "a.const"
    path.write_bytes(b"\xef\xbb\xbf" + TIDY.replace("\n", "\r\n").encode())
    assert cli.main(["fmt", str(path)]) == 0
    assert path.read_bytes() == TIDY.encode()


@pytest.mark.parametrize(
    ("old", "new"),
    [("category autonomy", "categori autonomy"), ("Own decisions", "Other"), ("# Own.\n", ""), ("\n", "\n ")],
)
def test_what_would_say_something_else_is_never_written(
    old: str, new: str, loose: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = to_text.format
    monkeypatch.setattr(to_text, "format", lambda tree: right(tree).replace(old, new))
    monkeypatch.delenv("CAI_DEBUG", raising=False)
    assert cli.main(["fmt", str(loose)]) == 3
    assert loose.read_text(encoding="utf-8") == LOOSE
    assert "would change what it says" in capsys.readouterr().err


@st.composite
def written(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A program as somebody might have typed it, and its comments in order."""
    lines: list[str] = []
    comments: list[str] = []

    def comment(indent: str) -> str:
        comments.append(f"# {len(comments)} {draw(st.sampled_from(['a', 'x: y', chr(34), '#', 'é']))}")
        return indent + comments[-1]

    for line in to_text.format(draw(trees)).splitlines():
        starts = line[:2].strip() or (line[:2] == "  " and line[2:3].strip())
        if starts:
            lines += [""] * draw(st.integers(0, 2))
            if draw(st.booleans()):
                lines.append(comment("" if line[0] != " " else "  "))
                lines += [""] * draw(st.integers(0, 1))
        lines.append(line)
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n\n"])), comments


@given(written())
@settings(max_examples=200)
def test_formatting_once_is_enough_and_loses_nothing(program: tuple[str, list[str]]) -> None:
    text, comments = program
    tree, found = parse(Source("a.const", text))
    assert found == ()
    assert [one.text for one in tree.comments] == comments
    formed = to_text.format(tree)
    again, found = parse(Source("a.const", formed))
    assert found == ()
    assert same_file(tree, again)
    assert to_text.format(again) == formed
    assert [line for line in formed.split("\n") if line.strip()] == [
        line for line in text.split("\n") if line.strip()
    ]  # the lines were formed one by one already, and no text is wrapped anew


NAME = n.Name("a", NOWHERE)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (NAME, n.Name("a", n.Source("", "").span(1, 2)), True),
        (NAME, n.Name("b", NOWHERE), False),
        (NAME, n.Text("a", NOWHERE), False),
        ((NAME,), (NAME, NAME), False),
        (n.UseLine(NAME, NOWHERE), n.UseLine(n.Name("b", NOWHERE), NOWHERE), False),
        (n.Rule(None, n.Abstain(NOWHERE), NOWHERE), n.Rule(None, n.Prefer(NAME, NOWHERE), NOWHERE), False),
        (n.Prose(("a", "b"), NOWHERE), n.Prose(("a b",), NOWHERE), False),
    ],
)
def test_sameness(one: Any, other: Any, *, equal: bool) -> None:
    assert same(one, other) is equal
