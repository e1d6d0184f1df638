"""The shape of a file: its blocks as symbols, what folds, and each principle's share beside its name."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types

from constitution_lang.server.blocks import Blocks
from constitution_lang.server.hover import share_text
from constitution_lang.server.positions import Positions
from constitution_lang.server.program import Program
from constitution_lang.syntax import nodes as n
from constitution_lang.syntax.forms import KEYWORDS

__all__ = ["folds", "hints", "symbols"]

_KINDS = {
    "constitution": types.SymbolKind.Package,
    "use": types.SymbolKind.Module,
    "attribute": types.SymbolKind.Enum,
    "category": types.SymbolKind.Class,
    "principle": types.SymbolKind.Method,
    "tension": types.SymbolKind.Operator,
    "sampling": types.SymbolKind.Property,
    "example": types.SymbolKind.String,
    "test": types.SymbolKind.Event,
}


def symbols(blocks: Blocks, positions: Positions) -> Iterator[types.DocumentSymbol]:
    """The blocks of a file, also those that could not be read."""
    for block, start in zip(blocks.blocks, blocks.starts, strict=True):
        header, keyword, end = block.header, block.keyword, block.extent
        if keyword not in KEYWORDS:
            continue
        name = header.removeprefix(keyword).strip() or keyword
        found = block.tree.blocks[0] if block.tree.blocks else None
        detail = keyword
        if isinstance(found, n.PrincipleBlock | n.CategoryBlock | n.ConstitutionLine):
            name, detail = found.name.text, found.title.value if found.title else keyword
        elif isinstance(found, n.AttributeBlock | n.TensionBlock):
            name = found.name.text
        elif isinstance(found, n.TestBlock):
            name = found.title.value or keyword
        yield types.DocumentSymbol(
            name=name,
            detail=detail,
            kind=_KINDS.get(keyword, types.SymbolKind.Object),
            range=positions.range(start, start + end),
            selection_range=positions.range(start, start + len(header)),
        )


def folds(blocks: Blocks, positions: Positions) -> Iterator[types.FoldingRange]:
    """Blocks, and the texts below keys."""
    for block, start in zip(blocks.blocks, blocks.starts, strict=True):
        keyword, end = block.keyword, block.extent
        if keyword not in KEYWORDS:
            continue
        first = positions.source.position(start).line - 1
        lines = block.text[:end].split("\n")
        if len(lines) > 1:
            yield types.FoldingRange(first, first + len(lines) - 1, kind=types.FoldingRangeKind.Region)
        key: int | None = None
        last = 0
        for number, line in enumerate((*lines, "")):
            if line.startswith("    ") and line.strip():
                last = number
            elif line.strip() or number == len(lines):
                if key is not None and last > key:
                    yield types.FoldingRange(first + key, first + last)
                key = number if line.startswith("  ") else None


def hints(program: Program, file: str, positions: Positions, low: int, high: int) -> Iterator[types.InlayHint]:
    """The share of each principle of a file in the default case, between two offsets."""
    blocks = program.files[file]
    stages = program.shares
    if not stages:
        return
    for block, start in zip(blocks.blocks, blocks.starts, strict=True):
        found = block.tree.blocks[0] if block.tree.blocks else None
        if not low <= start <= high or not isinstance(found, n.PrincipleBlock):
            continue
        drawn = {stage: shares.get(found.name.text) for stage, shares in stages.items()}
        values = set(drawn.values())
        if values == {None}:
            text = "not in the default case"
        elif len(values) == 1:
            text = share_text(next(value for value in values if value is not None))
        else:
            text = ", ".join(f"{share_text(value or 0.0)} in {stage}" for stage, value in drawn.items())
        yield types.InlayHint(
            position=positions.position(start + len(block.header)),
            label=text,
            tooltip="its share of the draws where every attribute has its default",
            padding_left=True,
        )
