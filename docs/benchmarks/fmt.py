"""`cai-compile fmt` from 1,000 to 10,000 blocks, as whole processes: time for each block."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent))
from processes import cpu_seconds, principles, write

RUNS = 3
SIZES = (1_000, 2_000, 5_000, 10_000)


def main() -> None:
    """Print a row for each size. Nothing is in its form, so that all is read twice and compared."""
    fmt = [str(Path(sys.executable).parent / "cai-compile"), "fmt"]
    with TemporaryDirectory() as name:
        start = cpu_seconds([*fmt, "--diff", write(Path(name) / "none.const", "edition  2026\n")], runs=RUNS)
        for blocks in SIZES:
            text = principles(blocks).replace("  weight: ", "  weight:  ")
            file = write(Path(name) / f"{blocks}.const", text)
            taken = _formatting(fmt, file, text)
            print(f"| {blocks:,} | {taken:.2f} | {1000 * (taken - start) / blocks:.3f} |")


def _formatting(fmt: list[str], file: str, text: str) -> float:
    """The middle of several, each of a file that is not in its form."""
    taken = []
    for _ in range(RUNS):
        write(Path(file), text)
        taken.append(cpu_seconds([*fmt, file], runs=1))
    return sorted(taken)[RUNS // 2]


if __name__ == "__main__":
    main()
