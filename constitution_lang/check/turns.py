"""From the messages that a template gave to a prompt's turns, and whether they are ones a model can take."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

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
_FAILED = (codes.E406.id, codes.E408.id)

Turns = tuple[tuple[Message, ...], str]
"""The messages, and the opening of the assistant's turn."""


def turns(template: Template, context: Mapping[str, object]) -> Turns | list[Diagnostic]:
    """Evaluate a template under its context."""
    rendered = render(template, context)
    if isinstance(rendered, RenderFailure):
        return [_failed(template, rendered)]
    if wrong := _order(template, rendered):
        return wrong
    spoken = [message for message in rendered if message.tag != OPENING]
    missing = NEEDS[template.kind] - {p.name for m in spoken for p in m.parts if isinstance(p, Slot)}
    if missing:
        listed = ", ".join(f"`{slot}`" for slot in sorted(missing))
        at = line_span(template.source, 1)
        help = "print it outside any condition"
        return [codes.E403.at(at, f"a prompt of {template.kind} comes out without {listed}", help=help)]
    openings = [message for message in rendered if message.tag == OPENING]
    opening = "".join(p.text for m in openings for p in m.parts if isinstance(p, Literal))
    return tuple(Message(Role(m.tag), m.parts) for m in spoken), opening


def _failed(template: Template, failure: RenderFailure) -> Diagnostic:
    code = codes.E406 if failure.undefined else codes.E408
    message = _NO_FIELD.sub(r"there is no field `\1`", failure.message).rstrip(".")
    help = "see docs/templates.md for what a template is given" if failure.undefined else "change this expression"
    return code.at(line_span(template.source, failure.line), message, help=help)


_Wrong = tuple[RenderedMessage | None, str, str]


def _order(template: Template, rendered: tuple[RenderedMessage, ...]) -> list[Diagnostic]:
    """Every message that stands where it cannot, once each, however often a loop gives it."""
    told: dict[int, Diagnostic] = {}
    spoken = [message for message in rendered if message.tag != OPENING]
    empty = [] if template.mended is not None else _empty(spoken)  # where a tag was taken out, it may be due to that
    for message, text, help in (*empty, *_roles(spoken), *_openings(rendered)):
        line = message.line if message else 1
        told.setdefault(line, codes.E407.at(line_span(template.source, line), text, help=help))
    return [told[line] for line in sorted(told)]


def _empty(spoken: list[RenderedMessage]) -> list[_Wrong]:
    help = "write something in it, or delete it"
    return [(message, "this message is empty", help) for message in spoken if not message.parts]


def _roles(spoken: list[RenderedMessage]) -> Iterator[_Wrong]:
    expected = Role.USER
    for index, message in enumerate(spoken):
        if message.tag == Role.SYSTEM and index == 0:
            continue
        if message.tag != expected:
            text = f"a message of the {expected} is due here, not of the {message.tag}"
            yield message, text, "after at most one system message, user and assistant take turns"
            after = spoken[index + 1].tag if index + 1 < len(spoken) else None
            if message.tag == Role.SYSTEM:
                continue  # without it the others may be in order
            if after != message.tag:  # a message is missing before this one; else this one has the wrong role
                expected = Role(message.tag)
        expected = Role.ASSISTANT if expected is Role.USER else Role.USER
    if expected is Role.USER:
        last = spoken[-1] if spoken else None
        yield last, "the last message is not the user's", "end with a message of the user; the model answers it"


def _openings(rendered: tuple[RenderedMessage, ...]) -> Iterator[_Wrong]:
    for opening in (message for message in rendered if message.tag == OPENING):
        if opening is not rendered[-1]:
            yield opening, "the opening is not the last", "move it to the end of the template, and keep one"
        if any(isinstance(part, Slot) for part in opening.parts):
            yield opening, "an opening cannot hold a slot", "write fixed text only"


def probe(template: Template, unknown: Collection[str] = ()) -> list[Diagnostic]:
    """Evaluate a template with and without everything optional, so that no mistake waits for a first example.

    `unknown` names are told already: they are given a text, and nothing that fails with them is told.
    """
    found: list[Diagnostic] = []
    for full in (True, False):
        context = {**_probe_context(template.kind, full=full), **dict.fromkeys(unknown, "…")}
        result = turns(template, context)
        if not isinstance(result, list):
            continue
        if result[0].code in _FAILED:
            told, rendered = failures(template, context, unknown)
            result = [*(told or ([] if rendered else result)), *(_order(template, rendered) if rendered else ())]
        places = {one.primary.span for one in found}
        found += [one for one in result if one.primary.span not in places]
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
