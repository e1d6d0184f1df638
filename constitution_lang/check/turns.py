"""From the messages that a template gave to a prompt's turns, and whether they are ones a model can take."""

from __future__ import annotations

import re

from constitution_lang.check.evaluation import failures
from constitution_lang.check.templating import (
    NEEDS,
    OPENING,
    RenderedMessage,
    RenderFailure,
    Template,
    line_span,
    render,
)
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic
from constitution_lang.ir.model import Literal, Message, PromptKind, Role, Slot

__all__ = ["Turns", "probe", "turns"]

_NO_FIELD = re.compile(r"^'dict object' has no attribute '(\w+)'$")

Turns = tuple[tuple[Message, ...], str]
"""The messages, and the opening of the assistant's turn."""


def turns(template: Template, context: dict[str, object]) -> Turns | Diagnostic:
    """Evaluate a template under its context."""
    rendered = render(template, context)
    if isinstance(rendered, RenderFailure):
        code = codes.E406 if rendered.undefined else codes.E408
        message = _NO_FIELD.sub(r"there is no field `\1`", rendered.message).rstrip(".")
        help = "see docs/templates.md for what a template is given" if rendered.undefined else "change this expression"
        return code.at(line_span(template.source, rendered.line), message, help=help)
    spoken = [message for message in rendered if message.tag != OPENING]
    openings = [message for message in rendered if message.tag == OPENING]
    if wrong := _order(template, rendered, spoken, openings):
        return wrong
    missing = NEEDS[template.kind] - {p.name for m in spoken for p in m.parts if isinstance(p, Slot)}
    if missing:
        listed = ", ".join(f"`{slot}`" for slot in sorted(missing))
        at = line_span(template.source, 1)
        help = "print it outside any condition"
        return codes.E403.at(at, f"a prompt of {template.kind} comes out without {listed}", help=help)
    opening = "".join(p.text for m in openings for p in m.parts if isinstance(p, Literal))
    return tuple(Message(Role(m.tag), m.parts) for m in spoken), opening


def _order(
    template: Template,
    rendered: tuple[RenderedMessage, ...],
    spoken: list[RenderedMessage],
    openings: list[RenderedMessage],
) -> Diagnostic | None:
    def wrong(message: RenderedMessage | None, text: str, help: str) -> Diagnostic:
        return codes.E407.at(line_span(template.source, message.line if message else 1), text, help=help)

    for opening in openings:
        if opening is not rendered[-1]:
            return wrong(opening, "the opening is not the last", "move it to the end of the template, and keep one")
        if any(isinstance(part, Slot) for part in opening.parts):
            return wrong(opening, "an opening cannot hold a slot", "write fixed text only")
    expected = Role.USER
    for index, message in enumerate(spoken):
        if not message.parts:
            return wrong(message, "this message is empty", "write something in it, or delete it")
        if message.tag == Role.SYSTEM and index == 0:
            continue
        if message.tag != expected:
            text = f"a message of the {expected} is due here, not of the {message.tag}"
            return wrong(message, text, "after at most one system message, user and assistant take turns")
        expected = Role.ASSISTANT if expected is Role.USER else Role.USER
    if expected is Role.USER:
        last = spoken[-1] if spoken else None
        return wrong(last, "the last message is not the user's", "end with a message of the user; the model answers it")
    return None


def probe(template: Template) -> list[Diagnostic]:
    """Evaluate a template with and without everything optional, so that no mistake waits for a first example."""
    found: list[Diagnostic] = []
    for full in (True, False):
        context = _probe_context(template.kind, full=full)
        result = turns(template, context)
        if isinstance(result, Diagnostic):
            told = failures(template, context) if result.code in (codes.E406.id, codes.E408.id) else []
            places = {one.primary.span for one in found}
            found += [one for one in told or [result] if one.primary.span not in places]
    return found


def _probe_context(kind: PromptKind, *, full: bool) -> dict[str, object]:
    example = dict.fromkeys(("prompt", "response", "critique", "revision"), "…")
    if kind in (PromptKind.PREFER, PromptKind.REASON, PromptKind.PREFER_REASONED):
        example = dict.fromkeys(("prompt", "response_a", "response_b", "answer", "reasoning"), "…")
    examples = [{**example, "own": own} for own in (True, False)] if full else []
    texts = ("statement", "question", "critique_request", "revision_request")
    return {
        **dict.fromkeys(texts, "…"),
        "over": ["…"] if full else [],
        "examples": examples,
        "choices": [{"letter": "A", "value": "…"}, {"letter": "B", "value": "…"}],
    }
