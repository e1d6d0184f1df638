"""The same answers from the same vLLM server, asked for by this runtime and by distilabel.

Run from the repository's root, after `make test-server` and `make bench-peers`:
`python docs/benchmarks/server_against_distilabel.py [PROMPTS] [TURNS]`. It starts the server on loopback, in a process
of its own, and stops it. Prompts of `constitutions/prompts`, greedy, at most 32 tokens, 32 requests under way at once
on both sides. Ours is the engine of kind `openai` behind a ledger; distilabel is measured as a whole pipeline and,
leaner than anybody runs it, as its task alone. All are warm: everything is imported, and the server has seen the
prompts. In turn, wall seconds and CPU seconds of the client; the server's own work is the same for all.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from vllm_server import vllm_server

from constitution_lang.ir.model import Role
from runtime.config import ServerConfig
from runtime.engines.base import Decoding, GenerateRequest
from runtime.engines.models import resolve
from runtime.engines.server.engine import ServerEngine
from runtime.ledger.store import Ledger
from runtime.progress import SilentProgress
from runtime.records import Turn
from runtime.work import Worker

REPOSITORY = Path(__file__).resolve().parents[2]
VLLM = REPOSITORY / ".venv-vllm/bin/python"
PEER = REPOSITORY / ".venv-bench/bin/python"
MODEL = "smollm2-135m-instruct"
KEY_ENV = "CAI_BENCHMARK_KEY"
TOKENS_MAX = 32
REQUESTS_MAX = 32
Way = Callable[[], tuple[float, float, list[str]]]
"""Does the job; wall seconds, CPU seconds, and the texts in the order of the prompts."""


@contextmanager
def peer(job: dict[str, object]) -> Iterator[Callable[[str], Way]]:
    """Have distilabel in a process of its own, with everything imported."""
    with tempfile.TemporaryDirectory() as work:
        process = subprocess.Popen(  # noqa: S603 - our own
            [str(PEER), str(REPOSITORY / "docs/benchmarks/distilabel_job.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=work,
            env={
                **os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": work, "DISTILABEL_CACHE_DIR": work,
                "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "PYTHONWARNINGS": "ignore",
            },
        )  # fmt: skip

        def ask(line: str) -> str:
            assert process.stdin
            assert process.stdout
            process.stdin.write(line + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            if not answer:
                raise SystemExit("distilabel's process ended")
            return answer

        def way(name: str) -> Way:
            def once() -> tuple[float, float, list[str]]:
                seconds, cpu, texts = json.loads(ask(name))
                return seconds, cpu, texts

            return once

        try:
            ask(json.dumps(job))
            yield way
        finally:
            assert process.stdin
            process.stdin.close()
            process.wait(60)


def ours(engine: ServerEngine, texts: list[str], folder: Path) -> tuple[float, float, list[str]]:
    """What the stage that answers does: encode, ask through a ledger that knows nothing yet."""
    begun, before = time.perf_counter(), time.process_time()
    decoding = Decoding(tokens_max=TOKENS_MAX, temperature=0.0)
    requests = [GenerateRequest(engine.tokenizer.encode((Turn(Role.USER, text),)), decoding, 0) for text in texts]
    with Ledger.open(folder / f"{time.monotonic_ns()}.sqlite") as ledger:
        answers = Worker(engine, ledger, SilentProgress()).generate(requests, "")
    return time.perf_counter() - begun, time.process_time() - before, [answer.value.text for answer in answers]


def main(prompts: str = "96", turns: str = "3") -> None:
    """Print the figures."""
    for python, target in ((VLLM, "test-server"), (PEER, "bench-peers")):
        if not python.is_file():
            print(f"left out: there is no {python.relative_to(REPOSITORY)}, which `make {target}` makes")
            return
    files = [REPOSITORY / "constitutions/prompts" / f"{name}.jsonl" for name in ("red-team", "benign-edge")]
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    texts = [row["prompt"] for row in map(json.loads, lines) if "prompt" in row][: int(prompts)]  # of a single turn
    folder, key = resolve(MODEL), secrets.token_hex(16)
    os.environ[KEY_ENV] = key
    with vllm_server(VLLM, folder, name=MODEL, key=key) as url, tempfile.TemporaryDirectory() as work:
        engine = ServerEngine(ServerConfig(url=url, key_env=KEY_ENV, requests_max=REQUESTS_MAX), MODEL, folder)
        job = {
            "url": url, "key": key, "model": MODEL, "tokens_max": TOKENS_MAX, "requests_max": REQUESTS_MAX,
            "rows": [{"instruction": text} for text in texts],
        }  # fmt: skip
        with peer(job) as way:
            ways: dict[str, Way] = {
                "this runtime, with its ledger": lambda: ours(engine, texts, Path(work)),
                "distilabel's pipeline": way("pipeline"),
                "distilabel's task alone": way("task"),
            }
            report(ways, len(texts), int(turns))


def report(ways: dict[str, Way], count: int, turns: int) -> None:
    """Do the job in turn, once to warm up, and print the table."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    written: dict[str, list[str]] = {}
    for turn in range(turns + 1):
        for name, way in ways.items():
            seconds, cpu, written[name] = way()
            if len(written[name]) != count:
                raise SystemExit(f"{name} gave {len(written[name])} answers for {count} prompts")
            if turn:
                taken[name].append((seconds, cpu))
    first, texts = next(iter(written.items()))
    print(
        f"{MODEL}, {count} prompts, greedy, {TOKENS_MAX} tokens, {REQUESTS_MAX} at once; the middle of {turns} turns\n"
    )
    print("| client | wall, s | least to greatest | against ours | client's CPU, s | against ours | same texts |")
    print("| --- " * 7 + "|")
    for name, each in taken.items():
        walls, cpus = zip(*each, strict=True)
        slower, dearer = (
            median(theirs[which] / mine[which] for theirs, mine in zip(each, taken[first], strict=True))
            for which in (0, 1)
        )
        same = sum(a.strip() == b.strip() for a, b in zip(written[name], texts, strict=True))
        print(
            f"| {name} | {median(walls):.2f} | {min(walls):.2f} to {max(walls):.2f} | {slower:.2f} | "
            f"{median(cpus):.2f} | {dearer:.1f} | {same} of {count} |"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
