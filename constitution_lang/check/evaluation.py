"""Every expression of a template that cannot be worked out, each at its own tag.

Evaluation stops at the first. So that one is taken out, which is known by what fails without it, and the rest is tried.
"""

from __future__ import annotations

import re

from jinja2 import nodes

from constitution_lang.check.jinja_tags import printed_tags
from constitution_lang.check.suggest import nearest
from constitution_lang.check.templating import RenderFailure, Template, environment, line_span, render
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix
from constitution_lang.source import Span
from constitution_lang.syntax.words import did_you_mean

__all__ = ["failures"]

_TOLD_MAX = 20
_NO_ATTRIBUTE = re.compile(r"'(?P<type>\w+) object' has no attribute '(?P<name>\w+)'")
_NO_ELEMENT = re.compile(r"\w+ object has no element (?P<at>.+)")


def failures(template: Template, context: dict[str, object]) -> list[Diagnostic]:
    """What is wrong with expressions that are printed, as long as it is these that fail."""
    found: list[Diagnostic] = []
    out: set[int] = set()
    while len(found) < _TOLD_MAX:
        failure, expressions = _tried(template, context, out)
        if failure is None:
            break
        at = _culprit(template, context, failure, expressions, out)
        if at is None:
            break
        out.add(at)
        found.append(_told(template, failure, expressions, at, _fields(context)))
    return found


def _tried(
    template: Template, context: dict[str, object], out: set[int]
) -> tuple[RenderFailure | None, list[nodes.Expr]]:
    """How the template fails without some of what it prints; and all of that, in the order of the text."""
    tree = environment().parse(template.source.text)
    expressions: list[nodes.Expr] = []
    for output in tree.find_all(nodes.Output):
        for at, child in enumerate(output.nodes):
            if isinstance(child, nodes.TemplateData):
                continue
            if len(expressions) in out:
                output.nodes[at] = nodes.Const("…", lineno=child.lineno)
            expressions.append(child)
    result = render(Template(template.kind, template.source, environment().from_string(tree)), context)
    return (result if isinstance(result, RenderFailure) else None), expressions


def _culprit(
    template: Template, context: dict[str, object], failure: RenderFailure, expressions: list[nodes.Expr], out: set[int]
) -> int | None:
    """The expression that fails: the one without which something else does, or nothing."""
    near = [at for at, one in enumerate(expressions) if at not in out and one.lineno <= failure.line]
    near.sort(key=lambda at: (-expressions[at].lineno, at))
    for at in near:
        if _tried(template, context, {*out, at})[0] != failure:
            return at
    return next((at for at in near if expressions[at].lineno == failure.line), None)


def _fields(context: dict[str, object]) -> set[str]:
    """What examples and choices have, of which a template may be given several."""
    given = (value for value in context.values() if isinstance(value, list))
    return {key for value in given for one in value if isinstance(one, dict) for key in one}


def _told(
    template: Template, failure: RenderFailure, expressions: list[nodes.Expr], at: int, fields: set[str]
) -> Diagnostic:
    tags = printed_tags(template.source.text)
    source = template.source
    place = source.span(*tags[at]) if len(tags) == len(expressions) else line_span(source, expressions[at].lineno)
    code = codes.E406 if failure.undefined else codes.E408
    missing = _NO_ATTRIBUTE.fullmatch(failure.message)
    element = _NO_ELEMENT.fullmatch(failure.message)
    if missing:
        name = missing["name"]
        of = next((_source_of(one) for one in expressions[at].find_all(nodes.Getattr) if one.attr == name), "")
        is_part = missing["type"] == "dict"
        best = nearest(name, fields) if is_part else None
        message = f"there is no field `{name}`" if is_part else f"{of or 'this'} has no `{name}`"
        help = did_you_mean(best) or ("see docs/templates.md for what a template is given" if is_part else _IS_TEXT)
        return code.at(place, message, help=help, fix=_fix(source.text, place, name, best))
    if element:
        return code.at(
            place, f"there is no element {element['at']}", help="see docs/templates.md for what may be empty"
        )
    return code.at(place, failure.message.rstrip("."), help="change this expression")


_IS_TEXT = "it is a text, or a list: print it, or go through it with `{% for … %}`"


def _source_of(node: nodes.Getattr) -> str:
    return f"`{node.node.name}`" if isinstance(node.node, nodes.Name) else ""


def _fix(text: str, place: Span, name: str, best: str | None) -> Fix | None:
    found = re.compile(rf"\b{re.escape(name)}\b").search(text, place.start, place.end)
    return Fix(Span(place.file, *found.span()), best, f"write `{best}`") if found and best else None
