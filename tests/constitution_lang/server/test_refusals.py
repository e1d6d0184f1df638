"""Messages that are not what the protocol says, byte by byte, which no client of the library's can send."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.constitution_lang.server.test_sessions import HOUSE, VALUES

_PARSE, _REQUEST, _METHOD, _PARAMS = -32700, -32600, -32601, -32602


def _told(folder: Path, *messages: object) -> tuple[list[dict[str, Any]], str]:
    """All that a server says to some messages before it ends well, and what it wrote to standard error."""
    uri = (folder / "house.const").as_uri()
    item = {"uri": uri, "languageId": "constitution", "version": 1, "text": HOUSE}
    session = [
        _asks("first", "initialize", processId=None, rootUri=None, capabilities={}),
        {"jsonrpc": "2.0", "method": "initialized", "params": {}},
        {"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": item}},
        *messages,
        _asks("goes on", "textDocument/documentSymbol", textDocument={"uri": uri}),
        {"jsonrpc": "2.0", "id": "last", "method": "shutdown"},
        {"jsonrpc": "2.0", "method": "exit"},
    ]
    bodies = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in session]
    sent = b"".join(b"Content-Length: %d\r\n\r\n%b" % (len(body), body) for body in bodies)
    command = [sys.executable, "-m", "constitution_lang.cli", "lsp"]
    done = subprocess.run(command, input=sent, capture_output=True, timeout=60, check=True)
    answers = [json.loads(part.split(b"\r\n\r\n", 1)[1]) for part in done.stdout.split(b"Content-Length: ")[1:]]
    assert [each for each in answers if each.get("id") == "goes on" and each["result"]]
    return answers, done.stderr.decode()


def _asks(id: object, method: str, **params: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": params}


def _errors(answers: list[dict[str, Any]]) -> dict[Any, tuple[int, str]]:
    return {each["id"]: (each["error"]["code"], each["error"]["message"]) for each in answers if "error" in each}


def test_parameters_that_do_not_fit_are_answered(tmp_path: Path) -> None:
    file = {"uri": (tmp_path / "house.const").as_uri()}
    answers, stderr = _told(
        tmp_path,
        _asks(1, "textDocument/hover", textDocument=file, position={"line": -1, "character": 0}),
        _asks(2, "textDocument/formatting", textDocument=file, options={}),
        _asks(3, "textDocument/hover", textDocument=file, position={"line": 0, "character": "x"}),
        {"jsonrpc": "2.0", "id": "four", "method": "textDocument/hover"},
        {"jsonrpc": "2.0", "id": 5, "method": "no/such"},
    )
    errors = _errors(answers)
    assert {id: code for id, (code, _) in errors.items()} == {
        1: _PARAMS, 2: _PARAMS, 3: _PARAMS, "four": _PARAMS, 5: _METHOD,
    }  # fmt: skip
    assert "message.params.position" in errors[1][1]
    assert "message.params.options.tabSize" in errors[2][1]
    assert not [each for each in answers if each.get("method") == "window/showMessage"]
    assert "Traceback" not in stderr


def test_what_is_no_message_is_answered_without_an_id(tmp_path: Path) -> None:
    for sent, code in ((b"{nope", _PARSE), (b"\xff\xfe", _PARSE), (b"[1, 2]", _REQUEST), ({"id": 1}, _REQUEST)):
        answers, stderr = _told(tmp_path, sent)
        assert [(id, code) for id, (code, _) in _errors(answers).items()] == [(None, code)]
        assert "Traceback" not in stderr


def test_a_notification_that_does_not_fit_is_told_of(tmp_path: Path) -> None:
    answers, stderr = _told(tmp_path, {"jsonrpc": "2.0", "method": "textDocument/didChange", "params": {}})
    [shown] = [each for each in answers if each.get("method") == "window/showMessage"]
    assert "textDocument/didChange" in shown["params"]["message"]
    assert "message.params.contentChanges" in shown["params"]["message"]
    assert "Traceback" not in stderr


def test_a_refused_name_leaves_no_trace_of_our_code(tmp_path: Path) -> None:
    (tmp_path / "values.const").write_text(VALUES, encoding="utf-8")
    file = {"uri": (tmp_path / "house.const").as_uri()}
    line = HOUSE[: HOUSE.index("principle harm.weapons")].count("\n")
    answers, stderr = _told(
        tmp_path,
        _asks(1, "textDocument/rename", textDocument=file, position={"line": line, "character": 18}, newName="no id"),
        _asks(2, "textDocument/rename", textDocument=file, position={"line": 0, "character": 0}, newName="x"),
    )
    assert {id: code for id, (code, _) in _errors(answers).items()} == {1: _PARAMS, 2: _PARAMS}
    assert stderr == ""
