"""Prompt templates: Jinja2 in its sandbox, with tags for messages, and slots that are values of their own.

A template is rendered to a list of chunks, never to one string: a message and a slot are objects. So nothing
that a constitution's prose contains can become a message boundary or a slot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from constitution_lang.ir.model import Literal, Part, PromptKind, Role, Slot, SlotName
from constitution_lang.source import Source, Span

if TYPE_CHECKING:
    import jinja2
    from jinja2 import nodes
    from jinja2.parser import Parser
    from jinja2.runtime import Macro

__all__ = [
    "NEEDS", "OPENING", "TAGS", "RenderFailure", "RenderedMessage", "Template", "environment", "line_span", "render",
]  # fmt: skip

_S = SlotName
NEEDS: Mapping[PromptKind, frozenset[SlotName]] = {
    PromptKind.TAG: frozenset({_S.PROMPT}),
    PromptKind.CRITIQUE: frozenset({_S.PROMPT, _S.RESPONSE}),
    PromptKind.REVISE: frozenset({_S.PROMPT, _S.RESPONSE, _S.CRITIQUE}),
    PromptKind.REVISE_DIRECT: frozenset({_S.PROMPT, _S.RESPONSE}),
    PromptKind.PREFER: frozenset({_S.PROMPT, _S.RESPONSE_A, _S.RESPONSE_B}),
    PromptKind.REASON: frozenset({_S.PROMPT, _S.RESPONSE_A, _S.RESPONSE_B}),
    PromptKind.PREFER_REASONED: frozenset({_S.PROMPT, _S.RESPONSE_A, _S.RESPONSE_B, _S.REASONING}),
    PromptKind.REFUSAL: frozenset({_S.PROMPT, _S.RESPONSE}),
}
"""The slots that the templates of a kind have to print; they have no others."""

OPENING = "opening"
"""The tag of the text that begins the assistant's turn."""

TAGS = (*Role, OPENING)

_Chunk: TypeAlias = "str | Slot | RenderedMessage | tuple[_Chunk, ...]"


@dataclass(frozen=True, slots=True)
class Template:
    """A template that was read: its kind, its text, and the code that Jinja made of it.

    `mended` is the text with the same lines that was read in its place, where it has tags that cannot be read.
    """

    kind: PromptKind
    source: Source
    code: jinja2.Template
    mended: str | None = None


@dataclass(frozen=True, slots=True)
class RenderedMessage:
    """One message tag with its content. `tag` is a role, or the opening."""

    tag: str
    line: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class RenderFailure:
    """Why a template could not be rendered, and where. `undefined` where a name or field is missing."""

    line: int
    message: str
    undefined: bool


def line_span(source: Source, line: int) -> Span:
    """The text of a line, without its indentation."""
    number = min(max(line, 1), len(source.line_starts))
    start = source.line_starts[number - 1]
    text = source.line(number)
    return source.span(start + len(text) - len(text.lstrip()), start + len(text))


@cache
def environment() -> jinja2.Environment:
    """Jinja2 in its sandbox, with strict undefined names and nothing that differs from run to run."""
    from jinja2 import StrictUndefined, nodes
    from jinja2.exceptions import TemplateRuntimeError
    from jinja2.ext import Extension

    from constitution_lang.check.bounded import BoundedEnvironment

    class MessageTags(Extension):
        """`{% user %}…{% enduser %}`, and so on: everything inside becomes one message."""

        tags = set(TAGS)  # noqa: RUF012 - as Jinja declares it

        def parse(self, parser: Parser) -> nodes.Node:
            token = next(parser.stream)
            body = parser.parse_statements((f"name:end{token.value}",), drop_needle=True)
            call = self.call_method("message", [nodes.Const(token.value), nodes.Const(token.lineno)])
            return nodes.CallBlock(call, [], [], body).set_lineno(token.lineno)

        def message(self, tag: str, line: int, caller: Macro) -> RenderedMessage:
            content = caller()
            return RenderedMessage(tag, line, _stripped(content if isinstance(content, tuple) else (content,)))

    class PartsEnvironment(BoundedEnvironment):
        """Blocks of a template keep their parts instead of joining them into a string."""

        concat = staticmethod(_parts)  # type: ignore[assignment]

    def printable(value: object) -> object:
        if isinstance(value, str | Slot | tuple):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        str(value)  # an undefined name raises its own error
        raise TemplateRuntimeError(f"cannot print a value of type {type(value).__name__}")

    made = PartsEnvironment(
        extensions=[MessageTags],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
        finalize=printable,
        loader=None,
    )
    del made.globals["lipsum"], made.filters["random"]
    return made


def render(template: Template, context: Mapping[str, object]) -> tuple[RenderedMessage, ...] | RenderFailure:
    """The messages of a template under this context, slots left open."""
    from jinja2.exceptions import UndefinedError

    from constitution_lang.check.bounded import new_budget

    code = template.code
    new_budget()
    slots = {name.value: Slot(name) for name in SlotName}
    try:
        chunks = tuple(code.root_render_func(code.new_context({**context, **slots})))
    except Exception as error:  # noqa: BLE001 - a template may fail in any way, and has to be told where
        line, tb = 1, error.__traceback__
        while tb is not None:
            if "__jinja_template__" in tb.tb_frame.f_globals:
                line = code.get_corresponding_lineno(tb.tb_lineno)
            tb = tb.tb_next
        return RenderFailure(line, str(error) or type(error).__name__, isinstance(error, UndefinedError))
    return tuple(_messages(chunks))


def _messages(chunks: Iterable[_Chunk]) -> Iterable[RenderedMessage]:
    for chunk in chunks:
        if isinstance(chunk, RenderedMessage):
            yield chunk
        elif isinstance(chunk, tuple):
            yield from _messages(chunk)


def _parts(chunks: Iterable[_Chunk]) -> tuple[_Chunk, ...] | str:
    """What a block printed. Text alone is a string, so that a macro or a set block can be used as one."""
    from constitution_lang.check.bounded import LENGTH_MAX, too_long

    flat = tuple(_flat(chunks))
    if sum(len(chunk) for chunk in flat if isinstance(chunk, str)) > LENGTH_MAX:
        raise too_long()
    return "".join(chunk for chunk in flat if isinstance(chunk, str)) if all(isinstance(c, str) for c in flat) else flat


def _flat(chunks: Iterable[_Chunk]) -> Iterable[_Chunk]:
    for chunk in chunks:
        if isinstance(chunk, tuple):
            yield from _flat(chunk)
        else:
            yield chunk


def _stripped(chunks: tuple[_Chunk, ...]) -> tuple[Part, ...]:
    """Neighbouring texts as one literal, without the white space around the whole."""
    parts: list[Part] = []
    for chunk in chunks:
        if isinstance(chunk, Slot):
            parts.append(chunk)
        elif isinstance(chunk, str):
            if parts and isinstance(parts[-1], Literal):
                parts[-1] = Literal(parts[-1].text + chunk)
            else:
                parts.append(Literal(chunk))
    if parts and isinstance(parts[0], Literal):
        parts[0] = Literal(parts[0].text.lstrip())
    if parts and isinstance(parts[-1], Literal):
        parts[-1] = Literal(parts[-1].text.rstrip())
    return tuple(part for part in parts if not (isinstance(part, Literal) and not part.text))
