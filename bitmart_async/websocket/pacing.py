"""When to connect: never too often to one host, later after each failure, not at all after a ban.

``Pacer`` belongs to a host and is shared by all connections of a client to it; ``Backoff`` belongs to one
connection.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import TYPE_CHECKING

from bitmart_async.errors import BitMartError, Fate, IpBanned, StreamUnavailable

if TYPE_CHECKING:
    from bitmart_async.websocket.session import Timings

__all__ = ["EDGE_STATUSES", "EDGE_WAIT", "Backoff", "HostBanned", "Pacer"]

BAN_SECONDS = 600.0
"""How long a host that answered 418 is left alone; no source gives the length of a ban."""
EDGE_STATUSES = (403, 503)
"""What the edge network answers for the exchange when it blocks an address or has no server behind it."""
EDGE_WAIT = (30.0, 60.0)
EDGE_REFUSALS = 3
"""So many in a row mean that the address is blocked."""
_RATE_LIMITED_WAIT = 60.0
"""A full window of the limit on connects."""
_HEALTHY_SECONDS = 30.0


class HostBanned(IpBanned, StreamUnavailable):
    """The host of a stream answered 418; caught as IpBanned, and as StreamUnavailable."""

    def __str__(self) -> str:
        return BitMartError.__str__(self)


class Pacer:
    """At most 30 connects a minute to one host, over all connections of a client; none during a ban."""

    CONNECTS = 30
    SECONDS = 60.0

    def __init__(self, host: str = "") -> None:
        self.host = host
        self._times: deque[float] = deque()
        self._banned_until = 0.0

    async def turn(self) -> None:
        """Wait until one more connect is allowed, and take it. Raises IpBanned, without a wait."""
        loop = asyncio.get_running_loop()
        while True:
            self.check(loop.time())
            if len(self._times) < self.CONNECTS:
                break
            wait = self._times[0] + self.SECONDS - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            elif self._times:
                self._times.popleft()
        self._times.append(loop.time())

    def ban(self, now: float, answer: StreamUnavailable) -> IpBanned:
        """The host has answered 418: leave it alone from now on; the error to tell everybody."""
        self._banned_until = now + BAN_SECONDS
        return self._error(BAN_SECONDS, answer.raw)

    def check(self, now: float) -> None:
        """Raise IpBanned as long as the host is to be left alone."""
        if now < self._banned_until:
            raise self._error(self._banned_until - now)

    def _error(self, seconds: float, raw: bytes = b"") -> IpBanned:
        return HostBanned(
            f"{self.host or 'the host'} answered HTTP 418: this address is blocked for a while. Nothing is "
            f"sent there for {seconds:.0f} s, and the topics of all its connections are given up; subscribe "
            f"again after that.",
            endpoint=self.host,
            http_status=418,
            retry_after=seconds,
            raw=raw,
            fate=Fate.NOT_ACCEPTED,
        )


class Backoff:
    """How long to wait before the next try, by what the last ones met."""

    def __init__(self, timings: Timings) -> None:
        self._timings = timings
        self.failures = 0
        """In a row; a socket that was healthy for half a minute ends the row."""
        self._edge_refusals = 0

    def next_delay(self, status: int | None) -> float:
        """Full jitter; what the host's HTTP status asks for comes first."""
        self._edge_refusals = self._edge_refusals + 1 if status in EDGE_STATUSES else 0
        if status == 429:
            return _RATE_LIMITED_WAIT
        if status in EDGE_STATUSES:
            return random.uniform(*EDGE_WAIT)  # noqa: S311 - jitter, not a secret
        ceiling = min(
            self._timings.reconnect_cap, self._timings.reconnect_first * 2.0 ** min(self.failures, 64)
        )
        self.failures += 1
        return random.uniform(0.0, ceiling)  # noqa: S311 - jitter, not a secret

    @property
    def seems_blocked(self) -> bool:
        """Whether this refusal is the one that makes it a pattern: to be told once."""
        return self._edge_refusals == EDGE_REFUSALS

    def opened(self) -> None:
        """A socket opened: the edge lets us through."""
        self._edge_refusals = 0

    def lived(self, seconds: float, *, logged_in: bool) -> None:
        """A socket was lost after this long."""
        if seconds >= _HEALTHY_SECONDS and logged_in:
            self.failures = 0

    def reset(self) -> None:
        """Begin anew."""
        self.failures = 0
