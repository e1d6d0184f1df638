"""Conversations as ids for servers that take messages and no ids: exact, and read back without loss.

A piece of text of one to seven bytes is the id that these bytes are as a number, after a first byte 1. The other ids
are below 256, so that no text can become one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from constitution_lang.ir.model import Role
from runtime.engines.base import EngineError
from runtime.records import Turn

__all__ = ["MessageTokenizer", "pieces"]

_END = 0
_ROLES = {Role.SYSTEM: 1, Role.USER: 2, Role.ASSISTANT: 3}
_BY_ID = {id: role for role, id in _ROLES.items()}

_PROMPT_BYTES = 4
"""A token of English text has about as many, so that counts of prompts come near the server's."""
_PIECE_BYTES_MAX = 7
"""An id has to fit into 64 bits, with its sign."""


class MessageTokenizer:
    """Turns to ids and back. The context is left to the server, which counts in other tokens than these."""

    @property
    def context_max(self) -> int:
        """No bound."""
        return 2**31 - 1

    def encode(self, turns: Sequence[Turn], opening: str = "") -> tuple[int, ...]:
        """Each turn between its role and an end, then the beginning of the answer."""
        ids: list[int] = []
        for turn in turns:
            ids += [_ROLES[turn.role], *pieces(turn.text), _END]
        return (*ids, _ROLES[Role.ASSISTANT], *pieces(opening))

    def encode_answer(self, turns: Sequence[Turn], answer: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The prompt's ids, and the answer's with the end of the turn."""
        return self.encode(turns), (*pieces(answer), _END)

    def option(self, opening: str, text: str) -> int:
        """The id of one letter or digit. Whether it is one token at the server, the server's answers show."""
        if len(text) != 1 or not text.isalnum():
            raise EngineError(
                f"{text!r} after {opening!r} may be more than one token", "use options of one letter or one digit"
            )
        return pieces(text)[0]

    def decode(self, tokens: Sequence[int]) -> str:
        """The text, without what stands between turns."""
        return b"".join(_bytes(id) for id in tokens if id > 255).decode(errors="replace")

    def read(self, tokens: Sequence[int]) -> tuple[tuple[Turn, ...], str]:
        """The turns and the opening of which `encode` made `tokens`."""
        turns: list[Turn] = []
        role, start = Role.ASSISTANT, 0
        for at, id in enumerate(tokens):
            if id in _BY_ID:
                role, start = _BY_ID[id], at + 1
            elif id == _END:
                turns.append(Turn(role, self.decode(tokens[start:at])))
        return tuple(turns), self.decode(tokens[start:])


def pieces(text: str, count: int | None = None) -> tuple[int, ...]:
    """A text as ids; in `count` pieces where that many can hold it and be filled."""
    # Half of a surrogate pair is no text; it is read as the replacement character, as in `TextTokenizer`.
    raw = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
    least = -(-len(raw) // _PIECE_BYTES_MAX)
    wanted = -(-len(raw) // _PROMPT_BYTES) if count is None else count
    number = min(max(wanted, least), len(raw))
    edges = [n * len(raw) // number for n in range(number + 1)] if number else []
    return tuple(int.from_bytes(b"\1" + raw[a:b]) for a, b in pairwise(edges))


def _bytes(id: int) -> bytes:
    return id.to_bytes((id.bit_length() + 7) // 8)[1:]
