"""What the server does while nobody types."""

from __future__ import annotations

import asyncio
import gc
import weakref
from pathlib import Path

import pytest
from lsprotocol import types

from constitution_lang.server import publisher as module
from tests.constitution_lang.server.test_sessions import VALUES


class _Client:
    def text_document_publish_diagnostics(self, params: types.PublishDiagnosticsParams) -> None:
        pass


class _Circle:
    def __init__(self) -> None:
        self.me = self


def test_garbage_in_circles_is_freed_when_the_typing_rests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE", 0.01)
    monkeypatch.setattr(module, "_REST", 0.3)
    gc.unfreeze()  # what a command of another test has kept
    gc.disable()  # nothing else may find the circle before the pause does
    found = weakref.ref(_Circle())

    async def edited() -> None:
        publisher = module.Publisher(_Client())
        publisher.changed(publisher.desk.documents.opened((tmp_path / "values.const").as_uri(), 1, VALUES))
        while not gc.get_freeze_count():  # noqa: ASYNC110 - a collector tells of no event
            await asyncio.sleep(0.005)
        gc.collect()
        assert found() is not None, "the pause keeps all there is out of the collector's way"
        while found():  # noqa: ASYNC110 - nor does it here
            await asyncio.sleep(0.02)
        assert gc.get_freeze_count(), "and so does the rest, of what is not garbage"
        await publisher.stop()

    try:
        asyncio.run(asyncio.wait_for(edited(), 20))
    finally:
        gc.unfreeze()
        gc.enable()
