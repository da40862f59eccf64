"""iter_ methods over real sockets: a sandbox with an account that has a past."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

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
from bitmart_async.rest import _SECTIONS
from bitmart_async.rest.history import Windowed
from bitmart_async.rest.pages import Capped, Paged
from bitmart_async.sandbox import Sandbox
from bitmart_async.sandbox.contract_orders import ContractTicket
from bitmart_async.sandbox.spot_orders import SpotTicket
from tests.conftest import KEYS
from tests.contract.catalog import ROWS
from tests.scripted_http import ScriptedServer, answer, ok, refusal, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bitmart_async import History
    from tests.scripted_http import Seen

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


async def test_it_knows_what_it_asked(rest: RestClient) -> None:
    """Endpoint, filters and windows are kept: the rows can be proven later."""
    orders = rest.iter_spot_historic_orders_v4(symbol="BTC_USDT", start_time=rest.clock.now_ms() - DAY)
    await orders.all()
    assert orders.endpoint == "POST /spot/v4/query/history-orders"
    assert dict(orders.given) == {"symbol": "BTC_USDT"}
    assert "symbol='BTC_USDT'" in repr(orders)
    with pytest.raises(TypeError):
        orders.given["symbol"] = "ETH_USDT"  # type: ignore[index]


@pytest.mark.parametrize("method", ["iter_spot_historic_orders_v4", "iter_spot_account_trades_v4"])
async def test_every_request_carries_what_was_given(method: str) -> None:
    """recv_window and a reply size stand in each request, however many there are."""
    async with ScriptedServer() as server, RestClient(**KEYS, base_url=server.url) as client:
        path = "history-orders" if "orders" in method else "trades"
        server.on("POST", f"/spot/v4/query/{path}", answer(ok([])))
        start = client.clock.now_ms() - 20 * DAY
        assert await getattr(client, method)(start_time=start, limit=7, recv_window=777).all() == []
        assert len(server.seen) == 3
        assert {(seen.json["limit"], seen.json["recvWindow"]) for seen in server.seen} == {(7, 777)}


async def test_without_strict_validation_only_the_values_go_unchecked() -> None:
    """An unknown symbol form and size go out as given; a range in the wrong unit would lose rows and does not."""
    path = "/spot/v4/query/history-orders"
    options = {**KEYS, "strict_param_validation": False}
    async with ScriptedServer() as server, RestClient(base_url=server.url, **options) as client:
        server.on("POST", path, answer(ok([])))
        now = client.clock.now_ms()
        odd = client.iter_spot_historic_orders_v4(symbol="btc", limit=900, start_time=now - DAY)
        assert await odd.all() == []
        assert odd.complete
        assert (server.seen[0].json["symbol"], server.seen[0].json["limit"]) == ("btc", 900)
        with pytest.raises(ParameterError, match="looks like seconds"):
            client.iter_spot_historic_orders_v4(start_time=now // 1000)
        with pytest.raises(ParameterError, match="must not be later"):
            client.iter_spot_historic_orders_v4(start_time=now, end_time=now - 1)
        assert len(server.seen) == 1


async def test_a_cancelled_reader_goes_on_where_it_stopped(sandbox: Sandbox, rest: RestClient) -> None:
    """Cancelled in a request, at any of them: the next one reads on, nothing is lost or repeated."""
    now = sandbox.now_ms()
    times = past(now, 300, 21 * DAY)
    trade_spot(sandbox, times)
    path = "/spot/v4/query/history-orders"
    orders = rest.iter_spot_historic_orders_v4(start_time=now - 22 * DAY)
    got: list[int] = []

    async def read() -> None:
        async for order in orders:
            got.append(order.create_time)  # noqa: PERF401 - a comprehension loses all when cancelled

    cancelled = 0
    for turns in range(40):  # later and later in the request, so that some get through
        seen = len(sandbox.journal.requests(path))
        reader = asyncio.ensure_future(read())
        while len(sandbox.journal.requests(path)) == seen and not reader.done():  # noqa: ASYNC110
            await asyncio.sleep(0)
        for _ in range(turns):
            await asyncio.sleep(0)
        cancelled += reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
    await read()
    assert orders.complete
    assert got == times
    assert cancelled >= 3


async def test_a_reading_can_be_ended_early(sandbox: Sandbox, rest: RestClient) -> None:
    """aclosing() works as with any async iterator: nothing more is sent or given, and complete is False."""
    now = sandbox.now_ms()
    trade_spot(sandbox, [now - 9 * DAY, now - DAY, now - DAY + 1])
    async with contextlib.aclosing(rest.iter_spot_historic_orders_v4(start_time=now - 10 * DAY)) as orders:
        assert (await anext(orders)).create_time == now - 9 * DAY
    asked = len(sandbox.journal.requests("/spot/v4/query/history-orders"))
    assert await orders.all() == []
    assert not orders.complete
    assert len(sandbox.journal.requests("/spot/v4/query/history-orders")) == asked
    async with contextlib.aclosing(rest.iter_spot_historic_orders_v4(start_time=now - 10 * DAY)) as whole:
        assert len(await whole.all()) == 3
    assert whole.complete


# Every endpoint with a window rule -------------------------------------------------------------------

CLIENTS = {"RestClient": RestClient, "FuturesClientV2": FuturesClientV2}
WITHOUT = {
    "market.books_v3": "levels of a book, no list",
    "market.trades_v3": "the newest 50 without ids: older ones cannot be asked for",
    "market.klines_v1": "retired",
    "broker.rebate": "sums by day; one reply holds the range, no cap is known",
    "futures.get_market_trades": "the newest 100 without ids: older ones cannot be asked for",
    "futures.get_funding_rate_history": "always the newest 100; nearly every contract has more",
    "futures.get_affiliate_rebate_user": "sums of a window, no rows",
    "futures.get_affiliate_rebate_api": "sums of a window, no rows",
}
"""Endpoints with a window rule that have no iterator, and why."""


def test_every_list_has_an_iterator_or_a_reason() -> None:
    """get_x of an endpoint with a window rule has iter_x beside it, unless a reason stands above."""
    ruled = {row["id"]: row for row in ROWS if row["window"]}
    lacking: set[str] = set()
    for name, row in ruled.items():
        get = getattr(CLIENTS[row["client"]], row["method_name"])
        it = getattr(CLIENTS[row["client"]], row["method_name"].replace("get_", "iter_", 1), None)
        if it is None:
            lacking.add(name)
            continue
        own = set(inspect.signature(it).parameters) - {"max_requests", "incomplete"}
        page: set[str] = {"current_page", "page"} if row["window"]["page"] else set()
        assert own == set(inspect.signature(get).parameters) - page, name
    assert lacking == set(WITHOUT)


def test_plans_ask_as_the_catalog_says() -> None:
    """Cap, names and unit of the bounds, page and size of every plan are those of the window rule."""
    rules = {row["id"]: row["window"] for row in ROWS if row["window"]}
    plans = {
        plan.endpoint.id: plan
        for module in _SECTIONS
        for plan in vars(module).values()
        if isinstance(plan, Windowed | Paged | Capped)
    }
    assert plans.keys() == rules.keys() - WITHOUT.keys()
    for name, plan in plans.items():
        rule, wire = rules[name], {one.name: one.wire for one in plan.endpoint.params}
        kinds = {"time-window": Windowed, "page": Paged, "limit-only": Capped}
        assert isinstance(plan, kinds[rule["style"]]), name
        assert rule["max_rows"] in (None, plan.cap), name
        assert rule["size"] == (None if plan.size is None else wire[plan.size]), name
        if isinstance(plan, Paged):
            assert wire[plan.page] == rule["page"], name
        if not isinstance(plan, Capped):
            bounds = [wire[bound] for bound in (plan.start, plan.end) if bound is not None]
            assert bounds == (rule["bounds"] or []), name
            assert not bounds or plan.unit == {"s": 1000, "ms": 1}[rule["unit"]], name


def test_every_iterator_belongs_to_a_get_and_is_tried() -> None:
    """iter_x stands beside get_x, and is tried below or in the tests above."""
    for client in CLIENTS.values():
        for name in dir(client):
            if name.startswith("iter_"):
                assert hasattr(client, name.replace("iter_", "get_", 1))
                assert name in ABOVE or (client.__name__, name) in {(one[0], one[1]) for one in CALLS}, name


ABOVE = {
    "iter_spot_latest_kline_v3", "iter_spot_history_kline_v3", "iter_spot_open_orders_v4",
    "iter_spot_historic_orders_v4", "iter_spot_account_trades_v4", "iter_futures_klines",
    "iter_futures_mark_price_klines", "iter_futures_account_order_history",
    "iter_futures_account_open_orders", "iter_futures_account_trades",
    "iter_futures_account_transaction_history",
}  # fmt: skip
SPOT_MOVES = {"move_type": "spot to spot"}
DAYS = {"start_time": -30, "end_time": 0}
"""Days from now, made to seconds below."""
CALLS: list[tuple[str, str, dict[str, Any], bool]] = [
    ("RestClient", "iter_deposit_withdraw_history_v2", {"operation_type": "deposit"}, False),
    (
        "RestClient",
        "iter_deposit_withdraw_history_v2",
        {"operation_type": "withdraw", "start_time": 0},
        False,
    ),
    ("RestClient", "iter_spot_algo_open_orders_v4", {}, True),
    ("RestClient", "iter_spot_algo_history_orders_v4", {}, False),
    ("RestClient", "iter_margin_borrow_record_v1", {"symbol": "BTC_USDT"}, True),
    ("RestClient", "iter_margin_repay_record_v1", {"symbol": "BTC_USDT"}, True),
    ("RestClient", "iter_sub_transfers_v1", SPOT_MOVES, True),
    ("RestClient", "iter_account_sub_transfers_v1", SPOT_MOVES, True),
    ("RestClient", "iter_flexible_saving_products", {}, True),
    ("RestClient", "iter_flexible_saving_positions", {}, True),
    ("RestClient", "iter_flexible_saving_history", {"type": "subscribe"}, True),
    ("RestClient", "iter_fixed_saving_products", {}, True),
    ("RestClient", "iter_fixed_saving_positions", {}, False),
    ("RestClient", "iter_fixed_saving_history", {"type": "subscribe"}, False),
    ("FuturesClientV2", "iter_futures_account_plan_orders", {}, True),
    ("FuturesClientV2", "iter_futures_transfers", {}, True),
    ("FuturesClientV2", "iter_futures_sub_transfers", {"sub_account": "sub1"}, True),
    ("FuturesClientV2", "iter_futures_sub_transfer_history", {}, True),
    ("FuturesClientV2", "iter_futures_auto_repayment", {}, False),
    ("FuturesClientV2", "iter_futures_cross_collateral_interest_log", {}, False),
    ("FuturesClientV2", "iter_futures_affiliate_rebates", {"currency": "USDT"}, True),
    ("FuturesClientV2", "iter_futures_affiliate_trades", {"user_id": "20001", "type": 1}, True),
    ("FuturesClientV2", "iter_futures_affiliate_rebate_invite_user", DAYS, True),
    ("FuturesClientV2", "iter_futures_affiliate_deposit_withdrawal_list", {"cid": "20001", **DAYS}, True),
]
"""Client, iterator, arguments, and whether the account below has rows."""


async def live(rest: RestClient, futures: FuturesClientV2) -> None:
    """An account with one of each."""
    await rest.submit_spot_algo_order_v4(
        "BTC_USDT", side="buy", type="trigger", trigger_price="60000", trigger_type="limit", price="60000",
        size="0.001",
    )  # fmt: skip
    await rest.submit_margin_asset_transfer_v1("BTC_USDT", currency="USDT", amount="1000", side="in")
    await rest.margin_borrow_v1("BTC_USDT", currency="USDT", amount="100")
    await rest.margin_repay_v1("BTC_USDT", currency="USDT", amount="50")
    await rest.submit_main_transfer_main_to_sub_v1("sub1", currency="BTC", amount="0.01", request_no="one")
    product = (await rest.get_flexible_saving_products(current_page=1, size_page=10)).rows[0]
    await rest.subscribe_flexible_saving(
        product.product_id, amount=product.min_purchase_amount, request_no=f"{1:020d}"
    )
    await futures.submit_futures_plan_order(
        "BTCUSDT", side=1, leverage="10", open_type="cross", size=1, trigger_price="60000",
        executive_price="60001", price_way=2, price_type=1,
    )  # fmt: skip
    await futures.submit_futures_transfer(currency="USDT", amount="10", type="spot_to_contract")
    await futures.submit_futures_main_to_sub_transfer_from_main(
        request_no="two", amount="5", currency="USDT", sub_account="sub1"
    )


async def test_every_new_iterator_reads_to_its_end(
    sandbox: Sandbox, rest: RestClient, futures: FuturesClientV2
) -> None:
    """Each ends, complete, with the rows its get_ method has."""
    await live(rest, futures)
    now_s = sandbox.now_ms() // 1000
    for client, name, given, has_rows in CALLS:
        days = {key: now_s + given[key] * 86_400 for key in DAYS if given.keys() >= DAYS.keys()}
        history = getattr(rest if client == "RestClient" else futures, name)(**given | days)
        rows = await history.all()
        assert history.complete, name
        assert bool(rows) == has_rows, name


async def test_deposits_of_years_in_windows_below_90_days(sandbox: Sandbox, rest: RestClient) -> None:
    """The exchange refuses 90 days and more: no window is that wide, and together they fill the range."""
    history = rest.iter_deposit_withdraw_history_v2("deposit", start_time=sandbox.now_ms() - 400 * DAY)
    await history.all()
    assert history.complete
    assert len(history.asked) == 5
    assert max(record.end - record.start for record in history.asked) < 90 * DAY


# Pages over real sockets -----------------------------------------------------------------------------


def pages(
    rows: list[dict[str, Any]], name: str, page: str, size: str, *, total: bool
) -> Callable[[Seen], bytes]:
    """A list in pages."""

    def body(seen: Seen) -> bytes:
        asked: dict[str, Any] = seen.query if seen.method == "GET" else seen.json
        number, count = int(asked[page]), int(asked[size])
        data: dict[str, Any] = {name: rows[(number - 1) * count : number * count]}
        return ok(data | ({"total": len(rows), "page": number, "size": count} if total else {}))

    return body


def transfer(number: int) -> dict[str, Any]:
    return {"transfer_id": str(number), "currency": "USDT", "amount": "1", "type": "spot_to_contract",
            "state": "FINISHED", "timestamp": 1_700_000_000_000 + number}  # fmt: skip


def record(number: int) -> dict[str, Any]:
    return {"type": "interest", "recordId": str(number), "productId": "1", "coinName": "USDT", "amount": "1",
            "productTag": "x", "time": 1_700_000_000_000 + number, "subscribeType": "x", "requestNo": "",
            "status": "x"}  # fmt: skip


def trade(number: int) -> dict[str, Any]:
    return {"user_id": 1, "user_type": 1, "create_time": 1_700_000_000_000 + number, "symbol": "BTCUSDT",
            "leverage": 1, "open_type": 1, "way": 1, "category": 1, "select_copy_trade": 0, "deal_price": 1,
            "deal_vol": 1, "fee": 0, "realised_profit": 0}  # fmt: skip


async def test_pages_without_a_total() -> None:
    """250 transfers, a POST list without total: three pages of 100, the end sent with every one."""
    async with ScriptedServer() as server:
        path = "/account/v1/transfer-contract-list"
        rows = [transfer(number) for number in range(250)]
        server.on("POST", path, reply(pages(rows, "records", "page", "limit", total=False)))
        async with FuturesClientV2(**KEYS, base_url=server.url, rate_limits=Unlimited()) as futures:
            history: History[Any] = futures.iter_futures_transfers(time_start=1_600_000_000_000)
            got = await history.all()
    assert [row.transfer_id for row in got] == [str(number) for number in range(250)]
    assert history.complete
    assert [one.json["page"] for one in server.seen] == [1, 2, 3]
    assert len({one.json["time_end"] for one in server.seen}) == 1


async def test_pages_with_a_total() -> None:
    """230 rows with a total: five pages of 50, the last one short, and no sixth."""
    async with ScriptedServer() as server:
        rows = [record(number) for number in range(230)]
        path = "/newearn/cloud/v1/saving/record"
        server.on("GET", path, reply(pages(rows, "list", "currentPage", "sizePage", total=True)))
        async with RestClient(**KEYS, base_url=server.url, rate_limits=Unlimited()) as rest:
            history = rest.iter_flexible_saving_history("interest", size_page=50)
            got = await history.all()
    assert [row.record_id for row in got] == [str(number) for number in range(230)]
    assert history.complete
    assert [one.query["currentPage"] for one in server.seen] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("at", [3, 9])
async def test_pages_of_rows_without_an_id(at: int) -> None:
    """Equal rows on one page both come; equal ones on both sides of a page's end are told as missing."""
    rows = [trade(number) for number in range(25)]
    rows[at + 1] = rows[at]
    async with ScriptedServer() as server:
        path = "/contract/private/affiliate/trade-list"
        server.on("GET", path, reply(pages(rows, "list", "page", "size", total=True)))
        async with FuturesClientV2(**KEYS, base_url=server.url, rate_limits=Unlimited()) as futures:
            history = futures.iter_futures_affiliate_trades("1", type=1, size=10)
            if at == 3:
                assert len(await history.all()) == 25
                assert history.complete
            else:
                with pytest.raises(HistoryIncomplete, match="24 of 25"):
                    await history.all()
                assert not history.complete


def deposit(number: int, at: int) -> dict[str, Any]:
    return {"withdraw_id": "", "deposit_id": str(number), "operation_type": "deposit", "currency": "USDT",
            "apply_time": at, "arrival_amount": "1", "fee": "0", "status": 3, "tx_id": ""}  # fmt: skip


async def test_deposits_of_a_year() -> None:
    """A year with crowded seconds comes once each through replies of 50 rows and windows below 90 days."""
    now = 1_700_000_000_000
    times = past(now, 500, 365 * DAY)
    times = [at for number, at in enumerate(times) if times.count(at) == 1 or number % 5 == 0]
    rows = [deposit(number, at) for number, at in enumerate(times)]

    def body(seen: Seen) -> bytes:
        start, end = int(seen.query["startTime"]), int(seen.query["endTime"])
        if end - start >= 90 * DAY:
            return refusal(60067)
        inside = [row for row in reversed(rows) if start <= row["apply_time"] < end]
        return ok({"records": inside[: int(seen.query["N"])]})

    async with ScriptedServer() as server:
        server.on("GET", "/account/v2/deposit-withdraw/history", reply(body))
        async with RestClient(**KEYS, base_url=server.url, rate_limits=Unlimited()) as rest:
            history = rest.iter_deposit_withdraw_history_v2(
                "deposit", n=50, start_time=now - 366 * DAY, end_time=now
            )
            got = await history.all()
    assert [row.deposit_id for row in got] == [str(number) for number in range(len(rows))]
    assert history.complete
    assert any(one.split for one in history.asked)
