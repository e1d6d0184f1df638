"""Paths and addresses of a run file."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from runtime.engine_config import ServerConfig
from runtime.run_file import RunFileError, load_run_file
from tests.runtime.small_run import RUN_FILE, write_run


def with_store(folder: Path, store: str) -> Path:
    return write_run(folder, run_file=f'{RUN_FILE}\n[engine.ray]\nstore = "{store}"\n')


@pytest.mark.parametrize(
    ("store", "found"),
    [("shards", "{here}/shards"), ("../shards", "{here}/../shards"), ("/mnt/x", "/mnt/x"), ("s3://b/x", "s3://b/x")],
)
def test_a_store_is_relative_to_the_run_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str, found: str
) -> None:
    file = with_store(tmp_path / "run", store)
    monkeypatch.chdir(tmp_path)
    _, config = load_run_file(file)
    assert config.engine.ray.store == found.format(here=tmp_path / "run")


def test_a_store_with_a_key_in_it_is_refused_without_showing_it(tmp_path: Path) -> None:
    with pytest.raises(RunFileError) as caught:
        load_run_file(with_store(tmp_path, "s3://ID:SECRET@bucket/x"))
    assert "engine.ray.store: the address is to hold no key" in str(caught.value)
    assert "variables of the environment" in str(caught.value)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("path", ["sk-abcdef/v1", "gateway/Qm7rT2xK9z/v1", "gateway/qm7rt2xk9Z", "a/%51m7rT2xK9z"])
def test_a_key_in_the_path_of_a_server_is_refused(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_KEY", "Qm7rT2xK9z")
    with pytest.raises(ValidationError, match="the address is to hold no key"):
        ServerConfig(url=f"http://host/{path}", key_env="GATEWAY_KEY")
    ServerConfig(url="http://host/accounts/5a6b7c8d/v1", key_env="GATEWAY_KEY")
    monkeypatch.setenv("GATEWAY_KEY", "any")
    ServerConfig(url="http://host/anyone/v1", key_env="GATEWAY_KEY")
