"""A vLLM server of one process on loopback, for the benchmarks and for the tests."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["ServerError", "vllm_server"]

SETTINGS = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1",
}  # fmt: skip
_TRIES = 600
"""Half a second apart: so long a server may take to load its model."""


class ServerError(Exception):
    """It does not start. The text is the end of its log."""


@contextmanager
def vllm_server(python: Path, folder: Path, *, name: str, key: str) -> Iterator[str]:
    """The address of a server that serves the model in `folder` as `name`, in float32, for as long as the block lasts.

    Args:
        python: of an environment that has vLLM.
        folder: with the model.
        name: what the server calls it.
        key: that a request has to have. It is in the environment, not in the command, which others may read.

    Raises:
        ServerError: it does not start.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(python), "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder), "--served-model-name", name,
        "--dtype", "float32", "--enforce-eager", "--block-size", "32", "--max-model-len", "1024",
        "--host", "127.0.0.1", "--port", str(port),
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as work:
        log = Path(work) / "vllm.log"
        with log.open("wb") as out:
            process = subprocess.Popen(  # noqa: S603 - our own
                command, stdout=out, stderr=out, env={**os.environ, **SETTINGS, "VLLM_API_KEY": key}, cwd=work
            )
        try:
            _wait_for(f"http://127.0.0.1:{port}/health", process, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(60)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(_TRIES):
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=1).close()  # noqa: S310 - our own address
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
        else:
            return
    raise ServerError(f"the server did not start:\n{log.read_text(errors='replace')[-3000:]}")
