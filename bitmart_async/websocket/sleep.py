"""Notices that the machine slept: its wall clock went on and the clock of its timers did not. Pure."""

from __future__ import annotations

__all__ = ["LOOK_SECONDS", "SleepWatch"]

LOOK_SECONDS = 1.5
"""How often to look: a socket that died in the sleep is found out within a few seconds of waking."""
_DRIFT_SECONDS = 30.0
"""What clocks are set by is less."""


class SleepWatch:
    """Compares how far the two clocks went between two looks."""

    def __init__(self, now: float, wall_ns: int) -> None:
        self._now = now
        self._wall_ns = wall_ns

    def slept(self, now: float, wall_ns: int) -> tuple[int, int] | None:
        """From when to when (Unix ns) the machine slept since the last look; None: it did not."""
        before_ns = self._wall_ns
        drift = (wall_ns - before_ns) / 1e9 - (now - self._now)
        self._now, self._wall_ns = now, wall_ns
        return (before_ns, wall_ns) if drift > _DRIFT_SECONDS else None
