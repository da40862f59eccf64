"""The exchange's two clocks, which never jump when the machine's clock does.

The gate's clock is the machine's: it judges timestamps, counts calls and closes idle sockets, and it is
what ``/system/time`` answers, because clients sign with real time however fast the market runs. The
market's clock dates orders, trades and candles and makes funding, interest and withdrawals due. It runs at
the gate's pace, or faster, or only when it is stepped. ``skew_ms`` sets both wrong.
"""

from __future__ import annotations

import time

__all__ = ["Clock"]


class Clock:
    """Reads the machine's time once, then counts on with its monotonic clock.

    Args:
        speed: Seconds of the market in one of the machine.
        stepped: The market's clock stands still but for :meth:`step`.
        begins_ms: Where the market's clock begins, Unix ms; None: at the machine's time.
    """

    def __init__(self, *, speed: float = 1.0, stepped: bool = False, begins_ms: int | None = None) -> None:
        self._began_ns = time.monotonic_ns()
        self._origin_ns = time.time_ns()
        self._market_ns = self._origin_ns if begins_ms is None else begins_ms * 1_000_000
        self._speed = 0.0 if stepped else speed
        self._stepped_ns = 0
        self.skew_ms = 0
        """How far the exchange's clocks run ahead of the machine's."""

    def now_ns(self) -> int:
        """The market's clock."""
        passed = time.monotonic_ns() - self._began_ns
        if self._speed != 1.0:
            passed = int(passed * self._speed)
        return self._market_ns + passed + self._stepped_ns + self.skew_ms * 1_000_000

    def now_ms(self) -> int:
        """The market's clock, Unix ms."""
        return self.now_ns() // 1_000_000

    def gate_ms(self) -> int:
        """The clock that judges timestamps, Unix ms."""
        passed = time.monotonic_ns() - self._began_ns
        return (self._origin_ns + passed) // 1_000_000 + self.skew_ms

    def step(self, ns: int) -> None:
        """Put the market's clock forward."""
        self._stepped_ns += ns
