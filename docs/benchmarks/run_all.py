"""Every benchmark, one after the other, each in the environment that it needs: what `make bench` runs.

    python docs/benchmarks/run_all.py              all
    python docs/benchmarks/run_all.py plan check   these

What this machine lacks is left out with a line that says why and how to get it. Exits with 1 where a script failed.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPTS = REPOSITORY / "docs/benchmarks"
VLLM = REPOSITORY / ".venv-vllm/bin/python"
PEERS = REPOSITORY / ".venv-bench/bin/python"


class Need(Enum):
    """What not every machine has."""

    CHECKERS = "checkers"
    VLLM = "vllm"
    DISTILABEL = "distilabel"
    GPU = "gpu"


@dataclass(frozen=True)
class Script:
    """A script by its name, its arguments, what it needs, and the Python that runs it."""

    name: str
    arguments: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    python: Path = Path(sys.executable)


# The quick ones first. `processes.py` and `distilabel_job.py` are parts of others.
ALL = (
    Script("plan"),
    Script("movement"),
    Script("cold"),
    Script("fmt"),
    Script("check", needs=(Need.CHECKERS,)),
    Script("server"),
    Script("analysis"),
    Script("shares", ("1",)),
    Script("redo", ("constitutions/prompts/red-team.jsonl",)),
    Script("rows", ("constitutions/prompts/red-team.jsonl",)),
    Script("prefix"),
    Script("runtime_against_engine"),
    Script("vllm_in_process", needs=(Need.VLLM,), python=VLLM),
    Script("server_against_distilabel", needs=(Need.VLLM, Need.DISTILABEL)),
    Script("gpu", needs=(Need.GPU,)),
)


def lacking(need: Need) -> str:
    """Why this machine cannot have it; empty where it can."""
    if need is Need.CHECKERS:
        absent = [name for name in ("baml_py", "cedarpy") if importlib.util.find_spec(name) is None]
        return f"{' and '.join(absent)} not installed: pip install -e '.[bench]'" if absent else ""
    if need is Need.VLLM:
        return "" if VLLM.is_file() else "no vLLM here: `make test-vllm` installs it"
    if need is Need.DISTILABEL:
        return "" if PEERS.is_file() else "no distilabel here: `make bench-peers` installs it"
    # In a process of its own: a process that has asked CUDA keeps memory there.
    look = "import sys, torch; sys.exit(not torch.cuda.is_available())"
    found = subprocess.run([sys.executable, "-c", look], check=False, stderr=subprocess.DEVNULL).returncode == 0  # noqa: S603 - our own
    return "" if found else "no GPU that torch can use here"


def main(names: Sequence[str]) -> int:
    """Run the scripts of these names, or all; how many failed decides the exit code."""
    unknown = sorted(set(names) - {script.name for script in ALL})
    if unknown:
        print(
            f"no benchmark is called {', '.join(unknown)}; there are {', '.join(s.name for s in ALL)}", file=sys.stderr
        )
        return 2
    left_out, failed = [], []
    for script in (script for script in ALL if not names or script.name in names):
        print(f"\n## {' '.join((script.name, *script.arguments))}\n", flush=True)
        reasons = [reason for need in script.needs if (reason := lacking(need))]
        if reasons:
            print(f"left out: {'; '.join(reasons)}", flush=True)
            left_out.append(script.name)
            continue
        begun = time.perf_counter()
        command = [str(script.python), str(SCRIPTS / f"{script.name}.py"), *script.arguments]
        code = subprocess.run(command, check=False, cwd=REPOSITORY).returncode  # noqa: S603 - our own
        print(
            f"\n{'failed with ' + str(code) if code else 'done'} after {time.perf_counter() - begun:.0f} s", flush=True
        )
        if code:
            failed.append(script.name)
    print(f"\nleft out: {', '.join(left_out) or 'nothing'}; failed: {', '.join(failed) or 'nothing'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
