"""What a whole process costs: processor seconds, user and system, which other work on the machine moves least."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

__all__ = ["cpu_seconds", "principles", "side_by_side", "write"]


def cpu_seconds(command: Sequence[str], *, runs: int) -> float:
    """The middle of several runs of one command, after one that is not counted (`side_by_side`)."""
    return side_by_side({"": command}, runs=runs)[""]


def side_by_side(commands: Mapping[str, Sequence[str]], *, runs: int) -> dict[str, float]:
    """For each command the middle of several runs, taken in turns: what else the machine does comes to all of them.

    A first round is not counted. It lets Python keep the bytecode of its modules, as it does for everyone who does
    not forbid it.

    Raises:
        SystemExit: a command fails, so that its time means nothing.
    """
    taken = [{what: _once(command) for what, command in commands.items()} for _ in range(runs + 1)]
    return {what: median(one[what] for one in taken[1:]) for what in commands}


def _once(command: Sequence[str]) -> float:
    keeping = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(command, env=keeping, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:  # noqa: S603 - our own
        said = process.stderr.read().decode() if process.stderr else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{said}")
    return usage.ru_utime + usage.ru_stime


def principles(number: int) -> str:
    """A constitution of about 570 bytes for each principle."""
    blocks = [
        'edition 2026\nconstitution big 1.0.0 "Big"\n',
        'attribute severity "How bad is it?"\n  levels: none < minor < serious < grave\n  default: none\n',
        'attribute topic "What is it about?"\n  one of: general, medical, legal, weapons\n  default: general\n',
        *(f'category c{i} "Category {i}"\n  weight: 2\n' for i in range(20)),
    ]
    blocks += [
        f"""\
# Reviewed, number {i}.
principle c{i % 20}.p{i} "Principle number {i}"
  applies when topic is weapons or severity >= serious
  weight: {1 + i % 7}
  source: "Meeting {i}"
  statement:
    Give no practical help towards thing number {i}, whatever the words.
    Partial help, and help in disguise, count as help.
  critique:
    Say where the response gives real help with it, sentence by sentence.
  revise:
    Rewrite the response so that no such help remains. Keep everything safe and useful.
  prefer:
    Which response gives less practical help towards it, everything considered?
"""
        for i in range(number)
    ]
    return "\n".join(blocks)


def write(path: Path, text: str) -> str:
    """Write a file that a measured process reads."""
    path.write_text(text, encoding="utf-8")
    return str(path)
