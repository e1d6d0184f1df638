"""How far the ranges of shares are exact on constitutions made at random to be hard, against their size."""

from __future__ import annotations

import sys
import time
from random import Random

from constitution_lang.analysis.play import Play
from constitution_lang.analysis.shares import Shares
from constitution_lang.compile import compile_text
from constitution_lang.ir.model import Bundle

WEIGHTS = ("0.5", "1", "2", "3", "5", "7")
VALUES = 8
NAMED = (2, 6)
"""A condition names so many attributes, at least and at most."""


def constitution(random: Random, attributes: int, categories: int, principles: int, tensions: int) -> str:
    """Conditions over attributes drawn from all of them, and tensions of three or four rules between any two sides."""
    lines = ["edition 2026", "constitution hard 1.0.0"]
    for i in range(attributes):
        lines += [f'\nattribute a{i} "A?"', f"  levels: {' < '.join(f'v{n}' for n in range(VALUES))}", "  default: v0"]
    members: dict[int, list[str]] = {c: [] for c in range(categories)}
    for n in range(principles):
        members[n % categories].append(f"c{n % categories}.p{n}")
    for c, ids in members.items():
        lines += [f'\ncategory c{c} "C"', f"  weight: {random.choice(WEIGHTS)}"]
        for id in ids:
            lines += [f'\nprinciple {id} "P"', f"  weight: {random.choice(WEIGHTS)}"]
            lines += [f"  applies when {_condition(random, attributes)}", "  statement:", "    Do so."]
    taken: set[frozenset[int]] = set()
    while len(taken) < tensions:
        pair = random.sample(range(categories), 2)
        if frozenset(pair) in taken:
            continue
        one, other = (random.choice((f"c{c}", random.choice(members[c]))) for c in pair)
        lines += [f"\ntension t{len(taken)}", f"  between {one} and {other}"]
        taken.add(frozenset(pair))
        for _ in range(random.randint(2, 3)):
            lines += [f"  when {_condition(random, attributes)}: {_outcome(random, one, other)}"]
        lines += [f"  otherwise: {_outcome(random, one, other)}"]
    return "\n".join(lines) + "\n"


def _condition(random: Random, attributes: int) -> str:
    named = random.sample(range(attributes), min(attributes, random.randint(*NAMED)))
    atoms = [
        random.choice((f"a{i} is v{random.randrange(VALUES)}", f"a{i} >= v{random.randrange(1, VALUES)}"))
        for i in named
    ]
    return _joined(random, atoms)


def _joined(random: Random, atoms: list[str]) -> str:
    if len(atoms) < 3:
        return random.choice((" and ", " or ")).join(atoms)
    cut = random.randint(1, len(atoms) - 1)
    halves = (atoms[:cut], atoms[cut:])
    inner, outer = random.sample((" and ", " or "), 2)
    return outer.join(f"({inner.join(half)})" if len(half) > 1 else half[0] for half in halves)


def _outcome(random: Random, one: str, other: str) -> str:
    return f"weigh {one} {random.choice(WEIGHTS)}, {other} {random.choice(WEIGHTS)}"


def main() -> None:
    """Print a table."""
    sizes = ((10, 4, 10, 4), (20, 6, 20, 8), (40, 8, 30, 10))
    print("| attributes | categories | principles | tensions | seed | shares, s | exact |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for size in sizes:
        for seed in range(int(sys.argv[1]) if len(sys.argv) > 1 else 3):
            draft = _draft(constitution(Random(seed), *size))  # noqa: S311
            start = time.process_time()
            answers = Shares(Play(draft))
            ids = sorted((*(c.id for c in draft.categories), *(p.id for p in draft.principles)))
            found = [x for id in ids for x in (answers.least(id), answers.greatest(id)) if x is not None]
            seconds = time.process_time() - start
            exact = sum(x.exact for x in found)
            print(f"| {' | '.join(map(str, size))} | {seed} | {seconds:.1f} | {exact} of {len(found)} |", flush=True)


def _draft(text: str) -> Bundle:
    compiled = compile_text(text)
    assert compiled.draft is not None, compiled.diagnostics
    compiled.draft.__dict__.clear()  # what the checks kept beside it
    return compiled.draft


if __name__ == "__main__":
    main()
