"""The seam under a connection: a socket of a few methods, and the one that ``websockets`` gives.

Everything of the library ``websockets`` is in this file, and it is imported at the first connect. Its
own keepalive is off (spot never answers protocol pings), so are compression and the proxies of the
environment, and its debug log, which would show the login frame, goes nowhere. A redirect is never
followed: the login would go to whatever host it names.
"""

from __future__ import annotations

import asyncio
import logging
import ssl as _ssl
from typing import TYPE_CHECKING, Protocol, TypeAlias

from bitmart_async._version import __version__
from bitmart_async.errors import StreamUnavailable, TlsError
from bitmart_async.text import excerpt, one_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from websockets.asyncio.client import ClientConnection

__all__ = ["HandshakeRefused", "Opener", "SocketClosed", "TlsRefused", "Transport", "open_websocket"]

MOST_FRAME_BYTES = 4 * 1024 * 1024
_CLOSE_SECONDS = 1.0
_WHOLE_REASON = 500
"""Characters of a close reason of 123 bytes, escaped: uncut, so that a secret in it can still be masked."""

_silent = logging.Logger("bitmart_async.websockets", level=logging.CRITICAL + 1)


class SocketClosed(Exception):
    """The socket is gone; the text says how."""


class HandshakeRefused(StreamUnavailable):
    """The host answered the upgrade with an HTTP status."""


class TlsRefused(TlsError, StreamUnavailable):
    """The certificate or host name does not fit: final. Caught as TlsError, and as StreamUnavailable."""


class Transport(Protocol):
    """One open socket."""

    async def recv(self) -> bytes:
        """The next message. Raises SocketClosed."""
        ...

    async def send(self, message: bytes) -> None:
        """Send a text message. Raises SocketClosed."""
        ...

    def abort(self) -> None:
        """Drop the socket now, without a goodbye."""
        ...

    async def close(self) -> None:
        """Say goodbye, wait a second at most, then abort."""
        ...


Opener: TypeAlias = "Callable[[str, float], Awaitable[Transport]]"
"""Opens a socket to a URL within some seconds; raises StreamUnavailable."""


class _Websocket:
    __slots__ = ("_socket",)

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def recv(self) -> bytes:
        from websockets.exceptions import ConnectionClosed

        try:
            return await self._socket.recv(decode=False)
        except ConnectionClosed as error:
            raise SocketClosed(_how(error)) from None

    async def send(self, message: bytes) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await self._socket.send(message, text=True)
        except ConnectionClosed as error:
            raise SocketClosed(_how(error)) from None

    def abort(self) -> None:
        self._socket.transport.abort()

    async def close(self) -> None:
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._socket.close()
        except TimeoutError:
            self.abort()


def _how(error: Exception) -> str:
    from websockets.exceptions import ConnectionClosed

    if isinstance(error, ConnectionClosed):
        if error.rcvd is not None:
            reason = one_line(error.rcvd.reason, _WHOLE_REASON)
            return f"server closed with {error.rcvd.code}" + (f" ({reason})" if reason else "")
        if error.sent is not None:
            return f"closed here with {error.sent.code} ({one_line(error.sent.reason, 80)})"
    return "connection lost without a goodbye"


async def open_websocket(
    url: str, timeout: float, *, ssl_context: _ssl.SSLContext | None = None, proxy: str | None = None
) -> Transport:
    """Connect, upgrade and hand over the socket, all within ``timeout`` seconds."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI

    class Straight(connect):
        """Connects to the host it was given, or not at all."""

        def process_redirect(self, exc: Exception) -> Exception:
            return exc

    host = url.partition("?")[0]
    options = {"ssl": ssl_context} if ssl_context is not None and url.startswith("wss") else {}
    try:
        async with asyncio.timeout(timeout):
            socket = await Straight(
                url,
                open_timeout=None,
                ping_interval=None,
                close_timeout=_CLOSE_SECONDS,
                compression=None,
                max_size=MOST_FRAME_BYTES,
                max_queue=256,
                proxy=proxy,
                logger=_silent,
                user_agent_header=f"bitmart-async/{__version__}",
                **options,  # type: ignore[arg-type, unused-ignore]
            )
    except InvalidStatus as error:
        status, body = error.response.status_code, bytes(error.response.body or b"")
        target = error.response.headers.get("Location")
        if 300 <= status < 400 and target is not None:
            raise HandshakeRefused(
                f"{host}: the host answered HTTP {status}, a redirect to "
                f"{one_line(target)}, which is not followed. Check the environment's "
                f"URLs.",
                endpoint=host,
                http_status=status,
                raw=body,
            ) from None
        raise HandshakeRefused(
            f"{host}: the host answered HTTP {status} instead of opening a stream: {excerpt(body)}",
            endpoint=host,
            http_status=status,
            raw=body,
        ) from None
    except (_ssl.SSLError, _ssl.CertificateError) as error:
        raise TlsRefused(
            f"{host}: the TLS certificate of the host is not acceptable "
            f"({one_line(str(error))}). Check the host name, this machine's clock and "
            f"certificates; pass ssl_context= if you run a host of your own.",
            endpoint=host,
        ) from None
    except TimeoutError:
        raise StreamUnavailable(
            f"{host}: no stream within {timeout:g} s. Check the network and the environment's URLs.",
            endpoint=host,
        ) from None
    except (OSError, InvalidHandshake, InvalidURI, EOFError) as error:
        what = one_line(str(error) or type(error).__name__)
        raise StreamUnavailable(
            f"{host}: no connection ({what}). Check the network, the host name and the environment's URLs.",
            endpoint=host,
        ) from None
    return _Websocket(socket)
