"""The first files of a constitution's repository."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

__all__ = ["Scaffold", "write_scaffold"]

_FILES = (
    ("constitution.const", "@NAME@.const"),
    ("run.toml", "run.toml"),
    ("train.jsonl", "prompts/train.jsonl"),
    ("evaluation.jsonl", "prompts/evaluation.jsonl"),
    ("gitattributes", ".gitattributes"),
    ("gitignore", ".gitignore"),
    ("pre-commit.sh", ".githooks/pre-commit"),
    ("pre-commit-config.yaml", ".pre-commit-config.yaml"),
    ("workflow.yaml", ".github/workflows/constitution.yaml"),
)


class Scaffold(NamedTuple):
    """What was written, and what was there already and has been left as it is, with what that lacks: file and line."""

    written: tuple[str, ...]
    kept: tuple[str, ...]
    lacking: tuple[tuple[str, str], ...] = ()


def write_scaffold(folder: Path, name: str) -> Scaffold:
    """Write each file that is not there yet.

    Raises:
        OSError: a file or a folder cannot be made.
    """
    written: list[str] = []
    kept: list[str] = []
    lacking: list[tuple[str, str]] = []
    for source, target in _FILES:
        file = target.replace("@NAME@", name)
        path = folder / file
        text = files("constitution_lang.scaffold").joinpath("files", source).read_text(encoding="utf-8")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="utf-8", newline="\n") as stream:
                stream.write(text.replace("@NAME@", name))
        except FileExistsError:
            kept.append(file)
            lacking += ((file, line) for line in _needed(source, text, name) if line not in _text_of(path))
            continue
        if source.endswith(".sh"):
            path.chmod(0o755)
        written.append(file)
    return Scaffold(tuple(written), tuple(kept), tuple(lacking))


def _needed(source: str, text: str, name: str) -> list[str]:
    """What a file that was there has to hold as well for the others to work."""
    if source in ("gitattributes", "gitignore"):
        return [line for line in text.splitlines() if line and not line.startswith("#")]
    return [f"{name}.const"] if source in ("run.toml", "workflow.yaml") and "@NAME@.const" in text else []


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
