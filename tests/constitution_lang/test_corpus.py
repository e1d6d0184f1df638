"""Readable documents that end in exact output. `pytest --record` writes the output anew; read the diff then.

A document in tests/corpus is Markdown. A block marked `const NAME` is a file of the constitution (`const`
alone is `main.const`); with `escaped` after the name, `\\x00` and the like stand for bytes. One marked
`jinja NAME` is a template beside it. A block marked `output` is what the compiler says about the first file,
or, in the folder `syntax`, what the parser alone says; where it compiles, also what running its tests finds. One
marked `formatted` is what the formatter makes of it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from constitution_lang.compile import compile_source
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.codes.code import Code
from constitution_lang.diagnostics.model import Diagnostic, Severity
from constitution_lang.diagnostics.render import render
from constitution_lang.loader import package_loader, source_of
from constitution_lang.source import Source
from constitution_lang.syntax import to_text
from constitution_lang.syntax.from_text import parse
from constitution_lang.testing.run import finding, run_tests, to_line_end

CORPUS = Path(__file__).parents[1] / "corpus"
DOCUMENTS = sorted(CORPUS.glob("*/*.md"))
_FENCED = re.compile(
    r"^```(?P<kind>const|jinja|output|formatted)(?P<words>[^\n]*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)

_MISSING = {code.id for code in (codes.E110, codes.E208, codes.E209, codes.E403, codes.E410)}
"""Told at the place where what is missing belongs, and so several at one."""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_document(document: Path, *, record: bool) -> None:
    text = document.read_text(encoding="utf-8")
    sources, findings = _said_of(list(_files(text)), alone=document.parent.name == "syntax")
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
    """One character of one file lost, doubled or turned into another, many times over."""
    dice = random.Random(document.stem)  # noqa: S311 - not a secret
    files = list(_files(document.read_text(encoding="utf-8")))
    alone = document.parent.name == "syntax"
    for number, file in enumerate(files):
        for _ in range(40 if alone else 10):
            at = dice.randrange(len(file.text))
            edit = dice.choice(["", file.text[at] * 2, *' \n\t#":x\0é\udce9({%<'])
            damaged = Source(file.name, file.text[:at] + edit + file.text[at + 1 :])
            sources, findings = _said_of([*files[:number], damaged, *files[number + 1 :]], alone=alone)
            shown = render(findings, sources)
            places = re.findall(r"^ *--> (.+?)(:\d+:\d+)?$", shown, re.MULTILINE)
            assert len(places) == len(set(findings))
            for name, position in places:
                assert name in sources
                assert position
            assert all(found.help for found in findings)
            told = [f.primary.span for f in findings if f.severity is Severity.ERROR and f.code not in _MISSING]
            assert len(told) == len(set(told)), shown


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_a_fix_mends_what_it_is_of(document: Path) -> None:
    """Made alone, each edit that is sure takes its finding away."""
    files = list(_files(document.read_text(encoding="utf-8")))
    alone = document.parent.name == "syntax"
    for number, file in enumerate(files):
        for told in _said_of(files, alone=alone)[1]:
            fix = told.fix
            if fix is None or not fix.sure or fix.span.file != file.name:
                continue
            mended = Source(file.name, file.text[: fix.span.start] + fix.text + file.text[fix.span.end :])
            left = _said_of([*files[:number], mended, *files[number + 1 :]], alone=alone)[1]
            same = [one for one in left if (one.code, one.message) == (told.code, told.message)]
            assert told.primary.span not in [one.primary.span for one in same], told


def _said_of(files: Sequence[Source], *, alone: bool) -> tuple[Mapping[str, Source], Sequence[Diagnostic]]:
    """What the parser alone, or the whole compiler, says about some files; the first is the root."""
    named = {source.name: source for source in files}
    if alone:
        return named, [found for source in files for found in parse(source)[1]]
    compiled = compile_source(files[0], lambda name: named.get(name) or package_loader(name))
    if compiled.bundle is None:
        return compiled.sources, compiled.diagnostics
    trees = [parse(source)[0] for name, source in compiled.sources.items() if name.endswith(".const")]
    failed = run_tests(compiled.bundle, trees).failed
    places = [finding(one, lambda origin: to_line_end(compiled.sources[origin.file], origin)) for one in failed]
    return compiled.sources, [*compiled.diagnostics, *places]


def _files(text: str) -> Iterator[Source]:
    for block in _FENCED.finditer(text):
        if block["kind"] in {"const", "jinja"}:
            name, *options = block["words"].split() or ["main.const"]
            data = block["text"].encode()
            yield source_of(name, data.decode("unicode_escape").encode("latin-1") if "escaped" in options else data)


@pytest.mark.parametrize("code", codes.all_codes(), ids=lambda code: code.id)
def test_every_code_has_a_document_that_shows_it(code: Code) -> None:
    named = [document for document in DOCUMENTS if document.stem.startswith(f"{code.id}-")]
    assert named, f"write tests/corpus/…/{code.id}-its-title.md, and pytest --record"
    assert any(f"{code.severity}[{code.id}]" in document.read_text(encoding="utf-8") for document in named)
