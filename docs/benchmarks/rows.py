"""Benchmark: what a prompt costs a whole run, or its check, in processor time and memory, as prompts become more.

    python docs/benchmarks/rows.py PROMPTS          1,000, 4,000 and 16,000 prompts
    python docs/benchmarks/rows.py PROMPTS --all    100,000 as well
    python docs/benchmarks/rows.py PROMPTS --verify what `cai-run verify` of such a run takes, and not the run

PROMPTS is a data set as a run file takes it; its conversations are repeated, with a number behind each, until there are
enough. `sixteen.const`, scripted engine: four rounds of critique and revision, and sixteen votes in both orders on
every pair. Each run is a process of its own, so that its memory at most is its own.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import msgspec

from constitution_lang.ir.model import Role
from runtime.config import PromptSource
from runtime.datasets.prompts import load_prompts

REPOSITORY = Path(__file__).resolve().parents[2]
SIXTEEN = REPOSITORY / "constitutions/sixteen/sixteen.const"
COUNTS = (1_000, 4_000, 16_000)


def write(folder: Path, prompts: Path, count: int) -> Path:
    """A run file and its data set, of the texts of `prompts` (at most 600 characters each) with a number."""
    loaded, _ = load_prompts(PromptSource(data=str(prompts)), Path(), seed=0)
    texts = [next(t.text for t in p.turns if t.role is Role.USER)[:600] for p in loaded]
    with (folder / "prompts.jsonl").open("wb") as file:
        for n in range(count):
            file.write(msgspec.json.encode({"prompt": f"{texts[n % len(texts)]} ({n})"}) + b"\n")
    (folder / "run.toml").write_text(
        f'constitution = "{SIXTEEN}"\nout = "out"\n[engine]\nkind = "scripted"\n[models]\npolicy = "policy"\n'
        '[prompts]\ntrain = [{ data = "prompts.jsonl" }]\n'
    )
    return folder / "run.toml"


def measure(folder: Path, *arguments: str) -> tuple[float, float]:
    """Processor seconds of a command of `cai-run`, and the most memory that it had, in KB."""
    command = [sys.executable, "-m", "runtime.cli", *arguments]
    with (folder / "said").open("wb") as said:
        out = said.fileno()
        process = os.posix_spawn(
            command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, out, 2)]
        )
        _, status, used = os.wait4(process, 0)
    if status:
        raise SystemExit((folder / "said").read_text())
    return used.ru_utime + used.ru_stime, used.ru_maxrss


def main() -> None:
    """Print a row for every count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prompts", type=Path)
    parser.add_argument("--all", action="store_true", help="100,000 prompts as well")
    parser.add_argument("--verify", action="store_true", help="of `cai-run verify`, and not of the run")
    options = parser.parse_args()
    print("| prompts | processor, s | for each prompt, ms | against the first | memory, MB | KB for each more |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    first = before = None
    for count in (*COUNTS, 100_000) if options.all else COUNTS:
        with tempfile.TemporaryDirectory() as folder:
            file = write(Path(folder), options.prompts.resolve(), count)
            seconds, memory = measure(file.parent, "run", str(file), "--quiet")
            if options.verify:
                seconds, memory = measure(file.parent, "verify", str(file.parent / "out"), "--quiet")
        each = 1000 * seconds / count
        first = first or each
        more = f"{(memory - before[1]) / (count - before[0]):.1f}" if before else ""
        before = (count, memory)
        print(
            f"| {count:,} | {seconds:.1f} | {each:.2f} | {each / first:.2f} | {memory / 1000:.0f} | {more} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
