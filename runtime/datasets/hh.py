"""The hh-rlhf form: a conversation as one text, its turns begun by a blank line and `Human: ` or `Assistant: `.

Only such a line begins a turn. A colon inside a turn, `: ` included, is text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from constitution_lang.ir.model import Role
from runtime.datasets.errors import RowError
from runtime.records import Conversation, Turn

__all__ = ["join_turns", "parse_hh", "render_hh"]

_SPEAKERS = {"Human": Role.USER, "Assistant": Role.ASSISTANT}
_NAMES = {role: name for name, role in _SPEAKERS.items()}
# The space is missing where an empty turn lost its trailing blanks.
_MARKER = re.compile(r"(?:\A\s*|\n\n)(Human|Assistant):(?: |(?=\n)|\Z)")


def parse_hh(text: str) -> Conversation:
    """All turns of `text`, as written.

    Raises:
        RowError: The text does not begin with a turn.
    """
    markers = list(_MARKER.finditer(text))
    if not markers or markers[0].start() > 0:
        raise RowError(
            "the text does not begin with a turn", "Begin each turn with a blank line and 'Human: ' or 'Assistant: '."
        )
    ends = [m.start() for m in markers[1:]] + [len(text)]
    return tuple(
        Turn(_SPEAKERS[marker[1]], text[marker.end() : end]) for marker, end in zip(markers, ends, strict=True)
    )


def render_hh(turns: Sequence[Turn]) -> str:
    """The text of `turns`; what `parse_hh` reads back, where no turn holds the beginning of another."""
    return "".join(f"\n\n{_NAMES[turn.role]}: {turn.text}" for turn in turns)


def join_turns(turns: Conversation) -> tuple[Conversation, int]:
    """`turns` with neighbours of one speaker joined by a blank line, and how many were joined.

    Such neighbours stand in the published data, and no chat template can show them apart.
    """
    joined: list[Turn] = []
    for turn in turns:
        if joined and joined[-1].role == turn.role:
            joined[-1] = Turn(turn.role, f"{joined[-1].text}\n\n{turn.text}")
        else:
            joined.append(turn)
    return tuple(joined), len(turns) - len(joined)
