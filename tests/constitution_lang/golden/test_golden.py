"""One constitution and all that it becomes, as text. `RECORD=1 pytest …` writes it anew; a person reads the diff."""

from __future__ import annotations

import os
from pathlib import Path

from constitution_lang.compile import compile_path
from constitution_lang.emit.prose import overview, prompt_text
from constitution_lang.ir.invariants import broken_invariants
from constitution_lang.ir.model import Stage

HERE = Path(__file__).parent


def test_clinic() -> None:
    compilation = compile_path(HERE / "clinic.const")
    assert compilation.diagnostics == ()
    bundle = compilation.bundle
    assert bundle is not None
    assert broken_invariants(bundle) == ()
    stages = tuple(Stage)
    pages = [overview(bundle, case, stages) for case in ({}, {"severity": "grave"}, {"topic": "health"})]
    pages += [prompt_text(prompt) for prompt in bundle.prompts]
    text = f"\n{'=' * 80}\n".join(pages)
    expected = HERE / "clinic.txt"
    if os.environ.get("RECORD") == "1":
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
