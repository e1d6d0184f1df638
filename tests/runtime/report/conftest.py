from __future__ import annotations

from collections.abc import Iterator

import pytest

from runtime.ledger.store import Ledger
from runtime.report.collect import collect
from runtime.report.data import ReportData
from tests.runtime.report.fake_run import RUN, FakeRun


@pytest.fixture(scope="session")
def fake() -> FakeRun:
    return FakeRun(60)


@pytest.fixture(scope="session")
def ledger(fake: FakeRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    path = tmp_path_factory.mktemp("run") / "ledger.sqlite"
    fake.write(path)
    with Ledger.open(path, read_only=True) as opened:
        yield opened


@pytest.fixture(scope="session")
def data(ledger: Ledger) -> ReportData:
    return collect(ledger, RUN)
