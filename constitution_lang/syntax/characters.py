"""Characters that a file may not hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from unicodedata import bidirectional

from msgspec.structs import replace

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix
from constitution_lang.source import Source

__all__ = ["OTHER_SPACES", "same_length", "strange_characters", "undecodable", "unseen_characters"]

OTHER_SPACES = frozenset("\u00a0\u2002\u2003\u2007\u2009\u202f\u3000")
"""What web pages and word processors indent with."""
_STRANGE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\ufeff]|\r(?!\n)")
_UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069]")
_JOINERS = "\u200c\u200d"
_MARKS = "\u200e\u200f"
_NEAR = 100
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_UTF_16_MARKS = ("\udcff\udcfe", "\udcfe\udcff")
_SHOWN_MAX = 20
_PLAIN = bytes((0x09, 0x0A, *range(0x20, 0x7F)))


def same_length(text: str) -> str:
    """The text as the parser reads it: no carriage return, and a space for what may not be there."""
    if _is_plain(text):
        return text
    if "\r" in text:
        if _ends_lines_with_it(text):
            return _STRANGE.sub(" ", text.replace("\r", "\n"))
        text = text.replace("\r\n", " \n")
    return _STRANGE.sub(" ", text)


def _is_plain(text: str) -> bool:
    """Whether nothing but printable ASCII and line feeds is in it, which is quickly told."""
    return text.isascii() and not text.encode().translate(None, _PLAIN)


def undecodable(source: Source) -> tuple[Diagnostic, ...]:
    """A finding where the bytes of a file are not UTF-8; a loader keeps such bytes as lone surrogates."""
    found = None if source.text.isascii() else _SURROGATE.search(source.text)
    if found is None:
        return ()
    encoding = "UTF-16" if source.text.startswith(_UTF_16_MARKS) else "another encoding"
    help = f"the file seems to be in {encoding}: save it as UTF-8"
    message = f"byte {ord(found.group()) & 0xFF:#04x} is not UTF-8 text"
    return (codes.E101.at(source.span(*found.span()), message, help=help),)


def strange_characters(source: Source) -> list[Diagnostic]:
    """A finding for each line that holds a character which is neither text nor a line break."""
    found: dict[int, Diagnostic] = {}
    if _is_plain(source.text):
        return []
    carriage_returns = _only_carriage_returns(source)
    if carriage_returns:
        return [carriage_returns]
    for match in _STRANGE.finditer(source.text):
        line = source.position(match.start()).line
        span = source.span(*match.span())
        first = found.get(line)
        if first is not None and first.fix:  # one finding for a line, with a fix for all in it
            whole = source.span(first.fix.span.start, span.end)
            text = _STRANGE.sub("", source.text[whole.start : whole.end])
            found[line] = replace(
                first, help="leave it out, and those behind it", fix=Fix(whole, text, "leave them out")
            )
        elif len(found) < _SHOWN_MAX:
            message = f"this line holds the control character U+{ord(match.group()):04X}"
            found[line] = codes.E102.at(span, message, help="leave it out", fix=Fix(span, "", "leave it out"))
    return list(found.values())


def _ends_lines_with_it(text: str) -> bool:
    """Whether most line ends are a carriage return alone, as they were on computers of long ago."""
    return text.count("\r") - text.count("\r\n") > text.count("\n")


def _only_carriage_returns(source: Source) -> Diagnostic | None:
    """A finding where a carriage return alone ends the lines."""
    if not _ends_lines_with_it(source.text):
        return None
    first, last = source.text.find("\r"), source.text.rfind("\r")
    span = source.span(first, first + 1)
    written = source.text[first : last + 1].replace("\r", "\n")
    fix = Fix(source.span(first, last + 1), written, "end each line with a line feed")
    help = "save the file with a line feed, U+000A, at the end of each line"
    return codes.E102.at(span, "the lines of this file end with a carriage return, U+000D", help=help, fix=fix)


def unseen_characters(source: Source) -> Iterator[Diagnostic]:
    """A finding for each line with a character that nobody sees and a model reads; not for joiners of letters."""
    if source.text.isascii():
        return
    last = 0
    for match in _UNSEEN.finditer(source.text):
        line = source.position(match.start()).line
        if line == last or _belongs(source.text, match.start()):
            continue
        last = line
        span = source.span(*match.span())
        what = "turns the direction of writing" if _TURNS.match(match.group()) else "has no width"
        message = f"this line holds U+{ord(match.group()):04X}, which {what}"
        yield codes.W101.at(span, message, help="leave it out", fix=Fix(span, "", "leave it out"))


def _belongs(text: str, at: int) -> bool:
    """Whether the character does what it is for: joins letters or emoji, or marks where a direction ends."""
    if text[at] in _JOINERS:
        around = text[max(at - 1, 0) : at] + text[at + 1 : at + 2]
        return len(around) == 2 and not any(char.isascii() or char.isspace() for char in around)
    before = text[max(at - _NEAR, 0) : at].rpartition("\n")[2]
    after = text[at + 1 : at + _NEAR].partition("\n")[0]
    return text[at] in _MARKS and any(
        bidirectional(char) in {"R", "AL"} for char in before + after if char not in _MARKS
    )
