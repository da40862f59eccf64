"""From a frame to its subscribers."""

from __future__ import annotations

import tracemalloc

import pytest

from bitmart_async.decoding import DecodeError
from bitmart_async.websocket.dialects import SPOT
from bitmart_async.websocket.events import Update
from bitmart_async.websocket.routes import Routes
from bitmart_async.websocket.topics import Market, parse
from tests.scripted_ws import futures_ticker, ticker, trades

Got = dict[str, list[Update[object]]]


def _routes(market: Market, *texts: str) -> tuple[Routes, Got]:
    routes, got = Routes(market), {}
    for text in texts:
        got[text] = []
        routes.add(parse(text)).sinks = (got[text].append,)
    return routes, got


def _deliver(routes: Routes, key: str, frame: str) -> bool:
    feed = routes.feed(key.encode())
    if feed is not None:
        feed.deliver(frame.encode(), 7)
    return feed is not None


def _counts(got: Got) -> dict[str, int]:
    return {text: len(updates) for text, updates in got.items()}


def test_a_frame_of_mixed_symbols_is_split() -> None:
    """Each element goes to its own topic; elements nobody subscribed go nowhere."""
    routes, got = _routes(Market.SPOT, "spot/trade:BTC_USDT", "spot/trade:ETH_USDT")
    mixed = (
        '{"table":"spot/trade","data":['
        + ",".join(
            f'{{"symbol":"{symbol}","price":"1","side":"buy","size":"{size}","ms_t":1}}'
            for symbol, size in (("ETH_USDT", 1), ("TAO_USDT", 2), ("BTC_USDT", 3), ("ETH_USDT", 4))
        )
        + "]}"
    )
    assert _deliver(routes, "spot/trade", mixed)
    assert [str(update.data.size) for update in got["spot/trade:ETH_USDT"]] == ["1", "4"]  # type: ignore[attr-defined]
    assert [update.symbol for update in got["spot/trade:BTC_USDT"]] == ["BTC_USDT"]
    assert got["spot/trade:BTC_USDT"][0].raw == mixed.encode()


def test_an_alias_with_a_speed_leads_to_the_topic_as_subscribed() -> None:
    """futures/ticker:X may be answered on a group with @100ms; the update names the topic asked for."""
    routes, got = _routes(Market.FUTURES, "futures/ticker:BTCUSDT")
    assert _deliver(routes, "futures/ticker:BTCUSDT@100ms", futures_ticker())
    assert [update.topic for update in got["futures/ticker:BTCUSDT"]] == ["futures/ticker:BTCUSDT"]


def test_an_escaped_key_is_read_as_json() -> None:
    """``spot\\/ticker`` is spot/ticker; a broken escape leads nowhere."""
    routes, got = _routes(Market.SPOT, "spot/ticker:BTC_USDT")
    assert _deliver(routes, "spot\\/ticker", ticker())
    assert _counts(got) == {"spot/ticker:BTC_USDT": 1}
    assert not _deliver(routes, "spot\\xticker", ticker())


def test_two_speeds_of_one_book_are_kept_apart() -> None:
    """An exact group goes to its own topic; an unasked speed to the topic without one."""
    texts = (
        "futures/depthAll5:BTCUSDT@100ms",
        "futures/depthAll5:BTCUSDT@200ms",
        "futures/depthAll5:BTCUSDT",
    )
    frame = '{"data":{"symbol":"BTCUSDT","asks":[],"bids":[],"ms_t":1},"group":"x"}'
    for key, expected in (
        (texts[0], (1, 0, 0)),
        (texts[1], (0, 1, 0)),
        (texts[2], (0, 0, 1)),
        ("futures/depthAll5:BTCUSDT@50ms", (0, 0, 1)),
    ):
        routes, got = _routes(Market.FUTURES, *texts)
        assert _deliver(routes, key, frame)
        assert tuple(_counts(got).values()) == expected, key


_ORDER = (
    '{"symbol":"BTC_USDT","order_id":"1","side":"buy","type":"limit","price":"1","size":"1","filled_size":"0",'
    '"filled_notional":"0","ms_t":"1"}'
)


@pytest.mark.parametrize("table", ["spot/user/order", "spot/user/orders"])
def test_all_orders_come_under_either_table(table: str) -> None:
    """The documents and a capture disagree about the table of ALL_SYMBOLS: both arrive."""
    routes, got = _routes(Market.SPOT, "spot/user/orders:ALL_SYMBOLS")
    assert _deliver(routes, table, f'{{"data":[{_ORDER}],"table":"{table}"}}')
    assert [update.symbol for update in got["spot/user/orders:ALL_SYMBOLS"]] == ["BTC_USDT"]


def test_the_orders_of_a_pair_and_all_orders_both_get_a_push() -> None:
    """Under the singular table nobody is passed over; once the plural is seen, each has its own."""
    routes, got = _routes(Market.SPOT, "spot/user/order:BTC_USDT", "spot/user/orders:ALL_SYMBOLS")
    frame = f'{{"data":[{_ORDER}],"table":"spot/user/order"}}'
    assert _deliver(routes, "spot/user/order", frame)
    assert list(_counts(got).values()) == [1, 1]
    assert _deliver(routes, "spot/user/orders", frame)
    assert list(_counts(got).values()) == [1, 2]
    assert _deliver(routes, "spot/user/order", frame)
    assert list(_counts(got).values()) == [2, 2]


def test_a_table_printed_with_its_symbol_is_understood() -> None:
    """The documents' samples print it so; the wire does not."""
    routes, got = _routes(Market.SPOT, "spot/ticker:BTC_USDT")
    assert _deliver(routes, "spot/ticker:BTC_USDT", ticker())
    assert _counts(got) == {"spot/ticker:BTC_USDT": 1}


def test_without_a_subscriber_nothing_is_decoded() -> None:
    """A frame of a topic nobody has leads to no feed, even when its content is nonsense."""
    routes, got = _routes(Market.SPOT, "spot/ticker:BTC_USDT")
    assert not _deliver(routes, "spot/trade", "nonsense")
    with pytest.raises(DecodeError):
        _deliver(routes, "spot/ticker", "nonsense")
    routes.remove("spot/ticker:BTC_USDT")
    assert not _deliver(routes, "spot/ticker", "nonsense")
    assert _counts(got) == {"spot/ticker:BTC_USDT": 0}


def test_an_unknown_channel_gives_plain_json() -> None:
    """With or without a symbol in its elements, the subscriber gets them."""
    routes, got = _routes(Market.SPOT, "spot/brandnew:BTC_USDT")
    assert _deliver(
        routes, "spot/brandnew", '{"table":"spot/brandnew","data":[{"symbol":"BTC_USDT","x":1},{"y":2}]}'
    )
    assert [update.data for update in got["spot/brandnew:BTC_USDT"]] == [
        {"symbol": "BTC_USDT", "x": 1},
        {"y": 2},
    ]
    assert [update.symbol for update in got["spot/brandnew:BTC_USDT"]] == ["BTC_USDT", "BTC_USDT"]


def test_a_later_route_is_found_at_once() -> None:
    """The memo of keys forgets when a route comes or goes."""
    routes, got = _routes(Market.SPOT, "spot/trade:BTC_USDT")
    assert _deliver(routes, "spot/trade", trades("ETH_USDT", "1"))
    got["new"] = []
    routes.add(parse("spot/trade:ETH_USDT")).sinks = (got["new"].append,)
    assert _deliver(routes, "spot/trade", trades("ETH_USDT", "1"))
    assert _counts(got) == {"spot/trade:BTC_USDT": 0, "new": 1}


def test_made_up_keys_do_not_fill_the_memory() -> None:
    """A server that invents a key per frame costs a bounded memo."""
    routes, _ = _routes(Market.SPOT, "spot/trade:BTC_USDT")
    for number in range(10_000):
        assert routes.feed(b"spot/none%d" % number) is None
    assert len(routes._memo) <= 4096


def test_W6_keys_of_megabytes_are_not_kept() -> None:
    """A frame of a few kilobytes inflates to such a key; its data is delivered, and nothing of it stays."""
    routes, got = _routes(Market.SPOT, "spot/trade:BTC_USDT")
    size = 1 << 20
    key = frame = b""
    tracemalloc.start()
    try:
        for number in range(20):
            key = f"spot/trade:{number}".encode().ljust(size, b"x")
            frame = trades("BTC_USDT", "1").encode().replace(b"spot/trade", key)
            feed = routes.feed(key)
            assert feed is not None
            routes.marks.learn(frame, key, SPOT.heads, feed)
            feed.deliver(trades("BTC_USDT", "1").encode(), 7)
            assert routes.feed(b"nobody/%d".ljust(size, b"x") % number) is None
        key = frame = b""
        assert tracemalloc.get_traced_memory()[0] < size
    finally:
        tracemalloc.stop()
    assert _counts(got) == {"spot/trade:BTC_USDT": 20}


_NOT_NUMBERS = ["NaN", "nan", "sNaN", "-NaN123", "Infinity", "-inf", "\\u004eaN", " NaN", "iNf"]


@pytest.mark.parametrize("text", _NOT_NUMBERS)
@pytest.mark.parametrize(
    ("topic", "frame"),
    [
        ("spot/ticker:BTC_USDT", ticker(last="@")),
        ("spot/trade:BTC_USDT", trades("BTC_USDT", "1", "@", "2")),
        ("futures/ticker:BTCUSDT", futures_ticker(last="@")),
        (
            "spot/kline1m:BTC_USDT",
            '{"data":[{"candle":[1709025360,"1","1","1","@","1"],"symbol":"BTC_USDT"}],"table":"spot/kline1m"}',
        ),
        (
            "futures/klineBin1m:BTCUSDT",
            '{"data":{"symbol":"BTCUSDT","items":[{"o":"1","h":"1","l":"@","c":"1","v":"1","ts":1}]},"group":"x"}',
        ),
        (
            "spot/depth50:BTC_USDT",
            '{"data":[{"asks":[["1","@"]],"bids":[],"symbol":"BTC_USDT","ms_t":1}],"table":"spot/depth50"}',
        ),
        (
            "futures/depth50:BTCUSDT",
            '{"data":{"symbol":"BTCUSDT","way":1,"depths":[{"price":"@","vol":"1"}],"ms_t":1},"group":"x"}',
        ),
    ],
)
def test_no_number_is_nan_or_infinite(topic: str, frame: str, text: str) -> None:
    """Wherever a number belongs, in whatever spelling: the frame is refused, and nobody gets a part of it."""
    market = Market.SPOT if topic.startswith("spot") else Market.FUTURES
    routes, got = _routes(market, topic)
    key = topic.partition(":")[0] if market is Market.SPOT else topic
    assert _deliver(routes, key, frame.replace("@", "5"))
    before = _counts(got)
    with pytest.raises(DecodeError):
        _deliver(routes, key, frame.replace("@", text))
    assert _counts(got) == before


def test_a_blank_number_beside_others_is_none() -> None:
    """A ticker without a mark price, or with a blank one, is read; its other numbers are checked all the same."""
    routes, got = _routes(Market.FUTURES, "futures/ticker:BTCUSDT")
    assert _deliver(routes, "futures/ticker:BTCUSDT", futures_ticker())
    blank = futures_ticker().replace('"range":"0"', '"range":"0","mark_price":""')
    assert _deliver(routes, "futures/ticker:BTCUSDT", blank)
    assert [update.data.mark_price for update in got["futures/ticker:BTCUSDT"]] == [None, None]  # type: ignore[attr-defined]
    with pytest.raises(DecodeError):
        _deliver(routes, "futures/ticker:BTCUSDT", blank.replace('"last_price":"1"', '"last_price":"NaN"'))
