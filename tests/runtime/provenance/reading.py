"""What verification finds in a folder, and what a run published there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from runtime.progress import SilentProgress
from runtime.provenance.misfits import Misfit
from runtime.provenance.verify import find_target, verify


def misfits(path: Path) -> tuple[Misfit, ...]:
    return verify([find_target(path)], models=(), progress=SilentProgress(), first_only=False).misfits


def first(folder: Path) -> Misfit:
    found = verify([find_target(folder / "out")], models=(), progress=SilentProgress(), first_only=True).misfits
    assert len(found) == 1
    return found[0]


def jsonl(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "out" / "data" / f"{name}.jsonl").read_text().splitlines()]


def write_jsonl(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows]
    (folder / "out" / "data" / f"{name}.jsonl").write_text("".join(lines))
