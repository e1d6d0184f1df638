"""Messages as the protocol has them: what the library does with each, but where it would leave a request unanswered."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cattrs import transform_error
from lsprotocol import types
from pygls.exceptions import (
    FeatureNotificationError,
    JsonRpcException,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
    JsonRpcParseError,
)
from pygls.lsp.server import LanguageServer
from pygls.protocol.json_rpc import JsonRPCNotification, JsonRPCRequestMessage
from pygls.protocol.language_server import LanguageServerProtocol, lsp_method

__all__ = ["Protocol", "Server", "hush"]

_SNAKE = re.compile("_([a-z])")


@dataclass(frozen=True, slots=True)
class _Unfit:
    """A message that is not what its method takes: whether it is answered, under which id, and what is wrong."""

    asks: bool
    id: int | str | None
    why: str


class Protocol(LanguageServerProtocol):
    """Answers what it cannot read, and keeps no second copy of the texts.

    The library's copy would take longer to update than a block to check.
    """

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> Iterator[object]:
        """Hand a change on."""
        yield self.fm.features[types.TEXT_DOCUMENT_DID_CHANGE], (params,), None

    def structure_message(self, data: dict[str, Any]) -> object:
        """Make of an object of JSON, which may be a part of a message, what the library works with."""
        method = data.get("method")
        if "jsonrpc" not in data or not isinstance(method, str):
            return super().structure_message(data)
        asks = "id" in data
        form = self.get_message_type(method)
        if form is None:
            form, data = JsonRPCRequestMessage if asks else JsonRPCNotification, {"params": None, **data}
        try:
            return self._converter.structure(data, form)
        except Exception as error:  # noqa: BLE001 - whatever stops the reading, the client waits for an answer
            id = data.get("id")
            return _Unfit(asks, id if isinstance(id, int | str) else None, f"{method}: {_why(error)}")

    def handle_message(self, message: Any) -> None:  # noqa: ANN401 - whatever was made of the JSON
        """Answer a message, or do as it says."""
        if isinstance(message, _Unfit) and message.asks:
            self.refuse(message.id, JsonRpcInvalidParams(message.why))
        elif isinstance(message, _Unfit):
            self._server.report_server_error(JsonRpcInvalidParams(message.why), FeatureNotificationError)
        elif hasattr(message, "jsonrpc"):
            super().handle_message(message)
        else:
            self.refuse(None, JsonRpcInvalidRequest("this is JSON, and no message of JSON-RPC 2.0"))

    def refuse(self, id: int | str | None, error: JsonRpcException) -> None:
        """Answer with an error; an id that could not be read is null, which the library would leave out."""
        self._send_data({"jsonrpc": self.VERSION, "id": id, "error": error.to_response_error()})


class Server(LanguageServer):
    """Answers also what is no JSON."""

    protocol: Protocol

    def report_server_error(self, error: Exception, source: Any) -> None:  # noqa: ANN401 - a class of the library's
        """Tell the client of an error that is no answer to a request of its."""
        if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
            self.protocol.refuse(None, JsonRpcParseError(f"this is no JSON: {error}"))
        else:
            super().report_server_error(error, source)


def hush() -> None:
    """Keep out of standard error, which editors show, what is told to the client as an answer."""
    for name in ("pygls.protocol.json_rpc", "pygls.server"):
        logging.getLogger(name).addFilter(_is_fault)


def _is_fault(record: logging.LogRecord) -> bool:
    """Whether a record is of a fault of ours, and not of a message that was refused."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, JsonRpcException | json.JSONDecodeError | UnicodeDecodeError)


def _why(error: Exception) -> str:
    """What is wrong, and where, in the names of the protocol and not of Python."""
    found = (each.split(" @ ") for each in transform_error(error, path="message"))
    return "; ".join(" @ ".join((what, *(_SNAKE.sub(_camel, path) for path in paths))) for what, *paths in found)


def _camel(found: re.Match[str]) -> str:
    return found[1].upper()
