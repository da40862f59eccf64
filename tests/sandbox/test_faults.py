"""Misbehaviour happens exactly as ordered, and the journal tells it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest
from websockets.exceptions import ConnectionClosed

from .wire import Wire, stream

if TYPE_CHECKING:
    from bitmart_async.sandbox import Sandbox

SUBMIT = "/spot/v2/submit_order"
ORDER = {"symbol": "BTC_USDT", "side": "buy", "type": "limit", "size": "0.01", "price": "50000"}


@pytest.mark.asyncio
async def test_a_scripted_reply(wire: Wire) -> None:
    """The next calls get the scripted answer, then the true one again; nothing was executed."""
    wire.sandbox.faults.reply(SUBMIT, status=503, body=b"<html>", headers={"Server": "cloudflare"}, times=2)
    for _ in range(2):
        async with wire.http.post(wire.base(SUBMIT) + SUBMIT, data="{}") as answer:
            assert (answer.status, await answer.read()) == (503, b"<html>")
            assert answer.headers["Server"] == "cloudflare"
    assert not wire.sandbox.account().orders
    assert (await wire.post(SUBMIT, ORDER))[1]["code"] == 1000


@pytest.mark.asyncio
async def test_an_answer_replaced_after_the_fact(wire: Wire) -> None:
    """With after=True the order exists although the caller is told otherwise."""
    wire.sandbox.faults.reply(SUBMIT, status=500, body=b"{}", after=True)
    status, _ = await wire.post(SUBMIT, ORDER | {"client_order_id": "Lost1"})
    assert status == 500
    assert [order.client_order_id for order in wire.sandbox.account().open_orders] == ["Lost1"]
    assert wire.sandbox.seen.orders == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("after", [True, False])
async def test_a_dropped_answer(wire: Wire, after: bool) -> None:
    """The connection closes without a byte; whether the call was executed is as ordered."""
    wire.sandbox.faults.drop_answer(SUBMIT, after=after)
    with pytest.raises(aiohttp.ClientConnectionError):
        await wire.post(SUBMIT, ORDER)
    assert len(wire.sandbox.account().orders) == after
    assert (await wire.post(SUBMIT, ORDER))[1]["code"] == 1000


@pytest.mark.asyncio
async def test_a_late_answer(wire: Wire) -> None:
    """A delayed call is answered correctly, but not before its time."""
    wire.sandbox.faults.delay("/system/time", 0.3)
    started = wire.sandbox.now_ms()
    assert (await wire.data("/system/time"))["server_time"] - started >= 300


@pytest.mark.asyncio
async def test_the_journal(wire: Wire) -> None:
    """Every request is kept with method, path, query, headers and body."""
    await wire.data("/spot/quotation/v3/books", symbol="BTC_USDT")
    await wire.post(SUBMIT, ORDER)
    (entry,) = wire.sandbox.journal.requests("/spot/quotation/v3/books")
    assert (entry.host, entry.method, entry.query) == ("spot", "GET", {"symbol": "BTC_USDT"})
    (entry,) = wire.sandbox.journal.requests(SUBMIT)
    assert b'"50000"' in entry.body
    assert "X-BM-SIGN" in entry.headers
    assert wire.sandbox.keys["api_key"] not in repr(wire.sandbox.journal[0:])
    assert wire.sandbox.seen.requests == len(wire.sandbox.journal) == 2


@pytest.mark.asyncio
async def test_cut(sandbox: Sandbox) -> None:
    """A cut aborts the named sockets and leaves the others alone."""
    environment = sandbox.environment
    async with (
        stream(environment.spot_public) as spot,
        stream(environment.futures_public) as one,
        stream(environment.futures_private) as two,
    ):
        await sandbox.until(lambda seen: seen.open_sessions == 3)
        assert await sandbox.faults.cut("futures") == 2
        for socket in (one, two):
            with pytest.raises(ConnectionClosed):
                await socket.read()
        await sandbox.until(lambda seen: seen.open_sessions == 1)
        await spot.send("ping")
        assert await spot.read() == "pong"
        assert await sandbox.faults.cut() == 1
        assert sandbox.seen.sessions == 3


@pytest.mark.asyncio
async def test_scripted_logins(sandbox: Sandbox) -> None:
    """A refused login fails once, a swallowed one is met with silence."""
    sandbox.faults.refuse_login("spot", code="91011", text="no")
    async with stream(sandbox.environment.spot_private) as socket:
        assert await socket.login(sandbox) == {"event": "login", "errorCode": "91011", "errorMessage": "no"}
    sandbox.faults.swallow_login("futures")
    async with stream(sandbox.environment.futures_private) as socket:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.login(sandbox), 0.2)
    assert sandbox.seen.logins == 0
    async with stream(sandbox.environment.futures_private) as socket:
        assert (await socket.login(sandbox))["success"]


@pytest.mark.asyncio
async def test_scripted_topics(sandbox: Sandbox) -> None:
    """Topics can be refused, acknowledged in silence, and muted."""
    ticker, trade = "spot/ticker:BTC_USDT", "spot/trade:BTC_USDT"
    async with stream(sandbox.environment.spot_public) as socket:
        sandbox.faults.refuse_topic(ticker, times=1)
        sandbox.faults.swallow_ack(trade)
        sandbox.faults.mute(ticker)
        await socket.send({"op": "subscribe", "args": [ticker, trade, ticker]})
        assert (await socket.read())["errorCode"] == "90004"
        assert await socket.read() == {"event": "subscribe", "topic": ticker}
        sandbox.tick("BTC_USDT", last="64000.11")
        assert (await socket.data("spot/trade"))[0]["price"] == "64000.11"
        sandbox.faults.unmute(ticker)
        sandbox.tick("BTC_USDT", last="64000.12")
        assert (await socket.data("spot/ticker"))[0]["last_price"] == "64000.12"
        assert not [f for f in socket.frames if f == {"event": "subscribe", "topic": trade}]
