"""Which principles are drawn for which prompt: the compiler's plan, written down as rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from constitution_lang import sampling
from constitution_lang.ir.cases import yields
from constitution_lang.ir.model import Bundle, Stage
from runtime.records import CaseRecord, CaseValue, Draw

__all__ = ["Draws", "draw_principles"]


class Draws(Mapping[tuple[str, int], tuple[Draw, ...]]):
    """The draws of every prompt and round, by prompt id and round. Rows are made when they are asked for."""

    def __init__(
        self, bundle: Bundle, stage: Stage, cases: Sequence[CaseRecord], plan: sampling.Plan, rounds: int
    ) -> None:
        self._bundle = bundle
        self._stage = stage
        self._cases = cases
        self._plan = plan
        self._rounds = rounds
        self._places = {case.prompt: n for n, case in enumerate(cases)}
        self._shares: dict[tuple[tuple[str, str], ...], Mapping[str, float]] = {}
        self._over: dict[tuple[tuple[tuple[str, str], ...], str], tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._places) * self._rounds

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return ((prompt, r) for prompt in self._places for r in range(self._rounds))

    def __getitem__(self, key: tuple[str, int]) -> tuple[Draw, ...]:
        prompt, r = key
        if not 0 <= r < self._rounds:
            raise KeyError(key)
        n = self._places[prompt]
        mapping = self._cases[n].mapping
        shape = tuple(sorted(mapping.items()))
        if shape not in self._shares:
            self._shares[shape] = sampling.shares(self._bundle, self._stage, mapping)
        draws = []
        for position, principle in enumerate(self._plan.of(n)[r]):
            if (shape, principle.id) not in self._over:
                self._over[shape, principle.id] = yields(self._bundle, principle, mapping)
            draws.append(
                Draw(
                    prompt=prompt,
                    stage=self._stage,
                    round=r,
                    position=position,
                    principle=principle.id,
                    share=self._shares[shape][principle.id],
                    over=self._over[shape, principle.id] if self._stage is Stage.REVISION else (),
                )
            )
        return tuple(draws)


def draw_principles(bundle: Bundle, seed: int, stage: Stage, cases: Sequence[CaseRecord], rounds: int) -> Draws:
    """The draws of `stage` for every case's prompt and each of `rounds` rounds.

    A case in which fewer principles apply than are to be drawn gets those that there are.
    """
    count = bundle.revision.draw if stage is Stage.REVISION else bundle.preference.draw
    known: dict[tuple[CaseValue, ...], Mapping[str, str]] = {}
    mappings = [known.get(c.values) or known.setdefault(c.values, c.mapping) for c in cases]
    plan = sampling.plan(bundle, seed, stage, [c.prompt for c in cases], mappings, rounds=rounds, draw=count)
    return Draws(bundle, stage, cases, plan, rounds)
