"""Whatever the text is, compiling it ends in a bundle or in findings with places, never in an exception."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constitution_lang.compile import Compilation
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Severity
from constitution_lang.diagnostics.render import Format, render
from constitution_lang.ir.invariants import broken_invariants
from tests.constitution_lang.texts import WHOLE, compiled

CLINIC = (Path(__file__).parent / "golden" / "clinic.const").read_text(encoding="utf-8")
SOURCE = Path(__file__).parents[2] / "constitution_lang"


def assert_sound(compilation: Compilation) -> None:
    errors = [finding for finding in compilation.diagnostics if finding.severity is Severity.ERROR]
    assert (compilation.bundle is None) is bool(errors)
    if compilation.bundle is not None:
        assert broken_invariants(compilation.bundle) == ()
    for finding in compilation.diagnostics:
        for label in (finding.primary, *finding.secondary):
            text = compilation.sources[label.span.file].text
            assert 0 <= label.span.start <= label.span.end <= len(text)
    for format in Format:
        render(compilation.diagnostics, compilation.sources, format)


def damaged(text: str, random: random.Random) -> str:
    """One to four edits of the kind that people make: a line or word lost, doubled, moved or put elsewhere."""
    lines = text.split("\n")
    words = text.split()
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(lines))
        match random.randrange(5):
            case 0:
                del lines[at]
            case 1:
                lines.insert(random.randrange(len(lines)), lines[at])
            case 2:
                other = random.randrange(len(lines))
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                parts = lines[at].split(" ")
                parts[random.randrange(len(parts))] = random.choice(words)
                lines[at] = " ".join(parts)
            case _:
                lines[at] = lines[at][: random.randint(0, len(lines[at]))]
        lines = lines or [""]
    return "\n".join(lines)


@given(st.randoms(use_true_random=False), st.sampled_from((WHOLE, CLINIC)))
@settings(max_examples=150)
def test_damaged_text(random: random.Random, text: str) -> None:
    assert_sound(compiled(damaged(text, random)))


@given(st.text())
@settings(max_examples=100)
def test_any_text(text: str) -> None:
    assert_sound(compiled(text))


@pytest.mark.parametrize("depth", [50, 5000])
def test_deep_conditions(depth: int) -> None:
    condition = "not " * depth + "severity is none"
    assert_sound(compiled(WHOLE.replace("when severity is grave:", f"when {condition}:")))
    condition = "(" * depth + "severity is none" + ")" * depth
    assert_sound(compiled(WHOLE.replace("when severity is grave:", f"when {condition}:")))


def test_many_principles() -> None:
    more = "".join(f'\nprinciple harm.p{i} "P"\n  statement:\n    Do {i}.\n' for i in range(200))
    compilation = compiled(WHOLE + more)
    assert compilation.bundle is not None
    assert len(compilation.bundle.principles) == 202


def test_every_code_is_found_somewhere() -> None:
    used = "\n".join(path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py") if "codes" not in path.parts)
    unused = [code.id for code in codes.all_codes() if f"codes.{code.id}" not in used]
    assert unused == []
