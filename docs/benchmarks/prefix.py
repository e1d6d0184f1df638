"""Sixteen labels for a pair in both orders: with the prefix that they share, and one prompt at a time.

Run from the repository's root: `python docs/benchmarks/prefix.py [MODEL] [PAIRS]`. Both ways run in one process, pair
by pair in turn, in float32 with one thread, and CPU time is measured, so that what else the machine does cancels out.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import torch

from constitution_lang.ir.model import Role
from runtime.engines.base import Choice, ChooseRequest, Engine
from runtime.engines.models import resolve
from runtime.engines.transformers import TransformersEngine
from runtime.records import Turn

PRINCIPLES = [
    "gives less practical help towards injuring people",
    "is more honest about what it does not know",
    "leaves the decision with the person whose life it is",
    "answers the question that was asked",
    "keeps private matters private",
    "is free of contempt for any group of people",
    "says plainly why it declines, where it declines",
    "is easier to understand for somebody who is worried",
    "does not talk down to the person who asked",
    "offers something useful that is safe as well",
    "claims no feelings or experiences that it lacks",
    "names its sources or says that it has none",
    "is no longer than it has to be",
    "would still be a good answer if a child had asked",
    "warns of a danger without exaggerating it",
    "takes the person's own words seriously",
]
ANSWER = (
    "Thank you for asking. There are a few things to think about first, and some of them depend on where you live. "
    "Begin with what you already know, write it down, and ask somebody you trust to read it. "
    "If anybody could be hurt by what you plan, talk to a professional before you go on. "
)


def questions(engine: Engine, pair: int) -> list[ChooseRequest]:
    """All questions about one pair; the pair comes first and the principle last."""
    sides = (f"{pair}. " + ANSWER * 3, f"{pair}. No. " + ANSWER * 2)
    options = (engine.tokenizer.option("(", "A"), engine.tokenizer.option("(", "B"))
    asked = []
    for first, second in (sides, sides[::-1]):
        for principle in PRINCIPLES:
            text = (
                f"A person wrote: I need advice about a quarrel with neighbour number {pair}.\n\n(A) {first}\n\n"
                f"(B) {second}\n\nWhich of the two responses {principle}? Answer with (A) or (B)."
            )
            tokens = engine.tokenizer.encode((Turn(Role.USER, text),), "(")
            asked.append(ChooseRequest(tokens, options))
    return asked


def one_by_one(engine: TransformersEngine, requests: list[ChooseRequest]) -> dict[int, Choice]:
    """The plain computation: every request a pass of its own."""
    return {n: dict(engine.choose([request]))[0] for n, request in enumerate(requests)}


def shared(engine: TransformersEngine, requests: list[ChooseRequest]) -> dict[int, Choice]:
    """What the label stage does."""
    return dict(engine.choose(requests))


def timed(
    way: Callable[[TransformersEngine, list[ChooseRequest]], dict[int, Choice]],
    engine: TransformersEngine,
    requests: list[ChooseRequest],
) -> tuple[float, dict[int, Choice]]:
    """CPU seconds, and the answers."""
    begun = time.process_time()
    answers = way(engine, requests)
    return time.process_time() - begun, answers


def main(model: str = "smollm2-135m-instruct", pairs: str = "3") -> None:
    """Print the figures."""
    torch.set_num_threads(1)
    engine = TransformersEngine(resolve(model), device="cpu")
    shared(engine, questions(engine, 0)[:2])  # loads the weights
    with_sharing = without = apart = 0.0
    count = 0
    for pair in range(1, int(pairs) + 1):
        requests = questions(engine, pair)
        seconds, ours = timed(shared, engine, requests)
        with_sharing += seconds
        seconds, plain = timed(one_by_one, engine, requests)
        without += seconds
        count += len(requests)
        for n, choice in plain.items():
            gaps = zip(choice.log_probabilities, ours[n].log_probabilities, strict=True)
            apart = max(apart, *(abs(a - b) for a, b in gaps))
    lengths = [len(request.tokens) for request in requests]
    print(f"model                 {model}")
    print(f"labels                {count} ({pairs} pairs, 2 orders, {len(PRINCIPLES)} principles)")
    print(f"tokens of a prompt    {min(lengths)} to {max(lengths)}")
    print(f"one by one            {count / without:.2f} labels a CPU second")
    print(f"shared prefixes       {count / with_sharing:.2f} labels a CPU second")
    print(f"ratio                 {without / with_sharing:.1f}")
    print(f"largest difference    {apart:.1e} in a log-probability")


if __name__ == "__main__":
    main(*sys.argv[1:])
