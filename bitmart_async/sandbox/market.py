"""The seeded market: makers who quote, takers who trade, through the same engines as everybody.

Every coin has a value that moves like a random walk, partly with all others; a market follows the values
of its coins with a ratio of its own. The makers keep a ladder of quotes on a fixed grid of prices around
it, sizes log-normal. Takers come in bursts: a trade makes the next one likelier for a while. Their sizes
are heavy-tailed, so that most take a part of the best level and a few walk through several. All dice come
from one seeded generator, so the same seed gives the same sequence of acts; when they happen is up to the
caller.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Protocol

from .contract_orders import ContractTicket
from .matching import MatchingBook, Side, Stp
from .numbers import ATOM_PLACES
from .spot_orders import SpotTicket

if TYPE_CHECKING:
    from .exchange import Exchange
    from .rules import ContractRules, SpotRules

__all__ = ["PAUSE", "SeededMarket"]

LEVELS: Final = 60
PAUSE: Final = 0.15
"""Seconds between two acts, on average."""
_SWING: Final = 0.000012
"""How far a price moves in one pause, as a share of it."""
_GRID: Final = 7.8e-6
"""Distance of two quotes, as a share of the price."""
_SPREAD_OF_SIZES: Final = 0.8
_TAIL: Final = 1.4
"""The exponent of the takers' sizes: the lower, the fatter the tail."""
_TAKE_CHANCE: Final = 0.25
_HEAT: Final = 0.1
"""What one trade adds to the chance of the next."""
_COOLING: Final = 0.8
_RESIZED: Final = 3
_REACH: Final = 6
"""Levels a big taker may walk through."""
_BUSY: Final = {"BTC": 1.0, "ETH": 0.8, "SOL": 0.5}
_QUIET: Final = 0.3
"""The share of acts in which a market of another coin takes part."""
_TYPICAL: Final = {"USDT": 12_000.0, "USDC": 12_000.0, "USD": 12_000.0, "BTC": 0.19}
"""Value of a middling quote, by quote coin."""


class _Venue(Protocol):
    """One market as the makers see it: everything in ticks and lots."""

    symbol: str
    base: str
    quote_coin: str
    grid: int
    typical: float
    least: int
    book: MatchingBook

    @property
    def closed(self) -> bool: ...
    def quote(self, side: Side, price: int, lots: int) -> int | None: ...
    def cancel(self, order_id: int) -> None: ...
    def take(self, side: Side, price: int, lots: int) -> None: ...


def _grid(price: int) -> int:
    return max(1, round(price * _GRID))


class _SpotVenue:
    def __init__(self, exchange: Exchange, rules: SpotRules) -> None:
        self._exchange = exchange
        self._rules = rules
        self.symbol, self.base, self.quote_coin = rules.symbol, rules.base, rules.quote
        self.book = exchange.spot.markets[rules.symbol].book
        self.grid = _grid(rules.start_price)
        lot = rules.value(rules.start_price, 1)
        self.typical = _TYPICAL[rules.quote] * 10**ATOM_PLACES / lot
        self.least = max(rules.min_size, 2 * rules.min_value // lot)

    @property
    def closed(self) -> bool:
        return self._exchange.spot.closed or self._exchange.spot.markets[self.symbol].suspended

    def _send(self, side: Side, price: int, lots: int, *, house: bool) -> int | None:
        rules, exchange = self._rules, self._exchange
        if rules.value(price, lots) < rules.min_value:
            return None
        order = exchange.spot.submit(
            exchange.house if house else exchange.crowd,
            SpotTicket(
                symbol=self.symbol,
                side=side.value,
                type="limit" if house else "ioc",
                size=Decimal(min(lots, rules.max_size)).scaleb(-rules.size_decimals),
                price=Decimal(price).scaleb(-rules.price_decimals),
            ),
            exchange.now_ms(),
        )
        return order.order_id

    def quote(self, side: Side, price: int, lots: int) -> int | None:
        return self._send(side, price, lots, house=True)

    def cancel(self, order_id: int) -> None:
        now_ms = self._exchange.now_ms()
        order = self._exchange.spot.order(self._exchange.house.uid, order_id, now_ms)
        if order is not None:
            self._exchange.spot.cancel(order, now_ms)

    def take(self, side: Side, price: int, lots: int) -> None:
        self._send(side, price, lots, house=False)


class _ContractVenue:
    least = 1

    def __init__(self, exchange: Exchange, rules: ContractRules) -> None:
        self._exchange = exchange
        self._rules = rules
        self.symbol, self.base, self.quote_coin = rules.symbol, rules.base, rules.quote
        self.book = exchange.futures.markets[rules.symbol].book
        self.grid = _grid(rules.start_price)
        dollars = rules.contract_size
        if not rules.inverse:
            dollars *= Decimal(rules.start_price).scaleb(-rules.price_decimals)
        self.typical = 5 * _TYPICAL[rules.quote] / float(dollars)

    @property
    def closed(self) -> bool:
        return self._exchange.futures.closed or self._exchange.futures.markets[self.symbol].suspended

    def _send(self, side: Side, price: int, lots: int, *, house: bool) -> int:
        exchange = self._exchange
        order = exchange.futures.submit(
            exchange.house if house else exchange.crowd,
            ContractTicket(
                symbol=self.symbol,
                side=1 if side is Side.BUY else 4,
                type="limit",
                size=min(lots, self._rules.max_volume),
                mode=1 if house else 3,
                price=Decimal(price).scaleb(-self._rules.price_decimals),
                stp=Stp.NONE,
            ),
            exchange.now_ms(),
        )
        return order.order_id

    def quote(self, side: Side, price: int, lots: int) -> int | None:
        return self._send(side, price, lots, house=True)

    def cancel(self, order_id: int) -> None:
        order = self._exchange.futures.order(self._exchange.house.uid, order_id)
        if order is not None:
            self._exchange.futures.cancel(order, self._exchange.now_ms())

    def take(self, side: Side, price: int, lots: int) -> None:
        self._send(side, price, lots, house=False)


@dataclass(slots=True)
class _Ladder:
    """The makers' quotes in one market: price to order id, per side."""

    venue: _Venue
    fair: int
    ratio: float
    """This market's price over that of its coins' values."""
    heat: float = 0.0
    quotes: dict[Side, dict[int, int]] = field(default_factory=lambda: {Side.BUY: {}, Side.SELL: {}})

    def quoted_size(self, rng: random.Random) -> int:
        venue = self.venue
        return max(venue.least, round(venue.typical * rng.lognormvariate(0, _SPREAD_OF_SIZES)))

    def taken_size(self, rng: random.Random) -> int:
        venue = self.venue
        return max(venue.least, round(venue.typical / 10 * min(rng.paretovariate(_TAIL), 500)))

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
                    self.place(side, price, self.quoted_size(rng))

    def withdraw(self, side: Side, price: int) -> None:
        self.venue.cancel(self.quotes[side].pop(price))

    def place(self, side: Side, price: int, lots: int) -> None:
        order_id = self.venue.quote(side, price, lots)
        if order_id is not None:
            self.quotes[side][price] = order_id

    def resize(self, rng: random.Random) -> None:
        for _ in range(_RESIZED):
            side = rng.choice((Side.BUY, Side.SELL))
            if not self.quotes[side]:
                continue
            price = rng.choice(sorted(self.quotes[side])[:: 1 if side is Side.SELL else -1][:20])
            self.withdraw(side, price)
            self.place(side, price, self.quoted_size(rng))

    def trade(self, rng: random.Random) -> None:
        """Somebody takes, perhaps; while the market is hot, often several."""
        chance = min(0.9, _TAKE_CHANCE + _HEAT * self.heat)
        self.heat *= _COOLING
        while rng.random() < chance:
            side, lots = rng.choice((Side.BUY, Side.SELL)), self.taken_size(rng)
            best = self.venue.book.best(side.opposite)
            if best is None:
                return
            away = _REACH * self.venue.grid
            self.venue.take(side, best + away if side is Side.BUY else max(1, best - away), lots)
            self.heat += 1
            chance /= 2


class SeededMarket:
    """Drives every market of an exchange. Synchronous: somebody calls :meth:`act` now and then."""

    def __init__(self, exchange: Exchange, seed: int) -> None:
        self._rng = random.Random(seed)
        self._ladders: dict[str, _Ladder] = {}
        self._values: dict[str, float] = {}
        for spot in exchange.spot.markets.values():
            self._add(_SpotVenue(exchange, spot.rules), spot.rules.start_price)
        for contract in exchange.futures.markets.values():
            self._add(_ContractVenue(exchange, contract.rules), contract.rules.start_price)

    def _add(self, venue: _Venue, fair: int) -> None:
        ladder = _Ladder(venue, fair, float(fair))
        self._ladders[venue.symbol] = ladder
        for coin in (venue.base, venue.quote_coin):
            if coin not in ("USDT", "USDC", "USD"):
                self._values.setdefault(coin, 1.0)
        ladder.follow(self._rng)

    def act(self, seconds: float = PAUSE) -> None:
        """One act of everybody, after so much time.

        However long that was, nobody trades more often for it: the prices have only moved further.
        """
        rng, stretch = self._rng, seconds / PAUSE
        swing = _SWING * max(1.0, stretch) ** 0.5
        together = rng.gauss(0, swing * 0.7)
        for coin, value in self._values.items():
            pull = min(0.5, 0.001 * stretch)
            self._values[coin] = value * (1 + together + rng.gauss(0, swing * 0.7) - (value - 1) * pull)
        for ladder in self._ladders.values():
            if rng.random() >= _BUSY.get(ladder.venue.base, _QUIET) or ladder.venue.closed:
                continue
            noise = 1 + rng.gauss(0, _SWING / 4)
            ladder.fair = max(
                ladder.venue.grid * (LEVELS + 2),
                round(ladder.ratio * self._value(ladder.venue) * noise),
            )
            ladder.follow(rng)
            ladder.resize(rng)
            ladder.trade(rng)

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
        ladder.ratio = price / self._value(venue)
        ladder.fair = price
        for side in Side:  # all out of the way, so that nobody trades with the old ladder
            for old in list(ladder.quotes[side]):
                ladder.withdraw(side, old)
        self._clear(ladder, price)
        lots = max(venue.least, round(venue.typical / 10))
        while venue.quote(Side.SELL, price, lots) is None:  # far below the start it takes more of them
            lots *= 2
        venue.take(Side.BUY, price, lots)
        ladder.follow(self._rng)

    def _value(self, venue: _Venue) -> float:
        return self._values.get(venue.base, 1.0) / self._values.get(venue.quote_coin, 1.0)

    def _clear(self, ladder: _Ladder, price: int) -> None:
        """Trade with whoever bids at or above the price, or offers at or below it."""
        venue, book = ladder.venue, ladder.venue.book
        bids = sum(lots for at, lots in book.levels(Side.BUY) if at >= price)
        asks = sum(lots for at, lots in book.levels(Side.SELL) if at <= price)
        for side, lots in ((Side.SELL, bids), (Side.BUY, asks)):
            if lots:
                left = venue.quote(side, price, max(lots, venue.least))
                if left is not None:
                    venue.cancel(left)
