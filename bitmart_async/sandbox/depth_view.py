"""The published state of one incremental depth topic.

A view is what subscribers have been told, not what the book is now: a snapshot shows the view, and the
next update leads from it to the book. So whoever comes in between loses nothing and counts no change
twice.
"""

from __future__ import annotations

from decimal import Decimal

from .matching import MatchingBook, Side
from .truth import BookTruth

__all__ = ["DepthView", "Levels"]

Levels = list[tuple[int, int]]


class DepthView:
    def __init__(self, book: MatchingBook, levels: int) -> None:
        self._book = book
        self._limit = levels
        self.version = 0
        self.revision = -1
        """The book's revision this view shows."""
        self._sides: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}

    def refresh(self) -> tuple[Levels, Levels]:
        """Catch up with the book; returns the changed asks and bids, size 0 for a level that is gone.

        The version is the caller's to advance: markets differ in what a quiet push does to it.
        """
        self.revision = self._book.revision
        return self._changes(Side.SELL), self._changes(Side.BUY)

    def side(self, side: Side) -> Levels:
        """The published levels, best first."""
        return sorted(self._sides[side].items(), reverse=side is Side.BUY)

    def truth(self, price_places: int, size_places: int) -> BookTruth:
        """The published book in decimals."""
        bids, asks = (
            tuple(
                (Decimal(price).scaleb(-price_places), Decimal(size).scaleb(-size_places))
                for price, size in self.side(side)
            )
            for side in (Side.BUY, Side.SELL)
        )
        return BookTruth(version=self.version, bids=bids, asks=asks)

    def _changes(self, side: Side) -> Levels:
        before, now = self._sides[side], dict(self._book.levels(side, self._limit))
        changed = [(price, size) for price, size in now.items() if before.get(price) != size]
        gone = [(price, 0) for price in before if price not in now]
        self._sides[side] = now
        return sorted(changed + gone, reverse=side is Side.BUY)
