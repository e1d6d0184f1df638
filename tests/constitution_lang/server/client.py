"""A real client that starts the real server and speaks to it over its standard input and output."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

__all__ = ["Session", "session"]


class Session:
    """One editor with some files open."""

    def __init__(self, client: LanguageClient, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.found: dict[str, types.PublishDiagnosticsParams] = {}
        self.news = asyncio.Event()

    def uri(self, name: str) -> str:
        return name if ":" in name else (self.folder / name).as_uri()

    def id(self, name: str) -> types.TextDocumentIdentifier:
        return types.TextDocumentIdentifier(self.uri(name))

    def open(self, name: str, text: str | None = None) -> None:
        uri = self.uri(name)
        self.texts[uri] = (self.folder / name).read_text(encoding="utf-8") if text is None else text
        self.versions[uri] = 1
        item = types.TextDocumentItem(uri, "constitution", 1, self.texts[uri])
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def place(self, name: str, text: str, after: int = 0) -> types.Position:
        """The position of the first occurrence of a text, plus some characters, in UTF-16."""
        whole = self.texts[self.uri(name)]
        before = whole[: whole.index(text) + after]
        line = before.rsplit("\n", 1)[-1]
        return types.Position(before.count("\n"), len(line.encode("utf-16-le")) // 2)

    def at(self, name: str, text: str, after: int = 0) -> dict[str, Any]:
        return {"text_document": self.id(name), "position": self.place(name, text, after)}

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace the first occurrence of a text."""
        uri = self.uri(name)
        change = types.TextDocumentContentChangePartial(
            range=types.Range(self.place(name, old), self.place(name, old, len(old))), text=new
        )
        self.texts[uri] = self.texts[uri].replace(old, new, 1)
        self.change(name, change)

    def change(self, name: str, *changes: types.TextDocumentContentChangeEvent) -> None:
        uri = self.uri(name)
        self.versions[uri] += 1
        which = types.VersionedTextDocumentIdentifier(self.versions[uri], uri)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(which, list(changes)))

    def change_unopened(self, name: str) -> None:
        which = types.VersionedTextDocumentIdentifier(2, self.uri(name))
        change = types.TextDocumentContentChangeWholeDocument(text="x")
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(which, [change]))

    def close(self, name: str) -> None:
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(self.id(name)))

    async def until(self, name: str, holds: Callable[[list[str]], bool]) -> list[types.Diagnostic]:
        """Wait until the codes told of the current version of a file are as wanted."""
        uri = self.uri(name)

        async def wait() -> list[types.Diagnostic]:
            while True:
                self.news.clear()
                told = self.found.get(uri)
                current = told and (told.version is None or told.version == self.versions.get(uri))
                if told and current and holds([str(each.code) for each in told.diagnostics]):
                    return list(told.diagnostics)
                await self.news.wait()

        try:
            return await asyncio.wait_for(wait(), 20)
        except TimeoutError:
            raise AssertionError(f"last told of {name}: {self.found.get(uri)}") from None

    def applied(self, edit: types.WorkspaceEdit) -> dict[str, str]:
        """What the open texts are after an edit."""
        after = dict(self.texts)
        for uri, edits in (edit.changes or {}).items():
            after[uri] = with_edits(after[uri], list(edits))
        return after


def with_edits(text: str, edits: list[Any]) -> str:
    """A text after edits that do not overlap."""
    lines = text.split("\n")

    def offset(at: types.Position) -> int:
        start = sum(len(line) + 1 for line in lines[: at.line])
        line = lines[at.line] if at.line < len(lines) else ""
        return min(start + len(line.encode("utf-16-le")[: at.character * 2].decode("utf-16-le")), len(text))

    for edit in sorted(edits, key=lambda edit: (edit.range.start.line, edit.range.start.character), reverse=True):
        text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
    return text


def session(
    folder: Path,
    script: Callable[[Session], Awaitable[None]],
    capabilities: types.ClientCapabilities | None = None,
) -> None:
    """Run a script against a server of its own, and see that the server ends well."""

    async def run() -> None:
        client = LanguageClient("test-client", "1")
        here = Session(client, folder)

        @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def _(params: types.PublishDiagnosticsParams) -> None:
            here.found[params.uri] = params
            here.news.set()

        shown: list[str] = []

        @client.feature(types.WINDOW_SHOW_MESSAGE)
        def _(params: types.ShowMessageParams) -> None:
            shown.append(params.message)

        await client.start_io(sys.executable, "-m", "constitution_lang.cli", "lsp", "--stdio")
        await client.initialize_async(
            types.InitializeParams(capabilities or types.ClientCapabilities(), root_uri=folder.as_uri())
        )
        client.initialized(types.InitializedParams())
        try:
            await script(here)
        finally:
            await client.shutdown_async(None)
            client.exit(None)
            server = client._server
            assert server
            ended = await asyncio.wait_for(server.wait(), 20)
            await client.stop()
        assert ended == 0
        assert shown == []

    asyncio.run(asyncio.wait_for(run(), 120))
