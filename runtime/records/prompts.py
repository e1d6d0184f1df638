"""Prompts, the cases that they are, and the principles drawn for them."""

from __future__ import annotations

from enum import StrEnum

from constitution_lang.ir.model import Stage
from runtime.records.row import Conversation, Row

__all__ = ["CaseRecord", "CaseValue", "Draw", "PromptCut", "PromptRecord", "PromptUse", "ValueOrigin"]


class PromptUse(StrEnum):
    """What a prompt is in a data set for."""

    RED_TEAM = "red-team"
    BENIGN = "benign"
    """Looks unsafe and is not: for over-refusal."""
    HELPFUL = "helpful"


class PromptRecord(Row, frozen=True):
    """A conversation that ends in a user's turn. `id` is `identify("prompt", turns)`.

    `columns` are the data set's values for attributes, by name. `demonstration` is a good answer that the
    data set gives. `file` and `row` (from 1) say where it stood first.
    """

    id: str
    turns: Conversation
    kind: PromptUse
    columns: tuple[tuple[str, str], ...] = ()
    demonstration: str | None = None
    file: str = ""
    row: int = 0


class ValueOrigin(StrEnum):
    """Where an attribute's value came from."""

    DATA = "data"
    FEEDBACK = "feedback"
    DEFAULT = "default"


class CaseValue(Row, frozen=True):
    """One attribute's value. `probabilities` are those of the attribute's values, in their order."""

    attribute: str
    value: str
    origin: ValueOrigin
    probabilities: tuple[float, ...] = ()
    key: str | None = None


class CaseRecord(Row, frozen=True):
    """The case that a prompt is. One per prompt."""

    prompt: str
    values: tuple[CaseValue, ...]

    @property
    def mapping(self) -> dict[str, str]:
        """Attribute to value."""
        return {v.attribute: v.value for v in self.values}


class Draw(Row, frozen=True):
    """A principle drawn. `share` is its probability in a first draw of this case; `position` is from 0.

    `over` are the sides that come before it in this case, and so the variant of its prompts.
    """

    prompt: str
    stage: Stage
    round: int
    position: int
    principle: str
    share: float
    over: tuple[str, ...] = ()


class PromptCut(Row, frozen=True):
    """Turns left out of one question about a prompt, since the whole of it did not fit into the model's context.

    `asked` is the compiled prompt's id, empty where the prompt itself was to be answered. `rule` says which turns,
    `turns` how many. Tokens are those of the whole question, before and after; `room` is how many may be.
    `step` and `round` say where it was asked.
    """

    id: str
    prompt: str
    asked: str
    rule: str
    turns: int
    tokens_before: int
    tokens_after: int
    room: int
    step: str = ""
    round: int = -1
