"""Refusals, row caps, windows and topic limits that no other test of the sandbox names."""

from __future__ import annotations

import aiohttp
import pytest

from bitmart_async.sandbox import Sandbox

from .life import ALGO, ALGO_PATH, PLAN, PRIVATE
from .wire import Frame, Wire, stream

LIMIT: Frame = {"symbol": "BTC_USDT", "side": "buy", "type": "limit", "size": "0.01"}
KLINES = "/spot/quotation/v3/klines"
DAY = 86_400


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "fields", "code"),
    [
        ("/spot/v2/submit_order", LIMIT | {"price": "1e12"}, 50025),
        ("/spot/v4/query/trades", {"startTime": "soon"}, 50041),
        ("/spot/v4/query/history-orders", {"endTime": "late"}, 50041),
    ],
)  # fmt: skip
async def test_further_refusals(wire: Wire, path: str, fields: Frame, code: int) -> None:
    """Each broken rule is refused with HTTP 400 and its code."""
    assert await wire.refused(path, fields) == (400, code)


@pytest.mark.asyncio
async def test_refused_candles(wire: Wire) -> None:
    """Each bound that cannot be read has a code of its own; quotation errors come with HTTP 200."""
    for query, code in (
        ({"after": "x"}, 71001),
        ({"before": "x"}, 71002),
        ({"after": 2, "before": 1}, 71003),
    ):
        assert await wire.refused(KLINES, symbol="BTC_USDT", **query) == (200, code)


@pytest.mark.asyncio
async def test_orders_that_are_over_cannot_be_cancelled(wire: Wire) -> None:
    """A filled spot order is 50031, an algo order that has fired 50036, a state nobody knows 52003."""
    filled = await wire.spot("sell", "market", size="0.01")
    body: Frame = {"symbol": "BTC_USDT", "order_id": filled}
    assert await wire.refused("/spot/v3/cancel_order", body) == (400, 50031)
    body = {"orderId": filled, "queryState": "wish"}
    assert await wire.refused("/spot/v4/query/order", body) == (400, 52003)
    algo = (await wire.data(ALGO_PATH + "submit_order", {**ALGO, "client_order_id": "Fires"}))["order_id"]
    wire.sandbox.tick("BTC_USDT", "40000.00")
    wire.sandbox.tick("BTC_USDT", "90000.00")
    body = {"symbol": "BTC_USDT", "order_id": algo, "type": "trigger"}
    assert await wire.refused(ALGO_PATH + "cancel_order", body) == (400, 50036)


@pytest.mark.asyncio
async def test_too_many_plans_and_a_change_too_dear(wire: Wire) -> None:
    """The 101st waiting plan is 40028; a resting order made larger than the wallet is 40027 and stays."""
    for _ in range(100):
        await wire.data(PRIVATE + "submit-plan-order", PLAN)
    assert await wire.refused(PRIVATE + "submit-plan-order", PLAN) == (400, 40028)
    order = await wire.contract(1, 10, type="limit", price="50000", leverage="10", open_type="cross")
    body: Frame = {"symbol": "BTCUSDT", "order_id": int(order), "price": "50000", "size": 20_000}
    assert await wire.refused(PRIVATE + "modify-limit-order", body) == (400, 40027)
    (row,) = await wire.data(PRIVATE + "get-open-orders")
    assert row["size"] == "10"


@pytest.mark.asyncio
async def test_rows_are_capped_and_windows_are_a_week() -> None:
    """Both markets' histories give the newest 200 rows; without a time only the last seven days, though
    older rows are there when they are asked for."""
    async with (
        Sandbox(stepped=True, lively=False, rate_limits=False) as sandbox,
        aiohttp.ClientSession() as http,
    ):
        wire = Wire(sandbox, http)
        for number in range(205):
            await wire.spot("sell", "market", size="0.001")
            await wire.contract(4 if number % 2 else 1, 1)
            await sandbox.advance(1)
        spot, futures = "/spot/v4/query/trades", PRIVATE + "trades"
        rows = await wire.data(spot, {})
        newest = [fill.trade_id for fill in sandbox.account().fills if fill.market == "spot"][::-1]
        assert [row["tradeId"] for row in rows] == newest[:200]
        newest = [fill.trade_id for fill in sandbox.account().fills if fill.market == "futures"][::-1]
        rows = await wire.data(futures, symbol="BTCUSDT")
        assert [row["trade_id"] for row in rows] == newest[:200]
        assert len(await wire.data(PRIVATE + "order-history", symbol="BTCUSDT")) == 200
        await sandbox.advance(8 * DAY)
        assert await wire.data(spot, {}) == []
        assert not await wire.data(futures, symbol="BTCUSDT")
        assert not await wire.data(PRIVATE + "order-history", symbol="BTCUSDT")
        now_ms = sandbox.now_ms()
        assert len(await wire.data(spot, {"startTime": now_ms - 9 * DAY * 1_000, "endTime": now_ms})) == 200
        older = {"start_time": now_ms // 1_000 - 9 * DAY, "end_time": now_ms // 1_000}
        assert len(await wire.data(futures, symbol="BTCUSDT", **older)) == 200
        older["start_time"] -= 90 * DAY
        assert await wire.refused(futures, symbol="BTCUSDT", **older) == (400, 40039)


@pytest.mark.asyncio
async def test_topics_of_a_socket_are_counted() -> None:
    """The 116th topic of a public spot socket is 90006, 21 in one message are refused; those before stay."""
    async with Sandbox(lively=False, symbols="all", rate_limits=False) as sandbox:
        names = [
            "ticker",
            "trade",
            "depth5",
            "depth20",
            "depth50",
            *(f"kline{n}" for n in ("1m", "5m", "15m", "1H")),
        ]
        symbols = list(sandbox._exchange.spot.markets)
        topics = [f"spot/{name}:{symbol}" for symbol in symbols for name in names]
        topics += [f"spot/kline1D:{symbol}" for symbol in symbols]
        topics = topics[:116]
        assert len(topics) == 116
        async with stream(sandbox.environment.spot_public) as socket:
            for begin in range(0, 116, 20):
                await socket.send({"op": "subscribe", "args": topics[begin : begin + 20]})
            error = await socket.until(lambda frame: isinstance(frame, dict) and "errorCode" in frame)
            assert error["errorCode"] == "90006"
            assert error["event"] == "subscribe"
            await socket.send({"op": "subscribe", "args": topics[:21]})
            error = await socket.until(lambda frame: isinstance(frame, dict) and "errorCode" in frame)
            await socket.send("ping")
            assert await socket.until(lambda frame: frame == "pong") == "pong"
