"""Algo orders on spot wait for the last price."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from .life import ALGO, ALGO_PATH

if TYPE_CHECKING:
    from .wire import Frame, Wire

QUERY = "/spot/v4/query/algo/"


async def place(wire: Wire, **changed: str) -> str:
    return (await wire.data(ALGO_PATH + "submit_order", {**ALGO, **changed}))["order_id"]


@pytest.mark.asyncio
async def test_triggers_by_the_last_price(wire: Wire) -> None:
    """A trigger below the price fires when it has fallen there, one above when it has risen there."""
    falling = await place(wire, client_order_id="Falls")
    rising = await place(
        wire, side="sell", type="tp/sl", trigger_price="66000", trigger_type="market", size="0.5", price=""
    )
    wire.sandbox.tick("BTC_USDT", last="60000.50")
    assert not wire.sandbox.account().orders
    assert len(await wire.data(QUERY + "open-orders", {})) == 2
    wire.sandbox.tick("BTC_USDT", last="59999.00")
    (bought,) = wire.sandbox.account().orders
    assert (bought.side, bought.type, bought.price, bought.size) == ("buy", "limit", 60_000, Decimal("0.001"))
    assert (await wire.data(QUERY + "order", {"orderId": falling}))["state"] == "filled"
    wire.sandbox.tick("BTC_USDT", last="66000.00")
    assert wire.sandbox.account().orders[1].filled == Decimal("0.5")
    rows = await wire.data(QUERY + "history-orders", {"orderMode": "tp/sl"})
    assert [row["orderId"] for row in rows] == [rising]
    assert await wire.data(QUERY + "open-orders", {}) == []


@pytest.mark.asyncio
async def test_one_that_cannot_be_paid_any_more(wire: Wire) -> None:
    """Nothing is frozen while it waits; when it fires without money the system cancels it."""
    wanted = await place(wire, side="sell", trigger_price="65000", price="65000", size="1.5")
    await wire.spot("sell", "market", size="1")
    wire.sandbox.tick("BTC_USDT", last="65001.00")
    order = await wire.data(QUERY + "order", {"orderId": wanted})
    assert (order["state"], order["cancelSource"]) == ("canceled", "system")


@pytest.mark.asyncio
async def test_cancel(wire: Wire) -> None:
    """The type must fit; all of one type go together."""
    first, second = await place(wire, client_order_id="A1"), await place(wire, type="tp/sl")
    body: Frame = {"symbol": "BTC_USDT", "order_id": first}
    assert await wire.refused(ALGO_PATH + "cancel_order", {**body, "type": "tp/sl"}) == (400, 50005)
    assert await wire.refused(ALGO_PATH + "cancel_order", body) == (400, 50028)
    await wire.data(ALGO_PATH + "cancel_order", {**body, "type": "trigger"})
    assert await wire.refused(ALGO_PATH + "cancel_order", {**body, "type": "trigger"}) == (400, 50030)
    order = await wire.data(QUERY + "client-order", {"clientOrderId": "A1", "queryState": "history"})
    assert (order["state"], order["cancelSource"]) == ("canceled", "user")
    assert await wire.refused(QUERY + "order", {"orderId": first, "queryState": "open"}) == (400, 50005)
    await wire.data(ALGO_PATH + "cancel_all", {"type": "trigger"})
    assert [row["orderId"] for row in await wire.data(QUERY + "open-orders", {})] == [second]
    await wire.data(ALGO_PATH + "cancel_all", {"type": "tp/sl", "symbol": "BTC_USDT"})
    assert await wire.data(QUERY + "open-orders", {}) == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"symbol": "NOPE_USDT"}, 50001),
        ({"side": "hold"}, 52002),
        ({"type": "wish"}, 52001),
        ({"side": ""}, 50028),
        ({"trigger_price": ""}, 50028),
        ({"trigger_price": "0"}, 50008),
        ({"price": ""}, 50011),
        ({"size": ""}, 50010),
        ({"size": "0.000001"}, 50006),
        ({"size": "100"}, 50020),
        ({"trigger_type": "market"}, 50012),
        ({"trigger_type": "x"}, 50021),
        ({"client_order_id": "a-b"}, 50038),
        ({"client_order_id": "x" * 33}, 50037),
        ({"client_order_id": "Taken"}, 50042),
    ],
)
async def test_refusals(wire: Wire, changed: Frame, code: int) -> None:
    """Each broken rule has its code and nothing is kept."""
    await place(wire, client_order_id="Taken")
    assert await wire.refused(ALGO_PATH + "submit_order", {**ALGO, **changed}) == (400, code)
    assert len(await wire.data(QUERY + "open-orders", {})) == 1
