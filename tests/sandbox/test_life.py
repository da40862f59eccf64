"""Start, stop, and what a running sandbox offers."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from bitmart_async.sandbox import Sandbox

from .wire import Wire, stream


@pytest.mark.asyncio
async def test_it_starts_and_stops_quickly() -> None:
    """Up in under 300 ms; down in under 500 ms with clients still connected, and nothing is left."""
    started = time.monotonic()
    sandbox = Sandbox(seed=3)
    await sandbox.__aenter__()
    assert time.monotonic() - started < 0.3
    async with aiohttp.ClientSession() as http, connect(sandbox.environment.spot_public):
        await Wire(sandbox, http).data("/system/time")
        before = time.monotonic()
        await sandbox.aclose()
        assert time.monotonic() - before < 0.5
    await sandbox.aclose()
    assert [task for task in asyncio.all_tasks() if "sandbox" in task.get_name()] == []
    with pytest.raises(RuntimeError, match="not running"):
        _ = sandbox.environment


@pytest.mark.asyncio
async def test_a_taken_port_is_told_and_nothing_stays_open() -> None:
    """When a port is taken the start fails and closes what it had opened."""
    async with Sandbox(lively=False) as first:
        port = int(first.environment.futures_rest.rpartition(":")[2])
        with pytest.raises(OSError, match="address"):
            async with Sandbox(lively=False, futures_rest=port):
                pass


@pytest.mark.asyncio
async def test_two_at_once(sandbox: Sandbox) -> None:
    """Two sandboxes know nothing of each other; keys follow from the seed."""
    async with Sandbox(seed=2, lively=False) as other, aiohttp.ClientSession() as http:
        assert other.keys != sandbox.keys
        assert Sandbox(seed=2).keys == other.keys
        await Wire(other, http).spot("buy", size="0.01", price="50000")
        assert len(other.account().orders) == 1
        assert not sandbox.account().orders


@pytest.mark.asyncio
async def test_until_says_what_it_saw(sandbox: Sandbox) -> None:
    """A condition that stays false ends in a TimeoutError that shows the counters."""
    with pytest.raises(TimeoutError, match="requests=0 over_limit=0 orders=0 sessions=0"):
        await sandbox.until(lambda seen: seen.requests == 1, timeout=0.05)
    with pytest.raises(ZeroDivisionError):
        await sandbox.until(lambda seen: 1 // seen.requests > 5)


@pytest.mark.asyncio
async def test_unknown_stream_paths(sandbox: Sandbox) -> None:
    """Only /api and /user are sockets."""
    url = sandbox.environment.spot_public.replace("/api", "/other")
    with pytest.raises(InvalidStatus) as caught:
        await connect(url)
    assert caught.value.response.status_code == 404


@pytest.mark.asyncio
async def test_a_tick_fills_what_stands_in_the_way(wire: Wire) -> None:
    """When the market moves through a resting order, the order is filled at its own price."""
    sandbox = wire.sandbox
    buy = await wire.contract(1, 10, price="63900")
    sell = await wire.spot("sell", size="0.2", price="64500")
    sandbox.tick("BTCUSDT", last="63899.9")
    sandbox.tick("BTC_USDT", last="64600.00")
    truth = sandbox.account()
    assert not truth.open_orders
    assert {fill.order_id: (fill.price, fill.role) for fill in truth.fills} == {
        buy: (Decimal(63_900), "maker"),
        sell: (Decimal(64_500), "maker"),
    }
    assert (truth.positions[0].volume, truth.positions[0].is_long) == (10, True)
    for symbol, last in (("BTCUSDT", "1"), ("BTC_USDT", "x"), ("BTCUSDT", "64000.01")):
        with pytest.raises(ValueError, match="BTC"):
            sandbox.tick(symbol, last=last)
    with pytest.raises(KeyError):
        sandbox.tick("NOPE", last="1")


@pytest.mark.asyncio
async def test_a_lively_market_lives() -> None:
    """Left alone, both markets trade, and the prices stay close to each other."""
    async with Sandbox(speed=20) as sandbox, aiohttp.ClientSession() as http:
        wire = Wire(sandbox, http)
        async with stream(sandbox.environment.futures_public) as socket:
            await socket.send({"action": "subscribe", "args": ["futures/trade:BTCUSDT"]})
            for _ in range(5):
                await socket.data("futures/trade:BTCUSDT")
        spot = Decimal((await wire.data("/spot/quotation/v3/ticker", symbol="BTC_USDT"))["last"])
        details = (await wire.data("/contract/public/details", symbol="BTCUSDT"))["symbols"][0]
        assert abs(Decimal(details["last_price"]) / spot - 1) < Decimal("0.001")


@pytest.mark.asyncio
async def test_every_public_route_answers(wire: Wire) -> None:
    """Each public path of the route table serves a plain call."""
    from bitmart_async.sandbox.routes import FUTURES_ROUTES, SPOT_ROUTES
    from bitmart_async.sandbox.routes_retired import ROUTES as RETIRED
    from bitmart_async.sandbox.signatures import Auth

    now = wire.sandbox.now_ms() // 1_000
    paths = {route.path for route in (*SPOT_ROUTES, *FUTURES_ROUTES) if route.auth is Auth.NONE}
    paths -= {route.path for route in RETIRED}
    assert len(paths) > 20
    for path in sorted(paths):
        symbol = "BTCUSDT" if path.startswith("/contract") else "BTC_USDT"
        query = {"symbol": symbol, "start_time": now - 3_600, "end_time": now}
        await wire.data(path, **query)
    for route in RETIRED:
        status, envelope = await (
            wire.get(route.path) if route.method == "GET" else wire.post(route.path, {})
        )
        assert (status, envelope["code"]) == (200, 30031)
