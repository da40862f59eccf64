"""Sockets of the library ``websockets``: read by it alone (``plain``), or with a faster way in front (``fast``).

The library is imported at the first connect. Its own keepalive is off (spot never answers protocol
pings), so are compression and the proxies of the environment, and its debug log, which would show the
login frame, goes nowhere. A redirect is never followed: the login would go to whatever host it names.

The fast way
------------
Nearly everything an exchange sends is a whole data frame: final, unmasked, no reserved bit, within the
size cap. ``splitter.py`` cuts exactly these out of the bytes as they arrive. At the first byte that
begins anything else (a control frame, a fragment, a masked or oversized frame, an unknown opcode) it
hands that byte and all that follows to the library, which reads on as if it had read the frames before:
it answers pings, assembles fragments, and fails the connection with its own codes and words. The reader
then takes messages from the library, and goes back to the fast way once the library has nothing left: no
queued message, no byte of an unfinished frame, no unfinished message, the connection open. So a server's
ping costs a few microseconds, not the rest of the connection.

What the splitter holds is always older than what the library holds, so order cannot be lost. Before the
first use, ``library_is_as_expected`` tries the few inner names this leans on, with real frames; if one of
them is not what it was, every socket is ``plain``.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from typing import TYPE_CHECKING

from bitmart_async._version import __version__
from bitmart_async.text import one_line
from bitmart_async.websocket.refusals import handshake_refused, not_opened
from bitmart_async.websocket.transport import MOST_FRAME_BYTES, SocketClosed

if TYPE_CHECKING:
    import ssl as _ssl
    from collections.abc import Callable

    from websockets.asyncio.client import ClientConnection

    from bitmart_async.websocket.splitter import Splitter
    from bitmart_async.websocket.transport import Transport

__all__ = ["open_with_websockets"]

_CLOSE_SECONDS = 1.0
_WHOLE_REASON = 500
"""Characters of a close reason of 123 bytes, escaped: uncut, so that a secret in it can still be masked."""

_silent = logging.Logger("bitmart_async.websockets", level=logging.CRITICAL + 1)


class _Plain:
    """The library reads."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def read(self, take: Callable[[list[bytes]], int | None]) -> None:
        while take([await self._message()]) is None:
            pass

    async def _message(self) -> bytes:
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


class _Fast(_Plain):
    """Whole data frames come from the splitter, everything else from the library."""

    def __init__(self, socket: Splitter) -> None:
        super().__init__(socket)
        self._splitter = socket

    async def read(self, take: Callable[[list[bytes]], int | None]) -> None:
        splitter = self._splitter
        while True:
            held = splitter.held
            if held:  # older than anything the library has
                splitter.held = []
                taken = take(held)
                if taken is not None:
                    splitter.held = held[taken:]
                    return
            elif splitter.fast or splitter.idle():
                if await splitter.split_for(take):
                    return
            elif take([await self._message()]) is not None:
                return

    async def close(self) -> None:
        self._splitter.let_go()  # or the peer's goodbye would wait behind what nobody takes
        await super().close()


def _how(error: Exception) -> str:
    from websockets.exceptions import ConnectionClosed

    if isinstance(error, ConnectionClosed):
        if error.rcvd is not None:
            reason = one_line(error.rcvd.reason, _WHOLE_REASON)
            return f"server closed with {error.rcvd.code}" + (f" ({reason})" if reason else "")
        if error.sent is not None:
            return f"closed here with {error.sent.code} ({one_line(error.sent.reason, 80)})"
    return "connection lost without a goodbye"


async def open_with_websockets(
    url: str,
    timeout: float,
    *,
    ssl_context: _ssl.SSLContext | None = None,
    proxy: str | None = None,
    fast: bool = True,
) -> Transport:
    """Connect, upgrade and hand over the socket, all within ``timeout`` seconds.

    Args:
        fast: Split whole frames off in front of the library, where its version allows it.
    """
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI

    class Straight(connect):
        """Connects to the host it was given, or not at all."""

        def process_redirect(self, exc: Exception) -> Exception:
            return exc

    host = url.partition("?")[0]
    splitter = _splitter() if fast else None
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
                create_connection=splitter,
                **options,  # type: ignore[arg-type, unused-ignore]
            )
    except InvalidStatus as error:
        status, body = error.response.status_code, bytes(error.response.body or b"")
        target = error.response.headers.get("Location")
        raise handshake_refused(host, status, target, body) from None
    except (OSError, InvalidHandshake, InvalidURI, EOFError) as error:
        raise not_opened(host, error, timeout) from None
    return _Fast(socket) if splitter is not None and isinstance(socket, splitter) else _Plain(socket)


@functools.cache
def _splitter() -> type[Splitter] | None:
    """The class of fast sockets; None where the library has changed under it."""
    from bitmart_async.websocket.splitter import Splitter, library_is_as_expected

    return Splitter if library_is_as_expected(_silent) else None
