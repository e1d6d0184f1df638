"""Shares from a constitution that may have errors: what is wrong is left out, and the rest counts."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from msgspec.structs import replace

from constitution_lang.check.program import Declarations
from constitution_lang.check.references import check_references
from constitution_lang.check.values import check_values
from constitution_lang.diagnostics.model import Severity
from constitution_lang.ir.model import Stage
from constitution_lang.lower.declarations import lower_declarations
from constitution_lang.sampling.weights import shares
from constitution_lang.source import Source, Span
from constitution_lang.syntax import nodes

__all__ = ["default_shares"]

_ROUNDS_MAX = 8
_HEAD = Source("<head>", "edition 2026\nconstitution unnamed 1.0.0\n")


def default_shares(
    declared: Declarations, trees: tuple[nodes.FileTree, ...], wrong: AbstractSet[str]
) -> dict[str, dict[str, float]]:
    """By stage the share of each principle where every attribute has its default. Empty where nothing is sound.

    `trees` are those whose places `declared` has; `wrong` are the files, one for each block, that have errors already.
    """
    mended = {block.span.file for tree in trees for block in tree.mended}
    sound = _without(_with_head(declared), mended | wrong)
    for _ in range(_ROUNDS_MAX):
        program, found = check_values(sound)
        errors = [finding for finding in (*found, *check_references(sound)) if finding.severity is Severity.ERROR]
        if not errors:
            break
        without = _without(sound, {finding.primary.span.file for finding in errors})
        if without == sound:
            return {}
        sound = without
    else:
        return {}
    if program is None or not sound.principles:
        return {}
    places = (*trees, nodes.FileTree(_HEAD, (), ()))
    draft = lower_declarations(replace(program, files=places), {})
    return {stage.value: shares(draft, stage, {}) for stage in Stage}


def _with_head(declared: Declarations) -> Declarations:
    """The same under a head of its own, without what no share depends on."""
    start = Span(_HEAD.name, 0, 0)
    name, version = nodes.Name("unnamed", start), nodes.Version("1.0.0", (1, 0, 0), start)
    return replace(
        declared,
        edition=nodes.EditionLine(nodes.Number(2026, start), start),
        constitution=nodes.ConstitutionLine(name, version, None, (), start),
        examples=(), tests=(), retired={}, templates={}, repeated=(), broken=frozenset(), lost={}, incomplete=False,
    )  # fmt: skip


def _without(declared: Declarations, wrong: AbstractSet[str]) -> Declarations:
    """What stands in other blocks than the wrong ones."""
    return replace(
        declared,
        attributes={id: block for id, block in declared.attributes.items() if block.name.span.file not in wrong},
        categories={id: block for id, block in declared.categories.items() if block.name.span.file not in wrong},
        principles={id: block for id, block in declared.principles.items() if block.name.span.file not in wrong},
        tensions={id: block for id, block in declared.tensions.items() if block.name.span.file not in wrong},
        sampling={id: block for id, block in declared.sampling.items() if block.stage.span.file not in wrong},
    )
