"""From requests under way at once to an iterator: results as they are done, and nothing left running behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from queue import SimpleQueue
from typing import TypeVar

from anyio.from_thread import start_blocking_portal

from runtime.engines.server.client import ServerClient

__all__ = ["stream"]

V = TypeVar("V")


def stream(
    open_client: Callable[[], ServerClient],
    ask: Callable[[ServerClient, int], Awaitable[V]],
    order: Sequence[int],
    *,
    requests_max: int,
) -> Iterator[tuple[int, V]]:
    """Ask for every index in `order`, at most `requests_max` at once.

    After a failure no request is begun, nor sent again; what is under way is waited for and given out, and then the
    first failure is raised. Where the iterator is closed, what is under way is cancelled.
    """
    results: SimpleQueue[tuple[int, V] | None] = SimpleQueue()

    async def work() -> None:
        left = iter(order)
        failures: list[Exception] = []

        async def keep_asking(client: ServerClient) -> None:
            for index in left:
                try:
                    results.put((index, await ask(client, index)))
                except Exception as e:  # noqa: BLE001 - raised below, when the others are done
                    failures.append(e)
                    client.end()
                if failures:
                    return

        try:
            async with open_client() as client:
                await asyncio.gather(*(keep_asking(client) for _ in range(min(requests_max, len(order)))))
        finally:
            results.put(None)
        if failures:
            raise failures[0]

    with start_blocking_portal() as portal:
        done = portal.start_task_soon(work)
        while (result := results.get()) is not None:
            yield result
        done.result()
