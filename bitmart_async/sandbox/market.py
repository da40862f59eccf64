"""The seeded market: makers who quote, takers who trade, through the same engines as everybody.

One fair price moves like a random walk; every market follows it with a spread of its own. The makers
keep a ladder of quotes on a fixed grid of prices around it. Each act moves the price a little, shifts
the ladders, changes a few sizes, and now and then lets somebody take. All dice come from one seeded
generator, so the same seed gives the same sequence of acts; when they happen is up to the caller.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Protocol

from .contract_orders import ContractTicket
from .matching import MatchingBook, Side, Stp
from .spot_orders import SpotTicket

if TYPE_CHECKING:
    from .exchange import Exchange

__all__ = ["PAUSE", "SeededMarket"]

LEVELS: Final = 60
PAUSE: Final = 0.15
"""Seconds between two acts, on average."""
_SWING: Final = 0.000012
_TAKE_CHANCE: Final = 0.4
_RESIZED: Final = 3


class _Venue(Protocol):
    """One market as the makers see it: everything in ticks and lots."""

    symbol: str
    grid: int
    book: MatchingBook

    def quote(self, side: Side, price: int, lots: int) -> int | None: ...
    def cancel(self, order_id: int) -> None: ...
    def take(self, side: Side, lots: int) -> None: ...
    def size(self, rng: random.Random) -> int: ...
    @property
    def last(self) -> int: ...


class _SpotVenue:
    grid = 50

    def __init__(self, exchange: Exchange, symbol: str) -> None:
        self._exchange = exchange
        self.symbol = symbol
        market = exchange.spot.markets[symbol]
        self._rules = market.rules
        self._market = market
        self.book = market.book

    @property
    def last(self) -> int:
        return self._market.last

    def size(self, rng: random.Random) -> int:
        return rng.randint(2_000, 60_000)

    def _lots(self, lots: int) -> Decimal:
        return Decimal(lots).scaleb(-self._rules.size_decimals)

    def quote(self, side: Side, price: int, lots: int) -> int | None:
        rules = self._rules
        if rules.value(price, lots) < rules.min_value:
            return None
        order = self._exchange.spot.submit(
            self._exchange.house,
            SpotTicket(
                symbol=self.symbol,
                side=side.value,
                type="limit",
                size=self._lots(lots),
                price=Decimal(price).scaleb(-rules.price_decimals),
            ),
            self._exchange.now_ms(),
        )
        return order.order_id

    def cancel(self, order_id: int) -> None:
        now_ms = self._exchange.now_ms()
        order = self._exchange.spot.order(self._exchange.house.uid, order_id, now_ms)
        if order is not None:
            self._exchange.spot.cancel(order, now_ms)

    def take(self, side: Side, lots: int) -> None:
        price = self.book.best(side.opposite)
        if price is None or self._rules.value(price, lots) < self._rules.min_value:
            return
        self._exchange.spot.submit(
            self._exchange.crowd,
            SpotTicket(
                symbol=self.symbol,
                side=side.value,
                type="ioc",
                size=self._lots(lots),
                price=Decimal(price).scaleb(-self._rules.price_decimals),
            ),
            self._exchange.now_ms(),
        )


class _ContractVenue:
    grid = 5

    def __init__(self, exchange: Exchange, symbol: str) -> None:
        self._exchange = exchange
        self.symbol = symbol
        market = exchange.futures.markets[symbol]
        self._rules = market.rules
        self._market = market
        self.book = market.book

    @property
    def last(self) -> int:
        return self._market.last

    def size(self, rng: random.Random) -> int:
        return rng.randint(20, 3_000)

    def _submit(self, *, house: bool, side: Side, price: int, lots: int, mode: int) -> int:
        exchange = self._exchange
        order = exchange.futures.submit(
            exchange.house if house else exchange.crowd,
            ContractTicket(
                symbol=self.symbol,
                side=1 if side is Side.BUY else 4,
                type="limit",
                size=lots,
                mode=mode,
                price=Decimal(price).scaleb(-self._rules.price_decimals),
                stp=Stp.NONE,
            ),
            exchange.now_ms(),
        )
        return order.order_id

    def quote(self, side: Side, price: int, lots: int) -> int | None:
        return self._submit(house=True, side=side, price=price, lots=lots, mode=1)

    def cancel(self, order_id: int) -> None:
        order = self._exchange.futures.order(self._exchange.house.uid, order_id)
        if order is not None:
            self._exchange.futures.cancel(order, self._exchange.now_ms())

    def take(self, side: Side, lots: int) -> None:
        price = self.book.best(side.opposite)
        if price is not None:
            self._submit(house=False, side=side, price=price, lots=lots, mode=3)


@dataclass(slots=True)
class _Ladder:
    """The makers' quotes in one market: price to order id, per side."""

    venue: _Venue
    fair: int
    spread: float
    """Ratio of this market's price to the common one."""
    quotes: dict[Side, dict[int, int]] = field(default_factory=lambda: {Side.BUY: {}, Side.SELL: {}})

    def targets(self, side: Side) -> list[int]:
        grid = self.venue.grid
        if side is Side.BUY:
            first = (self.fair - 1) // grid * grid
            return [first - number * grid for number in range(LEVELS)]
        first = (self.fair // grid + 1) * grid
        return [first + number * grid for number in range(LEVELS)]

    def follow(self, rng: random.Random) -> None:
        """Shift the ladder to where the price is: first out of the way, then the new quotes."""
        wanted = {side: self.targets(side) for side in Side}
        for side in Side:
            keep = set(wanted[side])
            for price in [price for price in self.quotes[side] if price not in keep]:
                self.withdraw(side, price)
        for side in Side:
            for price in wanted[side]:
                order_id = self.quotes[side].get(price)
                if order_id is None or self.venue.book.get(order_id) is None:
                    self.place(side, price, self.venue.size(rng))

    def withdraw(self, side: Side, price: int) -> None:
        self.venue.cancel(self.quotes[side].pop(price))

    def place(self, side: Side, price: int, lots: int) -> None:
        order_id = self.venue.quote(side, price, lots)
        if order_id is not None:
            self.quotes[side][price] = order_id

    def resize(self, rng: random.Random) -> None:
        for _ in range(_RESIZED):
            side = rng.choice((Side.BUY, Side.SELL))
            price = rng.choice(sorted(self.quotes[side])[:: 1 if side is Side.SELL else -1][:20])
            self.withdraw(side, price)
            self.place(side, price, self.venue.size(rng))


class SeededMarket:
    """Drives every market of an exchange. Synchronous: somebody calls :meth:`act` now and then."""

    def __init__(self, exchange: Exchange, seed: int) -> None:
        self._rng = random.Random(seed)
        self._ladders: dict[str, _Ladder] = {}
        for symbol, spot in exchange.spot.markets.items():
            self._add(_SpotVenue(exchange, symbol), spot.rules.start_price)
        for symbol, contract in exchange.futures.markets.items():
            self._add(_ContractVenue(exchange, symbol), contract.rules.start_price)
        self._level = 1.0

    def _add(self, venue: _Venue, fair: int) -> None:
        ladder = _Ladder(venue, fair, float(fair))
        self._ladders[venue.symbol] = ladder
        ladder.follow(self._rng)

    def act(self) -> None:
        """One act of everybody."""
        rng = self._rng
        self._level *= 1 + rng.gauss(0, _SWING) - (self._level - 1) * 0.001
        for ladder in self._ladders.values():
            ladder.fair = max(
                ladder.venue.grid * (LEVELS + 2),
                round(ladder.spread * self._level * (1 + rng.gauss(0, _SWING / 4))),
            )
            ladder.follow(rng)
            ladder.resize(rng)
            if rng.random() < _TAKE_CHANCE:
                ladder.venue.take(rng.choice((Side.BUY, Side.SELL)), self._small(ladder))

    def pause(self) -> float:
        """Seconds to wait before the next act."""
        return self._rng.uniform(0.5, 1.5) * PAUSE

    def print_at(self, symbol: str, price: int) -> None:
        """Make the market trade at a price: the makers move there, then one lot changes hands.

        Orders of others that stand in the way are filled first, as in any market that moves through.

        Raises:
            KeyError: No such market.
        """
        ladder = self._ladders[symbol]
        venue, grid = ladder.venue, ladder.venue.grid
        if price <= grid * (LEVELS + 1):
            raise ValueError(f"{price} ticks is too low for {symbol}")
        ladder.spread = price / self._level
        ladder.fair = price
        for side in Side:  # all out of the way, so that nobody trades with the old ladder
            for old in list(ladder.quotes[side]):
                ladder.withdraw(side, old)
        self._clear(ladder, price)
        lots = max(self._small(ladder), self._least(ladder))
        venue.quote(Side.SELL, price, lots)
        venue.take(Side.BUY, lots)
        ladder.follow(self._rng)

    def _clear(self, ladder: _Ladder, price: int) -> None:
        """Trade with whoever bids at or above the price, or offers at or below it."""
        book = ladder.venue.book
        bids = sum(lots for at, lots in book.levels(Side.BUY) if at >= price)
        asks = sum(lots for at, lots in book.levels(Side.SELL) if at <= price)
        for side, lots in ((Side.SELL, bids), (Side.BUY, asks)):
            if lots:
                left = ladder.venue.quote(side, price, max(lots, self._least(ladder)))
                if left is not None:
                    ladder.venue.cancel(left)

    def _small(self, ladder: _Ladder) -> int:
        return max(1, ladder.venue.size(self._rng) // 10)

    @staticmethod
    def _least(ladder: _Ladder) -> int:
        """Enough lots that no market calls the order too small."""
        return 1_000 if isinstance(ladder.venue, _SpotVenue) else 1
