"""Time of the questions about cases, against the number of attributes of eight values."""

from __future__ import annotations

import time

from constitution_lang.analysis.account import account
from constitution_lang.compile import compile_text

CATEGORIES = tuple(f"c{i}" for i in range(6))


def constitution(attributes: int) -> str:
    """Six categories, a tension between any two, and for each attribute a principle that it switches on."""
    lines = ["edition 2026", "constitution big 1.0.0"]
    for i in range(attributes):
        lines += [f'\nattribute a{i} "A?"', f"  levels: {' < '.join(f'v{n}' for n in range(8))}", "  default: v0"]
    for id in CATEGORIES:
        lines += [f'\ncategory {id} "C"', "  share: at least 1%", f'\nprinciple {id}.always "P"']
        lines += ["  statement:", "    Do so."]
    for i in range(attributes):
        category = CATEGORIES[i % len(CATEGORIES)]
        lines += [f'\nprinciple {category}.p{i} "P"', f"  applies when a{i} >= v4", "  statement:", "    Do so."]
    pairs = [(a, b) for n, a in enumerate(CATEGORIES) for b in CATEGORIES[n + 1 :]]
    for i, (one, other) in enumerate(pairs):
        names = [f"a{(3 * i + k) % attributes}" for k in range(4)]
        lines += [f"\ntension t{i}", f"  between {one} and {other}"]
        lines += [f"  when {names[0]} >= v5 and {names[1]} is v2: prefer {one}"]
        lines += [f"  when {names[2]} is one of v1, v3 or {names[3]} is v7: weigh {one} 2, {other} 1"]
        lines += [f"  otherwise: weigh {one} 1, {other} 1"]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print a table."""
    compile_text(constitution(1))
    print("| attributes | cases | compile with its checks, s | analyze, s | shares not decided |")
    print("| --- | --- | --- | --- | --- |")
    for n in (5, 10, 20, 30, 40):
        start = time.process_time()
        draft = compile_text(constitution(n)).draft
        middle = time.process_time()
        assert draft is not None
        found = account(draft)
        open_ = sum(not share.exact for share in found.shares) // 2
        end = time.process_time()
        print(f"| {n} | {8**n:.1e} | {middle - start:.2f} | {end - middle:.2f} | {open_} of {len(found.shares) // 2} |")


if __name__ == "__main__":
    main()
