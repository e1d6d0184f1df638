"""Benchmark: first draws that move when the share of one principle in sixteen is raised by half.

    python docs/benchmarks/movement.py [PROMPTS]

The bound is the total variation distance of the two distributions: no scheme moves fewer. Against it stand the plan's
draws and `random.choices` with a seed of its own for each prompt, under the same weights.
"""

from __future__ import annotations

import random
import sys

import numpy as np

from constitution_lang.ir.model import Stage
from constitution_lang.sampling import moved, prompt_keys, total_variation
from constitution_lang.sampling.hash import draw_key
from constitution_lang.sampling.kernel import Kernel

PRINCIPLES = 16
SEED = 7
NAMES = [f"p{i:02}" for i in range(PRINCIPLES)]


def drawn(keys: np.ndarray, weights: list[float]) -> np.ndarray:
    """First draws by the language's hash."""
    table = np.array([[draw_key(SEED, Stage.REVISION, 0, name) for name in NAMES]], dtype=np.uint64)

    def resolve(_position: int, _round: int) -> list[int]:
        raise AssertionError("a tie among random numbers")

    kernel = Kernel(table, np.array([weights]), 1, resolve)
    return kernel.run(keys, np.zeros(len(keys), dtype=np.intp))[:, 0, 0]


def chosen(prompts: int, weights: list[float]) -> np.ndarray:
    """First draws by `random.choices`, seeded for each prompt."""
    return np.array([random.Random(f"{SEED}/{i}").choices(range(PRINCIPLES), weights)[0] for i in range(prompts)])  # noqa: S311


def main() -> None:
    """Print a table, a row for each change, averaged over which of the sixteen is raised."""
    prompts = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    keys = prompt_keys(f"{i:032x}" for i in range(prompts))
    before = [1.0] * PRINCIPLES
    changes = {"share raised by half": 15 * 1.5 / 14.5, "weight raised by half": 1.5}
    print(f"{prompts:,} prompts, {PRINCIPLES} principles of equal weight; mean over which one is raised")
    print(f"{'change':<24}{'bound':>8}{'formula':>9}{'plan':>8}{'random.choices':>16}")
    plain, picked = drawn(keys, before), chosen(prompts, before)
    for name, raised in changes.items():
        rows = []
        for i in range(PRINCIPLES):
            after = [raised if i == j else 1.0 for j in range(PRINCIPLES)]
            p, q = dict(zip(NAMES, before, strict=True)), dict(zip(NAMES, after, strict=True))
            rows.append(
                (
                    total_variation(p, q),
                    moved(p, q),
                    np.mean(drawn(keys, after) != plain),
                    np.mean(chosen(prompts, after) != picked),
                )
            )
        bound, formula, plan, choices = np.mean(rows, axis=0)
        print(f"{name:<24}{bound:>8.2%}{formula:>9.2%}{plan:>8.2%}{choices:>16.2%}  {choices / plan:.1f} times")


if __name__ == "__main__":
    main()
