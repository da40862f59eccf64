"""HTTP itself: one request out, one bounded body back, aiohttp's errors translated once.

Everything aiohttp is in this file, and aiohttp is imported when the first call needs it. Redirects
are never followed, proxies and netrc of the environment never used, a body is read up to 16 MiB
after decompression.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ssl as _ssl
import sys
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from bitmart_async._version import __version__
from bitmart_async.errors import (
    AnswerTimeout,
    BadResponse,
    ClientClosed,
    ConnectFailed,
    ConnectionLost,
    Fate,
    TlsError,
    TransportError,
)
from bitmart_async.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypedDict

    import aiohttp
    from aiohttp.connector import Connection
    from yarl import URL

    class _RequestOptions(TypedDict, total=False):
        allow_redirects: bool
        raise_for_status: bool
        proxy: str
        ssl: _ssl.SSLContext


__all__ = ["Answer", "Wire"]

MOST_BYTES = 16 * 1024 * 1024
MOST_URLS = 1_000
"""Parsed URLs kept, queries included."""
LONGEST_KEPT = 300
"""Characters of a URL that is kept."""
USER_AGENT = f"bitmart-async/{__version__}"
"""The edge network refuses the default names of HTTP libraries."""
_ALWAYS = {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip, deflate"}
"""All that every request carries, so that aiohttp adds nothing of its own."""


class Answer(msgspec.Struct, frozen=True):
    """A complete HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """Owns the aiohttp session, unless the user brought one."""

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession | None,
        keep_alive: bool,
        proxy: str | None,
        ssl_context: _ssl.SSLContext | None,
        mask: Callable[[str], str] = str,
    ) -> None:
        self._session = session
        self._owned = session is None
        self._keep_alive = keep_alive
        self._options = _options(session, proxy, ssl_context)
        self._mask = mask
        self._urls: dict[str, URL] = {}
        self._limits: dict[float, aiohttp.ClientTimeout] = {}
        self.owner = "A REST client"
        """Whose it is, for the warning when nobody closes it."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self.closed = False

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        connector = aiohttp.TCPConnector(limit=100, force_close=not self._keep_alive, ttl_dns_cache=10)
        # aiohttp's own test client uses the same switch; where it is absent a response class does it.
        switch = "_retry_connection" in getattr(aiohttp.ClientSession, "ATTRS", ())
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            response_class=aiohttp.ClientResponse if switch else _sent_once(),
            headers=_ALWAYS,
        )
        if switch:
            session._retry_connection = False  # pyright: ignore[reportPrivateUsage]
        self._session, self._loop = session, asyncio.get_running_loop()
        return session

    async def send(
        self,
        method: str,
        url: str,
        query: str,
        headers: dict[str, str],
        body: bytes | None,
        *,
        label: str,
        timeout: float,
    ) -> Answer:
        """One request, sent once.

        aiohttp repeats a GET, PUT or DELETE by itself, once, when the connection breaks before the
        answer. That is switched off for our own session; in one the user brought it stays.

        Raises:
            TransportError: ``fate`` is NOT_SENT when no byte of the request left, else UNKNOWN.
            ClientClosed: Nothing was sent.
        """
        if self.closed:
            raise ClientClosed(
                f"{label}: this client is closed. Nothing was sent; make a new one.",
                endpoint=label,
                fate=Fate.NOT_SENT,
            )
        session = self._session or self._open()
        target = self._urls.get(f"{url}?{query}" if query else url) or self._url(url, query)
        if not self._owned:
            headers["User-Agent"] = USER_AGENT
        if session.closed:
            raise ConnectFailed(
                f"{label}: the aiohttp session is closed. Nothing was sent. Keep the session "
                f"you passed open as long as the client.",
                endpoint=label,
                fate=Fate.NOT_SENT,
            )
        response: aiohttp.ClientResponse | None = None
        try:
            response = await session.request(
                method,
                target,
                data=body,
                headers=headers,
                timeout=self._limits.get(timeout) or self._limit(timeout),
                **self._options,
            )
            content = response.content
            # Of a short answer all is there already, and nothing needs to be waited for.
            read = content.read_nowait() if content.is_eof() else b""
            if len(read) > MOST_BYTES or not content.at_eof():
                read = await _bounded(response, label, read)
            return Answer(response.status, response.headers, read)
        except Exception as error:
            if not _is_the_network(error):
                raise
            failure = _translate(error, label, timeout, self._mask)
        finally:
            if response is not None and not response.closed:  # a body read to its end closes it
                response.close()
        raise failure  # outside of the except: the library's error holds the key, also as __context__

    def _url(self, url: str, query: str) -> URL:
        """The address parsed; short ones are kept, because programs ask for the same again and again."""
        from yarl import URL

        text = f"{url}?{query}" if query else url
        target = URL(text, encoded=True)
        if len(text) <= LONGEST_KEPT:
            if len(self._urls) >= MOST_URLS:
                self._urls.clear()
            self._urls[text] = target
        return target

    def _limit(self, timeout: float) -> aiohttp.ClientTimeout:
        """The deadlines of one send. The whole timeout comes again and again and is kept.

        Connecting ends before the total deadline, so that it is known that nothing was sent; without
        the threshold aiohttp would round both to the same full second.
        """
        import aiohttp

        limit = aiohttp.ClientTimeout(
            total=timeout, connect=min(10.0, 0.9 * timeout), ceil_threshold=float("inf")
        )
        if not self._limits:
            self._limits[timeout] = limit
        return limit

    async def close(self) -> None:
        """Close the session if it is ours; idempotent."""
        self.closed = True
        session, self._session = self._session, None
        if session is not None and self._owned:
            await session.close()

    def __del__(self) -> None:
        session = getattr(self, "_session", None)  # None: __init__ failed, or nothing was called yet
        if session is None or not self._owned or session.closed:
            return
        try:
            warnings.warn(
                f"{self.owner} was never closed. Use `async with`, or await its aclose() when you are done; its "
                f"connections are closed now.",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )
        finally:  # the warning may be an error
            del session
            self._forsake()

    def _forsake(self) -> None:
        """Close without waiting what a collected client left open, so that aiohttp need not complain."""
        session, self._session = self._session, None
        self.closed = True
        if session is None or not self._owned:
            return
        closing = session.close()
        with contextlib.suppress(StopIteration):
            closing.send(None)  # closes the sockets; what comes after it only waits for that
        closing.close()
        if self._loop is not None and self._loop.is_closed() and not sys.is_finalizing():
            # No loop is left to close a socket; its destructor does, and would complain once per socket.
            del session, closing
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)
                gc.collect()


def _options(
    session: aiohttp.ClientSession | None, proxy: str | None, ssl_context: _ssl.SSLContext | None
) -> _RequestOptions:
    """What every request is called with; what aiohttp does anyway is left out, because it costs time."""
    options: _RequestOptions = {"allow_redirects": False}
    if session is not None:
        options["raise_for_status"] = False  # the user's session may do so by itself
    if proxy is not None:
        options["proxy"] = proxy
    if ssl_context is not None:
        options["ssl"] = ssl_context
    return options


def _sent_once() -> type[aiohttp.ClientResponse]:
    """A response class that keeps aiohttp from repeating requests by itself.

    aiohttp sends again after ClientOSError and ServerDisconnectedError, unless another ClientError
    comes out of start().
    """
    import aiohttp

    class SentOnce(aiohttp.ClientResponse):
        async def start(self, connection: Connection) -> aiohttp.ClientResponse:
            try:
                return await super().start(connection)
            except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
                raise aiohttp.ClientConnectionError(str(error) or type(error).__name__) from error

    return SentOnce


async def _bounded(response: aiohttp.ClientResponse, label: str, read: bytes) -> bytes:
    """The whole body, of which ``read`` has been read."""
    content = response.content
    chunks = [read]
    size = len(read)
    while size <= MOST_BYTES:
        if content.at_eof():
            return b"".join(chunks)
        chunk = await content.readany()
        size += len(chunk)
        chunks.append(chunk)
    response.close()
    raise BadResponse(
        f"{label}: the answer is larger than {MOST_BYTES >> 20} MiB; it was not read.",
        endpoint=label,
        http_status=response.status,
        fate=Fate.UNKNOWN,
    )


def _is_the_network(error: Exception) -> bool:
    import aiohttp

    return isinstance(error, aiohttp.ClientError | OSError | TimeoutError | _ssl.SSLError)


def _translate(
    error: BaseException,
    label: str,
    timeout: float,
    mask: Callable[[str], str],
) -> TransportError:
    """aiohttp's errors as ours. Their objects carry headers, hence the key, and are dropped."""
    import aiohttp

    what = one_line(mask(str(error.__cause__ or error)) or type(error).__name__)
    if isinstance(
        error,
        aiohttp.ClientConnectorCertificateError
        | aiohttp.ClientConnectorSSLError
        | _ssl.SSLCertVerificationError,
    ):
        return TlsError(
            f"{label}: the TLS certificate of the host is not acceptable ({what}). Nothing was "
            f"sent. Check the host name, this machine's clock and certificates; pass "
            f"ssl_context= if you run a host of your own.",
            endpoint=label,
            fate=Fate.NOT_SENT,
        )
    if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
        return ConnectFailed(
            f"{label}: the proxy refused ({type(error).__name__}). Nothing was sent to the "
            f"exchange. Check proxy=.",
            endpoint=label,
            fate=Fate.NOT_SENT,
        )
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        host = f"{error.host}:{error.port} " if isinstance(error, aiohttp.ClientConnectorError) else ""
        return ConnectFailed(
            f"{label}: no connection to {host}({what}). Nothing was sent. Check the "
            f"network and the host's address; repeating is safe.",
            endpoint=label,
            fate=Fate.NOT_SENT,
        )
    if isinstance(error, TimeoutError):
        return AnswerTimeout(
            f"{label}: no complete answer within {timeout:.3g} s.", endpoint=label, fate=Fate.UNKNOWN
        )
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ClientResponseError):
        return BadResponse(f"{label}: the answer is damaged ({what}).", endpoint=label, fate=Fate.UNKNOWN)
    return ConnectionLost(
        f"{label}: the connection broke before the answer came ({what}).", endpoint=label, fate=Fate.UNKNOWN
    )
