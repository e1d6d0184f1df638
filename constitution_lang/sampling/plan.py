"""The plan of many prompts: which principles each draws in each round."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from constitution_lang.ir.cases import Case
from constitution_lang.ir.model import Bundle, Principle, Stage
from constitution_lang.sampling.draw import exact_order, schedule
from constitution_lang.sampling.hash import draw_key, mix, prompt_key, uniform
from constitution_lang.sampling.weights import weights_matrix

if TYPE_CHECKING:  # numpy is loaded when a plan is made, not when --help is printed
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Plan", "plan", "prompt_keys"]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """`indices` is (prompts, rounds, draw) into `principles`, earliest first, -1 where no more apply."""

    principles: tuple[Principle, ...]
    indices: NDArray[np.int16]

    def of(self, prompt: int) -> tuple[tuple[Principle, ...], ...]:
        """The principles drawn for the prompt at this position, a tuple for each round."""
        return tuple(tuple(self.principles[i] for i in drawn if i >= 0) for drawn in self.indices[prompt].tolist())


def prompt_keys(prompts: Iterable[str]) -> NDArray[np.uint64]:
    """The keys of prompts' ids, to be kept where plans are made again and again."""
    import numpy as np

    return np.fromiter((prompt_key(p) for p in prompts), dtype=np.uint64)


def plan(
    bundle: Bundle,
    seed: int,
    stage: Stage,
    prompts: Sequence[str] | NDArray[np.uint64],
    cases: Sequence[Case],
    *,
    case_of: NDArray[np.intp] | None = None,
    rounds: int | None = None,
    draw: int | None = None,
) -> Plan:
    """Draw principles for every prompt. A pure function of each prompt by itself: any shard gives the same.

    Args:
        bundle: the constitution.
        seed: of the run.
        stage: which stage draws.
        prompts: their ids, or their `prompt_keys`.
        cases: a case for each prompt; with `case_of`, the cases that it points into.
        case_of: for each prompt the position of its case in `cases`.
        rounds: as declared where None.
        draw: principles in each round, as declared where None.

    Raises:
        CaseError: a case has an attribute or a value that is not declared.
        ValueError: the lengths do not match, or there are no rounds or draws.
    """
    import numpy as np

    from constitution_lang.sampling.kernel import Kernel

    rounds, draw = schedule(bundle, stage, rounds, draw)
    keys = prompts if isinstance(prompts, np.ndarray) else prompt_keys(prompts)
    if case_of is None:
        cases, case_of = _distinct(cases)
    if len(keys) != len(case_of):
        raise ValueError(f"there are {len(keys)} prompts and cases for {len(case_of)}; give a case for each prompt")
    if len(keys) and not 0 <= case_of.min() <= case_of.max() < len(cases):
        raise ValueError(f"case_of points outside the {len(cases)} cases")
    matrix = weights_matrix(bundle, cases)
    table = [[draw_key(seed, stage, r, p.key) for p in bundle.principles] for r in range(rounds)]

    def resolve(position: int, round: int) -> list[int]:
        chances = [
            (uniform(mix(int(keys[position]) ^ table[round][column])), float(weight), bundle.principles[column].key)
            for column, weight in enumerate(matrix[case_of[position]])
        ]
        columns = [column for column, (_, weight, _) in enumerate(chances) if weight > 0]
        order = exact_order(chances[column] for column in columns)[:draw]
        return [columns[at] for at in order] + [-1] * (draw - len(order))

    draw_keys = np.array(table, dtype=np.uint64).reshape(rounds, len(bundle.principles))
    kernel = Kernel(draw_keys, matrix, draw, resolve)
    return Plan(bundle.principles, kernel.run(keys, case_of))


def _distinct(cases: Sequence[Case]) -> tuple[list[Case], NDArray[np.intp]]:
    """The distinct cases, and for each given one which of them it is."""
    import numpy as np

    kept = list(cases)  # so that no id() below is given twice
    by_values: dict[tuple[tuple[str, str], ...], int] = {}
    by_object: dict[int, int] = {}
    distinct: list[Case] = []
    for case in kept:
        if id(case) not in by_object:
            values = tuple(sorted(case.items()))
            if values not in by_values:
                by_values[values] = len(distinct)
                distinct.append(case)
            by_object[id(case)] = by_values[values]
    return distinct, np.fromiter((by_object[id(case)] for case in kept), dtype=np.intp, count=len(kept))
