"""iter_ methods over real sockets: a sandbox with an account that has a past."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from bitmart_async import (
    ApiError,
    EdgeBlocked,
    FuturesClientV2,
    HistoryIncomplete,
    HistoryStopped,
    ParameterError,
    Quota,
    RateLimits,
    RestClient,
)
from bitmart_async.ratelimit import Gate, RateLimitState, Window
from bitmart_async.sandbox import Sandbox
from bitmart_async.sandbox.contract_orders import ContractTicket
from bitmart_async.sandbox.spot_orders import SpotTicket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DAY = 86_400_000


class Wide(Window):
    """A window that the reply headers do not narrow."""

    def correct(self, state: RateLimitState, now: float) -> None:
        pass


class Unlimited(RateLimits):
    """The sandbox of these tests counts no calls, so neither does the client."""

    def gate(self, name: str, quota: Quota | None, *, host: str, key: str) -> Gate:
        return Gate(Wide(1_000_000, 2.0))


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(lively=False, rate_limits=False) as running:
        yield running


@pytest_asyncio.fixture
async def rest(sandbox: Sandbox) -> AsyncIterator[RestClient]:
    async with RestClient(**sandbox.client_options, rate_limits=Unlimited()) as client:
        yield client


@pytest_asyncio.fixture
async def futures(sandbox: Sandbox) -> AsyncIterator[FuturesClientV2]:
    async with FuturesClientV2(**sandbox.client_options, rate_limits=Unlimited()) as client:
        yield client


def past(now: int, count: int, reach: int) -> list[int]:
    """Times, ms: two crowded moments and a wide spread between."""
    rng = random.Random(7)
    crowded = [now - reach // 2 + rng.randrange(4000) for _ in range(count // 2)]
    equal = [now - reach // 3] * 150
    wide = [now - rng.randrange(1000, reach) for _ in range(count - len(crowded) - len(equal))]
    return sorted(crowded + equal + wide)


def trade_spot(sandbox: Sandbox, times: list[int]) -> None:
    exchange = sandbox._exchange
    for number, at in enumerate(times):
        side = "sell" if number % 2 else "buy"
        amount = {"size": Decimal("0.001")} if number % 2 else {"notional": Decimal(65)}
        ticket = SpotTicket(symbol="BTC_USDT", side=side, type="market", **amount)
        exchange.spot.submit(exchange.default, ticket, at)


def trade_futures(sandbox: Sandbox, times: list[int]) -> None:
    exchange = sandbox._exchange
    for number, at in enumerate(times):
        side = 3 if number % 2 else 1
        exchange.futures.submit(
            exchange.default, ContractTicket(symbol="BTCUSDT", side=side, type="market", size=1), at
        )


async def test_all_spot_orders_and_fills(sandbox: Sandbox, rest: RestClient) -> None:
    """Five hundred orders of three weeks, 150 of them in one millisecond, come once each, oldest first."""
    now = sandbox.now_ms()
    times = past(now, 500, 21 * DAY)
    trade_spot(sandbox, times)
    orders = rest.iter_spot_historic_orders_v4(start_time=now - 22 * DAY)
    got = await orders.all()
    assert [order.create_time for order in got] == times
    assert len({order.order_id for order in got}) == 500
    assert orders.complete
    assert any(record.full and record.split for record in orders.asked)
    fills = await rest.iter_spot_account_trades_v4(symbol="BTC_USDT", start_time=0, end_time=now).all()
    assert {fill.order_id for fill in fills} == {order.order_id for order in got}
    assert [fill.create_time for fill in fills] == sorted(fill.create_time for fill in fills)
    few = await rest.iter_spot_historic_orders_v4(start_time=times[250], end_time=times[250]).all()
    assert [order.create_time for order in few] == [at for at in times if at == times[250]]


async def test_all_futures_orders_fills_and_flows(sandbox: Sandbox, futures: FuturesClientV2) -> None:
    """Seconds in the query and ms in the rows: five hundred orders of 200 days come once each."""
    now = sandbox.now_ms()
    times = past(now, 400, 200 * DAY)
    trade_futures(sandbox, times)
    start = (now - 201 * DAY) // 1000
    orders = futures.iter_futures_account_order_history("BTCUSDT", start_time=start)
    got = await orders.all()
    assert [order.create_time for order in got] == times
    assert orders.complete
    fills = await futures.iter_futures_account_trades(start_time=start).all()
    assert [fill.create_time for fill in fills] == times
    flows = futures.iter_futures_account_transaction_history(start_time=start * 1000)
    rows = await flows.all()
    truth = sandbox._exchange.futures.flows(sandbox._exchange.default.uid)
    assert [row.time for row in rows] == sorted(flow.at_ms for flow in truth)
    assert flows.complete


async def test_a_crowded_second_is_told(sandbox: Sandbox, futures: FuturesClientV2) -> None:
    """More rows in one second than a reply holds: everything before comes, then a typed error says where."""
    now = sandbox.now_ms()
    crowd = (now - DAY) // 1000 * 1000
    trade_futures(sandbox, [crowd - 5000, *[crowd + number for number in range(300)], crowd + 5000])
    orders = futures.iter_futures_account_order_history("BTCUSDT")
    assert (await anext(orders)).create_time == crowd - 5000
    with pytest.raises(HistoryIncomplete) as caught:
        await orders.all()
    assert caught.value.window == (crowd // 1000, crowd // 1000)
    assert caught.value.endpoint == "GET /contract/private/order-history"
    assert caught.value.rows == 200
    assert not orders.complete
    told = futures.iter_futures_account_order_history("BTCUSDT", incomplete="report")
    rows = await told.all()
    assert len(rows) == 202
    assert not told.complete
    holes = [record.first for record in told.asked if not record.complete and not record.split]
    assert crowd // 1000 in holes
    assert set(holes) <= {crowd // 1000, crowd // 1000 + 1}  # its neighbour cannot be told from it for sure


@pytest.mark.parametrize("step", [1, 60])
async def test_candles_of_any_span(rest: RestClient, futures: FuturesClientV2, step: int) -> None:
    """Candles come without a gap and once each, however many the span holds."""
    end = int(rest.clock.now_ms() / 1000) // 3600 * 3600
    start = end - 900 * step * 60
    expected = list(range(start, end + 1, step * 60))
    spot = rest.iter_spot_history_kline_v3("BTC_USDT", step=step, after=start, before=end)
    assert [candle.t async for candle in spot] == expected
    assert len(spot.asked) == 5
    assert not any(record.split for record in spot.asked)
    for history in (
        futures.iter_futures_klines("BTCUSDT", step=step, start_time=start, end_time=end),
        futures.iter_futures_mark_price_klines("BTCUSDT", step=step, start_time=start, end_time=end),
    ):
        assert [candle.timestamp async for candle in history] == expected
        assert history.complete


async def test_the_newest_candles_without_bounds(rest: RestClient, futures: FuturesClientV2) -> None:
    """Without bounds: as many of the newest as the endpoint itself would reach."""
    assert 199 <= len(await rest.iter_spot_history_kline_v3("BTC_USDT").all()) <= 202
    assert 998 <= len(await rest.iter_spot_latest_kline_v3("BTC_USDT").all()) <= 1002
    assert 499 <= len(await futures.iter_futures_klines("BTCUSDT").all()) <= 502


async def test_open_orders(rest: RestClient, futures: FuturesClientV2) -> None:
    """Open orders of both markets are lists too."""
    placed = []
    for price in ("50000", "50001", "50002"):
        ack = await rest.submit_spot_order_v2("BTC_USDT", side="buy", type="limit", size="0.01", price=price)
        placed.append(ack.order_id)
        await futures.submit_futures_order("BTCUSDT", side=1, size=1, price=price)
    assert [order.order_id async for order in rest.iter_spot_open_orders_v4()] == placed
    prices = [order.price async for order in futures.iter_futures_account_open_orders()]
    assert prices == [50000, 50001, 50002]
    with pytest.raises(HistoryIncomplete):
        await futures.iter_futures_account_open_orders(limit=3).all()


async def test_it_goes_on_after_an_error(sandbox: Sandbox, rest: RestClient) -> None:
    """An error leaves the reading where it was: asking again goes on, nothing is lost or repeated."""
    now = sandbox.now_ms()
    times = past(now, 300, 21 * DAY)
    trade_spot(sandbox, times)
    orders = rest.iter_spot_historic_orders_v4(start_time=now - 22 * DAY)
    got = [(await anext(orders)).create_time]
    sandbox.faults.reply("/spot/v4/query/history-orders", status=503, body=b"<html>")
    refused = 0
    while not orders.complete:
        try:
            async for order in orders:
                got.append(order.create_time)  # noqa: PERF401 - a comprehension loses all at an error
        except EdgeBlocked:
            refused += 1
    assert refused == 1
    assert got == times


async def test_a_bound_on_requests(rest: RestClient, sandbox: Sandbox) -> None:
    """max_requests stops a reading, says where to go on, and a second one does."""
    orders = rest.iter_spot_historic_orders_v4(start_time=sandbox.now_ms() - 300 * DAY, max_requests=3)
    with pytest.raises(HistoryStopped) as caught:
        await orders.all()
    assert len(sandbox.journal.requests("/spot/v4/query/history-orders")) == 3
    first = caught.value.window[0]
    assert abs(first - (sandbox.now_ms() - 279 * DAY)) < 60_000
    assert await rest.iter_spot_historic_orders_v4(start_time=first).all() == []


async def test_what_makes_no_sense_is_refused_at_once(rest: RestClient, futures: FuturesClientV2) -> None:
    """Wrong units, ends before starts and unknown options raise at once; nothing is sent."""
    now = rest.clock.now_ms()
    with pytest.raises(ParameterError, match="looks like seconds"):
        rest.iter_spot_historic_orders_v4(start_time=now // 1000)
    with pytest.raises(ParameterError, match="looks like milliseconds"):
        futures.iter_futures_account_trades(start_time=now)
    with pytest.raises(ParameterError, match="must not be later"):
        futures.iter_futures_account_trades(start_time=now // 1000, end_time=now // 1000 - 1)
    with pytest.raises(ParameterError, match="no underscore"):
        futures.iter_futures_klines("BTC_USDT")
    with pytest.raises(ParameterError, match="incomplete"):
        rest.iter_spot_historic_orders_v4(incomplete="skip")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="max_requests"):
        rest.iter_spot_historic_orders_v4(max_requests=0)


async def test_a_refused_width(sandbox: Sandbox, rest: RestClient) -> None:
    """A window the exchange calls too wide is asked for narrower; another refusal raises."""
    path = "/spot/v4/query/history-orders"
    now = sandbox.now_ms()
    trade_spot(sandbox, [now - 5 * DAY, now - DAY])
    body = b'{"code":%d,"message":"no","trace":"x","data":{}}'
    sandbox.faults.reply(path, status=200, body=body % 50041)
    orders = rest.iter_spot_historic_orders_v4(start_time=now - 6 * DAY, end_time=now)
    assert len(await orders.all()) == 2
    assert [record.refused for record in orders.asked] == [True, False, False]
    sandbox.faults.reply(path, status=200, body=body % 50021)
    with pytest.raises(ApiError):
        await rest.iter_spot_historic_orders_v4().all()


async def test_one_reader_at_a_time(rest: RestClient) -> None:
    """Two tasks on one iterator are told, not served half each."""
    orders = rest.iter_spot_historic_orders_v4()
    first = asyncio.ensure_future(orders.all())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="another task"):
        await orders.all()
    assert await first == []
