"""What the pages point at is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("**/*.md"))
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
FOLDER = re.compile(r"`((?:constitution_lang|runtime|grammar|constitutions|tests|docs)/[\w./-]*)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT / "docs").as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("name", ["architecture.md", "real-work.md", "method.md", "runs.md"])
def test_every_file_that_is_named_is_there(name: str) -> None:
    for target in FOLDER.findall((ROOT / "docs" / name).read_text("utf-8")):
        assert (ROOT / target).exists(), target


def test_every_room_of_the_compiler_is_in_the_architecture() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rooms = [p.parent.name for p in (ROOT / "constitution_lang").glob("*/__init__.py")]
    assert [room for room in rooms if f"`constitution_lang/{room}`" not in text] == []
