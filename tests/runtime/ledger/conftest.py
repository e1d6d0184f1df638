"""A ledger with one run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.ledger.store import Ledger
from tests.runtime.ledger.samples import RUN


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "ledger.sqlite"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger.open(path) as opened:
        opened.begin(RUN)
        yield opened
