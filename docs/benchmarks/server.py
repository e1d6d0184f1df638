"""From an edit to what is wrong with the file, through the language server's own door: a client on its standard input.

2,000 principles in one file of about 1 MB. Each edit is one `didChange`; the time runs until the client has the
`publishDiagnostics` of that version. Beside: the processor time of the server for it, which other work moves less; and
the whole check of the same text, in a process that is warm. Reads /proc, so it needs Linux.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).parent))
from lsprotocol import types
from processes import principles
from pygls.lsp.client import LanguageClient

from constitution_lang.compile import compile_text
from constitution_lang.server.desk import Desk
from constitution_lang.server.publisher import tidy

PRINCIPLES = 2_000
EDITS = 200
BOUND = 0.030
KINDS = {
    "a word of prose": ("Say where the response", "Say clearly where the response", 0),
    "a condition that is wrong": ("topic is weapons", "topic is weapon", 1),
    "a line that can't be read": ('source: "', 'source "', 1),
    "an id": ("principle c", "principle d", 1),
}
"""Text of a principle, text in its place, and how many errors the file then has. Every second edit takes one back."""


class Editor:
    """A client with one open file."""

    def __init__(self, client: LanguageClient, uri: str, text: str) -> None:
        self.client, self.uri, self.text = client, uri, text
        self.version = 1
        self.told: tuple[int, int, float] = (0, 0, 0.0)
        self.news = asyncio.Event()

        @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def _(params: types.PublishDiagnosticsParams) -> None:
            errors = sum(each.severity is types.DiagnosticSeverity.Error for each in params.diagnostics)
            self.told = (params.version or 0, errors, perf_counter())
            self.news.set()

    async def opened(self) -> None:
        """Open the file and wait until something is said of it."""
        item = types.TextDocumentItem(self.uri, "constitution", 1, self.text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        await self._until(1)

    async def edit(self, at: int, old: str, new: str, errors: int) -> tuple[float, float]:
        """Seconds until the client knows what is wrong after an edit, and the server's processor seconds for it."""
        before = self.text[:at]
        line, column = before.count("\n"), at - before.rfind("\n") - 1
        place = types.Range(types.Position(line, column), types.Position(line, column + len(old)))
        self.text = before + new + self.text[at + len(old) :]
        self.version += 1
        which = types.VersionedTextDocumentIdentifier(self.version, self.uri)
        change = types.TextDocumentContentChangePartial(range=place, text=new)
        used, start = self._used(), perf_counter()
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(which, [change]))
        await self._until(self.version)
        if self.told[1] != errors:
            raise SystemExit(f"after {new!r} there are {self.told[1]} errors and not {errors}")
        return self.told[2] - start, self._used() - used

    def _used(self) -> float:
        """Processor seconds of the server's threads so far."""
        tasks = Path(f"/proc/{self.client._server.pid}/task").glob("*/schedstat")  # type: ignore[union-attr] # noqa: SLF001
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    async def _until(self, version: int) -> None:
        while self.told[0] < version:
            self.news.clear()
            await asyncio.wait_for(self.news.wait(), 60)


def edits(editor: Editor) -> Iterator[tuple[str, int, str, str, int]]:
    """Edits of principles all over the file, each kind in turn, each taken back by the next."""
    chance = random.Random(1)  # noqa: S311 - an order, and no secret
    for number in range(EDITS // 2):
        kind = list(KINDS)[number % len(KINDS)]
        old, new, errors = KINDS[kind]
        at = editor.text.index(old, editor.text.index(f"# Reviewed, number {chance.randrange(PRINCIPLES)}."))
        yield kind, at, old, new, errors
        yield kind, at, new, old, 0


async def measured(pause: float) -> dict[str, list[tuple[float, float]]]:
    """Seconds of each kind of edit, with so many seconds between two."""
    text = principles(PRINCIPLES)
    with TemporaryDirectory() as name:
        path = Path(name) / "big.const"
        path.write_text(text, encoding="utf-8")
        client = LanguageClient("benchmark", "1")
        editor = Editor(client, path.as_uri(), text)
        await client.start_io(sys.executable, "-m", "constitution_lang.cli", "lsp")
        await client.initialize_async(types.InitializeParams(types.ClientCapabilities(), root_uri=Path(name).as_uri()))
        client.initialized(types.InitializedParams())
        await editor.opened()
        taken: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
        for kind, at, old, new, errors in edits(editor):
            await asyncio.sleep(pause)
            taken[kind].append(await editor.edit(at, old, new, errors))
        await client.shutdown_async(None)
        client.exit(None)
        await client.stop()
    return taken


def row(what: str, measured: list[tuple[float, float]], whole: float) -> None:
    """Print one row of the table."""
    clock, processor = ([each[which] for each in measured] for which in (0, 1))
    middle, p95 = median(clock), quantiles(clock, n=20)[-1]
    print(
        f"| {what} | {len(clock)} | {middle * 1000:.1f} | {p95 * 1000:.1f} | {median(processor) * 1000:.1f} | "
        f"{middle / BOUND:.2f} | {p95 / BOUND:.2f} | {whole / middle:.0f} |"
    )


def rested() -> float:
    """Processor seconds of the look for garbage in circles, which the server takes when the typing rests."""
    desk = Desk()
    document = desk.documents.opened("untitled:big", 1, principles(PRINCIPLES))
    desk.touched()
    program = desk.program(document)
    tidy()
    start = process_time()
    tidy()
    taken = process_time() - start
    assert program
    return taken


def main() -> None:
    """Print a table row for each kind of edit, typed at once and with the whole compiler at work beside."""
    text = principles(PRINCIPLES)
    compile_text(text)
    start = perf_counter()
    compile_text(text)
    whole = perf_counter() - start
    print(f"{len(text.encode()):,} bytes; the whole check of it, warm: {whole:.3f} s")
    print(f"a look for garbage in circles, at rest: {rested() * 1000:.0f} ms of processor time")
    for what, pause in (("", 0.0), (", the whole compiler beside", 0.6)):
        taken = asyncio.run(measured(pause))
        for kind, seconds in taken.items():
            row(kind + what, seconds, whole)
        row("all" + what, [each for seconds in taken.values() for each in seconds], whole)


if __name__ == "__main__":
    main()
