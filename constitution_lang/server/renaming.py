"""Another name for something, in every file of a program; or why it can't have it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from constitution_lang.check.modules import LIBRARY
from constitution_lang.check.references import former_ids
from constitution_lang.server.blocks import BlockText
from constitution_lang.server.names import Meaning
from constitution_lang.server.program import Program
from constitution_lang.source import Span
from constitution_lang.syntax import nodes
from constitution_lang.syntax.forms import BLOCKS
from constitution_lang.syntax.words import listed

__all__ = ["RefusedError", "former_names", "renamed"]

_PART = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_TAIL = re.compile(r"[A-Za-z0-9_-]+")
_OF_KIND = {"category": nodes.CategoryBlock, "principle": nodes.PrincipleBlock}
_STAGES = BLOCKS["sampling"].choices
_WORDS = ("and", "or", "not", "is", "in", "over", "at", "one", "of", "applies", "does", "otherwise", "when")


class RefusedError(Exception):
    """The name cannot be changed like this. The text says why."""


def renamed(program: Program, meaning: Meaning, new: str) -> list[tuple[Span, str]]:
    """Each place that changes, and the text for it.

    Raises:
        RefusedError: the new name is none, is taken, or stands in a file that is not the user's.
    """
    _check_form(meaning, new)
    declaration = program.declaration(meaning)
    if declaration is None:
        raise RefusedError(f"nothing declares `{meaning.id}`, so it can't be renamed")
    edits = [(use.span, new) for use in program.uses_of(meaning)]
    library = next((span.file for span, _ in edits if span.file.startswith(LIBRARY)), None)
    if library:
        raise RefusedError(f"`{meaning.id}` belongs to the standard library ({library.removeprefix(LIBRARY)})")
    if new != meaning.id:
        _check_free(program, meaning, new)
    broken = [name for blocks, block in program.blocks() for name in block.tree.broken if blocks]
    if broken:
        names = listed(sorted({name.text for name in broken})[:3], "and")
        raise RefusedError(f"correct {names} first: a block with errors may name `{meaning.id}` unseen")
    return edits


def former_names(program: Program, meaning: Meaning, new: str) -> list[tuple[Span, str]]:
    """The edits that say what was called otherwise before, so that draws stay: a draw goes by the first id of all.

    With a category its principles get other ids as well. A name that something gets back is no former one any more.
    """
    if meaning.kind not in ("category", "principle") or new == meaning.id:
        return []
    inside = f"{meaning.id}."
    edits = []
    for blocks, block in program.blocks():
        for node in block.tree.blocks:
            if (
                isinstance(node, nodes.PrincipleBlock)
                and meaning.kind == "category"
                and node.name.text.startswith(inside)
            ):
                became = f"{new}.{node.name.text.removeprefix(inside)}"
            elif isinstance(node, _OF_KIND[meaning.kind]) and node.name.text == meaning.id:
                became = new
            else:
                continue
            for span, text in _formerly(node, block, became):
                place = blocks.place(span)
                edits += [(place, text)] if place else []
    return edits


def _formerly(
    node: nodes.CategoryBlock | nodes.PrincipleBlock, block: BlockText, new: str
) -> Iterator[tuple[Span, str]]:
    def line_start(at: int) -> int:
        return block.text.rfind("\n", 0, at) + 1

    known = former_ids(node)
    names = [name.text for name in known]
    if new in names:
        kept = names.index(new)
        if kept:
            yield Span(block.name, known[kept - 1].span.end, known[-1].span.end), ""
        else:
            start = line_start(known[0].span.start)
            end = block.text.find("\n", known[-1].span.end) + 1 or len(block.text)
            yield Span(block.name, start, end), ""
    elif known:
        yield Span(block.name, known[-1].span.end, known[-1].span.end), f", {node.name.text}"
    else:
        prose = next((field.key.span.start for field in node.fields if isinstance(field.value, nodes.Prose)), None)
        at = block.extent if prose is None else line_start(prose)
        line = f"  formerly: {node.name.text}"
        yield Span(block.name, at, at), f"\n{line}" if prose is None else f"{line}\n"


def _check_form(meaning: Meaning, new: str) -> None:
    kind = meaning.kind
    if kind == "principle":
        category, *rest = new.split(".")
        good = bool(rest) and bool(_PART.fullmatch(category)) and all(map(_TAIL.fullmatch, rest))
        if good and category != meaning.id.partition(".")[0]:
            raise RefusedError(f"`{new}` would move the principle to another category; move it by hand")
        example = f"{meaning.id.partition('.')[0]}.something"
    else:
        good, example = bool(_PART.fullmatch(new)), "some-name"
    if not good:
        raise RefusedError(f"`{new}` is no name of a {kind}; write letters, digits and hyphens, as in `{example}`")
    if new in _STAGES or new in _WORDS:
        raise RefusedError(f"`{new}` is a word of the language")


def _check_free(program: Program, meaning: Meaning, new: str) -> None:
    others = {use.meaning for use in program.uses() if use.declares}
    taken = Meaning(meaning.kind, new, meaning.of) in others
    if meaning.kind == "category":
        taken = taken or any(m.kind == "principle" and m.id.startswith(f"{new}.") for m in others)
    if taken:
        raise RefusedError(f"there is a {meaning.kind} `{new}` already")
    declared: tuple[nodes.CategoryBlock | nodes.PrincipleBlock, ...] = (
        *program.declared.categories.values(),
        *program.declared.principles.values(),
    )
    for block in declared:
        if block.name.text != meaning.id and new in (name.text for name in former_ids(block)):
            raise RefusedError(f"`{new}` was the id of `{block.name.text}`, and an id never comes back")
    if new in program.declared.retired:
        raise RefusedError(f"`{new}` is retired, and an id never comes back meaning something else")
