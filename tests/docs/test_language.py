"""The language by example: its blocks are one constitution, and what it shows is what comes out.

`const` blocks are joined to one file, `const alone` are files of their own, a `const wrong` block is added to the file
and gives the `output` that follows, `jinja NAME` is a template, and `console` blocks are run. `pytest --record` writes
what comes out into the page; read the diff then.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from constitution_lang.cli import main
from constitution_lang.compile import compile_text
from constitution_lang.diagnostics.render import render
from constitution_lang.loader import package_loader
from constitution_lang.source import Source

PAGE = Path(__file__).parents[2] / "docs" / "language.md"
TEXT = PAGE.read_text("utf-8")
BLOCK = re.compile(r"^```(?P<kind>[a-z]+)(?P<words>[^\n]*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
HASHES = re.compile(r"^(meaning|metadata) .*\n", re.MULTILINE)
"""Left out of the page: they change with the standard templates, and say nothing to its readers."""
BLOCKS = list(BLOCK.finditer(TEXT))


def texts(kind: str, words: str = "") -> list[str]:
    return [b["text"] for b in BLOCKS if (b["kind"], b["words"].strip()) == (kind, words)]


HOUSE = "\n".join(texts("const"))


def loader(name: str) -> Source | None:
    templates = {b["words"].strip(): b["text"] for b in BLOCKS if b["kind"] == "jinja"}
    return Source(name, templates[name]) if name in templates else package_loader(name)


def test_the_page_has_every_kind_of_block() -> None:
    assert {b["kind"] for b in BLOCKS} == {"const", "output", "console", "jinja"}
    assert len(texts("const")) > 8


def test_the_constitution_of_the_page_has_no_finding() -> None:
    compiled = compile_text(HOUSE)
    assert compiled.diagnostics == ()
    assert compiled.bundle is not None


@pytest.mark.parametrize("number", range(len(texts("const"))))
def test_it_compiles_at_every_point_of_the_page(number: int) -> None:
    assert compile_text("\n".join(texts("const")[: number + 1])).bundle is not None


@pytest.mark.parametrize("text", texts("const", "alone"))
def test_a_file_of_its_own_has_no_finding(text: str) -> None:
    compiled = compile_text(text, loader=loader)
    assert compiled.diagnostics == ()
    assert compiled.bundle is not None


def test_what_the_page_prints_is_what_comes_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, record: bool
) -> None:
    (tmp_path / "house.const").write_text(HOUSE, "utf-8")
    monkeypatch.chdir(tmp_path)
    wrong = ""

    def shown(block: re.Match[str]) -> str:
        nonlocal wrong
        text = block["text"]
        if block["kind"] == "const" and block["words"].strip() == "wrong":
            wrong = text
        elif block["kind"] == "output":
            compiled = compile_text(f"{HOUSE}\n{wrong}", "house.const")
            text = render(compiled.diagnostics, compiled.sources)
        elif block["kind"] == "console":
            line = text.splitlines()[0]
            assert line.startswith("$ cai-compile "), line
            main(line.split()[2:])
            text = f"{line}\n{HASHES.sub('', capsys.readouterr().out)}"
        return f"```{block['kind']}{block['words']}\n{text}```"

    right = BLOCK.sub(shown, TEXT)
    if record and right != TEXT:
        PAGE.write_text(right, "utf-8")
        return
    assert right == TEXT
