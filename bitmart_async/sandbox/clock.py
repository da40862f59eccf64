"""The exchange's clock: Unix milliseconds that never jump when the machine's clock does."""

from __future__ import annotations

import time

__all__ = ["Clock"]


class Clock:
    """Reads the machine's time once, then counts on with its monotonic clock; ``skew_ms`` sets it wrong."""

    def __init__(self) -> None:
        self._origin_ns = time.time_ns() - time.monotonic_ns()
        self.skew_ms = 0
        """How far the exchange's clock runs ahead of the machine's."""

    def now_ns(self) -> int:
        return self._origin_ns + time.monotonic_ns() + self.skew_ms * 1_000_000

    def now_ms(self) -> int:
        return self.now_ns() // 1_000_000
