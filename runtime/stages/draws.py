"""Which principles are drawn for which prompt: the compiler's plan, written down as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from constitution_lang import sampling
from constitution_lang.ir.cases import yields
from constitution_lang.ir.model import Bundle, Stage
from runtime.records import CaseRecord, Draw

__all__ = ["draw_principles"]


def draw_principles(
    bundle: Bundle, seed: int, stage: Stage, cases: Sequence[CaseRecord], rounds: int
) -> dict[tuple[str, int], tuple[Draw, ...]]:
    """The draws of `stage` for every case's prompt and each of `rounds` rounds, by prompt id and round.

    A case in which fewer principles apply than are to be drawn gets those that there are.
    """
    count = bundle.revision.draw if stage is Stage.REVISION else bundle.preference.draw
    mappings = [case.mapping for case in cases]
    plan = sampling.plan(bundle, seed, stage, [c.prompt for c in cases], mappings, rounds=rounds, draw=count)
    memo: dict[tuple[tuple[str, str], ...], Mapping[str, float]] = {}
    over: dict[tuple[tuple[tuple[str, str], ...], str], tuple[str, ...]] = {}
    result: dict[tuple[str, int], tuple[Draw, ...]] = {}
    for n, (case, mapping) in enumerate(zip(cases, mappings, strict=True)):
        shape = tuple(sorted(mapping.items()))
        if shape not in memo:
            memo[shape] = sampling.shares(bundle, stage, mapping)
        shares = memo[shape]
        for r, drawn in enumerate(plan.of(n)):
            draws = []
            for position, principle in enumerate(drawn):
                if (shape, principle.id) not in over:
                    over[shape, principle.id] = yields(bundle, principle, mapping)
                draws.append(
                    Draw(
                        prompt=case.prompt,
                        stage=stage,
                        round=r,
                        position=position,
                        principle=principle.id,
                        share=shares[principle.id],
                        over=over[shape, principle.id] if stage is Stage.REVISION else (),
                    )
                )
            result[case.prompt, r] = tuple(draws)
    return result
