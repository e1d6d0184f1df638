"""What a run adds to its engine: the same requests to a model on transformers, bare and through a ledger.

Run from the repository's root: `python docs/benchmarks/runtime_against_engine.py [MODEL] [TURNS]`. Bare asks the engine
and keeps nothing; ours is what a stage does: keys, the ledger's look-up, checks of each answer, and commits to a
ledger on disk. Both in one process and in turn, each first in every second turn, with one opened model, in float32
with one thread. CPU seconds are compared turn by turn, so that what else the machine does cancels out.
`vllm_in_process.py` does the same on vLLM.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from prefix import questions

from constitution_lang.ir.model import Role
from runtime.engines.base import Decoding, Engine, GenerateRequest
from runtime.engines.models import resolve
from runtime.engines.transformers import TransformersEngine
from runtime.ledger.store import Ledger
from runtime.progress import SilentProgress
from runtime.records import Turn
from runtime.work import Worker

PROMPTS = 24
TOKENS_MAX = 32
AIM = 1.05


def prompts(engine: Engine) -> list[GenerateRequest]:
    """Requests for answers of up to 32 tokens."""
    texts = [f"Give one piece of advice about a quarrel with neighbour number {n}." for n in range(PROMPTS)]
    return [
        GenerateRequest(engine.tokenizer.encode((Turn(Role.USER, text),)), Decoding(tokens_max=TOKENS_MAX), n)
        for n, text in enumerate(texts)
    ]


def main(model: str = "smollm2-135m-instruct", turns: str = "5") -> None:
    """Print the figures."""
    torch.set_num_threads(1)
    engine = TransformersEngine(resolve(model), device="cpu", generate_dtype="float32")
    answers, labels = prompts(engine), questions(engine, 1)
    list(engine.generate(answers[:4]))  # loads the weights
    list(engine.choose(labels[:4]))
    print(f"{model}, float32, one thread, {turns} turns; middle CPU seconds, and the middle of the turns' ratios")
    print(
        "\n| what | bare engine, s | with the runtime, s | with / bare | least to greatest | aim |\n"
        + "| --- " * 6
        + "|"
    )
    with tempfile.TemporaryDirectory() as folder:

        def through(work: Callable[[Worker], list[Any]]) -> dict[int, Any]:
            """Ask through a ledger that knows nothing yet."""
            with Ledger.open(Path(folder) / f"{time.monotonic_ns()}.sqlite") as ledger:
                return {n: answer.value for n, answer in enumerate(work(Worker(engine, ledger, SilentProgress())))}

        row(
            f"answers, {len(answers)} of at most {TOKENS_MAX} tokens",
            lambda: dict(engine.generate(answers)),
            lambda: through(lambda worker: worker.generate(answers, "")),
            int(turns),
        )
        row(
            f"labels, {len(labels)} of about {len(labels[0].tokens)} tokens, one pair",
            lambda: dict(engine.choose(labels)),
            lambda: through(lambda worker: worker.choose(labels, "")),
            int(turns),
        )
    engine.close()


def row(what: str, bare: Callable[[], dict[int, Any]], ours: Callable[[], dict[int, Any]], turns: int) -> None:
    """Measure both ways in turn, and print a row.

    Raises:
        SystemExit: the two ways give other answers, so that their times mean nothing.
    """
    taken: list[tuple[float, float]] = []
    for turn in range(turns):
        ways = (bare, ours) if turn % 2 == 0 else (ours, bare)
        (first, seconds), (second, more) = map(timed, ways)
        if first != second:
            raise SystemExit(f"{what}: the answers differ")
        taken.append((seconds, more) if turn % 2 == 0 else (more, seconds))
    ratios = [with_runtime / alone for alone, with_runtime in taken]
    alone, with_runtime = (median(each[way] for each in taken) for way in (0, 1))
    print(
        f"| {what} | {alone:.2f} | {with_runtime:.2f} | {median(ratios):.3f} "
        f"| {min(ratios):.3f} to {max(ratios):.3f} | {AIM} |",
        flush=True,
    )


def timed(way: Callable[[], dict[int, Any]]) -> tuple[dict[int, Any], float]:
    """The answers, and CPU seconds of the process."""
    begun = time.process_time()
    found = way()
    return found, time.process_time() - begun


if __name__ == "__main__":
    main(*sys.argv[1:])
