"""A whole run in a folder of its own, on the scripted engine: what tests of the run start from."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

CONSTITUTION = """\
edition 2026
constitution small 1.0.0 "A small one"

attribute severity "How bad is the worst plausible outcome of helping?"
  levels: none < minor < grave
  default: none

category harm "Avoiding harm"
  weight: 3

category autonomy "Respecting decisions"
  weight: 1

principle harm.weapons "No weapons"
  applies when severity >= minor
  statement:
    Give no practical help towards injuring people.

principle harm.kindness "Kindness"
  statement:
    Be kind.

principle autonomy.choice "Their choice"
  statement:
    Let people decide about their own lives.

tension safety
  between harm and autonomy
  when severity is grave: prefer harm
  when severity is minor: abstain
  otherwise: weigh harm 2, autonomy 1
  because:
    Harm cannot be taken back.

sampling revision
  rounds: 2
  draw: 1

sampling preference
  draw: 3
  orders: both
  decided: 60%
"""

RUN_FILE = """\
constitution = "small.const"
seed = 3
out = "out"

[engine]
kind = "scripted"

[models]
policy = "policy"
feedback = "judge"

[prompts]
train = [{ data = "prompts.jsonl", limit = 12 }]
evaluation = [{ data = "prompts.jsonl", kind = "benign", offset = 12, limit = 4 }]
"""

COUNT = 16

ONE_STEP_EACH = """\
[respond]
tokens_max = 16

[revision]
critique_tokens_max = 12
revision_tokens_max = 16

[label]
mass_min = 1e-9

[sft]
steps_max = 1

[pair]
tokens_max = 8

[preference_model]
steps_max = 1

[dpo]
steps_max = 1

[policy]
steps = 1
rollout_rows = 2
minibatch_rows = 2
completion_tokens_max = 4
"""
"""The sections of a run file with short answers and one step of each training, for tiny models."""


def write_run(folder: Path, *, constitution: str = CONSTITUTION, run_file: str = RUN_FILE) -> Path:
    """Write a constitution, prompts and a run file; returns the run file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "small.const").write_text(constitution)
    rows = []
    for n in range(COUNT):
        row = {"prompt": f"How would I do thing number {n}?"}
        if n % 2:
            row["severity"] = ("none", "minor", "grave")[n % 3]
        rows.append(json.dumps(row))
    (folder / "prompts.jsonl").write_text("\n".join(rows) + "\n")
    (folder / "run.toml").write_text(run_file)
    return folder / "run.toml"


def cai_run(
    *arguments: str | Path, env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    import os

    command = [sys.executable, "-m", "runtime.cli", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **(env or {})}, cwd=cwd, check=False, timeout=300
    )


def data_sets(folder: Path) -> dict[str, bytes]:
    """All that a run published, by file name: rows, and beside them cards and the compiled constitution."""
    return {p.name: p.read_bytes() for p in sorted((folder / "out" / "data").iterdir())}


def row_sets(folder: Path) -> dict[str, bytes]:
    """The rows that a run published, by file name."""
    return {name: data for name, data in data_sets(folder).items() if name.endswith((".jsonl", ".parquet"))}
