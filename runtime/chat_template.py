"""A model's chat template, rendered once for each sequence of roles, with placeholders instead of texts.

A template sees a placeholder where a text will stand, so nothing that a user or a model wrote is ever part of
what is evaluated or parsed. Where a template trims a text, the same is done to the text itself. A default
system prompt that a template inserts is kept: the model was trained with it. A template that asks for the
date gets a fixed one, since a prompt must not depend on the day it is made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NoReturn

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from constitution_lang.ir.model import Role
from runtime.engines.base import EngineError
from runtime.model_settings import read_json, special_tokens

__all__ = ["ChatTemplate", "Content", "Piece"]

_DATE = datetime(2024, 7, 26, tzinfo=UTC)
# The marks around a placeholder are white space that no template writes itself: a trim takes them away.
_MARK = "\v"
_PLACEHOLDER = re.compile(r"(\v?)cai7f3aturn(\d+)x(\v?)")
_SPEAKERS = {Role.USER: "Human", Role.ASSISTANT: "Assistant"}


@dataclass(frozen=True, slots=True)
class Content:
    """The place of a turn's text, by the turn's index."""

    turn: int
    strip_left: bool = False
    strip_right: bool = False

    def of(self, text: str) -> str:
        """The text as the template would print it."""
        if self.strip_left:
            text = text.lstrip()
        return text.rstrip() if self.strip_right else text


Piece = str | Content
"""Text of the template's own, which may hold control tokens, or the place of a text."""


class _Generation(Extension):
    """Templates may mark what the assistant says; the mark prints nothing."""

    tags = {"generation"}  # noqa: RUF012  # jinja2 declares it so

    def parse(self, parser: jinja2.parser.Parser) -> list[jinja2.nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


@cache
def _environment() -> jinja2.Environment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = _DATE.strftime
    return environment


def _refuse(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


class ChatTemplate:
    """How a model's conversations are written. `source` None is the plain form of a model without a template.

    The plain form has the system's text first, then `Human: ` and `Assistant: ` turns, a blank line between.
    """

    def __init__(self, source: str | None, tokens: dict[str, str], name: str) -> None:
        self._name = name
        self._tokens = tokens
        self.is_plain = source is None
        try:
            self._template = None if source is None else _environment().from_string(source)
        except jinja2.TemplateError as e:
            raise EngineError(f"the chat template of {name} cannot be read: {e}", "repair chat_template.jinja") from e

    @staticmethod
    def load(folder: Path) -> ChatTemplate:
        """The template in a model's folder."""
        file = folder / "chat_template.jinja"
        source: object
        if file.is_file():
            source = file.read_text(encoding="utf-8")
        else:
            source = read_json(folder / "tokenizer_config.json").get("chat_template")
        if isinstance(source, list):
            by_name = {str(entry.get("name")): entry.get("template") for entry in source}
            source = by_name.get("default")
        return ChatTemplate(source if isinstance(source, str) else None, special_tokens(folder), folder.name)

    def render(self, roles: Sequence[Role], *, answer_follows: bool) -> tuple[Piece, ...]:
        """Pieces of a conversation with these roles; `answer_follows` opens the assistant's turn at its end.

        Raises:
            EngineError: The template refuses such a conversation, or leaves out one of its texts.
        """
        contents = [(role, f"{_MARK}cai7f3aturn{n}x{_MARK}") for n, role in enumerate(roles)]
        if self._template is None:
            return _split(_plain(contents, answer_follows=answer_follows))
        try:
            text = self._rendered(self._template, contents, answer_follows=answer_follows)
        except jinja2.TemplateError as e:
            merged = _without_system(contents)
            if merged == contents:
                raise self._refusal(roles, str(e)) from e
            try:
                text = self._rendered(self._template, merged, answer_follows=answer_follows)
            except jinja2.TemplateError:
                raise self._refusal(roles, str(e)) from e
        pieces = _split(text)
        missing = set(range(len(roles))) - {piece.turn for piece in pieces if isinstance(piece, Content)}
        if missing:
            raise self._refusal(roles, f"it leaves out turn {min(missing) + 1}")
        return pieces

    def _rendered(
        self, template: jinja2.Template, contents: Sequence[tuple[Role, str]], *, answer_follows: bool
    ) -> str:
        messages = [{"role": role.value, "content": text} for role, text in contents]
        try:
            return template.render(
                messages=messages, add_generation_prompt=answer_follows, tools=None, documents=None, **self._tokens
            )
        except TypeError as e:  # a template may take a content for something else than a text
            raise jinja2.TemplateError(str(e)) from e

    def _refusal(self, roles: Sequence[Role], reason: str) -> EngineError:
        shape = ", ".join(role.value for role in roles)
        return EngineError(
            f"the chat template of {self._name} refuses a conversation of the turns {shape}: {reason}",
            "choose a model whose template takes such conversations, or edit its chat_template.jinja",
        )


def _without_system(contents: Sequence[tuple[Role, str]]) -> list[tuple[Role, str]]:
    """Some templates know no system turn: its text then stands before the first user's, a blank line between."""
    systems = [text for role, text in contents if role is Role.SYSTEM]
    others = [(role, text) for role, text in contents if role is not Role.SYSTEM]
    if not systems or not others or others[0][0] is not Role.USER:
        return list(contents)
    return [(Role.USER, "\n\n".join([*systems, others[0][1]])), *others[1:]]


def _plain(contents: Sequence[tuple[Role, str]], *, answer_follows: bool) -> str:
    written = [text if role is Role.SYSTEM else f"{_SPEAKERS[role]}: {text}" for role, text in contents]
    if answer_follows:
        written.append("Assistant:")
    return "\n\n".join(written)


def _split(text: str) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    end = 0
    for found in _PLACEHOLDER.finditer(text):
        if found.start() > end:
            pieces.append(text[end : found.start()])
        left, turn, right = found.groups()
        pieces.append(Content(int(turn), strip_left=not left, strip_right=not right))
        end = found.end()
    if end < len(text):
        pieces.append(text[end:])
    return tuple(pieces)
