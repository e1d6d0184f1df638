"""What every row has: an id of its content, and conversations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import TypeAlias

import msgspec
from msgspec import Struct

from constitution_lang.ir.model import Role

__all__ = ["Conversation", "Each", "Row", "Turn", "identify"]


class Each:
    """A part of what `identify` is given, which stands for the list of `items` and is gone through one by one."""

    def __init__(self, items: Iterable[object]) -> None:
        self.items = items


def identify(tag: str, *parts: object) -> str:
    """A 32-digit hexadecimal id of `parts` (anything msgspec encodes, or `Each`), apart for every `tag`."""
    if not any(isinstance(part, Each) for part in parts):
        body = msgspec.json.encode(parts, order="deterministic")
        return blake2b(tag.encode() + b"\0" + body, digest_size=16).hexdigest()
    digest = blake2b(tag.encode() + b"\0[", digest_size=16)
    for n, part in enumerate(parts):
        digest.update(b"," if n else b"")
        for piece in _pieces(part):
            digest.update(piece)
    digest.update(b"]")
    return digest.hexdigest()


def _pieces(part: object) -> Iterator[bytes]:
    if not isinstance(part, Each):
        yield msgspec.json.encode(part, order="deterministic")
        return
    yield b"["
    for n, item in enumerate(part.items):
        yield (b"," if n else b"") + msgspec.json.encode(item, order="deterministic")
    yield b"]"


class Row(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all rows."""


class Turn(Struct, frozen=True):
    """One turn of a conversation."""

    role: Role
    text: str


Conversation: TypeAlias = tuple[Turn, ...]
