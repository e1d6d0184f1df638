"""Time of the questions about cases, against the number of attributes of eight values."""

from __future__ import annotations

import time
from collections.abc import Callable

from constitution_lang.analysis.account import account
from constitution_lang.analysis.circles import circles
from constitution_lang.analysis.counts import decided
from constitution_lang.analysis.pairs import differences, meetings
from constitution_lang.analysis.play import Play
from constitution_lang.analysis.rules import fates
from constitution_lang.analysis.shares import Shares
from constitution_lang.compile import compile_text
from constitution_lang.ir.cases import cases, decisions
from constitution_lang.ir.model import Bundle, Stage
from constitution_lang.sampling import shares as shares_in

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


ENUMERATED_MAX = 40_000


def main() -> None:
    """Print a table."""
    account(_draft(1))  # loads what is loaded once
    print("| attributes | cases | rules | counts | circles, pairs | shares | not exact | all | by listing |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for n in (3, 4, 5, 10, 20, 30, 40, 60):
        draft = _draft(n)
        play = Play(draft)
        parts = [
            _seconds(lambda play=play: [fates(play, tension) for tension in play.bundle.tensions]),
            _seconds(lambda draft=draft: [decided(draft, tension) for tension in draft.tensions]),
            _seconds(lambda play=play: (circles(play), [*meetings(play)], [*differences(play)])),
            _seconds(lambda play=play: _ranges(play)),
        ]
        fresh = _draft(n)
        whole = _seconds(lambda fresh=fresh: account(fresh))
        shares = account(fresh).shares
        open_ = f"{sum(not share.exact for share in shares) // 2} of {len(shares) // 2}"
        listed = f"{_seconds(lambda draft=draft: _listed(draft)):.2f}" if 8**n <= ENUMERATED_MAX else ""
        told = " | ".join(f"{seconds:.2f}" for seconds in parts)
        print(f"| {n} | {8**n:.1e} | {told} | {open_} | {whole:.2f} | {listed} |", flush=True)


def _draft(attributes: int) -> Bundle:
    draft = compile_text(constitution(attributes)).draft
    assert draft is not None
    draft.__dict__.clear()  # what the checks kept beside it
    return draft


def _ranges(play: Play) -> None:
    answers = Shares(play)
    for id in sorted((*(c.id for c in play.bundle.categories), *(p.id for p in play.bundle.principles))):
        answers.least(id), answers.greatest(id)


def _listed(draft: Bundle) -> None:
    """Which rule of each tension decides, and every share, in each case."""
    for case in cases(draft.attributes):
        decisions(draft, case)
        shares_in(draft, Stage.REVISION, case)


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
