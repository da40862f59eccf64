"""The connections of one client: one per kind until the exchange's limits ask for more.

It says which connection has a topic and which has room for one, and does to all of them what is done to
all. How a connection is made it is told.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bitmart_async.errors import ClientClosed, ParameterError, StreamUnavailable
from bitmart_async.websocket.health import StreamHealth
from bitmart_async.websocket.pacing import Pacer
from bitmart_async.websocket.topics import Market

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bitmart_async.environments import Environment
    from bitmart_async.errors import BitMartError
    from bitmart_async.websocket.connection import Connection

__all__ = ["Kind", "Pool"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What sets connections apart: a socket is of one market, and logged in or not."""

    market: Market
    private: bool

    @property
    def name(self) -> str:
        """spot_public, spot_private, futures_public or futures_private."""
        return f"{self.market.value}_{'private' if self.private else 'public'}"

    @property
    def capacity(self) -> int:
        """Topics per socket."""
        return _CAPACITY[self]

    def url(self, environment: Environment) -> str:
        """Where its sockets lead to."""
        url: str = getattr(environment, self.name)
        return url


_CAPACITY: Final = {
    Kind(Market.SPOT, private=False): 115,
    Kind(Market.SPOT, private=True): 100,
    Kind(Market.FUTURES, private=False): 100,
    Kind(Market.FUTURES, private=True): 100,
}
"""Documented for spot; for futures the largest number seen to run."""


class Pool:
    """See the module's text.

    Args:
        make: Makes a connection of a kind, with a name, under the pacer of its host.
    """

    def __init__(self, environment: Environment, make: Callable[[Kind, str, Pacer], Connection]) -> None:
        self._environment = environment
        self._make = make
        self._groups: dict[Kind, list[Connection]] = {}
        self._pacers: dict[str, Pacer] = {}
        self.closed = False

    def __len__(self) -> int:
        return sum(map(len, self._groups.values()))

    def __iter__(self) -> Iterator[Connection]:
        return iter([connection for group in self._groups.values() for connection in group])

    def holding(self, text: str) -> Connection | None:
        """The connection that has a topic, on the wire or wanted."""
        return next((connection for connection in self if text in connection.routes), None)

    def with_room(self, kind: Kind) -> Connection:
        """The first connection of a kind with room for one topic more, made when there is none."""
        for connection in self._groups.get(kind, ()):
            if len(connection.routes) < connection.capacity:
                return connection
        return self._add(kind)

    def _first(self, kind: Kind) -> Connection:
        group = self._groups.get(kind)
        return group[0] if group else self._add(kind)

    def _add(self, kind: Kind) -> Connection:
        group = self._groups.setdefault(kind, [])
        name = kind.name if not group else f"{kind.name}_{len(group) + 1}"
        host = kind.url(self._environment).split("/")[2]
        connection = self._make(kind, name, self._pacers.setdefault(host, Pacer(host)))
        group.append(connection)
        return connection

    async def keep(self, kinds: Iterable[Kind]) -> None:
        """Open a connection of each kind and keep it open without topics; returns when each is live.

        Those that were live when it is cancelled or fails are kept all the same. Raises what refused one.
        """
        kept = {connection: connection.keep() for connection in map(self._first, kinds)}
        try:
            await asyncio.wait(kept.values())
        finally:
            for connection, live in kept.items():
                if not live.done() or live.cancelled() or live.exception() is not None:
                    connection.unkeep()
        if self.closed:
            raise ClientClosed("the client was closed before its connections were live")
        for connection, live in kept.items():
            if live.cancelled():  # by another call that was cancelled
                raise StreamUnavailable(
                    f"{connection.name}: given up before it was live", endpoint=connection.name
                )
            live.result()

    async def rotate(self, name: str | None) -> None:
        """Replace the socket of the connection of that name, or of all, one after another.

        Raises ParameterError when there is none of that name, and what :meth:`Connection.rotate` raises.
        """
        chosen = [connection for connection in self if name in (None, connection.name)]
        if name is not None and not chosen:
            names = ", ".join(connection.name for connection in self) or "none yet"
            raise ParameterError(f"there is no connection {name!r}; there are: {names}")
        for connection in chosen:
            await connection.rotate()

    def look_again(self) -> None:
        """A tap came or went."""
        for connection in self:
            connection.look_again()

    def stop(self, host: str, error: BitMartError) -> None:
        """A host refuses this address: no connection to it goes on."""
        for connection in self:
            if connection.host == host:
                connection.stop(error)

    def health(self, load: Callable[[str], tuple[int, int, int | None]]) -> StreamHealth:
        """How all are now; ``load`` as for :meth:`Connection.health`."""
        return StreamHealth(connections=tuple(connection.health(load) for connection in self))

    async def aclose(self) -> None:
        """Close all for good; idempotent."""
        self.closed = True
        await asyncio.gather(*(connection.aclose() for connection in self))

    def abandon(self) -> None:
        """The program ended without closing, which is told once."""
        for connection in self:
            connection.abandon()
