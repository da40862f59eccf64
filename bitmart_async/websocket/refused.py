"""Topics the exchange had accepted once and then refused: set aside, and asked for again. Pure.

A first refusal is an answer. The refusal of a topic that was served before may as well be a fault that
passes (no code says otherwise for certain), so it is asked for again after 5 s, then after twice as long each
time up to a minute, for about ten minutes. Meanwhile it is not among the topics the session asks for: the
others of the socket are live without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from bitmart_async.errors import SubscriptionRefused

__all__ = ["RefusedTopic", "RefusedTopics"]

FIRST_SECONDS = 5.0
LONGEST_SECONDS = 60.0
MOST_TRIES = 12
"""5 + 10 + 20 + 40 + 8 * 60 s: a little more than nine minutes."""


@dataclass(slots=True)
class RefusedTopic:
    """One of them."""

    error: SubscriptionRefused
    """The last refusal."""
    since_ns: int
    """From when on its updates are missing, Unix nanoseconds."""
    due: float
    """When to ask again, seconds of the caller's clock."""
    tries: int = 0
    stale_after: float | None = None
    """Its limit of silence, which does not count meanwhile."""


class RefusedTopics:
    """Those of one connection."""

    def __init__(self) -> None:
        self._by_text: dict[str, RefusedTopic] = {}

    def __contains__(self, text: object) -> bool:
        return text in self._by_text

    def __len__(self) -> int:
        return len(self._by_text)

    def get(self, text: str) -> RefusedTopic | None:
        """What is known of one; None when it is not among them."""
        return self._by_text.get(text)

    def texts(self) -> list[str]:
        """All of them."""
        return list(self._by_text)

    def refuse(self, text: str, error: SubscriptionRefused, now: float, since_ns: int) -> bool:
        """A topic was refused; False when it has been refused too often and is forgotten."""
        known = self._by_text.get(text)
        if known is None:
            known = self._by_text[text] = RefusedTopic(error, since_ns, 0.0)
        elif known.tries >= MOST_TRIES:
            del self._by_text[text]
            return False
        known.error = error
        known.due = now + min(LONGEST_SECONDS, FIRST_SECONDS * 2.0**known.tries)
        return True

    def pop_due(self, now: float, asked: Collection[str]) -> list[str]:
        """Topics to ask for now, without those that are being asked for."""
        due = [text for text, one in self._by_text.items() if one.due <= now and text not in asked]
        for text in due:
            self._by_text[text].tries += 1
        return due

    def next_due(self, asked: Collection[str]) -> float:
        """When to look again; infinity when nothing is to be asked for."""
        return min(
            (one.due for text, one in self._by_text.items() if text not in asked), default=float("inf")
        )

    def admit(self, text: str) -> RefusedTopic | None:
        """A topic is served again, or no longer wanted; what was known of it."""
        return self._by_text.pop(text, None)

    def clear(self) -> None:
        """Nothing is wanted any more."""
        self._by_text.clear()
