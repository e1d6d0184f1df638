"""Pages that are made from the code are what the code says now."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from constitution_lang.cli import COMMANDS
from constitution_lang.diagnostics.codes import all_codes

DOCS = Path(__file__).parents[2] / "docs"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["codes.md", "commands.md"])
def test_the_page_is_not_stale(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == generator().PAGES[name](), "stale: run `make docs`"


def test_every_code_and_every_command_is_there() -> None:
    codes, commands = (generator().PAGES[name]() for name in ("codes.md", "commands.md"))
    assert all(f"### {code.id}: {code.title}\n" in codes for code in all_codes())
    parsers = argparse.ArgumentParser(prog="cai-compile").add_subparsers()
    for command in COMMANDS:
        command.add(parsers)
    assert all(f"### cai-compile {name}\n" in commands for name in parsers.choices)
    assert "### cai-run explain\n" in commands
    assert "| `--rehearse` |" in commands
