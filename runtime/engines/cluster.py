"""The cluster of Ray that a run joins or starts, and what its errors say."""

from __future__ import annotations

import logging
import os
import re
import socket
import time

import ray
import ray.data
from ray.exceptions import RayError

from constitution_lang.diagnostics.numbers import number_of
from runtime.config import RayConfig
from runtime.engines.base import EngineError

__all__ = ["connect", "reason"]

_MARKS = re.compile("\x1b\\[[0-9;]*m")
_REACH_SECONDS = 10
_SETTINGS = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""A frame of HTTP/2 with settings, and none in it."""


def connect(how: RayConfig) -> None:
    """Join the cluster, or start one on this machine; refuse what would wait for ever.

    Raises:
        EngineError: Nobody is there, or something else than Ray, or the cluster has not what the actors take.
    """
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False  # the run has its own
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    logging.getLogger("ray.data._internal.progress").setLevel(logging.ERROR)  # how to have those bars again
    if not ray.is_initialized():
        _reach(how.address)
    try:
        has = _resources(how)
    except (ConnectionError, ValueError, RuntimeError, RayError) as error:
        where = how.address or "this machine"
        raise EngineError(
            f"Ray cannot be had at {where}: {_words(error)[0]}",
            "start it with `ray start --head`, and name its address in [engine.ray] address",
        ) from error
    for name, unit in (("CPU", how.cpus), ("GPU", how.gpus)):
        if unit * how.actors > has.get(name, 0):
            raise EngineError(
                f"no room for {number_of(how.actors, 'actors')} with {unit:g} {name} each: the cluster has "
                f"{has.get(name, 0):g}, and Ray would wait without a word",
                f"lower [engine.ray] actors or {name.lower()}s, or add machines",
            )


def _resources(how: RayConfig) -> dict[str, float]:
    """What the cluster has, which is joined or started where that has not been done yet."""
    if not ray.is_initialized():
        # Ray guards a cluster that it starts here with a token, as its ports are open to the network; that is as it
        # should be, and nothing that a run has to say.
        logging.getLogger("ray._private.authentication.authentication_token_setup").setLevel(logging.ERROR)
        ray.init(
            address=how.address, include_dashboard=None if how.address else False, log_to_driver=False,
            logging_level=logging.WARNING,
        )  # fmt: skip
    return dict(ray.cluster_resources())


def _reach(address: str | None) -> None:
    """EngineError where nobody is at an address, or something else: Ray would look for a cluster there for minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if not (host and port.isdecimal()):
        return
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_REACH_SECONDS) as line:
            if os.environ.get("RAY_USE_TLS", "0") in {"", "0"}:
                _greet(line)
    except (OSError, OverflowError) as error:
        raise EngineError(
            f"Ray cannot be had at {address}: {getattr(error, 'strerror', None) or error}",
            "start it there with `ray start --head --port PORT`, or correct [engine.ray] address",
        ) from error


def _greet(line: socket.socket) -> None:
    """OSError where the other side does not greet as HTTP/2, which Ray's gRPC stands on, makes a server greet."""
    line.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _SETTINGS)
    said, end = b"", time.monotonic() + _REACH_SECONDS
    while len(said) < len(_SETTINGS) and time.monotonic() < end:
        line.settimeout(max(end - time.monotonic(), 0.01))
        part = line.recv(len(_SETTINGS) - len(said))
        if not part:
            break
        said += part
    # Three bytes of length, then the kind of the frame: the first one names the server's settings.
    if len(said) < len(_SETTINGS) or said[3] != _SETTINGS[3]:
        raise OSError("what answers there is not Ray")


def reason(error: BaseException) -> str:
    """The last line of an error, without the marks that Ray puts around it for terminals."""
    return _words(error)[-1]


def _words(error: BaseException) -> list[str]:
    return _MARKS.sub("", str(error)).strip().splitlines() or [type(error).__name__]
