"""What prompts cost: tokens in each, how many of them a group shares as a prefix, and what breaks the sharing.

An engine computes a prefix that many prompts begin with once. Questions about one pair share its text where the
template puts the pair before the principle; one word of the principle in front of it, and nothing is shared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from constitution_lang.cost.tokenizer import Tokens
from constitution_lang.ir.model import Bundle, Literal, Prompt, PromptKind, Slot, SlotName

__all__ = ["SLOT_TOKENS", "Group", "PromptCost", "costs"]

SLOT_TOKENS: Mapping[SlotName, int] = {
    SlotName.PROMPT: 60,
    SlotName.RESPONSE: 200,
    SlotName.CRITIQUE: 100,
    SlotName.RESPONSE_A: 200,
    SlotName.RESPONSE_B: 200,
    SlotName.REASONING: 128,
}
"""How long a text is taken to be, where nothing else is said."""

_Piece = str | SlotName


class PromptCost(Struct, frozen=True):
    """One prompt. `frame` are the marks of the turns; it is part of `tokens`."""

    id: str
    tokens: int
    frame: int | None


class Group(Struct, frozen=True):
    """Prompts of one kind, as they are asked about one text or pair.

    `shared` are the tokens that all of them begin with, marks included; `slots_after` are the slots that come only
    after the prompts differ, so that their text is computed again for every one. `variants` are those in which a
    principle yields, which are asked instead.
    """

    kind: PromptKind
    prompts: tuple[PromptCost, ...]
    shared: int
    slots_after: tuple[SlotName, ...]
    variants: tuple[PromptCost, ...] = ()

    @property
    def tokens(self) -> tuple[int, int]:
        """The fewest and the most."""
        all_ = [p.tokens for p in self.prompts]
        return min(all_), max(all_)

    @property
    def total(self) -> int:
        """Tokens read where nothing is shared."""
        return sum(p.tokens for p in self.prompts)


def costs(bundle: Bundle, tokens: Tokens, slots: Mapping[SlotName, int] = SLOT_TOKENS) -> list[Group]:
    """The prompts of each kind, in the order of `PromptKind`."""
    groups = []
    for kind in PromptKind:
        prompts = [p for p in bundle.prompts if p.kind is kind]
        if prompts:
            variants = [p for p in prompts if p.over]
            groups.append(_group(kind, [p for p in prompts if not p.over], variants, tokens, slots))
    return groups


def _cost(prompt: Prompt, tokens: Tokens, slots: Mapping[SlotName, int]) -> PromptCost:
    frame = tokens.frame(tuple(m.role for m in prompt.messages))
    return PromptCost(prompt.id, _tokens(list(_pieces(prompt)), tokens, slots) + (frame or 0), frame)


def _group(
    kind: PromptKind,
    prompts: Sequence[Prompt],
    variants: Sequence[Prompt],
    tokens: Tokens,
    slots: Mapping[SlotName, int],
) -> Group:
    prefix = _common([list(_pieces(p)) for p in prompts])
    found = {piece for piece in prefix if isinstance(piece, SlotName)}
    wanted = dict.fromkeys(piece for p in prompts for piece in _pieces(p) if isinstance(piece, SlotName))
    alone = len(prompts) == 1
    return Group(
        kind,
        tuple(_cost(p, tokens, slots) for p in prompts),
        0 if alone else _tokens(prefix, tokens, slots) + _marks(prompts[0], prefix, tokens),
        () if alone else tuple(slot for slot in wanted if slot not in found),
        tuple(_cost(p, tokens, slots) for p in variants),
    )


def _marks(prompt: Prompt, prefix: Sequence[_Piece], tokens: Tokens) -> int:
    """Tokens of the marks in a prefix of this prompt: up to the text of the last turn that begins in it."""
    begun = sum(piece.count("\x00") // 2 for piece in prefix if not isinstance(piece, SlotName))
    return (tokens.frame(tuple(m.role for m in prompt.messages), begun - 1) or 0) if begun else 0


def _pieces(prompt: Prompt) -> Iterator[_Piece]:
    """Texts and slots in the order in which a model reads them; neighbouring texts are one."""
    text = ""
    for message in prompt.messages:
        text += f"\x00{message.role}\x00"  # turns that begin alike are alike only where the same role speaks
        for part in message.parts:
            match part:
                case Literal(said):
                    text += said
                case Slot(name):
                    yield text
                    yield name
                    text = ""
    yield text + prompt.opening


def _common(all_: Sequence[Sequence[_Piece]]) -> list[_Piece]:
    """What all of them begin with, the last text cut where they part."""
    prefix: list[_Piece] = []
    for column in zip(*all_, strict=False):
        first = column[0]
        if all(piece == first for piece in column):
            prefix.append(first)
            continue
        texts = [piece for piece in column if isinstance(piece, str) and not isinstance(piece, SlotName)]
        if len(texts) == len(column):
            length = next((i for i, chars in enumerate(zip(*texts, strict=False)) if len(set(chars)) > 1), None)
            prefix.append(texts[0][: min(map(len, texts)) if length is None else length])
        break
    return prefix


def _tokens(pieces: Sequence[_Piece], tokens: Tokens, slots: Mapping[SlotName, int]) -> int:
    total = 0
    for piece in pieces:
        if isinstance(piece, SlotName):
            total += slots[piece]
        else:
            total += sum(tokens(text) for text in piece.split("\x00")[::2] if text)
    return total
