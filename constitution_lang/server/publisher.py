"""What is wrong, told to the client a moment after each change, and more of it when the typing pauses."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, TypeAlias

from lsprotocol import types

from constitution_lang.diagnostics.model import Diagnostic
from constitution_lang.server.blocks import moved
from constitution_lang.server.desk import Desk
from constitution_lang.server.documents import Document
from constitution_lang.server.findings import as_diagnostic
from constitution_lang.server.program import Program
from constitution_lang.server.whole import Whole

__all__ = ["Publisher", "tidy"]

Told: TypeAlias = Mapping[str, list[types.Diagnostic]]
"""By URI what is wrong."""

_SOON = 0.002
"""Seconds after the first change of a few that come together."""
_PAUSE = 0.4
"""Seconds after the last change."""
_REST = 20.0
"""Seconds after the last change of any file, when nobody is likely to wait for an answer."""


class _Client(Protocol):
    """The part of a language server that is needed here."""

    def text_document_publish_diagnostics(self, params: types.PublishDiagnosticsParams) -> None:
        """Tell a client what is wrong with a file."""


class Publisher:
    """Finds and tells. What only the whole compiler finds is kept until it has looked again."""

    def __init__(self, client: _Client) -> None:
        self._client = client
        self.desk = Desk()
        self._soon: dict[Path, asyncio.TimerHandle] = {}
        self._pause: dict[Path, asyncio.TimerHandle] = {}
        self._rest: asyncio.TimerHandle | None = None
        self._whole = Whole()
        self._turn = asyncio.Lock()
        self._more: dict[str, tuple[Diagnostic, ...]] = {}
        self._told: dict[Path, Told] = {}
        self._running: set[asyncio.Task[None]] = set()

    def changed(self, document: Document) -> None:
        """A text was opened or has changed: look at its program soon, and closely after a pause."""
        self.desk.touched()
        for user in self.desk.users(document):
            self._schedule(user.uri)

    def closed(self, uri: str) -> None:
        """A text is as on disk again; nothing is said of a program of which nothing is open."""
        document = self.desk.documents.open.get(uri)
        if document is None:
            return
        root = self.desk.root(document)
        self.desk.documents.closed(uri)
        self.desk.touched()
        self.everything()
        if not any(self.desk.root(open) == root for open in self.desk.documents.open.values()):
            self._tell(root, {})

    def everything(self) -> None:
        """Files on disk have changed: look at every open text again."""
        self.desk.touched()
        for uri in self.desk.documents.open:
            self._schedule(uri)

    def found(self, program: Program) -> tuple[Diagnostic, ...]:
        """What is known to be wrong with a program."""
        kept = (moved(finding, program.files) for finding in self._more.get(program.key, ()))
        return tuple(dict.fromkeys((*program.found, *filter(None, kept))))

    async def stop(self) -> None:
        """End what runs beside."""
        if self._rest:
            self._rest.cancel()
        for task in self._running:
            task.cancel()
        await self._whole.stop()

    def _schedule(self, uri: str) -> None:
        document = self.desk.documents.open[uri]
        root = self.desk.root(document)
        loop = asyncio.get_running_loop()
        if root not in self._soon:
            self._soon[root] = loop.call_later(_SOON, self._publish, uri, root)
        if root in self._pause:
            self._pause[root].cancel()
        self._pause[root] = loop.call_later(_PAUSE, self._ask, uri, root)
        if self._rest:
            self._rest.cancel()
        self._rest = loop.call_later(_REST, tidy)

    def _publish(self, uri: str, due: Path | None = None) -> None:
        if due:
            self._soon.pop(due, None)
        document = self.desk.documents.open.get(uri)
        known = document and self.desk.program(document)
        if not (document and known):
            return
        program = known[0]
        root = self.desk.root(document)
        found = self.found(program)
        places = self.desk.places(program, found)
        by_uri: dict[str, list[types.Diagnostic]] = {
            places[name][0]: [] for name, path in program.paths.items() if self.desk.documents.at(path)
        }
        for finding in found:
            shown = as_diagnostic(finding, places)
            if shown:
                by_uri.setdefault(places[finding.primary.span.file][0], []).append(shown)
        self._tell(root, by_uri)

    def _tell(self, root: Path, found: Told) -> None:
        """Tell what is wrong with a constitution's files; of one that others use as well, also what they have said."""
        roots = {self.desk.root(open) for open in self.desk.documents.open.values()}
        past = [each for each in self._told if each == root or each not in roots]
        before = {uri for each in past for uri in self._told.pop(each)}
        if found:
            self._told[root] = found
        for uri in (*sorted(before - found.keys()), *found):
            document = self.desk.documents.open.get(uri)
            version = document.version if document and uri in found else None
            said: list[types.Diagnostic] = []
            for told in self._told.values():
                said += (each for each in told.get(uri, ()) if each not in said)
            self._client.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, said, version))

    def _ask(self, uri: str, due: Path) -> None:
        self._pause.pop(due, None)
        gc.freeze()  # trees hold no circles, and looking for some in a large file takes longer than to check an edit
        task = asyncio.get_running_loop().create_task(self._answer(uri))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _answer(self, uri: str) -> None:
        async with self._turn:
            document = self.desk.documents.open.get(uri)
            texts = document and self.desk.texts(document)
            if not (document and texts) or self.desk.root(document) in self._pause:
                return  # it has changed while it waited for its turn; the next pause asks
            everything = await self._whole.found(texts)
        known = self.desk.program(document)
        if everything is None or known is None or self.desk.texts(document) != texts:
            return  # it is of a text that is no more
        program = known[0]
        said = {_said(finding) for finding in program.found}
        more = (finding for finding in everything if _said(finding) not in said)
        self._more[program.key] = tuple(program.inside(finding) for finding in more)
        self._publish(uri)


def tidy() -> None:
    """Free what is garbage in circles: each pause keeps it with all else, so that no edit waits for a look at it."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _said(found: Diagnostic) -> tuple[str, str, object]:
    return found.code, found.message, found.primary.span
