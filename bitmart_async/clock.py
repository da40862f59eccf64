"""Time as the exchange sees it: a monotonic base plus a measured offset.

Wall clocks step; timers and timestamps must not. A :class:`Clock` reads the wall clock once and
from then on counts on the monotonic one, so a step of the wall clock moves nothing here.
:meth:`Clock.sync` measures the offset to the exchange: of several round trips the fastest one
counts, because it bounds the error by half its length. The timestamp is never padded: the exchange
refuses one that is more than a second ahead just as it refuses an old one.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bitmart_async.errors import TransportError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Clock"]

ROUNDS = 5
LATEST_MS = 10**14
"""Unix ms, the year 5138: a host that says more tells no time."""
SLOWEST_ROUND = 1.0
"""Seconds: a slower round trip says too little about the offset to be used."""


class Clock:
    """Milliseconds of the exchange's clock. May be shared by clients.

    Args:
        wall: Seconds since the epoch; read once, at the start.
        monotonic: Seconds that only grow.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._base = wall() - monotonic()
        self.offset_ms = 0.0
        """Exchange minus this machine, ms; 0 until the first sync."""
        self.round_trip_ms: float | None = None
        """Length of the round trip the offset comes from; its error is at most half of that."""
        self.measurements = 0
        """How often :meth:`sync` has succeeded."""

    def now_ms(self) -> int:
        """The exchange's time now, Unix ms."""
        return int((self._base + self._monotonic()) * 1000 + self.offset_ms)

    def monotonic(self) -> float:
        """Seconds that only grow, for timers."""
        return self._monotonic()

    async def sync(self, server_time: Callable[[], Awaitable[int]]) -> float:
        """Measure the offset with up to five round trips and use the fastest.

        Args:
            server_time: Asks the exchange for its time, Unix ms.

        Returns:
            The offset, exchange minus this machine, in ms.

        Raises:
            TransportError: No round trip was fast enough to tell, or what came back is no time; the old
                offset stays.
        """
        best: tuple[float, float] | None = None
        for _ in range(ROUNDS):
            sent = self._monotonic()
            theirs = await server_time()
            took = self._monotonic() - sent
            if not 0 <= theirs <= LATEST_MS:
                raise TransportError(
                    "the clock could not be measured: the host told a time that makes no "
                    "sense. Check that this host is BitMart's."
                )
            ours = (self._base + sent + took / 2) * 1000
            if took <= SLOWEST_ROUND and (best is None or took < best[0]):
                best = took, theirs - ours
        if best is None:
            raise TransportError(
                f"the clock could not be measured: every one of {ROUNDS} round trips to "
                f"the exchange took longer than {SLOWEST_ROUND:g} s. Try again later."
            )
        self.round_trip_ms, self.offset_ms = best[0] * 1000, best[1]
        self.measurements += 1
        return self.offset_ms
