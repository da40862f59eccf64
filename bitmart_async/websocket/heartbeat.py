"""The pings of one socket, and what the answers say. Pure: handed the time.

A ping goes out every so often, whatever else flows. Any byte is a sign of life; when none has come for so
long after a ping, the socket is dead. A program that was busy reads first what came meanwhile.
"""

from __future__ import annotations

from collections import deque

__all__ = ["LATE", "REPRIEVE", "Heartbeat"]

LATE = 0.1
"""A look this many seconds late means that the program was busy: read first, then judge the peer."""
REPRIEVE = 1.0
"""Seconds to read what came while the program was busy."""
_MOST_OUT = 16
"""Unanswered pings remembered for the round trip."""


class Heartbeat:
    """See the module's text. ``heard``: when the last byte came.

    Args:
        interval: Seconds between pings.
        timeout: Seconds without a byte after a ping that end the socket.
    """

    def __init__(self, interval: float, timeout: float, now: float) -> None:
        self._interval = interval
        self._timeout = timeout
        self._next = now + interval
        self._pinged: float | None = None
        """When the ping went out after which something is to be heard."""
        self._due = 0.0
        """By when."""
        self._next_timeout = timeout
        self._reprieved = False
        self._out: deque[float] = deque()
        """When the pings that are not answered went out."""
        self._sent = self._answered = 0
        self.round_trip: float | None = None
        """Seconds between a ping and its pong, at the last one."""

    def probe(self, now: float, heard: float, timeout: float | None = None) -> int:
        """Make a ping due now; its number.

        Args:
            timeout: Seconds without a byte after it that end the socket; None leaves that as it is.
        """
        self._next = now
        if timeout is not None and not self._silent(heard):
            self._next_timeout = timeout
        return self._sent + 1

    def beat(self, now: float, heard: float) -> bool:
        """Whether a ping is due; then it counts as sent."""
        if now < self._next:
            return False
        self._next = now + self._interval
        if not self._silent(heard):
            self._pinged, self._due = now, now + self._next_timeout
            self._next_timeout = self._timeout
        while self._out and (now - self._out[0] > 2 * self._timeout or len(self._out) >= _MOST_OUT):
            self._out.popleft()  # its pong is lost: later ones are not to be taken for it
            self._answered += 1
        self._out.append(now)
        self._sent += 1
        return True

    def ponged(self, now: float) -> None:
        """A pong came: it answers the oldest ping."""
        if self._out:
            self.round_trip = now - self._out.popleft()
            self._answered += 1

    def answered(self, ping: int) -> bool:
        """Whether the ping of this number has been answered."""
        return self._answered >= ping

    def dead(self, now: float, heard: float) -> bool:
        """Whether nothing has come for too long."""
        if not self._silent(heard):
            self._reprieved = False
            return False
        late = now - self._due
        if late > LATE and not self._reprieved:
            self._reprieved = True  # the program slept: what came meanwhile is not read yet
            self._due = now + REPRIEVE
            return False
        return late >= 0

    def pause(self) -> None:
        """Nobody reads: nothing is judged."""
        self._reprieved = False

    def resume(self, pause: float) -> None:
        """Nobody has read for so long."""
        self._due += pause

    def next_ping(self) -> float:
        """When the next ping is due."""
        return self._next

    def deadline(self, heard: float) -> float:
        """By when something is to be heard; infinity when something was."""
        return self._due if self._silent(heard) else float("inf")

    def _silent(self, heard: float) -> bool:
        return self._pinged is not None and heard <= self._pinged
