"""Spot orders over the wire, from submission to history."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from bitmart_async.sandbox import accounts

if TYPE_CHECKING:
    from .wire import Wire

SUBMIT = "/spot/v2/submit_order"
LIMIT = {"symbol": "BTC_USDT", "side": "buy", "type": "limit", "size": "0.01", "price": "50000"}


async def wallet(wire: Wire) -> dict[str, tuple[Decimal, Decimal]]:
    rows = (await wire.data("/spot/v1/wallet"))["wallet"]
    return {row["id"]: (Decimal(row["available"]), Decimal(row["frozen"])) for row in rows}


@pytest.mark.asyncio
async def test_a_resting_order_freezes_and_frees(wire: Wire) -> None:
    """A limit order waits with its money and the taker fee frozen; its cancel gives all back."""
    order_id = await wire.spot("buy", size="0.1", price="50000", client_order_id="Mine1")
    frozen = Decimal("5000") * Decimal("1.0008")
    assert await wallet(wire) == {"BTC": (2, 0), "USDT": (100_000 - frozen, frozen)}
    row = await wire.order(order_id)
    assert {
        name: row[name]
        for name in (
            "clientOrderId",
            "state",
            "price",
            "priceAvg",
            "size",
            "filledSize",
            "notional",
            "orderMode",
            "cancelSource",
            "stpMode",
        )
    } == {
        "clientOrderId": "Mine1",
        "state": "new",
        "price": "50000.00",
        "priceAvg": "0.00",
        "size": "0.10000",
        "filledSize": "0.00000",
        "notional": "5000.00000000",
        "orderMode": "spot",
        "cancelSource": "",
        "stpMode": "none",
    }
    assert isinstance(row["createTime"], int)
    assert [r["orderId"] for r in await wire.data("/spot/v4/query/open-orders", {})] == [order_id]
    body = {"symbol": "BTC_USDT", "client_order_id": "Mine1"}
    assert await wire.data("/spot/v3/cancel_order", body) == {"result": True}
    row = await wire.data("/spot/v4/query/client-order", {"clientOrderId": "Mine1"})
    assert (row["state"], row["cancelSource"]) == ("canceled", "user")
    assert await wallet(wire) == {"BTC": (2, 0), "USDT": (100_000, 0)}
    status, envelope = await wire.post("/spot/v3/cancel_order", body)
    assert (status, envelope["code"]) == (400, 50030)


@pytest.mark.asyncio
async def test_a_partial_fill_by_hand(wire: Wire) -> None:
    """An order larger than the best level takes it all, rests with the rest, and pays maker on it."""
    book = await wire.data("/spot/quotation/v3/books", symbol="BTC_USDT", limit=1)
    price, size = Decimal(book["asks"][0][0]), Decimal(book["asks"][0][1])
    order_id = await wire.spot("buy", size=str(size + Decimal("0.1")), price=str(price))
    row = await wire.order(order_id)
    assert (row["state"], Decimal(row["filledSize"]), Decimal(row["priceAvg"])) == (
        "partially_filled",
        size,
        price,
    )
    wire.sandbox.tick("BTC_USDT", last="63990.00")
    row = await wire.order(order_id)
    assert (row["state"], row["filledSize"]) == ("filled", row["size"])
    first, second = await wire.data("/spot/v4/query/order-trades", {"orderId": order_id})
    assert (first["tradeRole"], second["tradeRole"]) == ("taker", "maker")
    assert Decimal(first["fee"]) == (price * size * Decimal("0.0008")).quantize(Decimal("1e-8"), "ROUND_DOWN")
    assert Decimal(second["fee"]) == (price * Decimal("0.1") * Decimal("0.0006")).quantize(
        Decimal("1e-8"), "ROUND_DOWN"
    )
    paid = price * (size + Decimal("0.1")) + Decimal(first["fee"]) + Decimal(second["fee"])
    assert await wallet(wire) == {"BTC": (2 + size + Decimal("0.1"), 0), "USDT": (100_000 - paid, 0)}
    assert first["feeCoinName"] == "USDT"


@pytest.mark.asyncio
async def test_market_orders(wire: Wire) -> None:
    """A market buy spends its notional in whole lots and ends partially_canceled, a sell by size filled."""
    bought = await wire.order(await wire.spot("buy", "market", notional="100"))
    assert (bought["state"], bought["cancelSource"], bought["size"]) == (
        "partially_canceled",
        "system",
        "0.00000",
    )
    assert Decimal(bought["filledNotional"]) == Decimal("64000.50") * Decimal("0.00156")
    sold = await wire.order(await wire.spot("sell", "market", size="0.01"))
    assert (sold["state"], sold["filledSize"], sold["price"]) == ("filled", "0.01000", "0.00")
    exact = await wire.order(await wire.spot("buy", "market", notional="64.0005"))
    assert exact["state"] == "filled"


@pytest.mark.asyncio
async def test_post_only_and_ioc(wire: Wire) -> None:
    """limit_maker that would take is accepted and cancelled by the system; ioc drops what is left."""
    order = await wire.order(await wire.spot("buy", "limit_maker", size="0.01", price="65000"))
    assert (order["state"], order["cancelSource"], order["filledSize"]) == ("canceled", "system", "0.00000")
    order = await wire.order(await wire.spot("buy", "limit_maker", size="0.01", price="63000"))
    assert order["state"] == "new"
    book = await wire.data("/spot/quotation/v3/books", symbol="BTC_USDT", limit=1)
    size = Decimal(book["asks"][0][1])
    order = await wire.order(await wire.spot("buy", "ioc", size=str(size + 1), price=book["asks"][0][0]))
    assert (order["state"], Decimal(order["filledSize"])) == ("partially_canceled", size)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"symbol": "NOPE_USDT"}, 50001),
        ({"symbol": ""}, 50028),
        ({"side": "hold"}, 52002),
        ({"type": "wish"}, 52001),
        ({"size": "2", "price": "60000"}, 50020),
        ({"size": "0.00001"}, 51011),
        ({"size": "0.000001"}, 50006),
        ({"size": "0.010001"}, 50021),
        ({"size": "much"}, 50021),
        ({"size": "NaN"}, 50021),
        ({"size": "1e999999999"}, 50021),
        ({"size": ""}, 50010),
        ({"price": ""}, 50011),
        ({"price": "0"}, 50008),
        ({"type": "market"}, 50021),
        ({"type": "market", "size": ""}, 50012),
        ({"type": "market", "size": "", "notional": "4.99"}, 51012),
        ({"client_order_id": "x" * 33}, 50037),
        ({"client_order_id": "a-b"}, 50038),
        ({"client_order_id": "Taken"}, 50042),
    ],
)
async def test_refusals(wire: Wire, changed: dict[str, str], code: int) -> None:
    """Each broken rule is refused with its code and leaves nothing frozen and nothing open."""
    taken = await wire.spot("buy", size="0.01", price="50000", client_order_id="Taken")
    await wire.data("/spot/v3/cancel_order", {"symbol": "BTC_USDT", "order_id": taken})
    status, envelope = await wire.post(SUBMIT, LIMIT | changed)
    assert (status, envelope["code"]) == (400, code)
    assert await wallet(wire) == {"BTC": (2, 0), "USDT": (100_000, 0)}
    assert await wire.data("/spot/v4/query/open-orders", {}) == []


@pytest.mark.asyncio
async def test_a_price_with_too_many_decimals_is_cut(wire: Wire) -> None:
    """Surplus decimals of a spot price are dropped without an error."""
    assert (await wire.order(await wire.spot("buy", size="0.01", price="50000.019")))["price"] == "50000.01"


@pytest.mark.asyncio
async def test_unknown_orders(wire: Wire) -> None:
    """What does not exist, or has no fills, is 50005."""
    order_id = await wire.spot("buy", size="0.01", price="50000")
    for path, body in (
        ("/spot/v4/query/order", {"orderId": "1"}),
        ("/spot/v4/query/order", {}),
        ("/spot/v4/query/client-order", {"clientOrderId": "none"}),
        ("/spot/v4/query/order-trades", {"orderId": order_id}),
        ("/spot/v4/query/order", {"orderId": order_id, "queryState": "history"}),
        ("/spot/v3/cancel_order", {"symbol": "BTC_USDT", "order_id": "x"}),
    ):
        status, envelope = await wire.post(path, body)
        assert (status, envelope["code"]) == (400, 50005), path
    assert (await wire.post("/spot/v3/cancel_order", {"symbol": "BTC_USDT"}))[1]["code"] == 50039


@pytest.mark.asyncio
async def test_batches(wire: Wire) -> None:
    """A batch is judged row by row inside a double envelope; cancels say which ids failed."""
    rows = [
        {"side": "buy", "type": "limit", "size": "0.01", "price": "50000", "clientOrderId": "B1"},
        {"side": "buy", "type": "limit", "size": "9", "price": "50000"},
        {"side": "sell", "type": "limit", "size": "0.01", "price": "70000", "client_order_id": "unseen"},
    ]
    data = await wire.data("/spot/v4/batch_orders", {"symbol": "BTC_USDT", "orderParams": rows})
    assert (data["code"], len(data["data"]["orderIds"])) == (0, 2)
    first, second = data["data"]["orderIds"]
    assert (await wire.order(second))["clientOrderId"] == second  # the snake_case name was not seen
    data = await wire.data("/spot/v4/batch_orders", {"symbol": "BTC_USDT", "orderParams": [rows[1]]})
    assert (data["code"], data["data"]["orderIds"]) == (50020, [])
    data = await wire.data("/spot/v4/cancel_orders", {"symbol": "BTC_USDT", "orderIds": [first, "7"]})
    assert data == {
        "successIds": [first],
        "failIds": ["7"],
        "totalCount": 2,
        "successCount": 1,
        "failedCount": 1,
    }
    assert await wire.data("/spot/v4/cancel_all", {"side": "sell"}) == {}
    assert await wire.data("/spot/v4/query/open-orders", {}) == []
    _, envelope = await wire.post("/spot/v4/batch_orders", {"symbol": "BTC_USDT", "orderParams": rows * 4})
    assert envelope["code"] == 50033


@pytest.mark.asyncio
async def test_windows_of_history(wire: Wire) -> None:
    """History comes newest first, within the window and the limit asked for."""
    ids = [await wire.spot("sell", "market", size="0.001") for _ in range(3)]
    rows = await wire.data("/spot/v4/query/history-orders", {})
    assert [row["orderId"] for row in rows] == ids[::-1]
    assert [r["orderId"] for r in await wire.data("/spot/v4/query/trades", {"limit": 2})] == ids[:0:-1]
    now = wire.sandbox.now_ms()
    assert await wire.data("/spot/v4/query/trades", {"startTime": now + 1, "endTime": now + 2}) == []
    for body, code in (
        ({"startTime": 2, "endTime": 1}, 52004),
        ({"orderMode": "x"}, 52000),
        ({"symbol": "NOPE"}, 50001),
        ({"limit": 201}, 50021),
    ):
        assert (await wire.post("/spot/v4/query/trades", body))[1]["code"] == code


@pytest.mark.asyncio
async def test_an_unfilled_cancel_is_forgotten(wire: Wire) -> None:
    """An order cancelled without a fill cannot be read any more after twenty minutes. To cancel it again is another
    refusal than to cancel an order that never was, by either id."""
    order_id = await wire.spot("buy", size="0.01", price="50000")
    await wire.data("/spot/v3/cancel_order", {"symbol": "BTC_USDT", "order_id": order_id})
    wire.sandbox.faults.skew(21 * 60_000)
    assert (await wire.post("/spot/v4/query/order", {"orderId": order_id}))[1]["code"] == 50005
    for cancelled, code in ((order_id, 50032), ("999999999999999", 50005), ("x", 50005)):
        body = {"symbol": "BTC_USDT", "order_id": cancelled}
        assert await wire.refused("/spot/v3/cancel_order", body) == (400, code)


@pytest.mark.asyncio
async def test_orders_that_ended_unfilled_take_no_memory_for_ever(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond a number of them the oldest is dropped; spot keeps those that can still be read, both keep what filled."""
    monkeypatch.setattr(accounts, "MOST_UNFILLED", 5)
    filled = await wire.spot("buy", type="market", notional="65")
    for number in range(8):
        order_id = await wire.spot("buy", size="0.01", price="50000", client_order_id=f"c{number}")
        await wire.data("/spot/v3/cancel_order", {"symbol": "BTC_USDT", "order_id": order_id})
        contract = await wire.contract(1, 1, price="50000", leverage="1", open_type="cross")
        await wire.data("/contract/private/cancel-order", {"symbol": "BTCUSDT", "order_id": contract})
    engine, uid = wire.sandbox._exchange, wire.sandbox._exchange.default.uid
    assert len(engine.futures.orders(uid)) == 5
    assert len(engine.spot.orders(uid)) == 9, "they can be read for twenty minutes"
    wire.sandbox.faults.skew(21 * 60_000)
    assert await wire.refused(SUBMIT, {**LIMIT, "client_order_id": "c0"}) == (400, 50042)
    order_id = await wire.spot("buy", size="0.01", price="50000", client_order_id="last")
    await wire.data("/spot/v3/cancel_order", {"symbol": "BTC_USDT", "order_id": order_id})
    kept = [order.client_order_id for order in engine.spot.orders(uid)]
    assert kept == ["", "c4", "c5", "c6", "c7", "last"]
    assert engine.spot.orders(uid)[0].order_id == int(filled)


@pytest.mark.asyncio
async def test_quotation_errors_come_with_200(wire: Wire) -> None:
    """Public spot errors have HTTP status 200 and a code."""
    for path, query, code in (
        ("ticker", {"symbol": "NOPE"}, 70002),
        ("ticker", {}, 70001),
        ("klines", {"symbol": "BTC_USDT", "step": 7}, 71005),
        ("klines", {"symbol": "BTC_USDT", "after": 10, "before": 5}, 71003),
        ("klines", {"symbol": "BTC_USDT", "after": 0, "before": 10**7}, 71004),
    ):
        status, envelope = await wire.get(f"/spot/quotation/v3/{path}", **query)
        assert (status, envelope["code"]) == (200, code)


@pytest.mark.asyncio
async def test_candles_join(wire: Wire) -> None:
    """Candles of every length follow each other without a gap and each opens where the last closed."""
    for step in (1, 5, 60, 240, 1_440, 10_080):
        rows = (await wire.data("/spot/quotation/v3/klines", symbol="BTC_USDT", step=step))[::-1]
        assert len(rows) == 100
        for older, newer in pairwise(rows):
            assert int(newer[0]) - int(older[0]) == step * 60
            assert newer[1] == older[4]
            assert Decimal(older[3]) <= Decimal(older[1]) <= Decimal(older[2])
    since = int(rows[50][0])
    rows = await wire.data("/spot/quotation/v3/klines", symbol="BTC_USDT", step=10_080, after=since, limit=3)
    assert [int(row[0]) for row in rows] == [since, since + 604_800, since + 2 * 604_800]
