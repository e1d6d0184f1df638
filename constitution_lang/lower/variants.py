"""How many forms the prompts of each principle have: one for each set of sides that may come first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from constitution_lang.check.program import CheckedProgram
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic
from constitution_lang.ir.model import Bundle

__all__ = ["VARIANTS_MAX", "Variants", "count_variants"]

VARIANTS_MAX = 64
Variants: TypeAlias = Mapping[str, tuple[tuple[str, ...], ...]]
"""Of each principle, by id, the sides that it yields to: one tuple for each set of cases in which these differ."""


def count_variants(program: CheckedProgram, draft: Bundle) -> tuple[Variants, list[Diagnostic]]:
    """The sides that each principle may have to yield to; an error where its prompts would be too many."""
    if not draft.tensions:
        return {principle.id: ((),) for principle in draft.principles}, []

    from constitution_lang.ir.cases import variants

    every: dict[str, tuple[tuple[str, ...], ...]] = {}
    found = []
    for principle in draft.principles:
        overs = variants(draft, principle, VARIANTS_MAX)
        if len(overs) > VARIANTS_MAX:
            at = program.principles[principle.id].block.name.span
            help = f"its prompts would need more than {VARIANTS_MAX} variants; join or widen its tensions"
            found.append(codes.E411.at(at, f"`{principle.id}` may yield to too many sides", help=help))
        else:
            every[principle.id] = overs
    return every, found
