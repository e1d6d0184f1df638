"""What the commands share: options that several take, lines for people, and the run's folder."""

from __future__ import annotations

import argparse
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from runtime.progress import Progress
    from runtime.session import Session
    from runtime.steps.inputs import Inputs

    Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - has no public name

__all__ = ["FORM", "add_run_folder", "ledger_path", "opened", "progress_of", "say"]

FORM = argparse.RawDescriptionHelpFormatter


def say(line: str) -> None:
    """A line for people, beside the output."""
    print(line, file=sys.stderr, flush=True)


def progress_of(options: argparse.Namespace) -> Progress:
    """Bars, lines or nothing, as asked for."""
    from runtime.progress import SilentProgress, progress_for

    return SilentProgress() if options.quiet else progress_for(sys.stderr)


def opened(options: argparse.Namespace, *, only_audit: bool = False) -> AbstractContextManager[tuple[Session, Inputs]]:
    """The session of a run file, ready to go."""
    from runtime.opening import open_session

    return open_session(
        options.file, rehearse=options.rehearse, only_audit=only_audit, progress=progress_of(options), say=say
    )


def add_run_folder(parser: argparse.ArgumentParser) -> None:
    """The option that names a run's folder."""
    parser.add_argument("--run", type=Path, metavar="FOLDER", help="the run's folder; the latest in runs/ if not given")


def ledger_path(folder: Path | None) -> Path:
    """The ledger of a run's folder, or of the run under runs/ that was written to last."""
    if folder is not None:
        return folder / "ledger.sqlite"
    found = sorted(Path("runs").glob("*/ledger.sqlite"), key=lambda p: p.stat().st_mtime)
    return found[-1] if found else Path("runs/ledger.sqlite")
