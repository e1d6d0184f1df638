"""From a compiled prompt and the texts for its slots to token ids.

`fill` is a join of strings. `ModelTokenizer` turns the conversation into token ids: control tokens come from the
model's chat template alone. All other text is tokenised by a tokenizer that has no control tokens, so
that `<|im_start|>system` in a prompt, a response, a critique or a constitution is just text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from constitution_lang.ir.model import Literal, Part, Prompt, Role, Slot, SlotName
from runtime.chat_template import ChatTemplate, Content, Piece
from runtime.engines.base import EngineError
from runtime.model_settings import ModelSettings, read_json
from runtime.records import Turn
from runtime.text_tokenizer import TextTokenizer, is_control

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["PADS", "ModelTokenizer", "fill", "transcript"]

_TRANSCRIPT = {Role.SYSTEM: "System", Role.USER: "User", Role.ASSISTANT: "Assistant"}
_ENDS = frozenset({"<|endoftext|>", "<|im_end|>", "<|eot_id|>", "<|end_of_text|>", "<end_of_turn>", "<|end|>", "</s>"})
"""Tokens after which nothing belongs to an answer, in models whose configuration does not say so."""

PADS = ("<|endoftext|>", "<pad>", "<|pad|>", "[PAD]", "<|finetune_right_pad_id|>", "<unk>")
"""Tokens that can pad: they never stand inside a conversation."""


def transcript(conversation: Sequence[Turn]) -> str:
    """A conversation as text: `User: …` and `Assistant: …`, a blank line between."""
    return "\n\n".join(f"{_TRANSCRIPT[turn.role]}: {turn.text}" for turn in conversation)


def fill(
    prompt: Prompt,
    *,
    conversation: Sequence[Turn],
    response: str | None = None,
    critique: str | None = None,
    response_a: str | None = None,
    response_b: str | None = None,
    reasoning: str | None = None,
) -> tuple[tuple[Turn, ...], str]:
    """The turns that a model is to see, and the beginning of its answer.

    A user message that is nothing but the `prompt` slot becomes the conversation's turns. Elsewhere the slot is
    the conversation's transcript. A slot without a value is a fault of the caller's: ValueError.
    """
    values = {
        SlotName.RESPONSE: response,
        SlotName.CRITIQUE: critique,
        SlotName.RESPONSE_A: response_a,
        SlotName.RESPONSE_B: response_b,
        SlotName.REASONING: reasoning,
    }
    turns: list[Turn] = []
    for message in prompt.messages:
        if message.role is Role.USER and message.parts == (Slot(SlotName.PROMPT),):
            turns.extend(conversation)
        else:
            text = "".join(_part(part, prompt, conversation, values) for part in message.parts)
            turns.append(Turn(message.role, text))
    return tuple(turns), prompt.opening


def _part(part: Part, prompt: Prompt, conversation: Sequence[Turn], values: dict[SlotName, str | None]) -> str:
    if isinstance(part, Literal):
        return part.text
    if part.name is SlotName.PROMPT:
        return transcript(conversation)
    text = values[part.name]
    if text is None:
        raise ValueError(f"prompt {prompt.id} needs a value for its slot {part.name}")
    return text


@dataclass(frozen=True, slots=True)
class _Run:
    """Text between two control tokens: the template's own words and the turns' texts, tokenised together."""

    pieces: tuple[Piece, ...]

    def text(self, turns: Sequence[Turn]) -> str:
        return "".join(p if isinstance(p, str) else p.of(turns[p.turn].text) for p in self.pieces)


_Segment = int | _Run
"""A control token, or text."""


class ModelTokenizer:
    """The tokenizer and chat template in a model's folder, as a `ChatTokenizer`.

    For texts without control tokens the ids are those of the model's own `apply_chat_template`. A default system
    prompt that the template inserts is kept. No BOS is added to what the template writes; in the plain form of
    a model without a template there is the BOS that its tokenizer puts first.

    Args:
        folder: The model, or its tokenizer and configuration.
        context_max: Of what runs the model, where that has less room than the model itself.
    """

    def __init__(self, folder: Path, *, context_max: int | None = None) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError as e:
            raise EngineError(
                f"a model's tokens need {e.name or 'a library'}, which is not installed",
                "pip install 'constitution-compiler[train]'",
            ) from e
        file = folder / "tokenizer.json"
        if not file.is_file():
            raise EngineError(
                f"{folder} has no tokenizer.json",
                "load the tokenizer with transformers' AutoTokenizer and save it into the folder with save_pretrained",
            )
        self._name = folder.name
        self._settings = ModelSettings.read(folder)
        self._context_max = min(self._settings.context_max, context_max or self._settings.context_max)
        self._template = ChatTemplate.load(folder)
        spec = read_json(file)
        try:
            self._full: Tokenizer = Tokenizer.from_file(str(file))
            self._controls = {entry["id"]: entry["content"] for entry in spec["added_tokens"] if is_control(entry)}
            self._plain = TextTokenizer(spec)
        except Exception as e:  # the library raises nothing more exact
            raise EngineError(
                f"{file} cannot be read as a tokenizer: {str(e).strip().splitlines()[0]}",
                "load the tokenizer with transformers' AutoTokenizer and save it into the folder with save_pretrained",
            ) from e
        self._full.no_truncation()
        self._full.no_padding()
        # The same few-shot turns and the same statements stand in thousands of prompts.
        self._run_ids = lru_cache(maxsize=16384)(self._plain.ids)
        self._compiled = lru_cache(maxsize=1024)(self._compile)
        self._option = lru_cache(maxsize=1024)(self._find_option)
        self._lead = self._find_lead()
        self._bos = self._id(self._settings.bos)
        self._edges, self.end_of_turn = self._find_answer()
        self.stops: frozenset[int] = self._find_stops()
        """Tokens at which an answer ends."""
        self.pad: int = self._find_pad()
        """A token for padding, other than the end of a turn where there is one."""

    @property
    def context_max(self) -> int:
        """Most tokens, prompt and completion together."""
        return self._context_max

    @property
    def stop_text(self) -> str | None:
        """What ends an answer in the plain form, where the model may write the next turn itself."""
        return "\n\nHuman:" if self._template.is_plain else None

    def encode(self, turns: Sequence[Turn], opening: str = "") -> tuple[int, ...]:
        """Token ids of `turns` and of the beginning of the assistant's answer, which starts with `opening`."""
        ids = [*self._lead]
        segments = self._compiled(tuple(turn.role for turn in turns))
        begun = self._edges.before + opening if opening else ""
        for segment in segments[:-1]:
            ids.extend(self._ids(segment, turns))
        # The opening continues the text that opens the turn, and may share a token with it.
        last = segments[-1] if segments else _Run(())
        if isinstance(last, _Run):
            ids.extend(self._run_ids(last.text(turns) + begun))
        else:
            ids.extend((last, *self._run_ids(begun)))
        if len(ids) > 1 and ids[0] == ids[1] == self._bos:
            del ids[0]
        return tuple(ids)

    def encode_answer(self, turns: Sequence[Turn], answer: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """For training: the prompt's ids, as `encode(turns)`, and the answer's ids with one end of the turn."""
        edges = self._edges
        return self.encode(turns), (
            *self._run_ids(edges.before + edges.content.of(answer) + edges.after),
            self.end_of_turn,
        )

    def option(self, opening: str, text: str) -> int:
        """The single token that `text` is right after `opening`; EngineError where it is not one token."""
        return self._option(opening, text)

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of a completion, without control tokens."""
        text: str = self._full.decode([t for t in tokens if t not in self.stops], skip_special_tokens=True)
        # In the plain form a space stands between the colon and the answer; `encode_answer` puts it back.
        return text.removeprefix(self._edges.before) if self._template.is_plain else text

    def _ids(self, segment: _Segment, turns: Sequence[Turn]) -> tuple[int, ...]:
        return (segment,) if isinstance(segment, int) else self._run_ids(segment.text(turns))

    def _id(self, token: str | None) -> int | None:
        found: int | None = None if token is None else self._full.token_to_id(token)
        return found

    def _compile(self, roles: tuple[Role, ...]) -> tuple[_Segment, ...]:
        return self._segments(self._template.render(roles, answer_follows=True))

    def _segments(self, pieces: Sequence[Piece]) -> tuple[_Segment, ...]:
        segments: list[_Segment] = []
        run: list[Piece] = []
        for piece in pieces:
            for part in (piece,) if isinstance(piece, Content) else self._parse(piece):
                if isinstance(part, int):
                    if run:
                        segments.append(_Run(tuple(run)))
                        run = []
                    segments.append(part)
                else:
                    run.append(part)
        if run:
            segments.append(_Run(tuple(run)))
        return tuple(segments)

    def _parse(self, text: str) -> list[str | int]:
        """The template's own text, with its control tokens found."""
        encoding = self._full.encode(text, add_special_tokens=False)
        parts: list[str | int] = []
        end = 0
        for id, (start, stop) in zip(encoding.ids, encoding.offsets, strict=True):
            if id in self._controls:
                if start > end:
                    parts.append(text[end:start])
                parts.append(id)
                end = stop
        if end < len(text):
            parts.append(text[end:])
        return parts

    def _find_lead(self) -> tuple[int, ...]:
        """What the plain form begins with: the BOS that the tokenizer itself puts first, if any."""
        if not self._template.is_plain:
            return ()
        added = self._full.encode("", add_special_tokens=True).ids
        bos = self._id(self._settings.bos)
        return tuple(added[:1]) if added and added[0] == bos else ()

    def _find_answer(self) -> tuple[_Edges, int]:
        """What stands around an answer, and the token that ends it: read off the template."""
        pieces = self._template.render((Role.USER, Role.ASSISTANT), answer_follows=False)
        at = max(n for n, piece in enumerate(pieces) if isinstance(piece, Content) and piece.turn == 1)
        content = pieces[at]
        assert isinstance(content, Content)
        whole, opened = pieces[:at], self._template.render((Role.USER,), answer_follows=True)
        before = ""
        if whole[:-1] == opened[:-1] and isinstance(whole[-1], str) and isinstance(opened[-1], str):
            before = whole[-1].removeprefix(opened[-1]) if whole[-1].startswith(opened[-1]) else ""
        if any(isinstance(part, int) for part in self._parse(before)):
            before = ""
        after = ""
        for segment in self._segments(pieces[at + 1 :]):
            if isinstance(segment, int):
                return _Edges(before, content, after), segment
            after = segment.text(())
        for id in (self._id(self._settings.eos), *self._settings.eos_ids):
            if id is not None:
                return _Edges(before, content, ""), id
        raise EngineError(
            f"{self._name} does not say which token ends an answer", "write eos_token into its tokenizer_config.json"
        )

    def _find_stops(self) -> frozenset[int]:
        named = (self._id(self._settings.eos), *(id for id, text in self._controls.items() if text in _ENDS))
        return frozenset((self.end_of_turn, *self._settings.eos_ids, *(id for id in named if id is not None)))

    def _find_pad(self) -> int:
        for token in (self._settings.pad, *PADS):
            id = self._id(token)
            if id is not None and id != self.end_of_turn:
                return id
        return self.end_of_turn

    def _find_option(self, opening: str, text: str) -> int:
        # In the context in which `encode` puts it: after the template's opening of the turn.
        last = self._compiled((Role.USER,))[-1:]
        context = last[0].text((Turn(Role.USER, ""),)) if last and isinstance(last[0], _Run) else ""
        if not opening and self._template.is_plain:
            # `encode` ends in the colon then, and the space after it is the model's to write: ` A` comes next, not `A`.
            before, whole = self._run_ids(context), self._run_ids(context + self._edges.before + text)
            if len(whole) == len(before) + 1 and whole[:-1] == before:
                return whole[-1]
        context += self._edges.before + opening
        before, whole = self._run_ids(context), self._run_ids(context + text)
        if len(whole) == len(before) + 1 and whole[:-1] == before:
            return whole[-1]
        # `(A` may be one token, but the prompt ends in `(`, so that what comes next is the token that reads `A`.
        alone = self._plain.ids(text)
        if whole[: len(before)] != before and len(alone) == 1:
            return alone[0]
        raise EngineError(
            f"{text!r} after {opening!r} is not one token of {self._name}",
            "use options of one letter or one digit",
        )


@dataclass(frozen=True, slots=True)
class _Edges:
    """What a template writes between the opening of the assistant's turn and its end, the end itself excepted."""

    before: str
    content: Content
    after: str
