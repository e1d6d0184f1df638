"""What the server says and shows while something is half written, and in the columns that it has agreed to."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types

from tests.constitution_lang.server.client import Session, session
from tests.constitution_lang.server.test_sessions import HOUSE, VALUES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "house.const").write_text(HOUSE, encoding="utf-8")
    (tmp_path / "values.const").write_text(VALUES, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("encoding", "width"), [("utf-8", 4), ("utf-16", 2), ("utf-32", 1)])
def test_columns_are_those_that_were_agreed(folder: Path, encoding: str, width: int) -> None:
    """`width` is that of the emoji that stands before what is edited."""
    offered = [types.PositionEncodingKind(encoding)]
    capabilities = types.ClientCapabilities(general=types.GeneralClientCapabilities(position_encodings=offered))

    async def script(here: Session) -> None:
        here.open("house.const")
        await here.until("house.const", lambda codes: not any(code.startswith("E") for code in codes))
        line = HOUSE.split("\n").index('principle harm.weapons "No weapons 🔫"')
        at = types.Position(line, len('principle harm.weapons "No weapons ') + width + 1)
        change = types.TextDocumentContentChangePartial(range=types.Range(at, at), text=" extra")
        here.change("house.const", change)
        found = await here.until("house.const", lambda codes: "E113" in codes)
        [told] = [each for each in found if each.code == "E113"]
        assert told.range.start == types.Position(line, at.character + 1)

    session(folder, script, capabilities)


@pytest.mark.parametrize(
    ("was", "left"),
    [
        ("  otherwise: weigh harm 2, autonomy 1\n", ""),
        ("  levels: none < minor < grave\n", ""),
        ("  otherwise: weigh harm 2, autonomy 1\n", "  otherwise: prefer\n"),
    ],
)
def test_other_blocks_keep_their_shares(folder: Path, was: str, left: str) -> None:
    async def script(here: Session) -> None:
        here.open("house.const")
        here.edit("house.const", was, left)
        await here.until("house.const", lambda codes: any(code.startswith("E1") for code in codes))
        at = here.at("house.const", "autonomy.choice", 3)
        hover = await here.client.text_document_hover_async(types.HoverParams(**at))
        assert hover
        whole = types.Range(types.Position(0, 0), types.Position(60, 0))
        hints = await here.client.text_document_inlay_hint_async(types.InlayHintParams(here.id("house.const"), whole))
        assert hints

    session(folder, script)


def test_a_mistake_in_its_own_first_line_does_not_make_a_constitution_a_part(folder: Path) -> None:
    async def script(here: Session) -> None:
        here.open("house.const")
        here.edit("house.const", "constitution house 1.0.0", "constitution my house 1.0.0")
        found = await here.until("house.const", lambda codes: "E106" in codes)
        assert [each.code for each in found if str(each.code).startswith("E")] == ["E106"]

    session(folder, script)


def test_what_an_attribute_without_a_name_may_be_is_not_told_as_unknown(folder: Path) -> None:
    async def script(here: Session) -> None:
        here.open("house.const")
        here.edit("house.const", 'attribute severity "How', 'attribute "How')
        found = await here.until("house.const", lambda codes: any(code.startswith("E1") for code in codes))
        assert "E201" not in [each.code for each in found]

    session(folder, script)
