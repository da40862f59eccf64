"""raw=: the frames themselves."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from bitmart_async.decoding import DecodeError
from bitmart_async.errors import ParameterError
from bitmart_async.websocket.routes import Routes
from bitmart_async.websocket.topics import Market, parse
from tests.scripted_ws import futures_ticker, serving, ticker, trades, until

if TYPE_CHECKING:
    from bitmart_async.websocket.events import Event, Update

Seen = list[tuple[str, bytes]]
_BTC, _ETH, _SOL = (f"spot/trade:{coin}_USDT" for coin in ("BTC", "ETH", "SOL"))


def _mixed(*symbols: str) -> str:
    rows = [json.loads(trades(symbol, "1"))["data"][0] for symbol in symbols]
    return json.dumps({"table": "spot/trade", "data": rows}, separators=(",", ":"))


async def test_frames_come_as_they_are_beside_updates() -> None:
    """Bytes as on the wire, inflated where they were deflated, in order; typed subscribers of the topic get theirs."""
    async with serving() as (server, ws):
        seen: Seen = []
        updates: list[Update[Any]] = []
        await ws.subscribe(
            [_BTC, "futures/ticker:BTCUSDT"], raw=lambda topic, frame: seen.append((topic, frame))
        )
        await ws.subscribe(_BTC, handler=updates.append)
        spot, futures = server.last("spot"), server.last("futures")
        first, second = trades("BTC_USDT", "1", "2"), trades("BTC_USDT", "3")
        deflated = zlib.compressobj(wbits=-15)
        await spot.send(first, deflated.compress(second.encode()) + deflated.flush())
        await until(lambda: len(updates) == 3)
        await futures.send(futures_ticker())
        await until(lambda: len(seen) == 3)
        assert seen == [
            (_BTC, first.encode()),
            (_BTC, second.encode()),
            ("futures/ticker:BTCUSDT", futures_ticker().encode()),
        ]


async def test_nothing_is_decoded_for_raw_alone() -> None:
    """Numbers that no decoder would take reach a raw handler; acknowledgements and heartbeats do not."""
    async with serving() as (server, ws):
        seen: Seen = []
        errors: list[Event] = []
        ws.on("exception")(errors.append)
        subscription = await ws.subscribe(_TICKER, raw=lambda topic, frame: seen.append((topic, frame)))
        odd = ticker(last="NaN")
        await server.last().send("pong", odd, {"event": "subscribe", "topic": _TICKER}, ticker())
        await until(lambda: len(seen) == 2)
        assert seen == [(_TICKER, odd.encode()), (_TICKER, ticker().encode())]
        assert errors == []
        assert ws.health().connections[0].topics[0].updates == 2
        with pytest.raises(ParameterError, match="cannot be iterated"):
            await anext(subscription)
        await subscription.unsubscribe()
        assert server.last().topics == {}


_TICKER = "spot/ticker:BTC_USDT"


async def test_a_raw_handler_that_raises_hurts_nobody() -> None:
    """Told as an event; the next frame comes."""
    async with serving() as (server, ws):
        errors: list[Event] = []
        ws.on("exception")(errors.append)
        await ws.subscribe(_TICKER, raw=lambda topic, frame: 1 // 0)
        await server.last().send(ticker(), ticker())
        await until(lambda: len(errors) == 2)
        assert isinstance(errors[0].error, ZeroDivisionError)
        assert len(server.sessions) == 1


async def test_raw_stands_alone() -> None:
    """An async function, or options of a handler beside it, are refused before anything is sent."""

    async def later(topic: str, frame: bytes) -> None:
        pass

    async with serving() as (server, ws):
        for options in (
            {"raw": later},
            {"raw": print, "handler": print},
            {"raw": print, "overflow": "block"},
        ):
            with pytest.raises(ParameterError, match="raw="):
                await ws.subscribe(_TICKER, **options)  # type: ignore[call-overload]
        assert server.connects == 0


@pytest.mark.parametrize(
    ("frame", "topics"),
    [
        (_mixed("BTC_USDT"), [_BTC]),
        (_mixed("BTC_USDT", "BTC_USDT"), [_BTC]),
        (_mixed("BTC_USDT", "ETH_USDT", "BTC_USDT"), [_BTC, _ETH]),
        (_mixed("SOL_USDT"), []),
        (_mixed("SOL_USDT", "ETH_USDT"), [_ETH]),
        (_mixed("BTC_USDT").replace("BTC", "\\u0042TC"), [_BTC]),
        (_mixed("BTC_USDT").replace('"symbol":', '"symbol" : '), [_BTC]),
        (_mixed("ETH_USDT").replace('"side":"buy"', r'"side":"\"symbol\":\"BTC_USDT\""'), [_ETH]),
        ('{"data":[{"x":{"symbol":"BTC_USDT"},"symbol":"ETH_USDT"}],"table":"spot/trade"}', [_ETH]),
        ('{"data":[{"symbol":"ETH_USDT","x":{"symbol":"BTC_USDT"}}],"table":"spot/trade"}', [_ETH]),
        ('{"data":[{"symbol":"ETH_USDT"}],"symbol":"BTC_USDT","table":"spot/trade"}', [_ETH]),
        (_mixed("ETH_USDT", "BTC_USDT")[:-1] + ',"symbol":"BTC_USDT"}', [_BTC, _ETH]),
        ('{"data":[{"price":"1"}],"table":"spot/trade"}', [_BTC, _ETH]),
        ('{"data":[],"table":"spot/trade"}', []),
    ],
)
def test_a_frame_goes_to_the_topics_it_is_about(frame: str, topics: list[str]) -> None:
    """Each once, whatever form the frame has; one that names no symbol to all."""
    routes, seen = Routes(Market.SPOT), []
    for text in (_BTC, _ETH):
        routes.add(parse(text))
        routes.serve(text, (), (lambda topic, got: seen.append((topic, got)),))
    feed = routes.feed(b"spot/trade")
    assert feed is not None
    feed.deliver(frame.encode(), 7)
    assert sorted(topic for topic, _ in seen) == topics
    assert all(got == frame.encode() for _, got in seen)


def test_what_is_no_frame_is_told() -> None:
    """Bytes whose symbols cannot be read raise, and are reported as any unreadable frame."""
    routes = Routes(Market.SPOT)
    routes.add(parse(_BTC))
    routes.serve(_BTC, (), (print,))
    feed = routes.feed(b"spot/trade")
    assert feed is not None
    with pytest.raises(DecodeError):
        feed.deliver(b'{"data":[{"symbol":tru}],"table":"spot/trade"}', 7)
