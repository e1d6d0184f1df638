"""What prompts cost, in words and numbers."""

from __future__ import annotations

from collections.abc import Sequence

from constitution_lang.cost.prompts import Group
from constitution_lang.ir.model import Bundle, Orders, PromptKind, SlotName

__all__ = ["table", "warnings"]

_PAIRS = frozenset({PromptKind.PREFER, PromptKind.REASON, PromptKind.PREFER_REASONED})
_WRITTEN = frozenset({PromptKind.CRITIQUE, PromptKind.REVISE, PromptKind.REVISE_DIRECT, PromptKind.REASON})
"""What a model answers with a text. To all else it answers with one of the options, which is one token."""


def table(bundle: Bundle, groups: Sequence[Group]) -> str:
    """A line for each kind of prompt, and what one label costs."""
    rows = [("prompts", "number", "tokens", "shared", "own")]
    for group in groups:
        low, high = group.tokens
        own = (low - group.shared, high - group.shared)
        rows.append(
            (group.kind.value, str(len(group.prompts)), _range(low, high), str(group.shared or "-"), _range(*own))
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(r, widths, strict=True)))
             for r in rows]  # fmt: skip
    asked = next((g for g in groups if g.kind is PromptKind.PREFER), None)
    if asked is not None:
        lines += ["", _label(bundle, asked)]
    return "\n".join(lines) + "\n"


def _label(bundle: Bundle, asked: Group) -> str:
    """The votes of one pair, with and without sharing."""
    votes = min(bundle.preference.draw, len(asked.prompts))
    orders = 2 if bundle.preference.orders is Orders.BOTH else 1
    mean = asked.total / len(asked.prompts)
    apart = round(votes * orders * mean)
    together = round(orders * (asked.shared + votes * (mean - asked.shared)))
    return (
        f"One pair is asked about {votes} times in {orders} order{'s' * (orders > 1)}: {apart:,} tokens are read, "
        f"{together:,} where what the prompts share is computed once ({apart / max(together, 1):.1f} times fewer)."
    )


def warnings(groups: Sequence[Group], *, context: int | None, answer: int) -> list[str]:
    """What is wrong with the prompts: sharing that a template breaks, and prompts that outgrow the context.

    `answer` are the tokens that a model may write after a prompt.
    """
    said = []
    for group in groups:
        late = [slot for slot in group.slots_after if slot is not SlotName.REASONING]
        if group.kind in _PAIRS and late:
            said.append(
                f"{group.kind.value}: the principle stands before {_listed(late)}, so the pair is read anew for every "
                f"principle; in the template, put the pair first and the question last"
            )
        if context is None:
            continue
        for cost in (*group.prompts, *group.variants):
            more = answer if group.kind in _WRITTEN else 1
            if cost.tokens + more > context:
                said.append(
                    f"{cost.id}: {cost.tokens:,} tokens and {more:,} of an answer outgrow the context of {context:,}; "
                    "shorten its text or its examples, or name a model with a longer context"
                )
    return said


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"


def _listed(slots: Sequence[SlotName]) -> str:
    return " and ".join(slot.value for slot in slots)
