"""Joining a cluster of Ray, and what is told where there is none."""

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import ray
from ray.exceptions import RaySystemError

from runtime.config import RayConfig
from runtime.engines import cluster
from runtime.engines.base import EngineError

pytestmark = pytest.mark.ray


def test_nobody_at_the_address_is_told_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    began = time.monotonic()
    for address in ("127.0.0.1:9", "ray://127.0.0.1:9"):
        with pytest.raises(EngineError, match=f"Ray cannot be had at {address}: Connection refused"):
            cluster.connect(RayConfig(address=address))
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("says", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"short", b"", None])
def test_what_is_not_ray_at_the_address_is_told_soon(monkeypatch: pytest.MonkeyPatch, says: bytes | None) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(cluster, "_REACH_SECONDS", 2)
    began = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        other = threading.Thread(target=_say_and_close, args=(server, says))
        other.start()
        with pytest.raises(EngineError, match=f"Ray cannot be had at {address}: ") as caught:
            cluster.connect(RayConfig(address=address))
        other.join()
    assert time.monotonic() - began < 30
    assert "correct [engine.ray] address" in caught.value.remedy


def test_ray_at_the_address_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.connect(RayConfig())
    address, joined = ray.get_runtime_context().gcs_address, list[str | None]()
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda *, address, **_: joined.append(address))
    cluster.connect(RayConfig(address=address))
    assert joined == [address]


def test_a_cluster_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> dict[str, float]:
        raise RaySystemError("the cluster has left")

    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "cluster_resources", gone)
    with pytest.raises(EngineError, match=r"Ray cannot be had at this machine: .*the cluster has left"):
        cluster.connect(RayConfig())


def test_a_cluster_that_a_run_starts_wants_a_token(tmp_path: Path) -> None:
    """Its ports are open to the network, and whoever gets in can run code."""
    code = (
        "import os\nfrom runtime.config import RayConfig\nfrom runtime.engines.cluster import connect\n"
        "connect(RayConfig())\nprint(os.environ['RAY_AUTH_MODE'])"
    )
    env = {name: value for name, value in os.environ.items() if name != "RAY_AUTH_MODE"} | {"HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "token"
    assert "authentication" not in done.stderr


def test_more_than_the_cluster_has_is_refused() -> None:
    with pytest.raises(EngineError, match="no room for 1,000 actors with 1 CPU each"):
        cluster.connect(RayConfig(actors=1000))


def _say_and_close(server: socket.socket, says: bytes | None) -> None:
    line, _ = server.accept()
    with line:
        if says is None:  # says nothing, and waits
            line.settimeout(20)
            while line.recv(1000):
                pass
        else:
            line.recv(1000)
            line.sendall(says)
