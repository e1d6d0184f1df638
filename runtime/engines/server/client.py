"""One request at a time to a server: patience where it helps, a plain error where it does not.

The key is in the environment and in the header of requests. Whatever a server says is cleaned of it before it is
shown, since some servers repeat it.
"""

from __future__ import annotations

import email.utils
import math
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar

import anyio
import msgspec
import openai
import tenacity
from httpx2 import Headers, Limits, Response
from openai import RequestOptions

from runtime.config import ServerConfig
from runtime.engines.base import EngineError
from runtime.engines.server.bounded import BoundedTransport, TooLargeError
from runtime.engines.server.hiding import Hiding
from runtime.engines.server.proxies import proxy_for, shown
from runtime.engines.server.replies import WrongReplyError

__all__ = ["RefusedError", "ServerClient", "read_key"]

T = TypeVar("T")

_UNREADABLE_MAX = 2
"""So often a request whose answer cannot be read is asked again: a cut line passes, a wrong server does not."""
_WAIT_MAX_SECONDS = 300.0
_SAID_MAX = 300


class RefusedError(EngineError):
    """The server answered with an error. `said` are its words, cleaned."""

    status: int = 0
    said: str = ""


class _PassingError(Exception):
    """May not happen again. The text goes on from "the server"; `wait` is what it asked for, in seconds."""

    def __init__(self, did: str, *, status: int = 0, said: str = "", wait: float | None = None) -> None:
        super().__init__(did)
        self.status = status
        self.said = said
        self.wait = wait


class _UnreadableError(_PassingError):
    """What came was not what was asked for."""


def read_key(config: ServerConfig) -> str | None:
    """The key in the environment, or None.

    Raises:
        EngineError: It has signs that no key has. They are not shown.
    """
    key = os.environ.get(config.key_env, "").strip()
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        raise EngineError(
            f"what the environment variable {config.key_env} holds is no key: it has spaces or signs beyond ASCII",
            "set it to the key alone",
        )
    return key or None


class ServerClient:
    """Requests to one server, for use inside one event loop: `async with ServerClient(config) as client`.

    Args:
        config: Where the server is, and how patient to be.
        retries_max: Overrides that of `config`.
        wait_seconds: The mean of the first wait; it doubles from attempt to attempt.
    """

    def __init__(self, config: ServerConfig, *, retries_max: int | None = None, wait_seconds: float = 1.0) -> None:
        self._config = config
        self._key = read_key(config)
        self._retries_max = config.retries_max if retries_max is None else retries_max
        self._backoff = tenacity.wait_random_exponential(multiplier=2 * wait_seconds, max=60)
        # Without a key nothing is sent in its place: a server without keys may refuse a wrong one.
        self._options: RequestOptions = {} if self._key else {"headers": {"Authorization": openai.Omit()}}
        self._hiding = Hiding(self._key)
        self._proxy = proxy_for(config.url)
        bounded = BoundedTransport(limits=_limits(config), proxy=self._proxy)
        self._client = openai.AsyncOpenAI(
            base_url=config.url,
            api_key=self._key or "none",
            max_retries=0,
            timeout=config.timeout_seconds,
            http_client=openai.DefaultAsyncHttpx2Client(transport=bounded),
        )

    async def __aenter__(self) -> Self:
        self._ending = anyio.Event()  # of the loop that is running now
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    @property
    def url(self) -> str:
        """The server's address."""
        return self._config.url

    @property
    def root(self) -> str:
        """The server's address without `/v1`, where vLLM has what the protocol does not know."""
        return self._config.url.rstrip("/").removesuffix("/v1")

    def end(self) -> None:
        """Ask nothing again: what fails from now on fails for good, and what waits to be asked again has failed."""
        self._ending.set()

    def clean(self, text: str) -> str:
        """Words of the server on one line, without the key and not too many."""
        text = self._hiding.hide(text)
        return text if len(text) <= _SAID_MAX else f"{text[:_SAID_MAX]}…"

    async def get(self, path: str, parse: Callable[[bytes], T]) -> T:
        """What `parse` reads from the reply."""
        return await self._ask(lambda: self._client.get(path, cast_to=Response, options=self._options), parse)

    async def post(self, path: str, body: Mapping[str, object], parse: Callable[[bytes], T]) -> T:
        """What `parse` reads from the reply to `body`. It may raise `WrongReplyError` or an error of msgspec's.

        Raises:
            RefusedError: The server does not do what is asked, or fails again and again.
            EngineError: It cannot be reached, or does not take the key, or gives no reply that can be read.
        """
        return await self._ask(
            lambda: self._client.post(path, cast_to=Response, body=body, options=self._options), parse
        )

    async def _ask(self, send: Callable[[], Awaitable[Response]], parse: Callable[[bytes], T]) -> T:
        attempts = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(_PassingError),
            wait=self._wait,
            stop=self._stop,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return await attempts(self._attempt, send, parse)
        except _PassingError as e:
            count = attempts.statistics["attempt_number"]
            raise self._given_up(e, count) from None

    async def _attempt(self, send: Callable[[], Awaitable[Response]], parse: Callable[[bytes], T]) -> T:
        limit = self._config.timeout_seconds
        try:
            # The client's own limit is between two bytes: a server that drips would be waited for without end.
            with anyio.fail_after(limit):
                response = await send()
        except openai.APIStatusError as e:
            raise self._judged(e.response) from None
        except (openai.APITimeoutError, TimeoutError):
            raise _PassingError(f"gave no answer within {limit:g} {'second' if limit == 1 else 'seconds'}") from None
        except openai.APIConnectionError as e:
            cause = _root(e)
            if isinstance(cause, TooLargeError):
                raise _UnreadableError(str(cause)) from None
            did = self.clean(str(cause) or type(cause).__name__)
            way = f" through the proxy {shown(self._proxy)}" if self._proxy else ""
            raise _PassingError(f"cannot be reached{way}, or ended the connection: {did}") from None
        if self._hiding.is_in_reply(response.content):
            raise EngineError(
                f"the server at {self._config.url} repeats the key in what it answers, and that would be kept",
                "use another server, or one that does not show its requests to the model",
            )
        try:
            return parse(response.content)
        except WrongReplyError as e:
            raise _UnreadableError(self.clean(str(e))) from None
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
            if response.content.lstrip()[:1] == b"<":
                raise _UnreadableError("answered with a web page and not with JSON") from None
            raise _UnreadableError(f"answered with something else than asked for: {self.clean(str(e))}") from None

    async def _sleep(self, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            await self._ending.wait()
            raise EngineError("the server is not asked again, since another request has failed", "see that one")

    # --- what an error means ----------------------------------------------------------------------

    def _judged(self, response: Response) -> Exception:
        """The error for a reply that is one: to be asked again, or the end."""
        status, said = response.status_code, self._said(response)
        where = f"the server at {self._config.url}"
        if status == 401:
            what = "does not take the key" if self._key else "wants a key"
            has = "its value is not one that this server knows" if self._key else "it is not set"
            return EngineError(
                f"{where} {what}", f"set the environment variable {self._config.key_env} to a valid key; {has}"
            )
        if status == 403:
            return EngineError(f"{where} does not allow this: {said}", "ask its owner what this key may use")
        if status == 429 and "insufficient_quota" in response.text:
            return EngineError(f"{where} says that the account is used up: {said}", "add credit, then run again")
        if status in {408, 409, 425, 429} or (status >= 500 and status != 501):
            did = "asks to be left alone for a while" if status == 429 else "fails"
            return _PassingError(
                f"{did} (status {status}): {said}", status=status, said=said, wait=_asked_wait(response.headers)
            )
        if status == 404:
            remedy = "check [engine.openai] url: with most servers it ends in /v1"
        else:
            remedy = "see the server's documentation, and its log"
        return _refused(f"{where} refuses (status {status}): {said}", remedy, status, said)

    def _given_up(self, error: _PassingError, attempts: int) -> EngineError:
        times = "once" if attempts == 1 else f"{attempts} times"
        message = f"the server at {self._config.url} {error} (asked {times})"
        if isinstance(error, _UnreadableError):
            return EngineError(
                message,
                "check that [engine.openai] url is that of a server that speaks OpenAI's protocol and answers with "
                "plain text",
            )
        if error.wait is not None and error.wait > _WAIT_MAX_SECONDS:
            return EngineError(message, f"run again in {error.wait:.0f} seconds; what was answered is kept")
        remedy = (
            "check that it runs, and its log; lower [engine.openai] requests_max, or raise timeout_seconds or "
            "retries_max. What was answered is kept: run again to go on"
        )
        return _refused(message, remedy, error.status, error.said) if error.status else EngineError(message, remedy)

    def _stop(self, state: tenacity.RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        if self._ending.is_set():
            return True
        if isinstance(error, _PassingError) and error.wait is not None and error.wait > _WAIT_MAX_SECONDS:
            return True
        most = min(_UNREADABLE_MAX, self._retries_max) if isinstance(error, _UnreadableError) else self._retries_max
        return state.attempt_number > most

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait if isinstance(error, _PassingError) else None
        # Never all at the same moment, whatever the server asked for.
        return (asked or 0.0) + float(self._backoff(state))

    def _said(self, response: Response) -> str:
        """The server's own words about an error."""
        text = response.text
        if text.lstrip().startswith("<"):
            return "a web page"
        try:
            body = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            return self.clean(text) or "nothing"
        while isinstance(body, dict):
            body = next((body[name] for name in ("error", "message", "detail") if body.get(name)), str(body))
        return self.clean(str(body)) or "nothing"


def _limits(config: ServerConfig) -> Limits:
    """As many connections as there are requests under way, which are counted elsewhere."""
    return Limits(max_connections=None, max_keepalive_connections=config.requests_max)


def _refused(message: str, remedy: str, status: int, said: str) -> RefusedError:
    error = RefusedError(message, remedy)
    error.status, error.said = status, said
    return error


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _asked_wait(headers: Headers) -> float | None:
    """Seconds to wait, as `Retry-After` gives them or a date."""
    value = headers.get("retry-after")
    if value is None:
        return None
    with suppress(ValueError):
        seconds = float(value)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
