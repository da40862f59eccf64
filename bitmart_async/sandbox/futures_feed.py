"""What the futures streams say: every channel's frames and rhythm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .depth_view import DepthView, Levels
from .events import (
    ContractAssetChanged,
    ContractOrderChanged,
    ContractPositionChanged,
    ContractTraded,
    Event,
    PlanOrderChanged,
)
from .futures_views import (
    asset_push,
    funding_times,
    order_push,
    position_push,
    price_text,
    rfc3339,
    ticker_push,
)
from .matching import Side
from .plan_views import plan_push
from .premium import rate_text
from .pulse import Pulse

if TYPE_CHECKING:
    from .calls import Json
    from .candles import CandleSeries
    from .exchange import Exchange
    from .futures import ContractMarket
    from .hub import Hub, Session
    from .rules import ContractRules
    from .truth import BookTruth

__all__ = ["FuturesFeed", "FuturesTopic"]

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
}
_LEVELS: Final = frozenset({"5", "20", "50"})
_SPEEDS: Final = {"": 200, "100ms": 100, "200ms": 200}
_SECOND_MS: Final = 1_000
_FUNDING_MS: Final = 60_000
_POSITIONS_MS: Final = 10_000
_SIGN_OF_LIFE_MS: Final = 5_000
_BOOKS: Final = ("depthIncrease", "depthAll", "depth")


class FuturesTopic(NamedTuple):
    """A topic taken apart: ``futures/depthAll20:BTCUSDT@200ms`` is depthAll, 20, BTCUSDT, 200ms."""

    channel: str
    detail: str
    """Number of levels or candle length, empty for channels without."""
    symbol: str
    speed: str

    @classmethod
    def parse(cls, text: str) -> FuturesTopic | None:
        """None when no channel is called so."""
        if not text.startswith("futures/"):
            return None
        name, _, rest = text.removeprefix("futures/").partition(":")
        symbol, _, speed = rest.partition("@")
        for channel in _BOOKS:
            if name.startswith(channel) and name[len(channel) :] in _LEVELS and speed in _SPEEDS:
                return cls(channel, name[len(channel) :], symbol, speed)
        for channel in ("klineBin", "markPriceKlineBin"):
            if name.startswith(channel) and name[len(channel) :] in _INTERVALS and not speed:
                return cls(channel, name[len(channel) :], symbol, "")
        plain = ("ticker", "fundingRate", "bookticker", "trade", "asset", "position", "order")
        return cls(name, "", symbol, "") if name in plain and not speed else None

    @property
    def private(self) -> bool:
        return self.channel in ("asset", "position", "order")

    @property
    def pushed_on_event(self) -> bool:
        return self.private or self.channel == "trade"


class FuturesFeed:
    """Watches the exchange and its clock, and pushes on the futures topics that somebody listens to.

    Args:
        replay: Say nothing public of its own: what is pushed comes from a recording, of any symbol.
    """

    def __init__(self, exchange: Exchange, hub: Hub, *, replay: bool = False) -> None:
        self._replay = replay
        self._exchange = exchange
        self._hub = hub
        self._pulses: dict[str, Pulse] = {}
        self._views: dict[str, DepthView] = {}
        self._positions = Pulse(_POSITIONS_MS, pushed_ms=exchange.now_ms())
        exchange.listen(
            self._on_event,
            ContractTraded,
            ContractOrderChanged,
            PlanOrderChanged,
            ContractPositionChanged,
            ContractAssetChanged,
        )

    # Subscribers

    def find(self, text: str) -> FuturesTopic | None:
        """The topic, if there is such a channel and symbol."""
        topic = FuturesTopic.parse(text)
        if topic is None:
            return None
        if topic.channel in ("position", "order"):
            return topic if not topic.symbol else None
        if topic.channel == "asset":
            return topic if topic.symbol in self._exchange.settlement_coins else None
        if topic.channel == "ticker" and not topic.symbol:
            return topic if ":" not in text else None
        if self._replay and topic.symbol:
            return topic
        return topic if topic.symbol in self._exchange.futures.markets else None

    def welcome(self, session: Session, text: str, *, first: bool) -> None:
        """What a new subscriber is told at once; ``first`` when nobody listened to the topic before."""
        topic, now_ms = FuturesTopic.parse(text), self._exchange.now_ms()
        if topic is None or topic.pushed_on_event or self._replay:
            return
        if topic.channel in ("ticker", "klineBin", "markPriceKlineBin"):
            self._pulse(text, topic, now_ms)  # silent until something changes
            return
        market = self._exchange.futures.markets[topic.symbol]
        if topic.channel == "depthIncrease":
            if first:
                self._view(text, topic, market).refresh()
                self._view(text, topic, market).version += 1
                self._pulse(text, topic, now_ms).pushed_ms = now_ms  # no sign of life on top of a snapshot
            self.snapshot(session, text)
            return
        for data in self._data(topic, market, now_ms):
            self._hub.send_data(session, text, _frame(text, data))
        if first:
            self._pulse(text, topic, now_ms).pushed(self._key(topic, now_ms), now_ms)

    def snapshot(self, session: Session, text: str) -> None:
        """The answer to a request: the published book, or the funding rate."""
        topic, now_ms = FuturesTopic.parse(text), self._exchange.now_ms()
        if topic is None or self._replay:
            return
        market = self._exchange.futures.markets[topic.symbol]
        if topic.channel == "depthIncrease":
            view = self._view(text, topic, market)
            data = _book(market.rules, view.side(Side.SELL), view.side(Side.BUY), now_ms)
            data |= {"version": view.version, "type": "snapshot"}
        else:
            data = _funding(market, now_ms)
        self._hub.send_data(session, text, _frame(text, data))

    def published(self, text: str) -> BookTruth:
        """The book subscribers of an incremental topic have been told. KeyError: nobody ever listened."""
        rules = self._exchange.futures.markets[text.partition(":")[2].partition("@")[0]].rules
        return self._views[text].truth(rules.price_decimals, 0)

    # Time

    def advance(self, now_ms: int) -> None:
        """Push what has changed and is due."""
        for text in self._hub.topics:
            topic = FuturesTopic.parse(text)
            if topic is None or topic.pushed_on_event or self._replay:
                continue
            if topic.channel == "depthIncrease":
                self._increase(text, topic, now_ms)
                continue
            pulse = self._pulse(text, topic, now_ms)
            if pulse.due(now_ms) and pulse.changed(self._key(topic, now_ms), now_ms):
                self._push(text, topic, now_ms)
        if self._positions.due(now_ms):
            self._positions.pushed(None, now_ms)
            self._repeat_positions(now_ms)

    def force_ticker(self, symbol: str, now_ms: int) -> None:
        """Push the tickers now, due or not."""
        for text in (f"futures/ticker:{symbol}", "futures/ticker"):
            topic = FuturesTopic.parse(text)
            if topic is not None and self._hub.listens(text) and not self._replay:
                self._pulse(text, topic, now_ms).pushed(self._key(topic, now_ms), now_ms)
                self._push(text, topic, now_ms)

    # Inside

    def _push(self, text: str, topic: FuturesTopic, now_ms: int) -> None:
        markets = self._exchange.futures.markets
        for market in [markets[topic.symbol]] if topic.symbol else markets.values():
            for data in self._data(topic, market, now_ms):
                self._hub.publish(text, _frame(text, data))

    def _pulse(self, text: str, topic: FuturesTopic, now_ms: int) -> Pulse:
        if text not in self._pulses:
            if topic.channel in _BOOKS:
                interval = _SPEEDS[topic.speed]
            elif topic.channel == "bookticker":
                interval = 100
            else:
                interval = _FUNDING_MS if topic.channel == "fundingRate" else _SECOND_MS
            if topic.channel in ("klineBin", "markPriceKlineBin"):
                interval = 500
            self._pulses[text] = Pulse(interval, key=self._key(topic, now_ms))
        return self._pulses[text]

    def _view(self, text: str, topic: FuturesTopic, market: ContractMarket) -> DepthView:
        if text not in self._views:
            self._views[text] = DepthView(market.book, int(topic.detail))
        return self._views[text]

    def _increase(self, text: str, topic: FuturesTopic, now_ms: int) -> None:
        """Every push counts a version, an empty sign of life too."""
        market = self._exchange.futures.markets[topic.symbol]
        view, pulse = self._view(text, topic, market), self._pulse(text, topic, now_ms)
        asks: Levels = []
        bids: Levels = []
        if view.revision != market.book.revision and pulse.due(now_ms):
            asks, bids = view.refresh()
        if not (asks or bids) and now_ms - pulse.pushed_ms < _SIGN_OF_LIFE_MS:
            return
        pulse.pushed_ms = now_ms
        view.version += 1
        data = _book(market.rules, asks, bids, now_ms)
        self._hub.publish(text, _frame(text, data | {"version": view.version, "type": "update"}))

    def _key(self, topic: FuturesTopic, now_ms: int) -> object:
        """What must differ for the topic to be pushed again."""
        markets = self._exchange.futures.markets
        if not topic.symbol:
            return [(market.last, market.book.revision) for market in markets.values()]
        market = markets[topic.symbol]
        if topic.channel in _BOOKS:
            return market.book.revision
        if topic.channel == "bookticker":
            return market.book.levels(Side.BUY, 1), market.book.levels(Side.SELL, 1)
        if topic.channel in ("klineBin", "markPriceKlineBin"):
            row = _series(market, topic).current(_INTERVALS[topic.detail], now_ms // 1_000)
            return row.start, row.close, row.high, row.low, row.volume
        if topic.channel == "fundingRate":
            return now_ms
        return market.last, market.mark, market.book.levels(Side.BUY, 1), market.book.levels(Side.SELL, 1)

    def _data(self, topic: FuturesTopic, market: ContractMarket, now_ms: int) -> list[dict[str, Json]]:
        """The frames of one push: the plain depth channel needs two, one per side."""
        rules = market.rules
        if topic.channel == "depth":
            return [
                {
                    "symbol": rules.symbol,
                    "way": way,
                    "depths": _levels(market.book.levels(side, int(topic.detail)), rules),
                    "ms_t": now_ms,
                }
                for way, side in ((1, Side.BUY), (2, Side.SELL))
            ]
        if topic.channel == "depthAll":
            levels = int(topic.detail)
            return [
                _book(
                    rules, market.book.levels(Side.SELL, levels), market.book.levels(Side.BUY, levels), now_ms
                )
            ]
        if topic.channel == "bookticker":
            return [_best(market, now_ms)]
        if topic.channel in ("klineBin", "markPriceKlineBin"):
            return [_candle(market, topic, now_ms)]
        if topic.channel == "fundingRate":
            return [_funding(market, now_ms)]
        return [ticker_push(self._exchange, market, now_ms)]

    def _repeat_positions(self, now_ms: int) -> None:
        if not self._hub.listens("futures/position"):
            return
        futures = self._exchange.futures
        accounts = {session.account.uid for session in self._hub.sessions.values() if session.account}
        for uid in accounts:
            rows: list[Json] = [position_push(futures, position) for position in futures.positions(uid)]
            if rows:
                self._hub.publish_to(uid, "futures/position", _frame("futures/position", rows))

    def _on_event(self, event: Event) -> None:
        now_ms = self._exchange.now_ms()
        if isinstance(event, ContractTraded):
            if not self._replay:
                self._trade(event, now_ms)
        elif isinstance(event, ContractOrderChanged):
            if self._hub.listens("futures/order"):
                rules = self._exchange.futures.markets[event.order.symbol].rules
                rows: Json = [order_push(event.action, event.order, event.fill, rules)]
                self._hub.publish_to(event.order.uid, "futures/order", _frame("futures/order", rows))
        elif isinstance(event, PlanOrderChanged):
            if self._hub.listens("futures/order"):
                rules = self._exchange.futures.markets[event.plan.symbol].rules
                news: Json = [plan_push(event.action, event.plan, rules)]
                self._hub.publish_to(event.plan.account.uid, "futures/order", _frame("futures/order", news))
        elif isinstance(event, ContractPositionChanged):
            self._position(event)
        elif isinstance(event, ContractAssetChanged):
            text = f"futures/asset:{event.coin}"
            if self._hub.listens(text):
                data = asset_push(self._exchange, event.uid, event.coin)
                self._hub.publish_to(event.uid, text, _frame(text, data))

    def _trade(self, event: ContractTraded, now_ms: int) -> None:
        text = f"futures/trade:{event.symbol}"
        if self._hub.listens(text):
            rules = self._exchange.futures.markets[event.symbol].rules
            self._hub.publish(
                text,
                _frame(
                    text,
                    [
                        {
                            "trade_id": event.trade_id,
                            "symbol": event.symbol,
                            "deal_price": price_text(event.price, rules),
                            "deal_vol": str(event.size),
                            "way": event.way,
                            "m": event.buyer_made,
                            "created_at": rfc3339(event.at_ns),
                        }
                    ],
                ),
            )

    def _position(self, event: ContractPositionChanged) -> None:
        """A position that has just been closed is shown once more, with nothing in it."""
        if not self._hub.listens("futures/position"):
            return
        futures = self._exchange.futures
        legs = [futures.position(event.uid, event.symbol, leg) for leg in futures.legs(event.uid)]
        newest = max(position.updated for position in legs)
        rows: list[Json] = [
            position_push(futures, position)
            for position in legs
            if position.volume or position.updated == newest
        ]
        self._hub.publish_to(event.uid, "futures/position", _frame("futures/position", rows))


def _frame(group: str, data: Json) -> Json:
    return {"group": group, "data": data}


def _levels(levels: Levels, rules: ContractRules) -> Json:
    return [{"price": price_text(price, rules), "vol": str(contracts)} for price, contracts in levels]


def _book(rules: ContractRules, asks: Levels, bids: Levels, now_ms: int) -> dict[str, Json]:
    return {
        "symbol": rules.symbol,
        "asks": _levels(asks, rules),
        "bids": _levels(bids, rules),
        "ms_t": now_ms,
    }


def _best(market: ContractMarket, now_ms: int) -> dict[str, Json]:
    rules = market.rules
    bid, ask = market.book.levels(Side.BUY, 1), market.book.levels(Side.SELL, 1)
    return {
        "symbol": rules.symbol,
        "best_bid_price": price_text(bid[0][0], rules) if bid else "0",
        "best_bid_vol": str(bid[0][1]) if bid else "0",
        "best_ask_price": price_text(ask[0][0], rules) if ask else "0",
        "best_ask_vol": str(ask[0][1]) if ask else "0",
        "ms_t": now_ms,
    }


def _series(market: ContractMarket, topic: FuturesTopic) -> CandleSeries:
    return market.marks if topic.channel == "markPriceKlineBin" else market.candles


def _candle(market: ContractMarket, topic: FuturesTopic, now_ms: int) -> dict[str, Json]:
    row = _series(market, topic).current(_INTERVALS[topic.detail], now_ms // 1_000)
    return {
        "symbol": market.rules.symbol,
        "items": [
            {
                "o": price_text(row.open, market.rules),
                "h": price_text(row.high, market.rules),
                "l": price_text(row.low, market.rules),
                "c": price_text(row.close, market.rules),
                "v": str(row.volume),
                "ts": row.start,
            }
        ],
    }


def _funding(market: ContractMarket, now_ms: int) -> dict[str, Json]:
    rules, meter = market.rules, market.funding
    return {
        "symbol": rules.symbol,
        "fundingRate": rate_text(meter.last),
        "fundingTime": now_ms // 1_000 * 1_000,
        "nextFundingRate": rate_text(meter.expected),
        "nextFundingTime": funding_times(rules, now_ms)[1],
        "funding_upper_limit": rate_text(meter.cap),
        "funding_lower_limit": rate_text(-meter.cap),
        "ts": now_ms,
    }
