"""A model on vLLM through our engine and bare, on the same prompts; and labels with and without shared prefixes.

Run from the repository's root, after `make test-vllm`:
`.venv-vllm/bin/python docs/benchmarks/vllm_in_process.py [MODEL] [PAIRS]`. All ways run in one process and in turn,
with one opened model, the cache emptied before each, in float32, and CPU time is measured, so that what else the
machine does cancels out. Labels: pairs in both orders under sixteen principles, as in `prefix.py`.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything that computes

from constitution_lang.ir.model import Role
from runtime.engines.base import Choice, Completion, Decoding, EngineError, GenerateRequest
from runtime.engines.models import resolve
from runtime.ledger.store import Ledger
from runtime.progress import SilentProgress
from runtime.records import Turn
from runtime.work import Worker

if TYPE_CHECKING:
    from vllm import LLMEngine, RequestOutput, SamplingParams

    from runtime.engines.vllm import VllmEngine

TURNS = 3
TOKENS_MAX = 48


def prompts(engine: VllmEngine, count: int) -> list[GenerateRequest]:
    """Requests for answers of up to 48 tokens."""
    texts = [f"Give one piece of advice about a quarrel with neighbour number {n}." for n in range(count)]
    return [
        GenerateRequest(engine.tokenizer.encode((Turn(Role.USER, text),)), Decoding(tokens_max=TOKENS_MAX), n)
        for n, text in enumerate(texts)
    ]


def bare(llm: LLMEngine, asked: list[tuple[tuple[int, ...], SamplingParams]]) -> dict[int, RequestOutput]:
    """The loop of vLLM's own `LLM` class: requests in the order in which they come."""
    for n, (tokens, params) in enumerate(asked):
        (prompt,) = llm.renderer.render_cmpl([{"prompt_token_ids": list(tokens)}])
        llm.add_request(str(n), prompt, params)
    done: dict[int, RequestOutput] = {}
    while llm.has_unfinished_requests():
        done |= {int(output.request_id): output for output in llm.step() if output.finished}
    return done


def main(model: str = "smollm2-135m-instruct", pairs: str = "1") -> None:
    """Print the figures."""
    try:
        from prefix import questions

        from runtime.engines.vllm import VllmEngine

        engine = VllmEngine(resolve(model), generate_dtype="float32")
    except (ImportError, EngineError) as e:
        print(f"left out: {e}; run it with .venv-vllm/bin/python, which `make test-vllm` makes")
        return
    from vllm import SamplingParams

    from runtime.engines.vllm_process import hold

    llm = hold(engine._load("float32"))  # noqa: SLF001
    labels = [question for pair in range(1, int(pairs) + 1) for question in questions(engine, pair)]
    answers = prompts(engine, 48)
    stops = sorted(engine.tokenizer.stops)
    options = list(labels[0].options)
    bare_labels = [
        (q.tokens, SamplingParams(max_tokens=1, temperature=0, logprob_token_ids=options, detokenize=False))
        for q in labels
    ]
    alone = [
        (
            q.tokens,
            SamplingParams(max_tokens=1, temperature=0, logprob_token_ids=options, detokenize=False,
                           skip_reading_prefix_cache=True),
        )
        for q in labels
    ]  # fmt: skip
    bare_answers = [
        (
            r.tokens,
            SamplingParams(max_tokens=TOKENS_MAX, temperature=1, seed=r.seed, stop_token_ids=stops, detokenize=False),
        )
        for r in answers
    ]
    folder = Path(tempfile.mkdtemp())

    def worked(kind: str) -> dict[int, Any]:
        """What a stage does: ask through a ledger of its own."""
        with Ledger.open(folder / f"{time.monotonic_ns()}.sqlite") as ledger:
            worker = Worker(engine, ledger, SilentProgress())
            found = worker.choose(labels, "") if kind == "labels" else worker.generate(answers, "")
            return {n: answer.value for n, answer in enumerate(found)}

    ways: dict[str, Callable[[], dict[int, Any]]] = {
        "labels, bare": lambda: bare(llm, bare_labels),
        "labels, ours": lambda: worked("labels"),
        "labels, nothing shared": lambda: bare(llm, alone),
        "answers, bare": lambda: bare(llm, bare_answers),
        "answers, ours": lambda: worked("answers"),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    results: dict[str, dict[int, Any]] = {}
    print(f"{len(labels)} labels and {len(answers)} answers, {len(ways)} ways in {TURNS} turns", file=sys.stderr)
    bare(llm, bare_labels[:2])
    for turn in range(1, TURNS + 1):
        for name, way in ways.items():
            llm.reset_prefix_cache()
            begun = time.process_time()
            results[name] = way()
            taken[name].append(time.process_time() - begun)
            print(f"turn {turn} of {TURNS}: {name}, {taken[name][-1]:.1f} CPU s", file=sys.stderr, flush=True)
    seconds = {name: median(times) for name, times in taken.items()}
    apart = max(
        abs(score - output.outputs[0].logprobs[0][option].logprob)
        for n, output in results["labels, nothing shared"].items()
        for option, score in zip(options, _choice(results["labels, ours"][n]), strict=True)
    )
    tokens = {
        "answers, bare": sum(len(o.outputs[0].token_ids) for o in results["answers, bare"].values()),
        "answers, ours": sum(_drawn(c) for c in results["answers, ours"].values()),
    }
    lengths = [len(q.tokens) for q in labels]
    print(f"model                      {model}, float32, one thread, middle of {TURNS}")
    print(f"labels                     {len(labels)}, of {min(lengths)} to {max(lengths)} tokens")
    for name in ways:
        unit, count = ("tokens", tokens[name]) if name in tokens else ("labels", len(labels))
        print(f"{name:<26} {seconds[name]:7.2f} CPU s  {count / seconds[name]:8.2f} {unit} a CPU second")
    print(f"ours against bare, labels  {seconds['labels, ours'] / seconds['labels, bare']:.3f} times the CPU seconds")
    print(f"ours against bare, answers {seconds['answers, ours'] / seconds['answers, bare']:.3f} times the CPU seconds")
    print(f"nothing shared against ours {seconds['labels, nothing shared'] / seconds['labels, ours']:.1f}")
    print(f"largest difference         {apart:.1e} in a log-probability, shared and not")
    engine.close()


def _choice(value: object) -> tuple[float, ...]:
    assert isinstance(value, Choice)
    return value.log_probabilities


def _drawn(value: object) -> int:
    """With the token that ends the turn, which vLLM counts too."""
    assert isinstance(value, Completion)
    return len(value.tokens) + (value.finish == "stop")


if __name__ == "__main__":
    main(*sys.argv[1:])
