"""Every expression of a template that cannot be worked out, each at its own tag.

Evaluation stops at the first. So that one is taken out, which is known by what fails without it, and the rest is tried.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from jinja2 import nodes

from constitution_lang.check.jinja_tags import printed_tags
from constitution_lang.check.suggest import nearest
from constitution_lang.check.templating import RenderedMessage, RenderFailure, Template, environment, line_span, render
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix
from constitution_lang.source import Span
from constitution_lang.syntax.words import did_you_mean

__all__ = ["failures"]

_TOLD_MAX = 20
_NO_ATTRIBUTE = re.compile(r"'(?P<type>\w+) object' has no attribute '(?P<name>\w+)'")
_NO_ELEMENT = re.compile(r"\w+ object has no element (?P<at>.+)")


Rendered = tuple[RenderedMessage, ...]


def failures(
    template: Template, context: dict[str, object], unknown: Collection[str] = ()
) -> tuple[list[Diagnostic], Rendered | None]:
    """What is wrong with expressions that are printed, as long as it is these that fail; and the messages without them.

    Nothing is told of those with `unknown` names, or with what comes from these.
    """
    found: list[Diagnostic] = []
    out: set[int] = set()
    doubtful = _from(unknown, environment().parse(_text(template))) if unknown else set()
    while len(out) < _TOLD_MAX:
        rendered, expressions = _tried(template, context, out)
        if not isinstance(rendered, RenderFailure):
            return found, rendered
        at = _culprit(template, context, rendered, expressions, out)
        if at is None:
            break
        out.add(at)
        if doubtful.isdisjoint(_names(expressions[at])):
            found.append(_told(template, rendered, expressions, at, _fields(context)))
    return found, None


def _text(template: Template) -> str:
    return template.source.text if template.mended is None else template.mended


def _names(node: nodes.Node) -> set[str]:
    names = {name.name for name in node.find_all(nodes.Name)}
    return names | ({node.name} if isinstance(node, nodes.Name) else set())


def _from(unknown: Collection[str], tree: nodes.Template) -> set[str]:
    """Names, and those that loops and `set` make of them, in the order of the text."""
    doubtful = set(unknown)
    made = [(loop.lineno, loop.iter, loop.target) for loop in tree.find_all(nodes.For)]
    made += [(assigned.lineno, assigned.node, assigned.target) for assigned in tree.find_all(nodes.Assign)]
    for _, given, target in sorted(made, key=lambda one: one[0]):
        if not doubtful.isdisjoint(_names(given)):
            doubtful |= _names(target)
    return doubtful


def _tried(
    template: Template, context: dict[str, object], out: set[int]
) -> tuple[Rendered | RenderFailure, list[nodes.Expr]]:
    """What the template gives without some of what it prints; and all of that, in the order of the text."""
    tree = environment().parse(_text(template))
    expressions: list[nodes.Expr] = []
    for output in tree.find_all(nodes.Output):
        for at, child in enumerate(output.nodes):
            if isinstance(child, nodes.TemplateData):
                continue
            if len(expressions) in out:
                output.nodes[at] = nodes.Const("…", lineno=child.lineno)
            expressions.append(child)
    return render(Template(template.kind, template.source, environment().from_string(tree)), context), expressions


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
