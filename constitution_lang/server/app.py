"""The language server: messages of the protocol in, answers out. All else is in the modules beside this one."""

from __future__ import annotations

import gc
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from constitution_lang.check.modules import LIBRARY, SUFFIX
from constitution_lang.server.completion import completions
from constitution_lang.server.everywhere import references, rename
from constitution_lang.server.findings import Places, actions
from constitution_lang.server.hover import about
from constitution_lang.server.layout import formatted
from constitution_lang.server.outline import folds, hints, symbols
from constitution_lang.server.positions import Positions
from constitution_lang.server.program import Program
from constitution_lang.server.protocol import Protocol, Server, hush
from constitution_lang.server.publisher import Publisher
from constitution_lang.server.renaming import RefusedError, check_own
from constitution_lang.server.sharing import Sharing
from constitution_lang.server.workspace_edit import edit_of
from constitution_lang.source import Span
from constitution_lang.syntax import nodes

__all__ = ["serve"]


class _Spot:
    """A position in a document: its program, and all that is asked of both."""

    def __init__(self, program: Program, file: str, places: Places) -> None:
        self.program, self.file, self.places = program, file, places
        self.uri, self.positions = places[file]

    def location(self, span: Span) -> types.Location | None:
        known = self.places.get(span.file)
        return types.Location(known[0], known[1].range(span.start, span.end)) if known else None


def serve() -> None:
    """Speak over standard input and output until the client ends it."""
    gc.set_threshold(50_000, 50, 100)
    hush()
    _server().start_io()


def _server() -> LanguageServer:
    try:
        number = version("constitution-compiler")
    except PackageNotFoundError:
        number = "0"
    server = Server("cai-compile", number, protocol_cls=Protocol)
    publisher = Publisher(server)
    _texts(server, publisher)
    _questions(server, publisher)
    _edits(server, publisher)
    return server


def _spot(publisher: Publisher, uri: str) -> _Spot | None:
    document = publisher.desk.documents.open.get(uri)
    known = document and publisher.desk.program(document)
    return _Spot(*known, publisher.desk.places(known[0])) if known else None


def _texts(server: LanguageServer, publisher: Publisher) -> None:
    """What is open, and how it changes."""
    desk = publisher.desk

    @server.feature(types.INITIALIZED)
    def _(_: types.InitializedParams) -> None:
        agreed = server.workspace.position_encoding  # an element of the client's list: plain text, or pygls' own
        desk.documents.encoding = str(getattr(agreed, "value", agreed) or "utf-16")
        desk.folders = _folders(server)

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def _(_: types.DidChangeWorkspaceFoldersParams) -> None:
        desk.folders = _folders(server)

    @server.feature(types.SHUTDOWN)
    async def _(_: None) -> None:
        await publisher.stop()

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def _(params: types.DidOpenTextDocumentParams) -> None:
        item = params.text_document
        publisher.changed(desk.documents.opened(item.uri, item.version, item.text))

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def _(params: types.DidChangeTextDocumentParams) -> None:
        item = params.text_document
        document = desk.documents.changed(item.uri, item.version, list(params.content_changes))
        if document:
            publisher.changed(document)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def _(params: types.DidCloseTextDocumentParams) -> None:
        publisher.closed(params.text_document.uri)

    # The types have to be these: what could be a server's, pygls calls with the server as well.
    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def _(_: types.DidSaveTextDocumentParams) -> None:
        publisher.everything()

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def _(_: types.DidChangeWatchedFilesParams) -> None:
        publisher.everything()


def _questions(server: LanguageServer, publisher: Publisher) -> None:  # noqa: C901 - one small answer for each
    """What is asked about a place, or about a file."""

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def _(params: types.HoverParams) -> types.Hover | None:
        spot = _spot(publisher, params.text_document.uri)
        use = spot and spot.program.use_at(spot.file, spot.positions.offset(params.position))
        if not (spot and use):
            return None
        sharing = Sharing(publisher.desk, spot.program)
        shared = sharing.declaring(use.meaning)
        text = about(spot.program, use.meaning, shared.programs[1:], sharing.shown(shared.left_out))
        if not text:
            return None
        content = types.MarkupContent(types.MarkupKind.Markdown, text)
        return types.Hover(content, spot.positions.range(use.span.start, use.span.end))

    options = types.CompletionOptions(trigger_characters=[" ", ".", ":", ",", "|", "/"])

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, options)
    def _(params: types.CompletionParams) -> types.CompletionList:
        spot = _spot(publisher, params.text_document.uri)
        if spot is None:
            return types.CompletionList(is_incomplete=False, items=[])
        path = spot.program.paths.get(spot.file)
        names = _usable(path) if path else []
        items = completions(spot.program, spot.file, spot.positions.offset(params.position), names)
        return types.CompletionList(is_incomplete=False, items=list(items))

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def _(params: types.DefinitionParams) -> types.Location | None:
        spot = _spot(publisher, params.text_document.uri)
        if spot is None:
            return None
        offset = spot.positions.offset(params.position)
        use = spot.program.use_at(spot.file, offset)
        declaration = use and spot.program.declaration(use.meaning)
        return spot.location(declaration.span) if declaration else _used_file(spot, offset)

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    def _(params: types.ReferenceParams) -> list[types.Location]:
        spot = _spot(publisher, params.text_document.uri)
        use = spot and spot.program.use_at(spot.file, spot.positions.offset(params.position))
        if not (spot and use):
            return []
        declaration = params.context.include_declaration
        found = references(publisher.desk, spot.program, use.meaning, declaration=declaration)
        _say_left_out(server, found.left_out)
        return found.locations

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def _(params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        spot = _spot(publisher, params.text_document.uri)
        return list(symbols(spot.program.files[spot.file], spot.positions)) if spot else []

    @server.feature(types.TEXT_DOCUMENT_FOLDING_RANGE)
    def _(params: types.FoldingRangeParams) -> list[types.FoldingRange]:
        spot = _spot(publisher, params.text_document.uri)
        return list(folds(spot.program.files[spot.file], spot.positions)) if spot else []

    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    def _(params: types.InlayHintParams) -> list[types.InlayHint]:
        spot = _spot(publisher, params.text_document.uri)
        if spot is None:
            return []
        low, high = spot.positions.offset(params.range.start), spot.positions.offset(params.range.end)
        return list(hints(spot.program, spot.file, spot.positions, low, high))


def _edits(server: LanguageServer, publisher: Publisher) -> None:
    """What changes a text."""

    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    def _(params: types.PrepareRenameParams) -> types.Range | None:
        spot = _spot(publisher, params.text_document.uri)
        use = spot and spot.program.use_at(spot.file, spot.positions.offset(params.position))
        if not (spot and use):
            return None
        try:
            check_own(spot.program, use.meaning)
        except RefusedError as error:
            raise JsonRpcInvalidParams(str(error)) from error
        return spot.positions.range(use.span.start, use.span.end)

    @server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    def _(params: types.RenameParams) -> types.WorkspaceEdit:
        spot = _spot(publisher, params.text_document.uri)
        use = spot and spot.program.use_at(spot.file, spot.positions.offset(params.position))
        if not (spot and use):
            raise JsonRpcInvalidParams("there is no name here")
        try:
            found = rename(publisher.desk, spot.program, use.meaning, params.new_name)
        except RefusedError as error:
            raise JsonRpcInvalidParams(str(error)) from error
        _say_left_out(server, found.left_out)
        versions = {uri: document.version for uri, document in publisher.desk.documents.open.items()}
        annotated = _can_annotate(server.client_capabilities)
        return edit_of(found.plain, found.former, versions, annotated=annotated)

    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    def _(params: types.DocumentFormattingParams) -> list[types.TextEdit]:
        spot = _spot(publisher, params.text_document.uri)
        found = formatted(spot.program.files[spot.file]) if spot else ()
        return [types.TextEdit(spot.positions.range(start, end), text) for start, end, text in found] if spot else []

    options = types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, options)
    def _(params: types.CodeActionParams) -> list[types.CodeAction]:
        spot = _spot(publisher, params.text_document.uri)
        if spot is None:
            return []
        positions: Positions = spot.positions
        low, high = positions.offset(params.range.start), positions.offset(params.range.end)
        found = publisher.found(spot.program)
        return list(actions(found, Span(spot.file, low, max(low, high)), spot.places))


def _say_left_out(server: LanguageServer, names: str) -> None:
    if names:
        text = f"Not looked at, there being too much to read: {names}. They may use this name too."
        server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, text))


def _folders(server: LanguageServer) -> tuple[Path, ...]:
    """What the client has open, by its real path."""
    uris = [*server.workspace.folders] or [server.workspace.root_uri]
    paths = (to_fs_path(uri) for uri in uris if uri and uri.startswith("file:"))
    return tuple(Path(path).resolve() for path in paths if path)


def _can_annotate(client: types.ClientCapabilities) -> bool:
    edits = client.workspace and client.workspace.workspace_edit
    return bool(edits and edits.document_changes and edits.change_annotation_support)


def _used_file(spot: _Spot, offset: int) -> types.Location | None:
    """The beginning of the file that a `use` line under the pointer brings in."""
    block, inside = spot.program.files[spot.file].at(offset)
    for node in block.tree.blocks:
        if isinstance(node, nodes.UseLine) and node.path.span.start <= inside <= node.path.span.end:
            wanted = node.path.text.removesuffix(SUFFIX) + SUFFIX
            name = LIBRARY + wanted if wanted.startswith("std/") else spot.program.beside(spot.file, wanted)
            return spot.location(Span(name, 0, 0)) if name else None
    return None


def _usable(path: Path) -> list[str]:
    """Constitutions beside a file and one folder down, from its folder: deeper ones may be a whole disk away."""
    folder = path.parent
    found = (file.relative_to(folder) for form in (f"*{SUFFIX}", f"*/*{SUFFIX}") for file in folder.glob(form))
    return sorted(name.as_posix() for name in found if name.name != path.name or name.parent.name)
