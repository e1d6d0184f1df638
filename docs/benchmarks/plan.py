"""Benchmark: the plan of 1,000,000 prompts, 4 rounds, 16 principles.

    python docs/benchmarks/plan.py [PROMPTS]

Each measurement is repeated; the least and the middle time are printed, and the least time of the processor, which
other work on the machine disturbs less. The bound is what bare numpy needs for as many hashed uniform numbers,
without weights, minima or ties, in the same process.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable
from statistics import median

import numpy as np

from constitution_lang.ir.model import (
    ALWAYS,
    FORMAT,
    Attribute,
    AttributeKind,
    Bundle,
    Category,
    Compare,
    Condition,
    Orders,
    Origin,
    PreferenceSampling,
    Principle,
    RevisionSampling,
    Rule,
    Stage,
    Tension,
    Weigh,
)
from constitution_lang.sampling import plan, prompt_keys

REPEATS = 7
ROUNDS = 4
PRINCIPLES = 16
SEED = 7
HERE = Origin("benchmark.const", 1, 1)


def bundle(conditions: Callable[[int], Condition]) -> Bundle:
    """Four categories of four principles, no two of the same weight, an attribute of four levels and a tension."""
    ids = [(f"c{i // 4}", f"c{i // 4}.p{i:02}", i) for i in range(PRINCIPLES)]
    return Bundle(
        format=FORMAT, edition=2026, name="benchmark", version="1.0.0", title="", owner="",
        attributes=(Attribute("level", "?", AttributeKind.LEVELS, ("a", "b", "c", "d"), "a", HERE),),
        categories=tuple(Category(f"c{c}", "", "", 1.0 + c, (), (), "", HERE) for c in range(4)),
        principles=tuple(
            Principle(id, category, "", conditions(i), 1 + i / 7, "", "", "", "", (), (), "", "", id, HERE)
            for category, id, i in ids
        ),
        tensions=(
            Tension("t", ("c0", "c1"), (
                Rule(Compare("level", ("d",)), Weigh(2, 1), HERE), Rule(ALWAYS, Weigh(1, 1), HERE),
            ), "", "", HERE),
        ),
        revision=RevisionSampling(ROUNDS, 1, HERE),
        preference=PreferenceSampling(PRINCIPLES, Orders.BOTH, 0.6, False, 0.4, 0.6, HERE),  # noqa: FBT003
        exemplars=(), retired=(), prompts=(), sources=(), meaning_hash="", metadata_hash="",
    )  # fmt: skip


def bare(keys: np.ndarray, draw_keys: np.ndarray) -> float:
    """As many uniforms as the plan needs, in chunks that fit the cache, and nothing else."""
    chunk = 16_384
    h, s = np.empty(chunk, np.uint64), np.empty(chunk, np.uint64)
    total = 0.0
    for start in range(0, len(keys), chunk):
        part = keys[start : start + chunk]
        a, b = h[: len(part)], s[: len(part)]
        for draw_key in draw_keys:
            np.bitwise_xor(part, draw_key, out=a)
            for shift, multiplier in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, None)):
                np.right_shift(a, np.uint64(shift), out=b)
                np.bitwise_xor(a, b, out=a)
                if multiplier is not None:
                    np.multiply(a, np.uint64(multiplier), out=a)
            np.right_shift(a, np.uint64(12), out=a)
            np.bitwise_or(a, np.uint64(0x3FF << 52), out=a)
            u = a.view(np.float64)
            np.subtract(u, 1 - 2.0**-53, out=u)
        total += float(u[0])
    return total


def measure(name: str, what: Callable[[], object], bound: float | None = None) -> float:
    """Print the least and the middle time, and the processor's; the ratio to the bound is of the last."""
    what()
    times, spent = [], []
    for _ in range(REPEATS):
        start, busy = time.perf_counter(), time.process_time()
        what()
        times.append(time.perf_counter() - start)
        spent.append(time.process_time() - busy)
    ratio = "" if bound is None else f"{min(spent) / bound:9.2f} x"
    print(f"{name:<44}{min(times):9.3f}{median(times):9.3f}{min(spent):9.3f}{ratio}", flush=True)
    return min(spent)


def peak(what: Callable[[], object]) -> float:
    """MiB allocated at once beside what was there before."""
    tracemalloc.start()
    try:
        what()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def main() -> None:
    """Run all of it."""
    prompts = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    ids = [f"{i:032x}" for i in range(prompts)]
    keys = prompt_keys(ids)
    narrow = bundle(lambda i: ALWAYS if i % 3 else Compare("level", ("b", "c", "d")))
    every = bundle(lambda _: ALWAYS)
    one = [{"level": "a"}]
    alike = np.zeros(prompts, dtype=np.intp)
    four = [{"level": v} for v in "abcd"]
    mixed = np.random.default_rng(0).integers(0, 4, prompts)
    listed = [four[i] for i in mixed]
    draw_keys = np.random.default_rng(1).integers(0, 2**63, ROUNDS * PRINCIPLES, dtype=np.uint64)
    print(f"{prompts:,} prompts, {ROUNDS} rounds, {PRINCIPLES} principles; {REPEATS} runs each")
    print(f"{'seconds':<44}{'least':>9}{'middle':>9}{'CPU':>9}{'bound':>11}")
    bound = measure("bound: bare numpy, as many hashed uniforms", lambda: bare(keys, draw_keys))
    stage = Stage.REVISION
    measure("plan, keys given, one case", lambda: plan(every, SEED, stage, keys, one, case_of=alike), bound)
    measure("plan, keys given, four cases", lambda: plan(narrow, SEED, stage, keys, four, case_of=mixed), bound)
    measure("plan, ids and a case each", lambda: plan(narrow, SEED, stage, ids, listed), bound)
    measure(
        "plan, 16 of 16 in one round",
        lambda: plan(every, SEED, Stage.PREFERENCE, keys, one, case_of=alike),
        bound / ROUNDS,
    )
    measure("keys of the ids alone", lambda: prompt_keys(ids), bound)
    for count in (prompts // 4, prompts):
        result = count * ROUNDS * 2 / 2**20
        given = peak(lambda c=count: plan(every, SEED, stage, keys[:c], one, case_of=alike[:c]))
        asked = peak(lambda c=count: plan(narrow, SEED, stage, ids[:c], listed[:c]))
        print(f"MiB at most, {count:,} prompts: keys given {given:.1f}, ids {asked:.1f}; the plan itself {result:.1f}")


if __name__ == "__main__":
    main()
