from __future__ import annotations

import re
from pathlib import Path

import pytest

from constitution_lang.compile import compile_text
from constitution_lang.ir.model import Stage
from constitution_lang.sampling import shares

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def constitution() -> str:
    found = re.search(r"```const\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found.group(1)


def test_the_constitution_compiles_without_a_finding_and_has_twenty_lines() -> None:
    compiled = compile_text(constitution())
    assert compiled.bundle is not None
    assert compiled.diagnostics == ()
    assert len(constitution().splitlines()) == 20


def test_it_does_what_the_page_says() -> None:
    bundle = compile_text(constitution()).bundle
    assert bundle is not None
    assert shares(bundle, Stage.REVISION, {"severity": "none"}) == {"autonomy.choice": 1.0}
    grave = shares(bundle, Stage.REVISION, {"severity": "grave"})
    assert grave["harm.weapons"] == 0.75
    minor = shares(bundle, Stage.REVISION, {"severity": "minor"})
    assert minor["harm.weapons"] == pytest.approx(6 / 7)


def test_every_link_to_a_file_leads_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / target).exists(), target


def test_the_demo_is_what_make_demo_runs() -> None:
    assert "cai-run run constitutions/demo.toml" in (ROOT / "Makefile").read_text()
    assert (ROOT / "constitutions" / "demo.toml").is_file()
