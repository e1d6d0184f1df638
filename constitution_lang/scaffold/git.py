"""What git has to be told in each clone, as a repository cannot bring it along."""

from __future__ import annotations

import subprocess
from pathlib import Path

__all__ = ["DIFF_DRIVER", "MEANING", "top_of", "with_diff_driver", "with_meaning"]

DIFF_DRIVER = {
    # The line of a hunk's header: blocks begin at column 0, and nothing else does.
    "xfuncname": "^[a-z].*$",
}
"""The settings `diff.const.…` of the driver that `.gitattributes` names."""


MEANING = '!cd "./${GIT_PREFIX:-.}" && cai-compile diff'
"""The alias `git meaning`. A driver's own `command` would take the place of the text that `git diff` shows."""


def top_of(folder: Path) -> Path | None:
    """The repository in which a folder is; None where it is in none, or git is not installed."""
    found = _git(folder, "rev-parse", "--show-toplevel")
    return Path(found) if found else None


def with_diff_driver(folder: Path) -> tuple[str, ...]:
    """Set what is not set yet in the repository's own configuration; the settings that were made."""
    made = []
    for key, value in DIFF_DRIVER.items():
        name = f"diff.const.{key}"
        if _git(folder, "config", "--get", name) is None and _git(folder, "config", "--local", name, value) is not None:
            made.append(name)
    return tuple(made)


def with_meaning(folder: Path) -> bool:
    """Set the alias in the repository's own configuration where none is set; whether it was."""
    name = "alias.meaning"
    return (
        _git(folder, "config", "--get", name) is None and _git(folder, "config", "--local", name, MEANING) is not None
    )


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints; None where it fails."""
    command = ("git", *arguments)
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    except OSError:
        return None
    return done.stdout.rstrip("\n") if done.returncode == 0 else None
