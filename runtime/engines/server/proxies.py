"""The proxy of the environment, for one address: as the usual clients take it from HTTP_PROXY and its kin."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2

from runtime.engines.base import EngineError

__all__ = ["proxy_for", "shown"]


def proxy_for(url: str) -> httpx2.URL | None:
    """The proxy through which `url` is reached; None for a server on this machine, and where NO_PROXY names it.

    Raises:
        EngineError: It is none that can be used.
    """
    to, proxies = urlsplit(url), getproxies()
    named = proxies.get(to.scheme) or proxies.get("all")
    host = to.hostname or ""
    # An address of IPv6 has brackets in the one, and none in NO_PROXY.
    if not named or _is_here(host) or proxy_bypass(to.netloc) or proxy_bypass(host):
        return None
    try:
        proxy = httpx2.URL(named if "://" in named else f"http://{named}")
    except httpx2.InvalidURL:
        proxy = httpx2.URL("")
    if proxy.scheme not in {"http", "https"} or not proxy.host:
        raise EngineError(  # not shown: a password may stand in it
            f"the proxy that the environment names for {to.scheme} is no address that begins with http:// or https://",
            f"correct {to.scheme.upper()}_PROXY or ALL_PROXY, or put {to.hostname} into NO_PROXY",
        )
    return proxy


def shown(proxy: httpx2.URL) -> str:
    """Its address, without who asks."""
    return f"{proxy.scheme}://{proxy.host}" + (f":{proxy.port}" if proxy.port else "")


def _is_here(host: str) -> bool:
    """Whether a host is this machine: no proxy could reach it."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
