"""The book of an exchange on paper: one topic of spot's incremental depth, with every version it ever had."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from random import Random

__all__ = ["PaperBook"]

Side: TypeAlias = dict[int, int]
"""Sizes by price, both in steps."""
_MIDDLE = 10_000
_LEVELS = 8
"""A side stays far within the window of 100, so that all of it is always told."""


class PaperBook:
    """A true book that moves at random and is never crossed."""

    def __init__(self, symbol: str, random: Random) -> None:
        self.topic = f"spot/depth/increase100:{symbol}"
        self._symbol = symbol
        self._random = random
        self._middle = _MIDDLE
        self.version = 100
        self._bids: Side = {_MIDDLE - step: 10 for step in range(1, _LEVELS)}
        self._asks: Side = {_MIDDLE + step: 10 for step in range(1, _LEVELS)}
        self.history: dict[int, tuple[list[tuple[float, float]], list[tuple[float, float]]]] = {}
        """Bids and asks, best first, by version."""
        self._remember()

    def _remember(self) -> None:
        self.history[self.version] = (
            [(price / 100, size / 10) for price, size in sorted(self._bids.items(), reverse=True)],
            [(price / 100, size / 10) for price, size in sorted(self._asks.items())],
        )

    def snapshot(self) -> str:
        """The frame that brings the whole book."""
        return self._frame("snapshot", self._bids, self._asks)

    def move(self) -> str:
        """Change some levels, sometimes the middle; the frame that tells it."""
        draw = self._random
        before = (dict(self._bids), dict(self._asks))
        self._middle += draw.choice((-1, 0, 0, 0, 1))
        for side, sign in ((self._bids, -1), (self._asks, 1)):
            for price in [price for price in side if (price - self._middle) * sign <= 0]:
                del side[price]
            for _ in range(draw.randint(1, 3)):
                price = self._middle + sign * draw.randint(1, 12)
                if price in side and len(side) > 2 and draw.random() < 0.5:
                    del side[price]
                else:
                    side[price] = draw.randint(1, 99)
        self.version += 1
        self._remember()
        changes = [
            {
                price: new.get(price, 0)
                for price in old.keys() | new.keys()
                if old.get(price) != new.get(price)
            }
            for old, new in zip(before, (self._bids, self._asks), strict=True)
        ]
        return self._frame("update", *changes)

    def crossed(self) -> str:
        """A frame that no sound exchange sends: the next version, with a bid above every ask."""
        self.version += 1
        self._remember()
        return self._frame("update", {self._middle + 500: 7}, {})

    def _frame(self, kind: str, bids: Side, asks: Side) -> str:
        rows = {
            name: [[f"{price / 100:.2f}", f"{size / 10:.1f}"] for price, size in side.items()]
            for name, side in (("asks", asks), ("bids", bids))
        }
        row = {
            **rows,
            "ms_t": 1_760_000_000_000,
            "symbol": self._symbol,
            "type": kind,
            "version": self.version,
        }
        return json.dumps({"table": "spot/depth/increase100", "data": [row]})
