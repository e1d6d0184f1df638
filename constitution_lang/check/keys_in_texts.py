"""Lines of texts that would be lines of their block, if they were indented by two.

A text takes whatever is indented by four. So a key that is indented like the text above it becomes a part of that,
and of every prompt that the text is written into.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix
from constitution_lang.source import Span
from constitution_lang.syntax import nodes
from constitution_lang.syntax.forms import BLOCKS, BlockForm, ValueKind
from constitution_lang.syntax.grammar import parsed
from constitution_lang.syntax.values_meant import fits

__all__ = ["keys_in_texts"]

_LIKE_ONE = re.compile(r"\n {4,}(?:applies |when |if |expect |case |[A-Za-z]+(?: of)?:)")
"""What begins with a fixed text, and so takes no time where nothing is found."""
_DEEP = re.compile(r":[ ]*\n {5}")
_OPENINGS = ("applies when", "when", "otherwise", "case", "expect")
"""Of lines that are no fields; `between` and its names are often a line of prose."""
_LINE = re.compile(r"(?P<key>[a-z]+(?: of)?):[ ]*(?P<value>[^#]*?)[ ]*")
_FORMS: dict[type, BlockForm] = {
    nodes.PrincipleBlock: BLOCKS["principle"],
    nodes.CategoryBlock: BLOCKS["category"],
    nodes.TensionBlock: BLOCKS["tension"],
    nodes.ExampleBlock: BLOCKS["example"],
    nodes.TestBlock: BLOCKS["test"],
}


def keys_in_texts(tree: nodes.FileTree) -> Iterator[Diagnostic]:
    """What is said of such lines in a file."""
    text = tree.source.text
    if not (_LIKE_ONE.search(text) or _DEEP.search(text)):
        return
    for block in (*tree.blocks, *tree.mended):
        form = _FORMS.get(type(block))
        for prose in _texts(block) if form else ():
            assert form
            yield from _too_deep(prose, tree.source.name, text)
            yield from _in_text(form, prose, tree.source.name, text)


def _texts(block: nodes.Block) -> Iterator[nodes.Prose]:
    fields: tuple[nodes.Field, ...] = ()
    match block:
        case nodes.TestBlock(models=models):
            fields = tuple(field for model in models for field in model.fields)
        case nodes.PrincipleBlock() | nodes.CategoryBlock() | nodes.TensionBlock() | nodes.ExampleBlock():
            fields = block.fields
    yield from (field.value for field in fields if isinstance(field.value, nodes.Prose))


def _too_deep(prose: nodes.Prose, file: str, text: str) -> Iterator[Diagnostic]:
    start = text.rfind("\n", 0, prose.span.start) + 1
    lines = text[start : prose.span.end].split("\n")
    more = min((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), default=0) - 4
    if more > 0:
        yield codes.W103.at(
            Span(file, start, start + 4 + more),
            f"this text is indented by {4 + more} spaces, of which {more} go into the prompts",
            help="indent it by four",
            fix=Fix(Span(file, start, prose.span.end), "\n".join(line[more:] for line in lines), "indent it by four"),
        )


def _in_text(form: BlockForm, prose: nodes.Prose, file: str, text: str) -> Iterator[Diagnostic]:
    at = prose.span.start
    lines = text[at : prose.span.end].split("\n")
    for number, line in enumerate(lines):
        start, written = at, line
        if at != prose.span.start:
            written = line.lstrip(" ")
            start += len(line) - len(written)
        at += len(line) + 1
        key = _key(form, written.rstrip())
        if key:
            whole = number > 0 and not any(below.strip() for below in lines[number + 1 :])
            field = form.field(key)
            yield codes.W102.at(
                Span(file, start, start + len(key)),
                f"this line of a text looks like the `{key}` of its block",
                help="indent it by two spaces if it is one; if it belongs to the text, write it otherwise",
                fix=Fix(Span(file, start - len(line) + len(written), start), "  ", "indent it by two", sure=False)
                if whole and not (field and field.kind is ValueKind.PROSE)
                else None,
            )


def _key(form: BlockForm, line: str) -> str | None:
    """The key or the opening that a line would have."""
    line = line[:1].lower() + line[1:]
    line = re.sub(r"\A(applies )?if ", r"\1when ", line)
    words = line.split(None, 1)
    opening = next((one for one in _OPENINGS if words and words[0].rstrip(":") == one.split()[0]), None)
    if opening and form.opens(opening.split()[0]) and parsed(f"{form.header}\n  {line}") is not None:
        return opening
    found = _LINE.fullmatch(line)
    field = form.field(found["key"]) if found else None
    if not found or not field:
        return None
    right = not found["value"] if field.kind is ValueKind.PROSE else fits(field, found["value"])
    return field.key if right else None
