"""What a template may do: print slots, and nothing else with them. Every mistake is told at its own line."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.meta import find_undeclared_variables

from constitution_lang.check import suggest
from constitution_lang.check.jinja_tags import Places, Tags, read_tags
from constitution_lang.check.templating import NEEDS, Template, environment, line_span
from constitution_lang.check.turns import probe
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix
from constitution_lang.ir.model import PromptKind, SlotName
from constitution_lang.source import Source, Span

__all__ = ["NAMES", "check_template"]

_PRINCIPLE = frozenset({"statement", "over", "examples"})
_PAIR = frozenset({"statement", "question", "examples"})
NAMES: Mapping[PromptKind, frozenset[str]] = {
    PromptKind.TAG: frozenset({"question", "choices"}),
    PromptKind.CRITIQUE: _PRINCIPLE | {"critique_request"},
    PromptKind.REVISE: _PRINCIPLE | {"critique_request", "revision_request"},
    PromptKind.REVISE_DIRECT: _PRINCIPLE | {"revision_request"},
    PromptKind.PREFER: _PAIR,
    PromptKind.REASON: _PAIR,
    PromptKind.PREFER_REASONED: _PAIR,
    PromptKind.REFUSAL: frozenset({"choices"}),
}
"""What the templates of a kind are given, besides their slots."""

_DIFFERING: Mapping[PromptKind, frozenset[str]] = {
    PromptKind.TAG: frozenset({"question", "choices"}),
    PromptKind.CRITIQUE: frozenset({"statement", "critique_request"}),
    PromptKind.REVISE_DIRECT: frozenset({"statement", "revision_request"}),
    PromptKind.PREFER: frozenset({"statement", "question"}),
    PromptKind.REASON: frozenset({"statement", "question"}),
}
"""What differs from one principle, or attribute, to another; a template prints one of these. A critique, or the
reasoning, says it again where it is printed."""
_ONE_BRACE = re.compile(r"(?<!\{)\$?\{[ ]*(\w+)[ ]*\}(?!\})")
_SLOTS = {name.value for name in SlotName}


def check_template(kind: PromptKind, source: Source) -> tuple[Template | None, list[Diagnostic]]:
    """One template; None where it is not valid Jinja."""
    tags: Tags | None = None
    try:
        tree = _read(source.text)
    except TemplateSyntaxError as error:
        tags = read_tags(source)
        try:
            tree = _read(tags.mended)
        except TemplateSyntaxError:
            return None, tags.found or [_invalid(source, error)]
    places = Places(source, tags)
    walk = _Walk(kind, source, places)
    walk.node(tree, _Inside())
    undefined, unknown, meant = _undefined(kind, tree, places)
    found = [*(tags.found if tags else ()), *walk.found, *undefined]
    braced = [*_in_one_brace(source, (NAMES[kind] | NEEDS[kind]) - walk.printed)]
    found += [_printed_as_text(name, at) for name, at in braced]
    in_one_brace = {name for name, _ in braced}
    for slot in sorted(NEEDS[kind] - walk.printed - meant - places.unread - in_one_brace):
        at = line_span(source, 1)
        help = f"write `{{{{ {slot} }}}}` in a message"
        found.append(codes.E403.at(at, f"a template of {kind} has to print `{slot}`", help=help))
    if not (tags or found):
        found += _same_for_all(kind, source, tree)
    template = Template(kind, source, environment().from_string(tree), tags.mended if tags else None)
    if not (tags and tags.unknown) and not any(finding.code == codes.E409.id for finding in found):
        found += [one for one in probe(template, unknown | _assigned(tree)) if not _follows(one, found, meant)]
    found.sort(key=lambda finding: finding.primary.span.start)
    return (None if tags else template), found


def _in_one_brace(source: Source, names: Collection[str]) -> Iterator[tuple[str, Span]]:
    """Names that stand between single braces, and where."""
    for braced in _ONE_BRACE.finditer(source.text):
        if braced[1] in names:
            yield braced[1], source.span(*braced.span())


def _printed_as_text(name: str, at: Span) -> Diagnostic:
    code = codes.E403 if name in _SLOTS else codes.W401
    right = f"{{{{ {name} }}}}"
    help = f"two braces print it: write `{right}`"
    return code.at(at, f"`{name}` in single braces is text", help=help, fix=Fix(at, right, f"write `{right}`"))


def _same_for_all(kind: PromptKind, source: Source, tree: nodes.Template) -> Iterator[Diagnostic]:
    differing = _DIFFERING.get(kind, frozenset())
    if differing and differing.isdisjoint(name.name for name in tree.find_all(nodes.Name)):
        listed = " or ".join(f"`{{{{ {name} }}}}`" for name in sorted(differing))
        whose = "attribute" if kind is PromptKind.TAG else "principle"
        message = f"this template prints nothing of the {whose}: each gets the same prompt"
        yield codes.W401.at(line_span(source, 1), message, help=f"write {listed} in a message")


def _assigned(tree: nodes.Template) -> set[str]:
    return {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load" and name.name in _SLOTS}


def _follows(finding: Diagnostic, found: list[Diagnostic], meant: set[str]) -> bool:
    """Whether what evaluation gave is a consequence of what was told before it."""
    if finding.code == codes.E403.id:
        return bool(meant) or any(one.code in (codes.E401.id, codes.E402.id, codes.E403.id) for one in found)
    span = finding.primary.span
    within = (one for one in found if span.start <= one.primary.span.start < span.end)
    return finding.code in (codes.E406.id, codes.E408.id) and any(within)


def _read(text: str) -> nodes.Template:
    """The tree of a template.

    Raises:
        TemplateSyntaxError: it is not valid Jinja, or names a filter or a test that there is not.
    """
    tree = environment().parse(text)
    environment().compile(tree)
    return tree


def _invalid(source: Source, error: TemplateSyntaxError) -> Diagnostic:
    at = line_span(source, error.lineno)
    return codes.E401.at(at, "this is not valid Jinja", help="see docs/templates.md for what can stand in a tag")


def _undefined(kind: PromptKind, tree: nodes.Template, places: Places) -> tuple[list[Diagnostic], set[str], set[str]]:
    """Names that nothing defines, each told once on a line; and what seems to have been meant by them."""
    known = NAMES[kind] | _SLOTS | set(environment().globals) | places.unread
    unknown = find_undeclared_variables(tree) - known
    told: set[tuple[str, int]] = set()
    found: list[Diagnostic] = []
    meant: set[str] = set()
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load" and name.name in unknown and (name.name, name.lineno) not in told:
            told.add((name.name, name.lineno))
            candidates = NAMES[kind] | NEEDS[kind]
            listed = ", ".join(f"`{c}`" for c in sorted(candidates))
            at = places.name(name.name, name.lineno)
            hint = suggest.did_you_mean(at, name.name, candidates, f"a template of {kind} is given {listed}")
            meant.update([hint["fix"].text] if hint["fix"] else [])
            found.append(codes.E406.at(at, f"`{name.name}` is not defined", **hint))
    return found, unknown, meant


@dataclass(frozen=True, slots=True)
class _Inside:
    """Where in the template a node stands."""

    message: bool = False
    captured: bool = False


_BANNED = (
    nodes.Include,
    nodes.Import,
    nodes.FromImport,
    nodes.Extends,
    nodes.Block,
    nodes.ScopedEvalContextModifier,
    nodes.EvalContextModifier,
)
_CAPTURING = (nodes.Macro, nodes.AssignBlock, nodes.FilterBlock, nodes.CallBlock)
"""What is printed inside these can be worked on afterwards, so a slot must not be."""
_WHAT_IS_DONE: tuple[tuple[type[nodes.Node] | tuple[type[nodes.Node], ...], str], ...] = (
    (nodes.Filter, "filtered"),
    (nodes.Test, "tested"),
    (nodes.Compare, "compared"),
    (nodes.Operand, "compared"),
    ((nodes.Getattr, nodes.Getitem, nodes.Slice), "indexed"),
    (nodes.Call, "called or passed on"),
    (nodes.Keyword, "passed on"),
    (nodes.For, "looped over"),
    ((nodes.If, nodes.CondExpr, nodes.Not, nodes.And, nodes.Or), "tested"),
    ((nodes.Assign, nodes.AssignBlock, nodes.With), "assigned"),
    (nodes.Macro, "captured by a block, which could work on it"),
)


class _Walk:
    """Visits every node once, with its parent."""

    def __init__(self, kind: PromptKind, source: Source, places: Places) -> None:
        self.kind = kind
        self.places = places
        self.source = source
        self.found: list[Diagnostic] = []
        self.printed: set[SlotName] = set()

    def node(self, node: nodes.Node, inside: _Inside) -> None:
        if isinstance(node, _BANNED):
            tag = type(node).__name__.lower()
            at = self.places.block(node.lineno)
            self.tell(codes.E409.at(at, f"`{tag}` is not allowed in a template", help="write its text here"))
        elif isinstance(node, nodes.CallBlock) and _is_message(node):
            self.message(node, inside)
        elif isinstance(node, nodes.Output):
            self.output(node, inside)
        else:
            inner = replace(inside, captured=True) if isinstance(node, _CAPTURING) else inside
            for child in node.iter_child_nodes():
                if isinstance(child, nodes.Name) and child.name in _SLOTS:
                    self.misused(child, node)
                else:
                    self.node(child, inner)

    def message(self, node: nodes.CallBlock, inside: _Inside) -> None:
        at = self.places.block(node.lineno)
        if inside.message or inside.captured:
            where = "another message" if inside.message else "a block that captures what is printed"
            help = "close the outer one first; messages stand one after the other"
            self.tell(codes.E409.at(at, f"a message cannot stand in {where}", help=help))
        for child in node.body:
            self.node(child, replace(inside, message=True))

    def output(self, node: nodes.Output, inside: _Inside) -> None:
        for child in node.nodes:
            if isinstance(child, nodes.TemplateData):
                self.text(child, inside)
                continue
            if isinstance(child, nodes.Const) and child.value == "":  # as NOTHING is
                continue
            if not (inside.message or inside.captured):
                help = "put it between `{% user %}` and `{% enduser %}`"
                at = self.places.printed(child.lineno)
                self.tell(codes.E405.at(at, "this is printed outside a message", help=help))
            if isinstance(child, nodes.Name) and child.name in _SLOTS:
                self.slot(child, inside)
            else:
                self.node(child, inside)

    def text(self, data: nodes.TemplateData, inside: _Inside) -> None:
        if inside.message or inside.captured or not data.data.strip():
            return
        before = data.data[: len(data.data) - len(data.data.lstrip())]
        at = self.places.text(data.data.strip().split("\n", 1)[0], data.lineno + before.count("\n"))
        help = "put it between `{% user %}` and `{% enduser %}`, or in a comment `{# … #}`"
        self.tell(codes.E405.at(at, "this text is outside every message", help=help))

    def slot(self, name: nodes.Name, inside: _Inside) -> None:
        slot = SlotName(name.name)
        if inside.captured:
            self.misused(name, nodes.Macro())
            return
        if slot in NEEDS[self.kind]:
            self.printed.add(slot)
            return
        listed = ", ".join(f"`{s}`" for s in sorted(NEEDS[self.kind]))
        self.tell(
            codes.E404.at(
                self.places.name(name.name, name.lineno),
                f"a prompt of {self.kind} has no slot `{slot}`",
                help=f"its slots are {listed}",
            )
        )

    def misused(self, name: nodes.Name, parent: nodes.Node) -> None:
        self.printed.add(SlotName(name.name))  # that it is not printed as it should be is told here
        done = "assigned" if name.ctx in ("store", "param") else _done(parent)
        self.tell(
            codes.E402.at(
                self.places.name(name.name, name.lineno),
                f"the slot `{name.name}` is {done}",
                help=f"a slot can only be printed: `{{{{ {name.name} }}}}`",
            )
        )

    def tell(self, finding: Diagnostic) -> None:
        self.found.append(finding)


def _done(parent: nodes.Node) -> str:
    return next((done for types, done in _WHAT_IS_DONE if isinstance(parent, types)), "part of an expression")


def _is_message(node: nodes.CallBlock) -> bool:
    return isinstance(node.call.node, nodes.ExtensionAttribute)
