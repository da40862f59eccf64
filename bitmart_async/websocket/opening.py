"""How a connection gets a socket: its turn, the opening, and a host that refuses this address altogether.

Sockets are numbered from 1 in the order in which they open, those that never come into use included.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bitmart_async.errors import IpBanned, StreamUnavailable
from bitmart_async.websocket.link import Link
from bitmart_async.websocket.session import Session

if TYPE_CHECKING:
    from bitmart_async.websocket.login import Login
    from bitmart_async.websocket.pacing import Pacer
    from bitmart_async.websocket.standing import Standing

__all__ = ["Opener"]


class Opener:
    """See the module's text.

    Args:
        pacer: Shared by all connections to the host.
    """

    def __init__(self, standing: Standing, url: str, pacer: Pacer, login: Login) -> None:
        self._standing = standing
        self.url = url
        self._pacer = pacer
        self._login = login
        self._generations = 0

    async def turn(self) -> None:
        """Wait until one more connect is allowed. Raises IpBanned."""
        await self._pacer.turn()

    async def open(self) -> Link:
        """Open a socket; what is said on it is the session's business. Raises StreamUnavailable."""
        standing, login = self._standing, self._login
        transport = await standing.hooks.open_socket(self.url, standing.timings.connect_timeout)
        now = asyncio.get_running_loop().time()
        self._generations += 1
        session = Session(
            standing.dialect,
            standing.wanted,
            standing.timings,
            now,
            login.message if login.needed else None,
            trust_login=login.trusted,
            refused_before=standing.refused,
        )
        return Link(self._generations, transport, session, now)

    def ban(self, error: Exception) -> IpBanned | None:
        """Stop all connections to the host when it refuses this address altogether."""
        if isinstance(error, IpBanned):
            return error
        if not isinstance(error, StreamUnavailable) or error.http_status != 418:
            return None
        banned = self._pacer.ban(asyncio.get_running_loop().time(), error)
        self._standing.hooks.banned(self._pacer.host, banned)
        return banned
