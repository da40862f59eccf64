"""A price-time priority order book on whole numbers.

Promises, kept by every call:

1. The book is never crossed: the best bid is below the best ask.
2. A fill is made at the price of the order that was there first, best price first, and among equal
   prices the older order first.
3. What an order asks for equals what it got, what rests and what is left over; nothing else changes.

The book knows ticks, lots and owners. It knows no money, no clock and no wire: whoever calls it settles
the fills it returns, in the order it returns them.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Fill", "MatchingBook", "Outcome", "Resting", "Side", "Stop", "Stp", "Tif"]


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


class Tif(Enum):
    """How long an order may wait."""

    GTC = "good till cancelled"
    IOC = "what fills at once, the rest is dropped"
    FOK = "all at once or nothing"
    POST_ONLY = "rests or is dropped, never takes"


class Stp(StrEnum):
    """Whose order goes when an owner would trade with himself."""

    NONE = "none"
    CANCEL_MAKER = "cancel_maker"
    CANCEL_TAKER = "cancel_taker"
    CANCEL_BOTH = "cancel_both"


class Stop(Enum):
    """Why the incoming order ended before it was done."""

    NOTHING = "it did not"
    LIQUIDITY = "nothing acceptable was left to match"
    POST_ONLY = "it would have taken"
    FOK = "it could not be filled in full"
    STP = "it met an order of its own owner"


@dataclass(slots=True)
class Resting:
    """One order in the book; ``size`` is what is left of it."""

    order_id: int
    owner: int
    side: Side
    price: int
    size: int


class Fill(NamedTuple):
    maker_id: int
    taker_id: int
    price: int
    size: int


@dataclass(slots=True)
class Outcome:
    """What became of an incoming order."""

    fills: list[Fill] = field(default_factory=list[Fill])
    rested: int = 0
    """Lots that now wait in the book."""
    left: int = 0
    """Lots dropped; for an order by budget, the budget not spent."""
    stop: Stop = Stop.NOTHING
    removed: list[Resting] = field(default_factory=list[Resting])
    """Resting orders taken out by self-trade prevention, as they were when they went."""


@dataclass(slots=True)
class _Want:
    """An incoming order while it matches: it asks for lots, or for as many as a budget buys."""

    order_id: int
    owner: int
    side: Side
    limit: int | None
    size: int | None
    budget: int
    stp: Stp

    def take(self, price: int, offered: int) -> int:
        """Lots to take from an offer at this price."""
        if self.size is None:
            return min(offered, self.budget // price)
        return min(offered, self.size)

    def accepts(self, price: int) -> bool:
        if self.limit is None:
            return True
        return price <= self.limit if self.side is Side.BUY else price >= self.limit

    def got(self, price: int, lots: int) -> None:
        if self.size is None:
            self.budget -= price * lots
        else:
            self.size -= lots

    @property
    def left(self) -> int:
        return self.budget if self.size is None else self.size


class MatchingBook:
    """All resting orders of one symbol."""

    def __init__(self) -> None:
        self._levels: dict[Side, dict[int, dict[int, Resting]]] = {Side.BUY: {}, Side.SELL: {}}
        self._prices: dict[Side, list[int]] = {Side.BUY: [], Side.SELL: []}  # ascending
        self._orders: dict[int, Resting] = {}
        self.revision = 0
        """Grows with every change, so that a reader can tell whether to look again."""

    # Reading

    def best(self, side: Side) -> int | None:
        prices = self._prices[side]
        if not prices:
            return None
        return prices[-1] if side is Side.BUY else prices[0]

    def levels(self, side: Side, limit: int | None = None) -> list[tuple[int, int]]:
        """(price, lots) of the best levels, best first."""
        prices = self._prices[side]
        if limit is not None:
            prices = prices[-limit:] if side is Side.BUY else prices[:limit]
        if side is Side.BUY:
            prices = prices[::-1]
        table = self._levels[side]
        return [(price, sum(order.size for order in table[price].values())) for price in prices]

    def queue(self, side: Side, price: int) -> list[Resting]:
        """The orders waiting at one price, first in line first."""
        return list(self._levels[side].get(price, {}).values())

    def get(self, order_id: int) -> Resting | None:
        return self._orders.get(order_id)

    def __iter__(self) -> Iterator[Resting]:
        return iter(list(self._orders.values()))

    def __len__(self) -> int:
        return len(self._orders)

    def worst_price(self, side: Side, size: int) -> int | None:
        """The last price an incoming order of this side and size would touch; None in an empty book."""
        worst: int | None = None
        for price, offered in self.levels(side.opposite):
            worst = price
            size -= offered
            if size <= 0:
                break
        return worst

    # Changing

    def submit(
        self,
        order_id: int,
        owner: int,
        side: Side,
        *,
        price: int | None = None,
        size: int | None = None,
        budget: int = 0,
        tif: Tif = Tif.GTC,
        stp: Stp = Stp.NONE,
    ) -> Outcome:
        """Match an incoming order and let its rest wait, as its kind allows.

        Args:
            price: Limit in ticks; None takes any price and never rests.
            size: Lots; None to spend ``budget`` (ticks times lots) instead.
        """
        assert size is None or size > 0, "an order asks for something"
        want = _Want(order_id, owner, side, price, size, budget, stp)
        outcome = Outcome()
        if tif is Tif.POST_ONLY and self._would_take(want):
            outcome.stop, outcome.left = Stop.POST_ONLY, want.left
            return outcome
        if tif is Tif.FOK and not self._fills_whole(want):
            outcome.stop, outcome.left = Stop.FOK, want.left
            return outcome
        self._match(want, outcome)
        rests = tif in (Tif.GTC, Tif.POST_ONLY) and price is not None and outcome.stop is not Stop.STP
        if want.left and rests and price is not None:
            outcome.stop = Stop.NOTHING
            outcome.rested = want.left
            self._add(Resting(order_id, owner, side, price, want.left))
        else:
            outcome.left = want.left
        return outcome

    def cancel(self, order_id: int) -> Resting | None:
        """Take an order out; None when it is not in the book."""
        order = self._orders.get(order_id)
        if order is not None:
            self._drop(order)
        return order

    def shrink(self, order_id: int, size: int) -> bool:
        """Make a resting order smaller without losing its place in the queue."""
        order = self._orders.get(order_id)
        if order is None or not 0 < size <= order.size:
            return False
        order.size = size
        self.revision += 1
        return True

    # Inside

    def _would_take(self, want: _Want) -> bool:
        best = self.best(want.side.opposite)
        return best is not None and want.accepts(best)

    def _fills_whole(self, want: _Want) -> bool:
        assert want.size is not None, "fill-or-kill is by size"
        missing = want.size
        for price in self._best_first(want.side.opposite):
            if not want.accepts(price):
                break
            for maker in self._levels[want.side.opposite][price].values():
                if maker.owner == want.owner and want.stp is not Stp.NONE:
                    if want.stp is not Stp.CANCEL_MAKER:
                        return False
                    continue
                missing -= maker.size
                if missing <= 0:
                    return True
        return False

    def _match(self, want: _Want, outcome: Outcome) -> None:
        other = want.side.opposite
        while want.left:
            price = self.best(other)
            if price is None or not want.accepts(price):
                outcome.stop = Stop.LIQUIDITY
                return
            maker = next(iter(self._levels[other][price].values()))
            if maker.owner == want.owner and want.stp is not Stp.NONE:
                if want.stp is not Stp.CANCEL_TAKER:
                    self._drop(maker)
                    outcome.removed.append(maker)
                if want.stp is not Stp.CANCEL_MAKER:
                    outcome.stop = Stop.STP
                    return
                continue
            lots = want.take(price, maker.size)
            if not lots:  # the rest of the budget buys no lot at this price
                outcome.stop = Stop.LIQUIDITY
                return
            want.got(price, lots)
            maker.size -= lots
            self.revision += 1
            outcome.fills.append(Fill(maker.order_id, want.order_id, price, lots))
            if not maker.size:
                self._drop(maker)

    def _best_first(self, side: Side) -> list[int]:
        prices = self._prices[side]
        return prices[::-1] if side is Side.BUY else list(prices)

    def _add(self, order: Resting) -> None:
        table = self._levels[order.side]
        if order.price not in table:
            table[order.price] = {}
            insort(self._prices[order.side], order.price)
        table[order.price][order.order_id] = order
        self._orders[order.order_id] = order
        self.revision += 1

    def _drop(self, order: Resting) -> None:
        table = self._levels[order.side]
        del table[order.price][order.order_id]
        del self._orders[order.order_id]
        if not table[order.price]:
            del table[order.price]
            prices = self._prices[order.side]
            del prices[bisect_left(prices, order.price)]
        self.revision += 1
