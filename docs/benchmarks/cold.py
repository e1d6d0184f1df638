"""What it takes to start: `cai-compile --help`, and a small file checked, beside bare Python."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from processes import side_by_side

RUNS = 15
HOUSE = Path(__file__).parents[2] / "constitutions" / "house-assistant" / "house-assistant.const"


def main() -> None:
    """Print a table row for each."""
    command = str(Path(sys.executable).parent / "cai-compile")
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "cai-compile --help": [command, "--help"],
        "cai-compile check house-assistant.const": [command, "check", str(HOUSE)],
    }
    for what, taken in side_by_side(commands, runs=RUNS).items():
        print(f"| {what} | {1000 * taken:.0f} |")


if __name__ == "__main__":
    main()
