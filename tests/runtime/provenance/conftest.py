from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from runtime.cli import main
from tests.runtime.small_run import write_run


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run on the scripted engine: not to be written to."""
    folder = tmp_path_factory.mktemp("finished")
    assert main(["run", str(write_run(folder)), "--quiet"]) == 0
    return folder


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A copy of it to spoil."""
    shutil.copytree(finished, tmp_path / "copy")
    return tmp_path / "copy"
