"""How many messages one socket may still send: the exchange's window, with places kept for pings. Pure."""

from __future__ import annotations

import math
from collections import deque

__all__ = ["Allowance"]

MESSAGES_PER_WINDOW = 100
"""Spot's limit per 10 s, pings included; no source gives one for futures, so it serves for both."""
WINDOW_SECONDS = 10.0
_MOST_FOR_PINGS = 60
"""Places of the window kept for pings, however short their interval."""


class Allowance:
    """See the module's text."""

    def __init__(self, ping_interval: float) -> None:
        for_pings = min(_MOST_FOR_PINGS, math.ceil(WINDOW_SECONDS / ping_interval) + 1)
        self._most = MESSAGES_PER_WINDOW - for_pings
        self._sent: deque[float] = deque()
        """When messages other than pings went out, within the window."""

    def room(self, now: float) -> bool:
        """Whether one message more may go out."""
        while self._sent and self._sent[0] <= now - WINDOW_SECONDS:
            self._sent.popleft()
        return len(self._sent) < self._most

    def next_room(self, now: float) -> float:
        """When it may."""
        return now if self.room(now) else self._sent[0] + WINDOW_SECONDS

    def take(self, now: float) -> None:
        """It goes out."""
        self._sent.append(now)
