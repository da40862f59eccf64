"""What the spot streams say: every channel's frames and rhythm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .depth_view import DepthView, Levels
from .events import Event, SpotBalanceChanged, SpotOrderChanged, SpotTraded
from .matching import Side
from .pulse import Pulse
from .spot_views import balance_push, order_push, price_text, size_text, ticker_numbers

if TYPE_CHECKING:
    from .calls import Json
    from .exchange import Exchange
    from .hub import Hub, Session
    from .rules import SpotRules
    from .spot import SpotMarket
    from .truth import BookTruth

__all__ = ["SpotFeed", "SpotTopic"]

_INTERVALS: Final = {
    "1m": 1,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1H": 60,
    "2H": 120,
    "4H": 240,
    "1D": 1_440,
    "1W": 10_080,
    "1M": 43_200,
}
_CALM_MS: Final = 500
_QUICK_MS: Final = 100
_SIGN_OF_LIFE_MS: Final = 5_000
INCREASE: Final = "spot/depth/increase100"
ALL_ORDERS: Final = "spot/user/orders:ALL_SYMBOLS"
BALANCES: Final = "spot/user/balance:BALANCE_UPDATE"


class SpotTopic(NamedTuple):
    """A topic taken apart. The table is the topic without its symbol."""

    table: str
    symbol: str

    @classmethod
    def parse(cls, text: str) -> SpotTopic:
        table, _, symbol = text.partition(":")
        return cls(table, symbol)

    @property
    def private(self) -> bool:
        return self.table.split("/")[1:2] == ["user"]

    @property
    def known(self) -> bool:
        """Whether there is such a channel, whatever the symbol."""
        name = self.table.removeprefix("spot/")
        return self.table.startswith("spot/") and (
            name
            in (
                "ticker",
                "bookTicker",
                "trade",
                "depth5",
                "depth20",
                "depth50",
                "user/order",
                "user/orders",
                "user/balance",
                "depth/increase100",
            )
            or (name.startswith("kline") and name[5:] in _INTERVALS)
        )


class SpotFeed:
    """Watches the exchange and its clock, and pushes on the spot topics that somebody listens to.

    Args:
        replay: Say nothing public of its own: what is pushed comes from a recording, of any symbol.
    """

    def __init__(self, exchange: Exchange, hub: Hub, *, replay: bool = False) -> None:
        self._replay = replay
        self._exchange = exchange
        self._hub = hub
        self._pulses: dict[str, Pulse] = {}
        self._views: dict[str, DepthView] = {}
        exchange.listen(self._on_event, SpotTraded, SpotOrderChanged, SpotBalanceChanged)

    # Subscribers

    def has_symbol(self, topic: SpotTopic) -> bool:
        if topic.table == "spot/user/orders":
            return topic.symbol == "ALL_SYMBOLS"
        if topic.table == "spot/user/balance":
            return topic.symbol == "BALANCE_UPDATE"
        return (self._replay and bool(topic.symbol)) or topic.symbol in self._exchange.spot.markets

    def welcome(self, session: Session, text: str, *, first: bool) -> None:
        """What a new subscriber is told at once; ``first`` when nobody listened to the topic before."""
        topic, now_ms = SpotTopic.parse(text), self._exchange.now_ms()
        if self._replay or topic.private or topic.table in ("spot/trade",):
            return
        market = self._exchange.spot.markets[topic.symbol]
        if topic.table == INCREASE:
            if first:
                self._view(text, market).refresh()
                self._view(text, market).version += 1
                self._pulse(text, topic).pushed_ms = now_ms  # no sign of life on top of a snapshot
            self.snapshot(session, text)
            return
        frame = _frame(topic.table, self._data(topic, market, now_ms))
        self._hub.send_data(session, text, frame)
        if first:
            self._pulse(text, topic).pushed(self._key(topic, market, now_ms), now_ms)

    def snapshot(self, session: Session, text: str) -> None:
        """The published book of an incremental topic."""
        if self._replay:
            return
        topic, now_ms = SpotTopic.parse(text), self._exchange.now_ms()
        market = self._exchange.spot.markets[topic.symbol]
        view = self._view(text, market)
        frame = _frame(
            topic.table,
            _depth(
                market.rules,
                view.side(Side.SELL),
                view.side(Side.BUY),
                now_ms,
                type="snapshot",
                version=view.version,
            ),
        )
        self._hub.send_data(session, text, frame)

    def published(self, text: str) -> BookTruth:
        """The book subscribers of an incremental topic have been told. KeyError: nobody ever listened."""
        rules = self._exchange.spot.markets[SpotTopic.parse(text).symbol].rules
        return self._views[text].truth(rules.price_decimals, rules.size_decimals)

    # Time

    def advance(self, now_ms: int) -> None:
        """Push what has changed and is due."""
        if self._replay:
            return
        for text in self._hub.topics:
            topic = SpotTopic.parse(text)
            if topic.private or topic.table == "spot/trade":
                continue
            market = self._exchange.spot.markets[topic.symbol]
            if topic.table == INCREASE:
                self._increase(text, topic, market, now_ms)
            elif self._pulse(text, topic).due(now_ms) and self._pulse(text, topic).changed(
                self._key(topic, market, now_ms), now_ms
            ):
                self._hub.publish(text, _frame(topic.table, self._data(topic, market, now_ms)))

    def force_ticker(self, symbol: str, now_ms: int) -> None:
        """Push the ticker now, due or not."""
        topic = SpotTopic("spot/ticker", symbol)
        text = f"{topic.table}:{symbol}"
        if self._hub.listens(text) and not self._replay:
            market = self._exchange.spot.markets[symbol]
            self._pulse(text, topic).pushed(self._key(topic, market, now_ms), now_ms)
            self._hub.publish(text, _frame(topic.table, self._data(topic, market, now_ms)))

    # Inside

    def _pulse(self, text: str, topic: SpotTopic) -> Pulse:
        if text not in self._pulses:
            quick = topic.table in ("spot/bookTicker", INCREASE)
            self._pulses[text] = Pulse(_QUICK_MS if quick else _CALM_MS)
        return self._pulses[text]

    def _view(self, text: str, market: SpotMarket) -> DepthView:
        if text not in self._views:
            self._views[text] = DepthView(market.book, 100)
        return self._views[text]

    def _increase(self, text: str, topic: SpotTopic, market: SpotMarket, now_ms: int) -> None:
        """Changes with the next version, or in a quiet book a sign of life with the same one."""
        view, pulse = self._view(text, market), self._pulse(text, topic)
        asks: Levels = []
        bids: Levels = []
        if view.revision != market.book.revision and pulse.due(now_ms):
            asks, bids = view.refresh()
        if asks or bids:
            view.version += 1
        elif now_ms - pulse.pushed_ms < _SIGN_OF_LIFE_MS:
            return
        pulse.pushed_ms = now_ms
        self._hub.publish(
            text,
            _frame(
                topic.table, _depth(market.rules, asks, bids, now_ms, type="update", version=view.version)
            ),
        )

    def _key(self, topic: SpotTopic, market: SpotMarket, now_ms: int) -> object:
        """What must differ for the topic to be pushed again."""
        name = topic.table.removeprefix("spot/")
        if name.startswith("depth"):
            return market.book.revision
        if name.startswith("kline"):
            candle = market.candles.current(_INTERVALS[name[5:]], now_ms // 1_000)
            return candle.start, candle.close, candle.high, candle.low, candle.volume
        best = (market.book.levels(Side.BUY, 1), market.book.levels(Side.SELL, 1))
        return best if name == "bookTicker" else (market.last, best)

    def _data(self, topic: SpotTopic, market: SpotMarket, now_ms: int) -> Json:
        name = topic.table.removeprefix("spot/")
        if name.startswith("depth"):
            levels = int(name[5:])
            return _depth(
                market.rules,
                market.book.levels(Side.SELL, levels),
                market.book.levels(Side.BUY, levels),
                now_ms,
            )
        if name.startswith("kline"):
            return _candle(market, _INTERVALS[name[5:]], now_ms)
        numbers = ticker_numbers(market, now_ms)
        best: dict[str, Json] = {name: numbers[name] for name in ("bid_px", "bid_sz", "ask_px", "ask_sz")}
        if name == "bookTicker":
            return {"symbol": topic.symbol, **best, "ms_t": now_ms}
        return {
            "symbol": topic.symbol,
            "last_price": numbers["last"],
            "open_24h": numbers["open_24h"],
            "high_24h": numbers["high_24h"],
            "low_24h": numbers["low_24h"],
            "base_volume_24h": numbers["v_24h"],
            "quote_volume_24h": numbers["qv_24h"],
            "fluctuation": numbers["fluctuation"],
            **best,
            "ms_t": now_ms,
            "s_t": now_ms // 1_000,
        }

    def _on_event(self, event: Event) -> None:
        now_ms = self._exchange.now_ms()
        if isinstance(event, SpotTraded):
            if not self._replay:
                self._trade(event, now_ms)
        elif isinstance(event, SpotOrderChanged):
            self._order(event, now_ms)
        elif isinstance(event, SpotBalanceChanged) and self._hub.listens(BALANCES):
            data = balance_push(event, self._exchange.ledger)
            self._hub.publish_to(event.uid, BALANCES, _frame("spot/user/balance", data))

    def _trade(self, event: SpotTraded, now_ms: int) -> None:
        text = f"spot/trade:{event.symbol}"
        if self._hub.listens(text):
            rules = self._exchange.spot.markets[event.symbol].rules
            self._hub.publish(
                text,
                _frame(
                    "spot/trade",
                    {
                        "symbol": event.symbol,
                        "price": price_text(event.price, rules),
                        "side": event.taker.value,
                        "size": size_text(event.size, rules),
                        "s_t": event.at_ms // 1_000,
                        "ms_t": event.at_ms,
                    },
                ),
            )

    def _order(self, event: SpotOrderChanged, now_ms: int) -> None:
        order = event.order
        for text in (f"spot/user/order:{order.symbol}", ALL_ORDERS):
            if self._hub.listens(text):
                rules = self._exchange.spot.markets[order.symbol].rules
                frame = _frame(SpotTopic.parse(text).table, order_push(order, event.fill, rules))
                self._hub.publish_to(order.uid, text, frame)


def _frame(table: str, element: Json) -> Json:
    return {"data": [element], "table": table}


def _depth(
    rules: SpotRules,
    asks: Levels,
    bids: Levels,
    now_ms: int,
    *,
    type: str | None = None,
    version: int = 0,
) -> Json:
    def rows(levels: Levels) -> Json:
        return [[price_text(price, rules), size_text(lots, rules)] for price, lots in levels]

    data: dict[str, Json] = {"asks": rows(asks), "bids": rows(bids), "ms_t": now_ms, "symbol": rules.symbol}
    if type is not None:
        data |= {"type": type, "version": version}
    return data


def _candle(market: SpotMarket, minutes: int, now_ms: int) -> Json:
    rules, row = market.rules, market.candles.current(minutes, now_ms // 1_000)
    return {
        "candle": [
            row.start,
            *(price_text(p, rules) for p in (row.open, row.high, row.low, row.close)),
            size_text(row.volume, rules),
        ],
        "symbol": rules.symbol,
    }
