"""Topics: parsing, private or public, builders."""

from __future__ import annotations

import pytest

from bitmart_async.errors import ParameterError, TopicError
from bitmart_async.models import streams_futures as f
from bitmart_async.models import streams_spot as s
from bitmart_async.websocket import topics
from bitmart_async.websocket.topics import Market, knows_request, model_of, parse, parse_all


@pytest.mark.parametrize(
    ("text", "channel", "symbol", "speed", "private"),
    [
        ("spot/ticker:BTC_USDT", "ticker", "BTC_USDT", "", False),
        ("spot/ticker:ORDER_USDT", "ticker", "ORDER_USDT", "", False),
        ("spot/trade:USER_USDT", "trade", "USER_USDT", "", False),
        ("spot/depth/increase100:ASSET_USDT", "depth/increase100", "ASSET_USDT", "", False),
        ("spot/user/order:BTC_USDT", "user/order", "BTC_USDT", "", True),
        ("spot/user/orders:ALL_SYMBOLS", "user/orders", "ALL_SYMBOLS", "", True),
        ("spot/user/balance:BALANCE_UPDATE", "user/balance", "BALANCE_UPDATE", "", True),
        ("spot/user/somethingnew:X", "user/somethingnew", "X", "", True),
        ("spot/users:X", "users", "X", "", False),
        ("spot/order:X", "order", "X", "", True),
        ("futures/asset:USDT", "asset", "USDT", "", True),
        ("futures/position", "position", "", "", True),
        ("futures/order", "order", "", "", True),
        ("futures/trade:ORDERUSDT", "trade", "ORDERUSDT", "", False),
        ("futures/ticker:POSITIONUSDT", "ticker", "POSITIONUSDT", "", False),
        ("futures/ticker", "ticker", "", "", False),
        ("futures/depth20:BTCUSDT@200ms", "depth20", "BTCUSDT", "200ms", False),
        ("futures/klineBin1m:ASSETUSDT", "klineBin1m", "ASSETUSDT", "", False),
        ("futures/orderbook:BTCUSDT", "orderbook", "BTCUSDT", "", False),
        ("futures/v2/order:BTCUSDT", "v2/order", "BTCUSDT", "", True),
        ("futures/Order", "Order", "", "", False),
    ],
)
def test_a_topic_is_private_by_its_path_never_by_its_symbol(
    text: str, channel: str, symbol: str, speed: str, private: bool
) -> None:
    """Only whole path parts make a topic private; words inside symbols and channels do not."""
    topic = parse(text)
    assert (topic.text, topic.channel, topic.symbol, topic.speed, topic.private) == (
        text,
        channel,
        symbol,
        speed,
        private,
    )
    assert topic.market.value == text.partition("/")[0]


@pytest.mark.parametrize("forced", [True, False])
def test_the_caller_may_overrule_the_name(forced: bool) -> None:
    """is_private wins over every rule."""
    for text in ("spot/ticker:BTC_USDT", "futures/order", "spot/whatever:X"):
        assert parse(text, is_private=forced).private is forced


def test_the_market_may_be_given_apart() -> None:
    """A topic without its market takes the one given; one that has it must agree."""
    assert parse("ticker:BTC_USDT", "spot").text == "spot/ticker:BTC_USDT"
    assert parse("order", Market.FUTURES).private
    assert parse("depth/increase100:BTC_USDT", Market.SPOT).text == "spot/depth/increase100:BTC_USDT"
    assert parse("futures/ticker", "futures").text == "futures/ticker"
    with pytest.raises(TopicError, match="belongs to futures"):
        parse("futures/ticker", "spot")
    with pytest.raises(TopicError, match="unknown market"):
        parse("ticker:BTC_USDT", "margin")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "spot",
        "spot/",
        "/ticker",
        "spot/ticker:",
        "spot/ticker:BTC USDT",
        "spot/ticker:BTC_USDT\n",
        "spot//ticker",
        "spot/ticker/:X",
        "spot/a:b:c",
        "spot/ticker:X@",
        "margin/ticker:X",
        "SPOT/ticker:X",
        "spot/ticker:X@1@2",
    ],
)
def test_a_malformed_topic_is_refused_with_a_reason(text: str) -> None:
    """Nothing that cannot be a topic is sent, and the error says what one looks like."""
    with pytest.raises(TopicError, match=r"topic|market"):
        parse(text)


def test_a_topic_that_is_no_text_is_refused() -> None:
    """The error names the type that was given."""
    with pytest.raises(TopicError, match="not int"):
        parse(5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("topic", "text", "model"),
    [
        (topics.spot.ticker("BTC_USDT"), "spot/ticker:BTC_USDT", s.SpotStreamTicker),
        (topics.spot.book_ticker("BTC_USDT"), "spot/bookTicker:BTC_USDT", s.SpotBookTicker),
        (topics.spot.kline("BTC_USDT", "1M"), "spot/kline1M:BTC_USDT", s.SpotKline),
        (topics.spot.depth("BTC_USDT"), "spot/depth20:BTC_USDT", s.SpotDepth),
        (topics.spot.depth_increase("BTC_USDT"), "spot/depth/increase100:BTC_USDT", s.SpotDepthIncrease),
        (topics.spot.trade("BTC_USDT"), "spot/trade:BTC_USDT", s.SpotStreamTrade),
        (topics.spot.order("BTC_USDT"), "spot/user/order:BTC_USDT", s.SpotOrderUpdate),
        (topics.spot.orders(), "spot/user/orders:ALL_SYMBOLS", s.SpotOrderUpdate),
        (topics.spot.balance(), "spot/user/balance:BALANCE_UPDATE", s.SpotBalanceUpdate),
        (topics.futures.ticker(), "futures/ticker", f.FuturesStreamTicker),
        (topics.futures.ticker("BTCUSDT"), "futures/ticker:BTCUSDT", f.FuturesStreamTicker),
        (topics.futures.funding_rate("BTCUSDT"), "futures/fundingRate:BTCUSDT", f.FuturesFunding),
        (topics.futures.depth("BTCUSDT", 5, "100ms"), "futures/depth5:BTCUSDT@100ms", f.FuturesDepth),
        (topics.futures.depth_all("BTCUSDT"), "futures/depthAll20:BTCUSDT", f.FuturesDepthAll),
        (topics.futures.depth_increase("BTCUSDT"), "futures/depthIncrease50:BTCUSDT", f.FuturesDepthIncrease),
        (topics.futures.book_ticker("BTCUSDT"), "futures/bookticker:BTCUSDT", f.FuturesBookTicker),
        (topics.futures.trade("BTCUSDT"), "futures/trade:BTCUSDT", f.FuturesStreamTrade),
        (topics.futures.kline("BTCUSDT", "1H"), "futures/klineBin1H:BTCUSDT", f.FuturesKline),
        (
            topics.futures.mark_price_kline("BTCUSDT", "1m"),
            "futures/markPriceKlineBin1m:BTCUSDT",
            f.FuturesKline,
        ),
        (topics.futures.asset("USDT"), "futures/asset:USDT", f.FuturesAssetUpdate),
        (topics.futures.position(), "futures/position", f.FuturesPositionUpdate),
        (topics.futures.order(), "futures/order", f.FuturesOrderUpdate),
    ],
)
def test_a_builder_writes_the_topic_and_knows_its_model(
    topic: topics.Topic[object], text: str, model: type
) -> None:
    """Builders spell topics as the wire does, case included, and updates get the builder's type."""
    assert (topic.text, str(topic)) == (text, text)
    assert model_of(topic.market, topic.channel) is model
    assert topic == parse(text)


def test_an_unknown_channel_has_no_model() -> None:
    """Its data stays plain JSON."""
    assert model_of(Market.SPOT, "bookticker") is None  # spot says bookTicker
    assert model_of(Market.FUTURES, "depth20x") is None


def test_several_topics_are_each_there_once() -> None:
    """Text and builders side by side, in order, a topic named twice once; what is overridden is overridden."""
    built = topics.spot.ticker("BTC_USDT")
    both = parse_all([built, "futures/order", "spot/ticker:BTC_USDT"])
    assert [topic.text for topic in both] == ["spot/ticker:BTC_USDT", "futures/order"]
    assert parse_all(built) == [built]
    (forced,) = parse_all(built, is_private=True)
    assert forced.private
    with pytest.raises(ParameterError, match="at least one"):
        parse_all([])
    with pytest.raises(TopicError, match="not int"):
        parse_all(7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("spot/depth/increase100:BTC_USDT", True),
        ("futures/depthIncrease5:BTCUSDT@100ms", True),
        ("futures/fundingRate:BTCUSDT", True),
        ("spot/depth50:BTC_USDT", False),
        ("spot/fundingRate:BTC_USDT", False),
        ("futures/depthIncrease500:BTCUSDT", False),
    ],
)
def test_which_topics_know_a_request(text: str, known: bool) -> None:
    """Those for which the exchange documents one."""
    assert knows_request(parse(text)) is known
