"""Topics: parsed, found private or public, and built without spelling mistakes.

A topic is ``market/channel[:filter][@speed]``: ``spot/ticker:BTC_USDT``,
``futures/depth20:BTCUSDT@200ms``, ``futures/order``. Case matters.

Private are: on spot, topics whose second path part is exactly ``user``; on futures, those whose
channel is exactly ``asset``, ``position`` or ``order``. A topic of an unknown channel is allowed; it
is private when a path part before the colon is exactly user, asset, order or position. A symbol that
contains such a word (``spot/ticker:ORDER_USDT``) makes nothing private.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from bitmart_async.errors import ParameterError, TopicError
from bitmart_async.models.base import Model
from bitmart_async.models.streams_futures import (
    FuturesAssetUpdate,
    FuturesBookTicker,
    FuturesDepth,
    FuturesDepthAll,
    FuturesDepthIncrease,
    FuturesFunding,
    FuturesKline,
    FuturesOrderUpdate,
    FuturesPositionUpdate,
    FuturesStreamTicker,
    FuturesStreamTrade,
)
from bitmart_async.models.streams_spot import (
    SpotBalanceUpdate,
    SpotBookTicker,
    SpotDepth,
    SpotDepthIncrease,
    SpotKline,
    SpotOrderUpdate,
    SpotStreamTicker,
    SpotStreamTrade,
)
from bitmart_async.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal, TypeAlias

    BookSpeed: TypeAlias = Literal["100ms", "200ms"]

__all__ = ["Market", "Topic", "futures", "knows_request", "model_of", "parse", "parse_all", "spot"]

DataT_co = TypeVar("DataT_co", covariant=True)

_SHAPE = re.compile(
    r"(?P<market>[^/:@\s]+)/(?P<channel>[^:@\s]+)(?::(?P<symbol>[^:@\s]+))?(?:@(?P<speed>[^:@\s]+))?"
)
_PRIVATE_WORDS = frozenset({"user", "asset", "order", "position"})
_FUTURES_PRIVATE = frozenset({"asset", "position", "order"})


class Market(enum.StrEnum):
    """Which exchange of the two: spot, or USD-M futures."""

    SPOT = "spot"
    FUTURES = "futures"


@dataclass(frozen=True, slots=True)
class Topic(Generic[DataT_co]):
    """A parsed topic. Its type parameter is the type of an update's data."""

    text: str
    """As it goes on the wire."""
    market: Market
    channel: str
    """Between the market and the first colon: ``ticker``, ``depth/increase100``, ``user/order``."""
    symbol: str
    """The filter after the colon: a symbol, a currency, ALL_SYMBOLS; empty when there is none."""
    private: bool
    speed: str = ""
    """What follows the @, such as ``100ms``."""

    def __str__(self) -> str:
        return self.text


def parse(text: str, market: Market | str | None = None, *, is_private: bool | None = None) -> Topic[object]:
    """Parse a topic.

    Args:
        market: Checked against the topic; supplied when the text has none (``ticker:BTC_USDT``).
        is_private: Overrides what the rules above say.

    Raises:
        TopicError: The topic is malformed, or its market is unknown.
    """
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers are not all typed
        raise TopicError(f"a topic is text like 'spot/ticker:BTC_USDT', not {type(text).__name__}")
    wanted = _market(market)
    shown = one_line(repr(text), 80)
    head = text.partition("/")[0]
    if wanted is not None and head not in ("spot", "futures"):
        text = f"{wanted.value}/{text}"
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise TopicError(
            f"topic {shown} is malformed. A topic looks like 'spot/ticker:BTC_USDT', "
            f"'futures/depth20:BTCUSDT@200ms' or 'futures/order', without blanks."
        )
    found = _market(match["market"], shown)
    assert found is not None
    if wanted is not None and wanted is not found:
        raise TopicError(f"topic {shown} belongs to {found.value}, but market={wanted.value!r} was given")
    channel, symbol = match["channel"], match["symbol"] or ""
    if channel.endswith("/") or channel.startswith("/") or "//" in channel:
        raise TopicError(f"topic {shown} has an empty path part")
    private = _is_private(found, channel) if is_private is None else is_private
    return Topic(text, found, channel, symbol, private, match["speed"] or "")


def parse_all(
    topics: str | Topic[object] | Sequence[str | Topic[object]],
    market: Market | str | None = None,
    *,
    is_private: bool | None = None,
) -> list[Topic[object]]:
    """One or several topics, as text or parsed, each once.

    Raises:
        TopicError: One is malformed, or is no topic at all.
        ParameterError: There is none.
    """
    if not isinstance(topics, str | Topic | Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TopicError(
            f"topics must be one or several of text like 'spot/ticker:BTC_USDT' or builders like "
            f"topics.spot.ticker('BTC_USDT'), not {type(topics).__name__}"
        )
    listed = [topics] if isinstance(topics, str | Topic) else list(topics)
    if not listed:
        raise ParameterError("give at least one topic")
    parsed = [
        one
        if isinstance(one, Topic) and is_private is None
        else parse(one.text if isinstance(one, Topic) else one, market, is_private=is_private)
        for one in listed
    ]
    return list({topic.text: topic for topic in parsed}.values())


def _market(market: Market | str | None, shown: str = "") -> Market | None:
    if market is None or isinstance(market, Market):
        return market
    try:
        return Market(market)
    except ValueError:
        where = f"topic {shown}: " if shown else ""
        raise TopicError(
            f"{where}unknown market {one_line(repr(market), 40)}; a topic begins with 'spot/' or 'futures/'"
        ) from None


def _is_private(market: Market, channel: str) -> bool:
    parts = channel.split("/")
    if parts[0] == "user" if market is Market.SPOT else channel in _FUTURES_PRIVATE:
        return True
    if model_of(market, channel) is not None:
        return False
    return not _PRIVATE_WORDS.isdisjoint(parts)


_MODELS: tuple[tuple[Market, re.Pattern[str], type[Model]], ...] = tuple(
    (market, re.compile(pattern), model)
    for market, pattern, model in (
        (Market.SPOT, r"ticker", SpotStreamTicker),
        (Market.SPOT, r"bookTicker", SpotBookTicker),
        (Market.SPOT, r"kline\w+", SpotKline),
        (Market.SPOT, r"depth\d+", SpotDepth),
        (Market.SPOT, r"depth/increase\d+", SpotDepthIncrease),
        (Market.SPOT, r"trade", SpotStreamTrade),
        (Market.SPOT, r"user/orders?", SpotOrderUpdate),
        (Market.SPOT, r"user/balance", SpotBalanceUpdate),
        (Market.FUTURES, r"ticker", FuturesStreamTicker),
        (Market.FUTURES, r"fundingRate", FuturesFunding),
        (Market.FUTURES, r"depth\d+", FuturesDepth),
        (Market.FUTURES, r"depthAll\d+", FuturesDepthAll),
        (Market.FUTURES, r"depthIncrease\d+", FuturesDepthIncrease),
        (Market.FUTURES, r"bookticker", FuturesBookTicker),
        (Market.FUTURES, r"trade", FuturesStreamTrade),
        (Market.FUTURES, r"(klineBin|markPriceKlineBin)\w+", FuturesKline),
        (Market.FUTURES, r"asset", FuturesAssetUpdate),
        (Market.FUTURES, r"position", FuturesPositionUpdate),
        (Market.FUTURES, r"order", FuturesOrderUpdate),
    )
)


def model_of(market: Market, channel: str) -> type[Model] | None:
    """The type of a channel's data; None for a channel nobody has described."""
    for known, pattern, model in _MODELS:
        if known is market and pattern.fullmatch(channel):
            return model
    return None


_REQUESTABLE = re.compile(r"spot/depth/increase100|futures/(depthIncrease(5|20|50)|fundingRate)")


def knows_request(topic: Topic[object]) -> bool:
    """Whether the exchange documents a request of the topic's present state."""
    return _REQUESTABLE.fullmatch(f"{topic.market.value}/{topic.channel}") is not None


_T = TypeVar("_T", bound=Model)


def _topic(text: str, model: type[_T]) -> Topic[_T]:
    topic = parse(text)
    assert model_of(topic.market, topic.channel) is model, text
    return cast("Topic[_T]", topic)


class spot:  # noqa: N801 - reads as a namespace: topics.spot.ticker("BTC_USDT")
    """Builders of spot topics."""

    @staticmethod
    def ticker(symbol: str) -> Topic[SpotStreamTicker]:
        """24-hour figures and best prices."""
        return _topic(f"spot/ticker:{symbol}", SpotStreamTicker)

    @staticmethod
    def book_ticker(symbol: str) -> Topic[SpotBookTicker]:
        """Best prices on every change."""
        return _topic(f"spot/bookTicker:{symbol}", SpotBookTicker)

    @staticmethod
    def kline(
        symbol: str,
        interval: Literal["1m", "5m", "15m", "30m", "1H", "2H", "4H", "1D", "1W", "1M"],
    ) -> Topic[SpotKline]:
        """Candles; ``1m`` is a minute, ``1M`` a month."""
        return _topic(f"spot/kline{interval}:{symbol}", SpotKline)

    @staticmethod
    def depth(symbol: str, levels: Literal[5, 20, 50] = 20) -> Topic[SpotDepth]:
        """The whole book of that many levels."""
        return _topic(f"spot/depth{levels}:{symbol}", SpotDepth)

    @staticmethod
    def depth_increase(symbol: str) -> Topic[SpotDepthIncrease]:
        """A snapshot of 100 levels, then changes."""
        return _topic(f"spot/depth/increase100:{symbol}", SpotDepthIncrease)

    @staticmethod
    def trade(symbol: str) -> Topic[SpotStreamTrade]:
        """Trades of anybody."""
        return _topic(f"spot/trade:{symbol}", SpotStreamTrade)

    @staticmethod
    def order(symbol: str) -> Topic[SpotOrderUpdate]:
        """The account's orders in one pair. Private."""
        return _topic(f"spot/user/order:{symbol}", SpotOrderUpdate)

    @staticmethod
    def orders() -> Topic[SpotOrderUpdate]:
        """The account's orders in all pairs. Private."""
        return _topic("spot/user/orders:ALL_SYMBOLS", SpotOrderUpdate)

    @staticmethod
    def balance() -> Topic[SpotBalanceUpdate]:
        """The account's balances. Private."""
        return _topic("spot/user/balance:BALANCE_UPDATE", SpotBalanceUpdate)


class futures:  # noqa: N801 - as above
    """Builders of futures topics."""

    @staticmethod
    def ticker(symbol: str | None = None) -> Topic[FuturesStreamTicker]:
        """24-hour figures, best, mark and index price; of every contract without a symbol."""
        return _topic("futures/ticker" if symbol is None else f"futures/ticker:{symbol}", FuturesStreamTicker)

    @staticmethod
    def funding_rate(symbol: str) -> Topic[FuturesFunding]:
        """Funding, every minute."""
        return _topic(f"futures/fundingRate:{symbol}", FuturesFunding)

    @staticmethod
    def depth(
        symbol: str,
        levels: Literal[5, 20, 50] = 20,
        speed: BookSpeed | None = None,
    ) -> Topic[FuturesDepth]:
        """One side of the book per frame."""
        return _topic(f"futures/depth{levels}:{symbol}{_at(speed)}", FuturesDepth)

    @staticmethod
    def depth_all(
        symbol: str,
        levels: Literal[5, 20, 50] = 20,
        speed: BookSpeed | None = None,
    ) -> Topic[FuturesDepthAll]:
        """Both sides of the book."""
        return _topic(f"futures/depthAll{levels}:{symbol}{_at(speed)}", FuturesDepthAll)

    @staticmethod
    def depth_increase(
        symbol: str,
        levels: Literal[5, 20, 50] = 50,
        speed: BookSpeed | None = None,
    ) -> Topic[FuturesDepthIncrease]:
        """A snapshot, then changes."""
        return _topic(f"futures/depthIncrease{levels}:{symbol}{_at(speed)}", FuturesDepthIncrease)

    @staticmethod
    def book_ticker(symbol: str) -> Topic[FuturesBookTicker]:
        """Best prices."""
        return _topic(f"futures/bookticker:{symbol}", FuturesBookTicker)

    @staticmethod
    def trade(symbol: str) -> Topic[FuturesStreamTrade]:
        """Trades of anybody."""
        return _topic(f"futures/trade:{symbol}", FuturesStreamTrade)

    @staticmethod
    def kline(
        symbol: str,
        interval: Literal["1m", "5m", "15m", "30m", "1H", "2H", "4H", "1D", "1W"],
    ) -> Topic[FuturesKline]:
        """Candles of the last price."""
        return _topic(f"futures/klineBin{interval}:{symbol}", FuturesKline)

    @staticmethod
    def mark_price_kline(
        symbol: str,
        interval: Literal["1m", "5m", "15m", "30m", "1H", "2H", "4H", "1D", "1W"],
    ) -> Topic[FuturesKline]:
        """Candles of the mark price."""
        return _topic(f"futures/markPriceKlineBin{interval}:{symbol}", FuturesKline)

    @staticmethod
    def asset(currency: str) -> Topic[FuturesAssetUpdate]:
        """The account's futures balance of one coin. Private."""
        return _topic(f"futures/asset:{currency}", FuturesAssetUpdate)

    @staticmethod
    def position() -> Topic[FuturesPositionUpdate]:
        """The account's positions. Private."""
        return _topic("futures/position", FuturesPositionUpdate)

    @staticmethod
    def order() -> Topic[FuturesOrderUpdate]:
        """The account's orders and fills. Private."""
        return _topic("futures/order", FuturesOrderUpdate)


def _at(speed: BookSpeed | None) -> str:
    return f"@{speed}" if speed else ""
