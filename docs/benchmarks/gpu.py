"""Our engines against transformers' own batching and bare vLLM, on one GPU, in one command of at most ten minutes.

    python docs/benchmarks/gpu.py [--minutes 9] [--model FOLDER] [--prompts 512] [--pairs 48]

Without `--model` a model of 7 billion random weights is made, since speed does not depend on what they are; such a
model hardly ever ends its turn, so nearly every completion has its full length. All ways compute in bfloat16.

Each way is a process of its own, so that its end gives back the memory, and a failure or a time that is up stops no
other. It gets its part of the minutes that are left, finds out by a short probe how many prompts fit in, and prints
what it measured at once. vLLM is left out where it is not installed. Without a GPU a tiny model shows that it works.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpu_ways import Measured

RESERVE_SECONDS = 5
"""For the last table, and for ending a process whose time is up."""


def main() -> int:
    """Measure and print; 1 where a way did not give what it should."""
    begun = time.monotonic()
    from gpu_ways import WAYS, run_way  # within the time: what it imports takes seconds

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=9, help="all together; kept to, whatever is slow")
    parser.add_argument("--model", type=Path, help="a folder of safetensors; random weights where none is given")
    parser.add_argument("--prompts", type=int, default=512, help="at most, where the time allows")
    parser.add_argument("--tokens", type=int, default=128, help="new tokens for each prompt")
    parser.add_argument("--pairs", type=int, default=48, help="at most; each is 32 labels")
    parser.add_argument("--rows", type=int, default=64, help="rows in a batch, for all who batch by rows")
    parser.add_argument("--way", choices=sorted(WAYS), help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        run_way(options, begun + options.seconds)
        return 0
    end = begun + options.minutes * 60 - RESERVE_SECONDS
    print(_where(), flush=True)
    with tempfile.TemporaryDirectory(dir=_roomy()) as work:
        if options.model is None:
            options.model = _made(Path(work), end)
        names = [name for name in WAYS if not name.startswith("vllm") or find_spec("vllm")]
        if not any(name.startswith("vllm") for name in names):
            print("vLLM is not installed here, and left out")
        rows: list[Measured] = []
        failed = False
        for n, name in enumerate(names):
            share = (end - time.monotonic()) / (len(names) - n)
            found = list(_measured(name, options, share))
            failed |= len(found) < WAYS[name].rows
            rows += found
    report(rows)
    print(f"{time.monotonic() - begun:.0f} of at most {options.minutes * 60:.0f} s")
    return int(failed)


def _where() -> str:
    """The device and the versions, found out in a process of its own: this one never touches the GPU."""
    code = (
        "import torch, transformers as t; gpu = torch.cuda.is_available(); "
        "print(torch.cuda.get_device_name() if gpu else 'no GPU', f'torch {torch.__version__}', "
        "f'transformers {t.__version__}', sep=', ')"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603 - our own
    return found.stdout.strip()


def _made(work: Path, end: float) -> Path:
    """Random weights, made in a process of their own, for the same reason."""
    begun = time.monotonic()
    code = "import sys; from pathlib import Path; from gpu_ways import made; made(Path(sys.argv[1]))"
    subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", code, str(work)], check=True, env=_environment(), timeout=max(1, end - time.monotonic())
    )  # fmt: skip
    (folder,) = work.iterdir()
    print(f"{folder.name}: made in {time.monotonic() - begun:.0f} s", flush=True)
    return folder


def _measured(name: str, options: argparse.Namespace, share: float) -> Iterator[Measured]:
    """What a way measures, printed as it comes; its process ends when its share of the time is over."""
    if share < 1:
        print(f"{name}: no time is left for it")
        return
    from gpu_ways import Measured

    command = [sys.executable, __file__, "--way", name, "--seconds", str(share)]
    for option in ("model", "prompts", "tokens", "pairs", "rows"):
        command += [f"--{option}", str(getattr(options, option))]
    said: queue.Queue[str | None] = queue.Queue()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(  # noqa: S603 - our own
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=_environment(), start_new_session=True
        )
        threading.Thread(target=_listen, args=(process, said), daemon=True).start()
        end, over = time.monotonic() + share, False
        while True:
            try:
                line = said.get(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                over = True
                break
            if line is None:
                break
            if line.startswith("{"):
                row = Measured(**json.loads(line))
                print(row.line(), flush=True)
                print(line.strip(), flush=True)
                yield row
        if over:
            os.killpg(process.pid, 9)
        code = process.wait()
        log.seek(0)
        last = (log.read().strip().splitlines() or ["it said nothing"])[-1]
    if over:
        print(f"{name}: stopped, since its {share:.0f} s were over", flush=True)
    elif code:
        print(f"{name}: ended with code {code}: {last}", flush=True)


def _listen(process: subprocess.Popen[str], said: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        said.put(line)
    said.put(None)


def _environment() -> dict[str, str]:
    here = Path(__file__).resolve().parent
    paths = [str(here), str(here.parent.parent), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "HF_HUB_OFFLINE": "1"}


def _roomy() -> str | None:
    """Memory that is a folder, where 20 GB of it are free: weights are written and read many times faster."""
    shared = Path("/dev/shm")  # noqa: S108  # the point of it
    return str(shared) if shared.is_dir() and shutil.disk_usage(shared).free > 20e9 else None


def report(rows: list[Measured]) -> None:
    """A table of each kind of work, against transformers' padded batches."""
    for what, unit in (("generate", "tokens"), ("label", "labels")):
        found = [row for row in rows if row.what == what]
        bound = next((row.rate for row in found if row.how == "transformers, padded batches"), None)
        print(f"\n| {what} | requests | s | {unit}/s | against padded batches |\n| --- | --- | --- | --- | --- |")
        for row in found:
            against = f"{row.rate / bound:.2f}" if bound else "?"
            print(f"| {row.how} | {row.asked} of {row.of} | {row.seconds:.1f} | {row.rate:,.1f} | {against} |")
    print()


if __name__ == "__main__":
    sys.exit(main())
