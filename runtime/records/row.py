"""What every row has: an id of its content, and conversations."""

from __future__ import annotations

from hashlib import blake2b
from typing import TypeAlias

import msgspec
from msgspec import Struct

from constitution_lang.ir.model import Role

__all__ = ["Conversation", "Row", "Turn", "identify"]


def identify(tag: str, *parts: object) -> str:
    """A 32-digit hexadecimal id of `parts` (anything msgspec encodes), apart for every `tag`."""
    body = msgspec.json.encode(parts, order="deterministic")
    return blake2b(tag.encode() + b"\0" + body, digest_size=16).hexdigest()


class Row(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all rows."""


class Turn(Struct, frozen=True):
    """One turn of a conversation."""

    role: Role
    text: str


Conversation: TypeAlias = tuple[Turn, ...]
