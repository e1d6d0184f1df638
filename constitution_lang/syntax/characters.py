"""Bytes to text, and the characters that a file may not hold."""

from __future__ import annotations

import re

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix
from constitution_lang.source import Source

__all__ = ["same_length", "source_from_bytes", "strange_characters"]

_STRANGE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\ufeff\ud800-\udfff]|\r(?!\n)")
_SHOWN_MAX = 20


def source_from_bytes(name: str, data: bytes) -> tuple[Source | None, tuple[Diagnostic, ...]]:
    """The text of a file: UTF-8, a byte order mark left out, line ends as line feeds; None where it is not UTF-8."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The place is given in the text that can be read: what is before is right, and the rest replaced.
        start = len(data[: error.start].decode("utf-8-sig").replace("\r\n", "\n"))
        byte, line = data[error.start], data.count(b"\n", 0, error.start) + 1
        span = Source(name, "").span(start, start + 1)
        encoding = "UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "another encoding"
        help = f"the file seems to be in {encoding}: save it as UTF-8"
        return None, (codes.E101.at(span, f"byte {byte:#04x} in line {line} is not UTF-8 text", help=help),)
    return Source(name, text.replace("\r\n", "\n")), ()


def same_length(text: str) -> str:
    """The text as the parser reads it: no carriage return, and a space for what may not be there."""
    if "\r" in text:
        text = text.replace("\r\n", " \n")
    return _STRANGE.sub(" ", text)


def strange_characters(source: Source) -> list[Diagnostic]:
    """A finding for each line that holds a character which is neither text nor a line break."""
    found: dict[int, Diagnostic] = {}
    for match in _STRANGE.finditer(source.text):
        line = source.position(match.start()).line
        if line in found or len(found) == _SHOWN_MAX:
            continue
        span = source.span(*match.span())
        message = f"this line holds the control character U+{ord(match.group()):04X}"
        found[line] = codes.E102.at(span, message, help="leave it out", fix=Fix(span, "", "leave it out"))
    return list(found.values())
