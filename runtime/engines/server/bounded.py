"""Connections that read a reply only as far as one can be long: a server must not fill the memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2

__all__ = ["REPLY_BYTES_MAX", "BoundedTransport", "TooLargeError"]

REPLY_BYTES_MAX = 32 * 2**20
"""Thousands of times what a completion with its log-probabilities takes."""


class TooLargeError(httpx2.TransportError):
    """A reply is longer than any to a request of ours. The text goes on from "the server"."""


class BoundedTransport(httpx2.AsyncHTTPTransport):
    """The usual connections; a reply that does not end raises `TooLargeError`."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """See `AsyncHTTPTransport`."""
        # What is packed could be small here and without bound afterwards.
        request.headers["Accept-Encoding"] = "identity"
        response = await super().handle_async_request(request)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Counted(response.stream)
        return response


class _Counted(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        count = 0
        async for part in self._stream:
            count += len(part)
            if count > REPLY_BYTES_MAX:
                raise TooLargeError(f"sends a reply of more than {REPLY_BYTES_MAX // 2**20} MB")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()
