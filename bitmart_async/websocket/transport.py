"""The seam under a connection: a socket of a few methods.

A transport hands messages over in batches, as they are read, in order: whoever reads gives a function,
which takes a batch and says how many of it he took. All of them: go on. Fewer: stop; the others are the
first of the next ``read``, and meanwhile the peer is not read, so that TCP holds him back.

===================  ==================================================================================
transport            what reads the socket
===================  ==================================================================================
``fast`` (default)   the library ``websockets``, except that whole, final, unmasked data frames are
                     split off in front of it (:mod:`~bitmart_async.websocket.over_websockets`)
``plain``            the library ``websockets`` alone; also where the present version of it is not
                     as ``fast`` needs it
``picows``           the library ``picows`` (:mod:`~bitmart_async.websocket.over_picows`)
===================  ==================================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

from bitmart_async.errors import StreamUnavailable, TlsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["MOST_FRAME_BYTES", "HandshakeRefused", "Opener", "SocketClosed", "TlsRefused", "Transport"]

MOST_FRAME_BYTES = 4 * 1024 * 1024
"""A message beyond this ends the socket with close code 1009."""


class SocketClosed(Exception):
    """The socket is gone; the text says how."""


class HandshakeRefused(StreamUnavailable):
    """The host answered the upgrade with an HTTP status."""


class TlsRefused(TlsError, StreamUnavailable):
    """The certificate or host name does not fit: final. Caught as TlsError, and as StreamUnavailable."""


class Transport(Protocol):
    """One open socket."""

    async def read(self, take: Callable[[list[bytes]], int | None]) -> None:
        """Hand messages over until ``take`` takes fewer than it was given.

        ``take`` is called from the event loop's read and must not wait. Raises SocketClosed when the
        socket has ended and everything that came is handed over, and whatever ``take`` raises.
        """
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
