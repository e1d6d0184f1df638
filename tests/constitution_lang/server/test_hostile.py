"""What no well-behaved editor does: the server answers, and says nothing that looks like a fault of ours."""

from __future__ import annotations

import asyncio
import os
import random
import signal
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


def _no_error(codes: list[str]) -> bool:
    return not any(code.startswith("E") for code in codes)


async def _everything(here: Session, name: str, at: types.Position) -> None:
    """Every question about a place."""
    client, id = here.client, here.id(name)
    whole = types.Range(types.Position(0, 0), at)
    place = {"text_document": id, "position": at}
    await client.text_document_hover_async(types.HoverParams(**place))
    await client.text_document_completion_async(types.CompletionParams(**place))
    await client.text_document_definition_async(types.DefinitionParams(**place))
    context = types.ReferenceContext(include_declaration=True)
    await client.text_document_references_async(types.ReferenceParams(context, **place))
    await client.text_document_prepare_rename_async(types.PrepareRenameParams(**place))
    await client.text_document_document_symbol_async(types.DocumentSymbolParams(id))
    await client.text_document_folding_range_async(types.FoldingRangeParams(id))
    await client.text_document_inlay_hint_async(types.InlayHintParams(id, whole))
    options = types.FormattingOptions(tab_size=2, insert_spaces=True)
    await client.text_document_formatting_async(types.DocumentFormattingParams(id, options))
    await client.text_document_code_action_async(types.CodeActionParams(id, whole, types.CodeActionContext([])))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_edits_faster_than_anybody_types(folder: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - an order, and no secret

    async def script(here: Session) -> None:
        here.open("house.const")
        here.open("values.const")
        for number in range(200):
            name = chance.choice(["house.const", "values.const"])
            line, column = chance.randrange(60), chance.randrange(40)
            start = types.Position(line, column)
            end = types.Position(line + chance.randrange(-1, 3) if line else 0, chance.randrange(40))
            new = chance.choice(
                ["", "x", "😀", "\r\n", "\r", "  ", "principle ", "\t", '"', "\u2028", "é\n  weight: 2\n"]
            )
            here.change(name, types.TextDocumentContentChangePartial(range=types.Range(start, end), text=new))
            if number % 40 == 0:
                await _everything(here, name, start)
        await _everything(here, "house.const", types.Position(20, 3))
        # The server's text can be put right at any time.
        here.change("house.const", types.TextDocumentContentChangeWholeDocument(text=HOUSE))
        here.change("values.const", types.TextDocumentContentChangeWholeDocument(text=VALUES))
        await here.until("house.const", _no_error)

    session(folder, script)


def test_positions_count_utf_16_and_breaks_of_any_kind(folder: Path) -> None:
    text = HOUSE.replace("\n", "\r\n")

    async def script(here: Session) -> None:
        here.open("house.const", text)
        await here.until("house.const", _no_error)
        line = text[: text.index("No weapons")].count("\n")
        # Between the two halves of the emoji: the server takes the place before or after it, and goes on.
        half = types.Position(line, text.split("\r\n")[line].index("🔫") + 1)
        await _everything(here, "house.const", half)
        after = types.Position(line, half.character + 1)
        put = types.TextDocumentContentChangePartial(range=types.Range(after, after), text="🌍")
        here.change("house.const", put)
        symbols = await here.client.text_document_document_symbol_async(
            types.DocumentSymbolParams(here.id("house.const"))
        )
        assert "No weapons 🔫🌍" in [
            symbol.detail for symbol in symbols or [] if isinstance(symbol, types.DocumentSymbol)
        ]
        here.edit("house.const", "is grave", "is graev")
        [wrong] = [
            each for each in await here.until("house.const", lambda codes: "E201" in codes) if each.code == "E201"
        ]
        assert wrong.range == types.Range(here.place("house.const", "graev"), here.place("house.const", "graev", 5))

    session(folder, script)


def test_files_that_use_each_other(tmp_path: Path) -> None:
    head = (
        "edition 2026\nconstitution {0} 1.0.0\nuse ./{1}\n"
        "category {0}-harm\nprinciple {0}-harm.x\n  statement:\n    X.\n"
    )
    for one, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{one}.const").write_text(head.format(one, other), encoding="utf-8")

    async def script(here: Session) -> None:
        here.open("a.const")
        here.open("b.const")
        await here.until("a.const", lambda codes: "E206" in codes)
        for _ in range(5):
            here.edit("a.const", "X.", "Y.")
            here.edit("b.const", "use ./a\n", "")
            await here.until("a.const", lambda codes: "E206" not in codes)
            here.edit("b.const", "category b-harm", "use ./a\ncategory b-harm")
            await here.until("a.const", lambda codes: "E206" in codes)
            here.edit("a.const", "Y.", "X.")
        await _everything(here, "a.const", types.Position(3, 3))
        here.close("a.const")
        await _everything(here, "b.const", types.Position(3, 3))

    session(tmp_path, script)


def test_a_used_file_that_is_nowhere_but_in_the_editor(folder: Path) -> None:
    (folder / "values.const").unlink()

    async def script(here: Session) -> None:
        here.open("house.const")
        await here.until("house.const", lambda codes: "E205" in codes)
        here.open("values.const", VALUES)  # never saved
        await here.until("house.const", _no_error)
        here.edit("values.const", "category autonomy", "category else")
        await here.until("house.const", lambda codes: "E203" in codes)
        here.close("values.const")
        await here.until("house.const", lambda codes: "E205" in codes)

    session(folder, script)


def test_files_outside_and_names_that_are_no_files(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.const").write_text('category secret "Not to be read"\n', encoding="utf-8")
    (folder / "link.const").symlink_to(outside / "secret.const")
    (folder / "folder.const").mkdir()
    (folder / "latin.const").write_bytes(b'category caf\xe9 "x"\n')
    os.mkfifo(folder / "pipe.const")

    relative = os.path.relpath(outside / "secret", folder)

    async def script(here: Session) -> None:
        for path in (
            relative,
            str(outside / "secret"),
            "./link",
            "./folder",
            "./pipe",
            "./" + "x" * 300,
            "./a\0b",
            "std/../x",
        ):
            here.open("house.const", HOUSE.replace("use ./values", f"use ./values\nuse {path}"))
            await here.until("house.const", lambda codes: not _no_error(codes))
            hover = await here.client.text_document_hover_async(
                types.HoverParams(**here.at("house.const", "harm.insults", 7))
            )
            assert "Not to be read" not in str(hover)
            here.close("house.const")
        here.open("latin.const", "category caf\udce9\n")
        for uri in ("file:///no/such/file.const", "https://example.org/x.const", "untitled:1", "file:", "x"):
            here.texts[here.uri(uri)] = HOUSE
            here.versions[here.uri(uri)] = 1
            item = types.TextDocumentItem(uri, "constitution", 1, HOUSE)
            here.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
            which = types.VersionedTextDocumentIdentifier(2, uri)
            change = types.TextDocumentContentChangeWholeDocument(text="")
            here.client.text_document_did_change(types.DidChangeTextDocumentParams(which, [change]))
        here.change_unopened("never.const")
        here.open("house.const")
        await here.until("house.const", _no_error)

    session(folder, script)


def test_the_whole_compiler_may_die(folder: Path) -> None:
    async def script(here: Session) -> None:
        here.open("house.const")
        await here.until("house.const", lambda codes: codes == [])
        here.edit(
            "house.const",
            "when severity is grave: prefer harm",
            "when severity is grave and severity is minor: prefer harm",
        )
        await here.until("house.const", lambda codes: any(code.startswith(("E4", "W")) for code in codes))
        for child in _children(here):
            os.kill(child, signal.SIGKILL)
        here.edit("house.const", "grave and severity is minor", "grave")
        await here.until("house.const", lambda codes: codes == [])
        here.edit("house.const", "severity is grave: prefer", "severity is grave and severity is minor: prefer")
        await asyncio.sleep(1)  # this question may be the one that finds the process dead
        here.edit("house.const", "Harm lasts.", "Harm does last.")
        await here.until("house.const", lambda codes: any(code.startswith(("E4", "W")) for code in codes))

    session(folder, script)


def _children(here: Session) -> list[int]:
    server = here.client._server
    assert server
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text(encoding="ascii")
    return [int(pid) for pid in children.split()]


def test_it_ends_with_its_client_and_so_does_the_compiler(folder: Path) -> None:
    pids: list[int] = []

    async def script(here: Session) -> None:
        here.open("house.const")
        await here.until("house.const", lambda codes: codes == [])
        while not (children := _children(here)):  # noqa: ASYNC110 - another process tells of no event
            await asyncio.sleep(0.05)
        pids.extend(children)

    session(folder, script)
    assert pids
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_a_save_and_changes_on_disk_are_looked_at_and_bring_no_message(folder: Path) -> None:
    async def script(here: Session) -> None:
        here.open("house.const")
        await here.until("house.const", lambda codes: codes == [])
        here.client.text_document_did_save(types.DidSaveTextDocumentParams(here.id("house.const")))
        (folder / "values.const").unlink()
        changed = types.FileEvent(here.uri("values.const"), types.FileChangeType.Deleted)
        here.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([changed]))
        await here.until("house.const", lambda codes: "E205" in codes)

    session(folder, script)
