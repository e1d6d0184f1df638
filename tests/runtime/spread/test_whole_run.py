"""A whole run over actors publishes what one on this machine publishes."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.datasets.cards import read_data_card
from tests.runtime.small_run import RUN_FILE, cai_run, data_sets, write_run

pytestmark = pytest.mark.ray

FOURTEEN = RUN_FILE.replace("limit = 12", "limit = 14").replace("offset = 12, limit = 4", "offset = 14, limit = 2")


@pytest.fixture(scope="module")
def local_run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("local")
    ran = cai_run("run", write_run(folder, run_file=FOURTEEN), "--quiet", cwd=folder)
    assert ran.returncode == 0, ran.stderr
    return published(folder)


def published(folder: Path) -> dict[str, bytes]:
    """All that a run published, byte for byte, but for its own name on the cards."""
    runs = {read_data_card(path).provenance.run for path in (folder / "out" / "data").glob("*.card.json")}
    assert len(runs) == 1
    (run,) = runs
    return {name: data.replace(run.encode(), b"RUN") for name, data in data_sets(folder).items()}


@pytest.mark.parametrize("shard_rows", [14, 7, 2])  # of 14 answers: 1, 2 and 7 shards
def test_data_sets_of_a_run_are_those_of_the_local_run(
    tmp_path: Path, local_run: dict[str, bytes], shard_rows: int
) -> None:
    spread = f'[engine]\nspread = "ray"\nray = {{ actors = 2, shard_rows = {shard_rows} }}'
    ran = cai_run("run", write_run(tmp_path, run_file=FOURTEEN.replace("[engine]", spread)), "--quiet", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert " WARNING " not in ran.stderr
    assert "Warning: " not in ran.stderr  # neither Ray's nor Python's
    assert {name.split(".", 1)[1] for name in local_run} == {"jsonl", "parquet", "bundle.json", "card.json"}
    assert published(tmp_path) == local_run
    assert list((tmp_path / "out" / "shards").rglob("*.parquet"))
