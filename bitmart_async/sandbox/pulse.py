"""When a topic may push again, and whether it has anything new to say. Pure."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Pulse"]


@dataclass(slots=True)
class Pulse:
    """The rhythm of one topic: on change, at most once per interval.

    What was last pushed is remembered while nobody listens, so that a subscriber who comes back is told
    of a change he missed.
    """

    interval_ms: int
    pushed_ms: int = 0
    key: object = None

    def due(self, now_ms: int) -> bool:
        return now_ms - self.pushed_ms >= self.interval_ms

    def changed(self, key: object, now_ms: int) -> bool:
        """Whether to push now; if so, it counts as pushed."""
        if key == self.key or not self.due(now_ms):
            return False
        self.pushed(key, now_ms)
        return True

    def pushed(self, key: object, now_ms: int) -> None:
        self.key, self.pushed_ms = key, now_ms
