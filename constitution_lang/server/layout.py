"""Formatting a file as edits, block by block where some block of it can't be read."""

from __future__ import annotations

from collections.abc import Iterator

from constitution_lang.diagnostics.model import Severity
from constitution_lang.server.blocks import Blocks
from constitution_lang.source import Source
from constitution_lang.syntax.from_text import parse
from constitution_lang.syntax.same import same_file
from constitution_lang.syntax.to_text import format as format_tree

__all__ = ["formatted"]


def formatted(blocks: Blocks) -> Iterator[tuple[int, int, str]]:
    """Start, end and new text of each stretch that changes."""
    text = blocks.source.text
    whole = _formatted(text)
    if whole is not None:
        yield from _difference(0, text, whole)
        return
    for block, start in zip(blocks.blocks, blocks.starts, strict=True):
        if block.tree.blocks:
            body = text[start : start + block.extent]
            new = _formatted(body)
            if new is not None:
                yield from _difference(start, body, new.rstrip("\n"))


def _formatted(text: str) -> str | None:
    """A text in its form; None where it has errors, or where the form would not be one."""
    tree, found = parse(Source("", text))
    if any(finding.severity is Severity.ERROR for finding in found):
        return None
    new = format_tree(tree)
    return new if same_file(tree, parse(Source("", new))[0]) else None


def _difference(start: int, old: str, new: str) -> Iterator[tuple[int, int, str]]:
    """One edit without the lines that are the same above and below it."""
    if old == new:
        return
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    low = sum(map(len, before[:head]))
    high = len(old) - sum(map(len, before[len(before) - tail :]))
    yield start + low, start + high, "".join(after[head : len(after) - tail])
