"""Readable documents that end in exact output. `pytest --record` writes the output anew; read the diff then.

A document in tests/corpus is Markdown. A block marked `const NAME` is a file of the constitution (`const`
alone is `main.const`); with `escaped` after the name, `\\x00` and the like stand for bytes. A block marked
`output` is what the compiler says about the first file, or, in the folder `syntax`, what the parser alone
says; one marked `formatted` is what the formatter makes of that file.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from constitution_lang.compile import compile_source
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic
from constitution_lang.diagnostics.render import render
from constitution_lang.loader import package_loader, source_of
from constitution_lang.source import Source
from constitution_lang.syntax import to_text
from constitution_lang.syntax.from_text import parse

CORPUS = Path(__file__).parents[1] / "corpus"
DOCUMENTS = sorted(CORPUS.glob("*/*.md"))
_FENCED = re.compile(
    r"^```(?P<kind>const|output|formatted)(?P<words>[^\n]*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_document(document: Path, *, record: bool) -> None:
    text = document.read_text(encoding="utf-8")
    sources, findings = _read(document, text)
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


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_a_damaged_document_ends_in_findings_with_a_place(document: Path) -> None:
    dice = random.Random(document.stem)  # noqa: S311 - not a secret
    for file in _files(document.read_text(encoding="utf-8")):
        for _ in range(40):
            at = dice.randrange(len(file.text))
            piece = dice.choice(["", " ", "\n", "\t", "#", '"', ":", "x", "\0", "é", "\udce9", "("])
            source = Source(file.name, file.text[:at] + piece + file.text[at + 1 :])
            _, findings = parse(source)
            shown = render(findings, {source.name: source})
            assert shown.count(f"--> {source.name}:") == len(set(findings))


def _read(document: Path, text: str) -> tuple[Mapping[str, Source], Sequence[Diagnostic]]:
    """The files of a document, and what the parser alone, or the whole compiler, says about them."""
    files = {source.name: source for source in _files(text)}
    if document.parent.name == "syntax":
        return files, [found for source in files.values() for found in parse(source)[1]]
    root = next(iter(files.values()))
    compiled = compile_source(root, lambda name: files.get(name) or package_loader(name))
    return compiled.sources, compiled.diagnostics


def _files(text: str) -> Iterator[Source]:
    for block in _FENCED.finditer(text):
        if block["kind"] == "const":
            name, *options = block["words"].split() or ["main.const"]
            data = block["text"].encode()
            yield source_of(name, data.decode("unicode_escape").encode("latin-1") if "escaped" in options else data)


def test_every_code_of_the_syntax_has_a_document_that_shows_it() -> None:
    shown = {code for document in DOCUMENTS for code in re.findall(r"\[([EWA]\d{3})\]", document.read_text("utf-8"))}
    assert {code.id for code in codes.all_codes() if code.id.startswith("E1")} <= shown
