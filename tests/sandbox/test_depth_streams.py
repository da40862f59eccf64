"""Incremental depth: versions without a gap, and a rebuilt book equal to the exchange's."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from bitmart_async.sandbox import Sandbox

from .wire import Frame, Stream, Wire, stream

Book = dict[str, dict[Decimal, Decimal]]


def rows(levels: list[Any]) -> list[tuple[Decimal, Decimal]]:
    """Levels of either market as pairs."""
    pairs = [(row["price"], row["vol"]) if isinstance(row, dict) else row[:2] for row in levels]
    return [(Decimal(price), Decimal(size)) for price, size in pairs]


def apply(book: Book, data: Frame) -> None:
    for side in ("asks", "bids"):
        if data["type"] == "snapshot":
            book[side] = {}
        for price, size in rows(data[side]):
            if size:
                book[side][price] = size
            else:
                del book[side][price]


def best(book: Book, count: int) -> tuple[list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]]:
    return (sorted(book["asks"].items())[:count], sorted(book["bids"].items(), reverse=True)[:count])


async def follow(socket: Stream, name: str, pushes: int) -> tuple[Book, int]:
    """Rebuild the book from a snapshot and so many updates, checking each version."""
    book: Book = {}
    version = -1
    for number in range(pushes):
        data = await socket.data(name)
        data = data[0] if isinstance(data, list) else data
        assert data["type"] == ("update" if number else "snapshot")
        assert not number or data["version"] == version + 1
        version = data["version"]
        apply(book, data)
        assert min(book["asks"]) > max(book["bids"])
    return book, version


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("topic", "name"),
    [
        ("futures/depthIncrease5:BTCUSDT@100ms", None),
        ("futures/depthIncrease50:BTCUSDT", None),
        ("spot/depth/increase100:BTC_USDT", "spot/depth/increase100"),
    ],
)
async def test_the_rebuilt_book_is_the_book(topic: str, name: str | None) -> None:
    """In a lively market, a snapshot and contiguous updates give what a second snapshot shows."""
    async with Sandbox(speed=8) as sandbox:
        environment = sandbox.environment
        spot = topic.startswith("spot")
        async with stream(environment.spot_public if spot else environment.futures_public) as socket:
            operation = "op" if spot else "action"
            await socket.send({operation: "subscribe", "args": [topic]})
            book, version = await follow(socket, name or topic, 12)
            await socket.send({operation: "request", "args": [topic]})
            while True:
                data = await socket.data(name or topic)
                data = data[0] if isinstance(data, list) else data
                if data["type"] == "snapshot":
                    break
                assert data["version"] == version + 1
                version = data["version"]
                apply(book, data)
            assert data["version"] == version
            assert {side: dict(rows(data[side])) for side in ("asks", "bids")} == book


@pytest.mark.asyncio
async def test_the_stream_agrees_with_rest() -> None:
    """When the market has come to rest, streams and REST show one book."""
    async with Sandbox(lively=False) as sandbox, aiohttp.ClientSession() as http:
        wire, environment = Wire(sandbox, http), sandbox.environment
        async with stream(environment.spot_public) as spot, stream(environment.futures_public) as futures:
            await spot.send({"op": "subscribe", "args": ["spot/depth/increase100:BTC_USDT"]})
            await futures.send({"action": "subscribe", "args": ["futures/depthIncrease50:BTCUSDT"]})
            spot_book, version = await follow(spot, "spot/depth/increase100", 1)
            futures_book, _ = await follow(futures, "futures/depthIncrease50:BTCUSDT", 1)
            sandbox.tick("BTC_USDT", last="64010.10")
            sandbox.tick("BTCUSDT", last="64010.1")
            data = (await spot.data("spot/depth/increase100"))[0]
            assert data["version"] == version + 1
            apply(spot_book, data)
            apply(futures_book, await futures.data("futures/depthIncrease50:BTCUSDT"))
            rest = await wire.data("/spot/quotation/v3/books", symbol="BTC_USDT", limit=50)
            assert best(spot_book, 50) == (rows(rest["asks"]), rows(rest["bids"]))
            rest = await wire.data("/contract/public/depth", symbol="BTCUSDT")
            assert best(futures_book, 50) == (rows(rest["asks"]), rows(rest["bids"]))
            assert rest["asks"][1][2] == str(int(rest["asks"][0][1]) + int(rest["asks"][1][1]))


@pytest.mark.asyncio
async def test_a_latecomer_joins_the_same_versions(sandbox: Sandbox) -> None:
    """A second subscriber's snapshot leads into the updates the first one gets."""
    topic = "futures/depthIncrease5:BTCUSDT"
    subscribe = {"action": "subscribe", "args": [topic]}
    url = sandbox.environment.futures_public
    async with stream(url) as first, stream(url) as second:
        await first.send(subscribe)
        one, version = await follow(first, topic, 1)
        sandbox.tick("BTCUSDT", last="64001.1")
        await second.send(subscribe)
        two, other = await follow(second, topic, 1)
        for book, socket, known in ((one, first, version), (two, second, other)):
            for expected in range(known + 1, 3):
                data = await socket.data(topic)
                assert data["version"] == expected
                apply(book, data)
        assert one == two


@pytest.mark.asyncio
async def test_a_quiet_book_gives_signs_of_life(sandbox: Sandbox) -> None:
    """Empty updates after five quiet seconds: the version stands still on spot and moves on on futures."""
    environment, since = sandbox.environment, sandbox.now_ms()
    async with stream(environment.spot_public) as spot, stream(environment.futures_public) as futures:
        await spot.send({"op": "subscribe", "args": ["spot/depth/increase100:BTC_USDT"]})
        await futures.send({"action": "subscribe", "args": ["futures/depthIncrease5:BTCUSDT"]})
        _, version = await follow(spot, "spot/depth/increase100", 1)
        _, other = await follow(futures, "futures/depthIncrease5:BTCUSDT", 1)
        sandbox.faults.skew(6_000)
        data = (await spot.data("spot/depth/increase100"))[0]
        assert (data["asks"], data["bids"], data["version"]) == ([], [], version)
        assert data["ms_t"] >= since + 5_000
        data = await futures.data("futures/depthIncrease5:BTCUSDT")
        assert (data["asks"], data["bids"], data["version"]) == ([], [], other + 1)
        assert data["ms_t"] >= since + 5_000
