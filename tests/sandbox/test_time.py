"""The market's clock runs true, fast or stepped; timestamps are judged by real time at any rate."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from bitmart_async.sandbox import Sandbox

from .wire import Frame, Stream, Wire, stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ORDER = {"symbol": "BTC_USDT", "side": "buy", "type": "limit", "size": "0.01", "price": "50000"}
DAY = 86_400


@asynccontextmanager
async def stepped(*, lively: bool = False, **options: object) -> AsyncIterator[Wire]:
    sandbox = Sandbox(stepped=True, lively=lively, rate_limits=False, **options)  # type: ignore[arg-type]
    async with sandbox, aiohttp.ClientSession() as http:
        yield Wire(sandbox, http)


@pytest.mark.asyncio
async def test_a_stepped_clock_moves_only_when_told() -> None:
    """Time stands still, then moves by what was asked; signed calls are taken before and after."""
    async with stepped() as wire:
        before = wire.sandbox.now_ms()
        assert (await wire.post("/spot/v2/submit_order", ORDER))[1]["code"] == 1000
        assert wire.sandbox.now_ms() == before
        await wire.sandbox.advance(10 * DAY + 0.25)
        assert wire.sandbox.now_ms() == before + 10 * DAY * 1_000 + 250
        assert (await wire.post("/spot/v2/submit_order", ORDER))[1]["code"] == 1000
        served = (await wire.data("/system/time"))["server_time"]
        assert abs(served - time.time() * 1_000) < 60_000
        with pytest.raises(ValueError, match="does not go back"):
            await wire.sandbox.advance(-1)


@pytest.mark.asyncio
async def test_everything_falls_due_in_stepped_time() -> None:
    """Funding, interest, a withdrawal, a dead man's switch, candles and earn follow the market's clock."""
    async with stepped() as wire:
        sandbox = wire.sandbox
        await wire.contract(1, 100, leverage="10", open_type="cross")
        rest = {"symbol": "BTCUSDT", "side": 1, "type": "limit", "size": 1, "price": "50000"}
        await wire.post("/contract/private/submit-order", rest)
        await wire.post("/contract/private/cancel-all-after", {"symbol": "BTCUSDT", "timeout": 10})
        moved = {"symbol": "BTC_USDT", "currency": "USDT", "amount": "1000", "side": "in"}
        await wire.post("/spot/v1/margin/isolated/transfer", moved)
        borrowed = {"symbol": "BTC_USDT", "currency": "USDT", "amount": "100"}
        await wire.post("/spot/v1/margin/isolated/borrow", borrowed)
        away = {"currency": "USDT-TRC20", "amount": "100", "address": "TSandboxNowhere11111111111111111111"}
        number = (await wire.post("/account/v1/withdraw/apply", away))[1]["data"]["withdraw_id"]
        assert len(sandbox.account().open_orders) == 1
        await sandbox.advance(11)
        assert not sandbox.account().open_orders
        record = await wire.data("/account/v1/deposit-withdraw/detail", id=number)
        assert record["record"]["status"] == 3
        await sandbox.advance(DAY)
        flows = await wire.data("/contract/private/transaction-history", flow_type=3)
        assert len(flows) == 3  # every eight hours
        assert {row["type"] for row in flows} == {"Funding Fee"}
        (account,) = (await wire.data("/spot/v1/margin/isolated/account", symbol="BTC_USDT"))["symbols"]
        hourly = Decimal(100) * 2_291 / 10**8
        owed = Decimal(account["quote"]["interest_unpaid"])
        assert abs(owed - hourly * 25) < Decimal("0.000001")
        now_s = sandbox.now_ms() // 1_000
        query = {"symbol": "BTC_USDT", "step": 60, "after": now_s - DAY, "before": now_s}
        rows = await wire.data("/spot/quotation/v3/klines", **query)
        assert len(rows) == 24


@pytest.mark.asyncio
async def test_a_stepped_market_is_the_same_every_time() -> None:
    """With one seed, the same steps give the same trades, whatever the machine does meanwhile."""
    runs: list[list[list[str]]] = []
    for _ in range(2):
        async with stepped(lively=True, seed=4) as wire:
            for seconds in (1, 0.5, 30):
                await wire.sandbox.advance(seconds)
            rows = await wire.data("/spot/quotation/v3/trades", symbol="BTC_USDT", limit=50)
            runs.append([row[2:] for row in rows])
    assert runs[0] == runs[1]
    assert len(runs[0]) > 10


async def all_so_far(socket: Stream, ping: Frame | str) -> list[Any]:
    """The frames that came before the answer to a ping."""
    frames: list[Any] = []
    await socket.send(ping)
    while "pong" not in str(frame := await socket.read()):
        frames.append(frame)
    return frames


@pytest.mark.asyncio
async def test_with_a_beginning_every_frame_is_the_same() -> None:
    """The same seed, beginning and steps give the same frames, whenever the test is run; funding
    falls due when the test says so."""
    runs: list[list[Any]] = []
    for _ in range(2):
        async with (
            stepped(lively=True, seed=9, begins_ms=1_750_003_170_000) as wire,  # 15:59:30 UTC
            stream(wire.sandbox.environment.spot_public) as spot,
            stream(wire.sandbox.environment.futures_public) as futures,
        ):
            names = ("trade", "depth/increase100", "ticker", "kline1m")
            await spot.send({"op": "subscribe", "args": [f"spot/{name}:BTC_USDT" for name in names]})
            names = ("trade", "depthIncrease50", "ticker", "klineBin1m")
            await futures.send({"action": "subscribe", "args": [f"futures/{name}:BTCUSDT" for name in names]})
            frames = [await all_so_far(spot, "ping"), await all_so_far(futures, {"action": "ping"})]
            await wire.contract(1, 100)
            await wire.sandbox.advance(60)
            last = wire.sandbox.now_ms()
            assert last == 1_750_003_230_000
            (paid,) = await wire.data("/contract/private/transaction-history", flow_type=3)
            frames += [await all_so_far(spot, "ping"), await all_so_far(futures, {"action": "ping"})]
            frames += [paid["amount"]]
            runs.append(frames)
    assert all(len(frames) > 300 for frames in runs[0][2:4])
    assert runs[0] == runs[1]


@pytest.mark.asyncio
async def test_streams_are_pushed_in_stepped_time() -> None:
    """A step pushes what fell due in it, dated by the market's clock."""
    async with stepped(lively=True) as wire, stream(wire.sandbox.environment.spot_public) as socket:
        await socket.send({"op": "subscribe", "args": ["spot/ticker:BTC_USDT"]})
        first = (await socket.data("spot/ticker"))[0]["ms_t"]
        await wire.sandbox.advance(5)
        second = (await socket.data("spot/ticker"))[0]["ms_t"]
        assert second >= first + 500
        assert second <= wire.sandbox.now_ms()


@pytest.mark.asyncio
async def test_an_accelerated_market() -> None:
    """An hour passes in a second; trades are dated by it, and a client with a true clock is still served."""
    async with Sandbox(speed=3_600, rate_limits=False) as sandbox, aiohttp.ClientSession() as http:
        wire = Wire(sandbox, http)
        before = sandbox.now_ms()
        async with stream(sandbox.environment.spot_private) as socket:
            assert await socket.login(sandbox) == {"event": "login"}
            while sandbox.now_ms() < before + 600_000:
                assert (await wire.post("/spot/v4/query/open-orders", {}))[1]["code"] == 1000
        assert (await wire.post("/spot/v2/submit_order", ORDER))[1]["code"] == 1000
        (newest,) = await wire.data("/spot/quotation/v3/trades", symbol="BTC_USDT", limit=1)
        assert before < int(newest[1]) <= sandbox.now_ms()
        served = (await wire.data("/system/time"))["server_time"]
        assert abs(served - time.time() * 1_000) < 60_000


def test_options_that_do_not_fit() -> None:
    """A speed of zero or a stepped clock with a speed is told at once."""
    with pytest.raises(ValueError, match="above zero"):
        Sandbox(speed=0)
    with pytest.raises(ValueError, match="Unix ms"):
        Sandbox(begins_ms=1_750_003_170)
    with pytest.raises(ValueError, match="one or the other"):
        Sandbox(speed=2, stepped=True)
