"""Readable documents that end in exact output. `pytest --record` writes the output anew; read the diff then.

A document in tests/corpus is Markdown. A block marked `const NAME` is a file of the constitution (`const`
alone is `main.const`); with `escaped` after the name, `\\x00` and the like stand for bytes. A block marked
`output` is what is said about the files; one marked `formatted` is what the formatter makes of the first.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic
from constitution_lang.diagnostics.render import render
from constitution_lang.source import Source
from constitution_lang.syntax import to_text
from constitution_lang.syntax.from_text import parse, source_from_bytes

CORPUS = Path(__file__).parents[1] / "corpus"
DOCUMENTS = sorted(CORPUS.glob("syntax/*.md"))
_FENCED = re.compile(
    r"^```(?P<kind>const|output|formatted)(?P<words>[^\n]*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_document(document: Path, *, record: bool) -> None:
    text = document.read_text(encoding="utf-8")
    sources, findings = _read(text)
    made = {"output": render(findings, sources) or "Nothing to say.\n"}
    if "```formatted" in text:
        made["formatted"] = to_text.format(parse(next(iter(sources.values())))[0])

    def expected(block: re.Match[str]) -> str:
        kind = block["kind"]
        return f"```{kind}\n{made[kind]}```" if kind in made else block.group()

    right = _FENCED.sub(expected, text)
    if record and right != text:
        document.write_text(right, encoding="utf-8")
        return
    assert text == right


def _read(text: str) -> tuple[dict[str, Source], list[Diagnostic]]:
    """The files of a document, and what parsing them says."""
    sources: dict[str, Source] = {}
    findings: list[Diagnostic] = []
    for block in _FENCED.finditer(text):
        if block["kind"] != "const":
            continue
        name, *options = [*block["words"].split(), *(["main.const"] if not block["words"].split() else [])]
        data = block["text"].encode()
        if "escaped" in options:
            data = block["text"].encode().decode("unicode_escape").encode("latin-1")
        source, unreadable = source_from_bytes(name, data)
        findings.extend(unreadable)
        if source is not None:
            sources[name] = source
            findings.extend(parse(source)[1])
    return sources, findings


def test_every_code_of_the_syntax_has_a_document_that_shows_it() -> None:
    shown = {code for document in DOCUMENTS for code in re.findall(r"\[([EWA]\d{3})\]", document.read_text("utf-8"))}
    assert {code.id for code in codes.all_codes() if code.id.startswith("E1")} <= shown
