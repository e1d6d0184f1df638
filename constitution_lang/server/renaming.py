"""Another name for something, in every file of a program; or why it can't have it."""

from __future__ import annotations

import re

from constitution_lang.check.modules import LIBRARY
from constitution_lang.check.references import former_ids
from constitution_lang.check.uses import Meaning
from constitution_lang.server.blocks import BlockText
from constitution_lang.server.program import Program
from constitution_lang.source import Span
from constitution_lang.syntax import nodes
from constitution_lang.syntax.forms import BLOCKS
from constitution_lang.syntax.words import listed

__all__ = ["RefusedError", "check_own", "former_names", "renamed"]

_PART = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_TAIL = re.compile(r"[A-Za-z0-9_-]+")
_OF_KIND = {"category": nodes.CategoryBlock, "principle": nodes.PrincipleBlock}
_A = {kind: f"{'an' if kind == 'attribute' else 'a'} {kind}" for kind in (*_OF_KIND, "attribute", "tension", "value")}
_STAGES = BLOCKS["sampling"].choices
_WORDS = (
    "and",
    "or",
    "not",
    "is",
    "in",
    "over",
    "at",
    "one",
    "of",
    "applies",
    "does",
    "otherwise",
    "when",
    "weigh",
    "abstain",
    "rule",
)


class RefusedError(Exception):
    """The name cannot be changed like this. The text says why."""


def renamed(program: Program, meaning: Meaning, new: str) -> list[tuple[Span, str]]:
    """Each place that changes, and the text for it.

    Raises:
        RefusedError: the new name is none, is taken, or stands in a file that is not the user's.
    """
    _check_form(meaning, new)
    check_own(program, meaning)
    edits = [(use.span, new) for use in program.uses_of(meaning)]
    if new != meaning.id:
        _check_free(program, meaning, new)
    broken = [name for blocks, block in program.blocks() for name in block.tree.broken if blocks]
    if broken:
        names = listed(sorted({name.text for name in broken})[:3], "and")
        raise RefusedError(f"correct {names} first: a block with errors may name `{meaning.id}` unseen")
    return edits


def check_own(program: Program, meaning: Meaning) -> None:
    """See that a name is the user's to change.

    Raises:
        RefusedError: nothing declares it, or the standard library does, or speaks of it.
    """
    if program.declaration(meaning) is None:
        raise RefusedError(f"nothing declares `{meaning.id}`, so it can't be renamed")
    files = (use.span.file for use in program.uses_of(meaning))
    library = next((file for file in files if file.startswith(LIBRARY)), None)
    if library:
        raise RefusedError(f"`{meaning.id}` belongs to the standard library ({library.removeprefix(LIBRARY)})")


def former_names(program: Program, meaning: Meaning, new: str) -> list[tuple[Span, str]]:
    """The edits that say what was called otherwise before, so that draws stay: a draw goes by the first id of all.

    With a category its principles get other ids as well. Nothing gets a name of its own back: `renamed` refuses that.
    """
    if meaning.kind not in ("category", "principle") or new == meaning.id:
        return []
    inside = f"{meaning.id}."
    edits = []
    for blocks, block in program.blocks():
        for node in block.tree.blocks:
            if not isinstance(node, nodes.CategoryBlock | nodes.PrincipleBlock):
                continue
            of_category = meaning.kind == "category" and isinstance(node, nodes.PrincipleBlock)
            itself = isinstance(node, _OF_KIND[meaning.kind]) and node.name.text == meaning.id
            if not itself and not (of_category and node.name.text.startswith(inside)):
                continue
            span, text = _formerly(node, block)
            place = blocks.place(span)
            edits += [(place, text)] if place else []
    return edits


def _formerly(node: nodes.CategoryBlock | nodes.PrincipleBlock, block: BlockText) -> tuple[Span, str]:
    known = former_ids(node)
    if known:
        return Span(block.name, known[-1].span.end, known[-1].span.end), f", {node.name.text}"
    # Below the last line that is no text: a comment above a text speaks of that.
    ends = [field.span.end for field in node.fields if not isinstance(field.value, nodes.Prose)]
    if isinstance(node, nodes.PrincipleBlock) and node.applies:
        ends.append(node.applies.span.end)
    prose = min((field.key.span.start for field in node.fields if isinstance(field.value, nodes.Prose)), default=None)
    above = max((end for end in ends if prose is None or end < prose), default=node.name.span.end)
    at = block.text.find("\n", above)
    at = block.extent if at < 0 else at
    return Span(block.name, at, at), f"\n  formerly: {node.name.text}"


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
        raise RefusedError(f"`{new}` is no name of {_A[kind]}; write letters, digits and hyphens, as in `{example}`")
    if new in _STAGES or new in _WORDS:
        raise RefusedError(f"`{new}` is a word of the language")


def _check_free(program: Program, meaning: Meaning, new: str) -> None:
    others = {use.meaning for use in program.uses() if use.declares}
    taken = Meaning(meaning.kind, new, meaning.of) in others
    if meaning.kind == "category":
        taken = taken or any(m.kind == "principle" and m.id.startswith(f"{new}.") for m in others)
    if taken:
        raise RefusedError(f"there is {_A[meaning.kind]} `{new}` already")
    declared: tuple[nodes.CategoryBlock | nodes.PrincipleBlock, ...] = (
        *program.declared.categories.values(),
        *program.declared.principles.values(),
    )
    for block in declared:
        own, became = block.name.text, new
        if meaning.kind == "category" and own.startswith(f"{meaning.id}."):
            became = f"{new}.{own.removeprefix(f'{meaning.id}.')}"
        if became not in (name.text for name in former_ids(block)):
            continue
        if own == meaning.id or became != new:
            raise RefusedError(
                f"`{became}` was the id of `{own}` before, and an id that was given up never comes back; "
                "if the rename is committed nowhere, undo it, or take the id out of `formerly` first"
            )
        raise RefusedError(f"`{new}` was the id of `{own}`, and an id never comes back")
    if new in program.declared.retired:
        raise RefusedError(f"`{new}` is retired, and an id never comes back meaning something else")
