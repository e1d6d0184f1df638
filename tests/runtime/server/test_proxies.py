"""The way to a server through a proxy of the environment, which is never taken on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("openai")
pytest.importorskip("transformers")

from runtime.config import ServerConfig
from runtime.engines.base import Decoding, EngineError, GenerateRequest
from runtime.engines.server.engine import ServerEngine
from runtime.engines.server.proxies import proxy_for
from tests.runtime.server.misbehaving import NAME, State, endless

Serve = Callable[..., State]
FAR = "http://models.invalid:8000/v1"


@pytest.fixture(autouse=True)
def no_proxies() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.lower().endswith("_proxy"):
                patch.delenv(name)
        yield patch


def engine_at(url: str, folder: Path) -> ServerEngine:
    return ServerEngine(ServerConfig(url=url, retries_max=0, timeout_seconds=5), NAME, folder, wait_seconds=0.01)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_server_is_reached_through_the_proxy(
    serve: Serve, folder: Path, no_proxies: pytest.MonkeyPatch, name: str
) -> None:
    proxy = serve()
    no_proxies.setenv(name, proxy.url.removesuffix("/v1"))
    engine = engine_at(FAR, folder)
    asked = GenerateRequest((5, 6, 7), Decoding(tokens_max=4), 0)
    assert len(list(engine.generate([asked]))) == 1
    assert proxy.reached_as
    assert set(proxy.reached_as) == {urlsplit(FAR).netloc}
    proxy.always = endless  # a reply is bounded on this way too
    with pytest.raises(EngineError, match="more than 32 MB"):
        list(engine.generate([asked]))


@pytest.mark.parametrize("excepted", ["models.invalid", ".invalid", "other, models.invalid:8000", "*"])
def test_no_proxy_is_obeyed(serve: Serve, folder: Path, no_proxies: pytest.MonkeyPatch, excepted: str) -> None:
    proxy = serve()
    no_proxies.setenv("HTTP_PROXY", proxy.url)
    no_proxies.setenv("NO_PROXY", excepted)
    with pytest.raises(EngineError, match="cannot be reached, or ended"):
        engine_at(FAR, folder)
    assert not proxy.reached_as


def test_this_machine_is_not_reached_through_a_proxy(
    serve: Serve, folder: Path, no_proxies: pytest.MonkeyPatch
) -> None:
    server = serve()
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        no_proxies.setenv(name, "http://127.0.0.1:9")
    assert engine_at(server.url, folder).abilities.exact
    for here in ("localhost", "127.0.0.1", "127.1.2.3", "[::1]", "a.localhost"):
        assert proxy_for(f"https://{here}:8000/v1") is None
    assert proxy_for("https://10.0.0.1/v1") is not None


def test_a_proxy_that_is_not_there_is_named_without_its_password(folder: Path, no_proxies: pytest.MonkeyPatch) -> None:
    no_proxies.setenv("HTTP_PROXY", "http://me:secret@127.0.0.1:9")
    with pytest.raises(EngineError, match=r"cannot be reached through the proxy http://127\.0\.0\.1:9, or") as caught:
        engine_at(FAR, folder)
    assert "secret" not in f"{caught.value} {caught.value.remedy}"


@pytest.mark.parametrize("wrong", ["socks5://me:secret@127.0.0.1:9", "http://", "ftp://secret", "http://a:secret"])
def test_what_is_no_proxy_is_told(folder: Path, no_proxies: pytest.MonkeyPatch, wrong: str) -> None:
    no_proxies.setenv("HTTP_PROXY", wrong)
    with pytest.raises(EngineError, match="the proxy that the environment names for http is no address") as caught:
        engine_at(FAR, folder)
    assert "secret" not in f"{caught.value} {caught.value.remedy}"
    assert "NO_PROXY" in caught.value.remedy


def test_an_address_of_ipv6_is_excepted_without_its_brackets(no_proxies: pytest.MonkeyPatch) -> None:
    no_proxies.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert proxy_for("http://[fd00::1]:8000/v1") is not None
    no_proxies.setenv("NO_PROXY", "fd00::1")
    assert proxy_for("http://[fd00::1]:8000/v1") is None
    assert proxy_for("http://[fd00::2]:8000/v1") is not None
