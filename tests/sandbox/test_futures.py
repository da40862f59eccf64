"""Futures orders and positions over the wire, checked with sums done by hand.

One contract is 0.001 BTC. The still book of seed 1 has asks from 64000.5 and bids from 64000.0, with more
than 100 contracts on the best levels.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from bitmart_async.sandbox.calls import Call
from bitmart_async.sandbox.exchange import Exchange
from bitmart_async.sandbox.routes import FUTURES_ROUTES

if TYPE_CHECKING:
    from .wire import Frame, Wire

SUBMIT = "/contract/private/submit-order"
PRIVATE = "/contract/private/"


async def assets(wire: Wire) -> dict[str, Decimal]:
    row = (await wire.data(PRIVATE + "assets-detail"))[0]
    return {
        name: Decimal(row[name])
        for name in ("available_balance", "frozen_balance", "position_deposit", "equity", "unrealized")
    }


async def position(wire: Wire, side: str = "both") -> Frame:
    rows = await wire.data(PRIVATE + "position-v2", symbol="BTCUSDT")
    return next(row for row in rows if row["position_side"] == side)


@pytest.mark.asyncio
async def test_open_and_close_one_way(wire: Wire) -> None:
    """Margin, fees and profit of a round trip in one-way mode are what pencil and paper say."""
    await wire.contract(1, 100, leverage="20", open_type="isolated")
    value = Decimal("6400.05")  # 100 contracts, 0.1 BTC at 64000.5
    fee, margin = value * Decimal("0.0006"), value / 20
    held = await assets(wire)
    assert held["position_deposit"] == margin
    assert held["available_balance"] == 50_000 - margin - fee
    assert held["unrealized"] == Decimal("0.1") * (Decimal("64000.25") - Decimal("64000.5"))
    assert held["equity"] == 50_000 - fee + held["unrealized"]
    row = await position(wire)
    assert (row["entry_price"], row["current_amount"], row["position_amount"], row["leverage"]) == (
        "64000.5",
        "100",
        "100",
        "20",
    )
    liquidation = (value - margin) / Decimal("0.995") / Decimal("0.1")  # 0.5 % of what it is worth there
    assert abs(Decimal(row["liquidation_price"]) - liquidation) < Decimal("0.1")
    wire.sandbox.tick("BTCUSDT", last="64100.0")
    best_bid = Decimal((await wire.data("/contract/public/depth", symbol="BTCUSDT"))["bids"][0][0])
    assert best_bid == Decimal("64099.5")
    await wire.contract(4, 60)  # an ordinary sell closes first in one-way mode
    profit = Decimal("0.06") * (best_bid - Decimal("64000.5"))
    close_fee = Decimal("0.06") * best_bid * Decimal("0.0006")
    held = await assets(wire)
    assert held["position_deposit"] == margin * Decimal("0.4")
    assert held["available_balance"] == 50_000 - margin * Decimal("0.4") - fee + profit - close_fee
    row = await position(wire)
    assert (row["current_amount"], Decimal(row["realized_value"]), row["close_vol"]) == ("40", profit, "60")
    await wire.contract(4, 70)  # closes 40 and opens 30 short
    row = await position(wire)
    assert (row["current_amount"], row["position_amount"], row["entry_price"]) == ("30", "-30", "64099.5")
    flows = await wire.data(PRIVATE + "transaction-history")
    held = await assets(wire)
    assert sum(Decimal(flow["amount"]) for flow in flows) == (
        held["available_balance"] + held["frozen_balance"] + held["position_deposit"]
    )


@pytest.mark.asyncio
async def test_hedge_mode_holds_both_legs(wire: Wire) -> None:
    """In hedge mode long and short stand side by side and close apart."""
    assert await wire.data(PRIVATE + "get-position-mode") == {"position_mode": "one_way_mode"}
    await wire.data(PRIVATE + "set-position-mode", {"position_mode": "hedge_mode"})
    await wire.contract(1, 10, leverage="10", open_type="cross")
    await wire.contract(4, 20)
    rows = {row["position_type"]: row for row in await wire.data(PRIVATE + "position")}
    assert (rows[1]["current_amount"], rows[1]["open_avg_price"], rows[1]["margin_type"]) == (
        "10",
        "64000.5",
        "Cross",
    )
    assert (rows[2]["current_amount"], rows[2]["open_avg_price"]) == ("20", "64000")
    status, envelope = await wire.post(PRIVATE + "set-position-mode", {"position_mode": "one_way_mode"})
    assert (status, envelope["code"]) == (400, 40059)
    await wire.contract(3, 10)
    assert (await position(wire, "long"))["current_amount"] == "0"
    assert (await position(wire, "short"))["current_amount"] == "20"
    assert [r["position_side"] for r in await wire.data(PRIVATE + "position-risk")] == ["Short"]
    status, envelope = await wire.post(SUBMIT, {"symbol": "BTCUSDT", "side": 3, "size": 1, "type": "market"})
    assert (status, envelope["code"]) == (400, 40021)
    await wire.data(PRIVATE + "close-all-position", {"contractType": 1})
    assert await wire.data(PRIVATE + "position") == []
    held = await assets(wire)
    assert held["position_deposit"] == held["frozen_balance"] == 0


@pytest.mark.asyncio
async def test_a_resting_order_freezes_margin_and_fee(wire: Wire) -> None:
    """An opening limit order holds value / leverage plus the taker fee, and gives it back."""
    status, envelope = await wire.post(
        SUBMIT,
        {
            "symbol": "BTCUSDT",
            "side": 1,
            "size": 100,
            "price": "60000.0",
            "leverage": "10",
            "open_type": "isolated",
            "client_order_id": "Own1",
        },
    )
    assert status == 200
    assert isinstance(envelope["data"]["order_id"], int)
    assert envelope["data"]["price"] == "60000"
    assert (await assets(wire))["frozen_balance"] == 600 + Decimal("3.6")
    order_id = str(envelope["data"]["order_id"])
    row = await wire.data(PRIVATE + "order", symbol="BTCUSDT", order_id=order_id)
    assert (row["order_id"], row["state"], row["deal_avg_price"], row["deal_size"]) == (order_id, 2, "0", "0")
    body = {"symbol": "BTCUSDT", "order_id": int(order_id), "price": "61000", "size": 50}
    data = await wire.data(PRIVATE + "modify-limit-order", body)
    assert data == {"order_id": int(order_id), "client_order_id": "Own1"}
    assert (await assets(wire))["frozen_balance"] == 305 + Decimal("1.83")
    assert await wire.data(PRIVATE + "cancel-order", {"symbol": "BTCUSDT", "client_order_id": "Own1"}) == {}
    assert (await assets(wire))["available_balance"] == 50_000
    row = (await wire.data(PRIVATE + "order-history", symbol="BTCUSDT", client_order_id="Own1"))[0]
    assert (row["state"], row["deal_size"], row["size"]) == (4, "0", "50")
    _, envelope = await wire.post(PRIVATE + "cancel-order", {"symbol": "BTCUSDT", "order_id": order_id})
    assert envelope["code"] == 40036


@pytest.mark.asyncio
async def test_cancel_without_an_id_cancels_the_symbol(wire: Wire) -> None:
    """The exchange's trap is kept: no id means every order of the symbol."""
    for price in ("60000", "60001"):
        await wire.contract(1, 1, price=price)
    assert len(await wire.data(PRIVATE + "get-open-orders")) == 2
    await wire.data(PRIVATE + "cancel-order", {"symbol": "BTCUSDT"})
    assert await wire.data(PRIVATE + "get-open-orders") == []


@pytest.mark.asyncio
async def test_the_dead_mans_switch(wire: Wire) -> None:
    """Armed and not renewed, it cancels the symbol's orders; 0 takes it off."""
    await wire.contract(1, 1, price="60000")
    data = await wire.data(PRIVATE + "cancel-all-after", {"symbol": "BTCUSDT", "timeout": 5})
    assert data["cancel_time"] - data["set_time"] == 5
    data = await wire.data(PRIVATE + "cancel-all-after", {"symbol": "BTCUSDT", "timeout": 0})
    assert "cancel_time" not in data
    await wire.data(PRIVATE + "cancel-all-after", {"symbol": "BTCUSDT", "timeout": 5})
    wire.sandbox.faults.skew(6_000)
    while await wire.data(PRIVATE + "get-open-orders"):
        pass
    _, envelope = await wire.post(PRIVATE + "cancel-all-after", {"symbol": "BTCUSDT", "timeout": 4})
    assert envelope["code"] == 40007


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"symbol": "NOPE"}, 400, 40034),
        ({"side": 5}, 400, 40041),
        ({"side": "1"}, 400, 40041),
        ({"type": "wish"}, 400, 40042),
        ({"price": "60000.05"}, 400, 40043),
        ({"size": 0}, 400, 40044),
        ({"size": 2_000_000}, 400, 40044),
        ({"size": "1"}, 400, 40044),
        ({"open_type": "shared"}, 400, 40045),
        ({"client_order_id": "a-b"}, 403, 40048),
        ({"client_order_id": "x" * 33}, 403, 40049),
        ({"client_order_id": "Taken"}, 403, 40050),
        ({"leverage": "101"}, 400, 40029),
        ({"leverage": "0"}, 400, 40030),
        ({"size": 100_000, "leverage": "10"}, 200, 42000),
        ({"side": 3}, 400, 40021),
        ({"mode": 9}, 400, 40007),
        ({"price": "many"}, 400, 40007),
    ],
)
async def test_refusals(wire: Wire, changed: Frame, status: int, code: int) -> None:
    """Each broken rule has its code and status, one of them 200, and freezes nothing."""
    await wire.contract(1, 1, price="60000", client_order_id="Taken")
    await wire.data(PRIVATE + "cancel-orders", {"symbol": "BTCUSDT"})
    body = {"symbol": "BTCUSDT", "side": 1, "type": "limit", "size": 1, "price": "60000", **changed}
    got, envelope = await wire.post(SUBMIT, body)
    assert (got, envelope["code"]) == (status, code)
    assert set(envelope) == {"code", "message", "trace"}
    assert (await assets(wire))["available_balance"] == 50_000


@pytest.mark.asyncio
async def test_leverage_cannot_change_under_a_position(wire: Wire) -> None:
    """Another leverage or margin mode is refused while a position or order is open."""
    path = PRIVATE + "submit-leverage"
    body = {"symbol": "BTCUSDT", "leverage": "5", "open_type": "isolated"}
    assert await wire.data(path, body) == {**body, "max_value": "100"}
    await wire.contract(1, 1)
    assert (await wire.post(path, body | {"leverage": "6"}))[1]["code"] == 40040
    assert (await wire.post(path, body | {"open_type": "cross"}))[1]["code"] == 40040
    assert (
        await wire.post(
            SUBMIT, {"symbol": "BTCUSDT", "side": 1, "type": "market", "size": 1, "leverage": "7"}
        )
    )[1]["code"] == 40040
    assert await wire.data(path, body) == {**body, "max_value": "100"}


@pytest.mark.asyncio
async def test_modes_of_an_order(wire: Wire) -> None:
    """Fill-or-kill fills whole or not at all; maker-only that would take is cancelled."""

    async def end(order_id: str) -> tuple[int, str]:
        row = await wire.data(PRIVATE + "order", symbol="BTCUSDT", order_id=order_id)
        return row["state"], row["deal_size"]

    assert await end(await wire.contract(1, 7_000, price="64000.5", mode=2)) == (4, "0")
    assert await end(await wire.contract(1, 100, price="64000.5", mode=2)) == (4, "100")
    assert await end(await wire.contract(1, 1, price="64001", mode=4)) == (4, "0")
    assert await end(await wire.contract(1, 1, price="63000", mode=4)) == (2, "0")


@pytest.mark.asyncio
async def test_reduce_only_orders_shrink_with_the_position(wire: Wire) -> None:
    """A closing order that promises more than is left of the position is cancelled."""
    await wire.contract(1, 10)
    order_id = await wire.contract(3, 8, price="70000")
    _, envelope = await wire.post(SUBMIT, {"symbol": "BTCUSDT", "side": 3, "size": 3, "type": "market"})
    assert envelope["code"] == 40020
    await wire.contract(4, 5)
    row = await wire.data(PRIVATE + "order", symbol="BTCUSDT", order_id=order_id)
    assert row["state"] == 4
    assert (await position(wire))["current_amount"] == "5"


@pytest.mark.asyncio
async def test_public_errors(wire: Wire) -> None:
    """Unknown symbols are 40034, for details 40012; a bad step is 40038."""
    for name, query, code in (
        ("depth", {"symbol": "NOPE"}, 40034),
        ("depth", {}, 40034),
        ("details", {"symbol": "NOPE"}, 40012),
        ("kline", {"symbol": "BTCUSDT", "step": 2}, 40038),
        ("kline", {"symbol": "BTCUSDT", "start_time": 1}, 40039),
    ):
        status, envelope = await wire.get(f"/contract/public/{name}", **query)
        assert (status, envelope["code"]) == (400, code)


@pytest.mark.asyncio
async def test_units_of_the_public_trades(wire: Wire) -> None:
    """Public trades count coins and seconds, own trades contracts and milliseconds."""
    await wire.contract(1, 30)
    trade = (await wire.data("/contract/public/market-trade", symbol="BTCUSDT", limit=1))[0]
    assert (trade["qty"], trade["quote_qty"], trade["is_buyer_maker"]) == ("0.03", "1920.015", False)
    mine = (await wire.data(PRIVATE + "trades", symbol="BTCUSDT"))[0]
    assert (mine["vol"], mine["exec_type"], mine["create_time"] // 1_000) == ("30", "Taker", trade["time"])
    assert Decimal(mine["paid_fees"]) == Decimal("1920.015") * Decimal("0.0006")
    seconds = wire.sandbox.now_ms() // 1_000
    query = {"symbol": "BTCUSDT", "start_time": seconds - 60, "end_time": seconds + 1}
    assert len(await wire.data(PRIVATE + "trades", **query)) == 1
    query = {"symbol": "BTCUSDT", "start_time": seconds - 60, "end_time": seconds - 30}
    assert await wire.data(PRIVATE + "order-history", **query) == []


def test_an_empty_side_is_null() -> None:
    """A contract without orders has null where the levels would be."""
    exchange = Exchange(seed=1)
    route = next(route for route in FUTURES_ROUTES if route.path == "/contract/public/depth")
    data = route.handler(Call({"symbol": "BTCUSDT"}, exchange, None, exchange.now_ms()))
    assert isinstance(data, dict)
    assert (data["asks"], data["bids"]) == (None, None)
