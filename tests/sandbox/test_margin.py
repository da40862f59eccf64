"""Isolated margin: loans that cost by the hour, orders out of a wallet of their own."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from .life import ISOLATED

if TYPE_CHECKING:
    from .wire import Frame, Wire

PAIR: Frame = {"symbol": "BTC_USDT", "currency": "USDT"}
HOUR, RATE = 3_600_000, Decimal("0.00002291")
SUBMIT = "/spot/v1/margin/submit_order"


async def account(wire: Wire) -> Frame:
    return (await wire.data(ISOLATED + "account", symbol="BTC_USDT"))["symbols"][0]


@pytest.mark.asyncio
async def test_borrow_pay_interest_repay(wire: Wire) -> None:
    """Every hour begun costs the hourly rate; a repayment pays interest first, and closes the loan."""
    await wire.data(ISOLATED + "transfer", {**PAIR, "amount": "1000", "side": "in"})
    assert (await account(wire))["risk_rate"] == "999.00"
    borrowed = await wire.data(ISOLATED + "borrow", {**PAIR, "amount": "2000"})
    wire.sandbox.faults.skew(2 * HOUR + 1)
    row = await account(wire)
    interest = 2000 * RATE * 3
    assert Decimal(row["quote"]["interest_unpaid"]) == interest
    assert (row["quote"]["borrow_unpaid"], row["quote"]["available"]) == ("2000.00000000", "3000.00000000")
    assert row["liquidate_price"] is None  # no coins whose price could matter
    await wire.data(ISOLATED + "repay", {**PAIR, "amount": "500"})
    (repaid,) = (await wire.data(ISOLATED + "repay_record", symbol="BTC_USDT"))["records"]
    assert (Decimal(repaid["repaid_interest"]), Decimal(repaid["repaid_principal"])) == (
        interest,
        500 - interest,
    )
    left = (await account(wire))["quote"]["borrow_unpaid"]
    await wire.data(ISOLATED + "repay", {**PAIR, "amount": left})
    assert await wire.refused(ISOLATED + "repay", {**PAIR, "amount": "1"}) == (400, 51024)
    (loan,) = (await wire.data(ISOLATED + "borrow_record", symbol="BTC_USDT"))["records"]
    assert loan["borrow_id"] == borrowed["borrow_id"]
    assert Decimal(loan["interest_amount"]) == interest
    await wire.data(ISOLATED + "transfer", {**PAIR, "amount": str(1000 - interest), "side": "out"})
    assert wire.sandbox.account().balances["spot", "USDT"].available == 100_000 - interest


@pytest.mark.asyncio
async def test_margin_refusals(wire: Wire) -> None:
    """Limits of borrowing and repaying, and coins stay while they secure a loan."""
    assert await wire.refused(ISOLATED + "borrow", {**PAIR, "amount": "1"}) == (400, 51004)
    await wire.data(ISOLATED + "transfer", {**PAIR, "amount": "1000", "side": "in"})
    pairs = (await wire.data(ISOLATED + "pairs"))["symbols"][0]
    assert Decimal(pairs["quote"]["borrowable_amount"]) == 4000
    for path, body, refused in (
        ("borrow", {"amount": "4000.00000001"}, (400, 51004)),
        ("borrow", {"amount": "0.000000009"}, (400, 51005)),
        ("borrow", {"currency": "ETH"}, (400, 51000)),
        ("borrow", {"symbol": "NOPE_USDT"}, (400, 50001)),
        ("repay", {}, (400, 51024)),
        ("borrow", {"amount": "0"}, (400, 50021)),
        ("transfer", {"side": "up"}, (400, 50021)),
        ("transfer", {"side": "out", "amount": "1001"}, (400, 50020)),
        ("transfer", {"side": "in", "amount": "1000000"}, (400, 50020)),
    ):
        assert await wire.refused(ISOLATED + path, {**PAIR, "amount": "1", **body}) == refused, (path, body)
    await wire.data(ISOLATED + "borrow", {**PAIR, "amount": "1000"})
    assert await wire.refused(ISOLATED + "repay", {**PAIR, "amount": "1001"}) == (400, 51006)
    assert await wire.refused(ISOLATED + "transfer", {**PAIR, "amount": "500", "side": "out"}) == (500, 59006)


@pytest.mark.asyncio
async def test_margin_orders(wire: Wire) -> None:
    """An order is paid out of the margin wallet through the same book, and says so wherever it is shown."""
    body = {"symbol": "BTC_USDT", "side": "buy", "type": "market", "notional": "640.005"}
    assert await wire.refused(SUBMIT, body) == (400, 50020)
    await wire.data(ISOLATED + "transfer", {**PAIR, "amount": "1000", "side": "in"})
    bought = (await wire.data(SUBMIT, body))["order_id"]
    held = wire.sandbox.account().balances
    assert held["margin:BTC_USDT", "BTC"].available == Decimal("0.01")
    assert held["spot", "BTC"].available == 2
    order = await wire.order(bought)
    assert (order["orderMode"], order["state"]) == ("iso_margin", "filled")
    assert [
        row["orderId"] for row in await wire.data("/spot/v4/query/trades", {"orderMode": "iso_margin"})
    ] == [bought]
    assert await wire.data("/spot/v4/query/trades", {"orderMode": "spot"}) == []
    resting = (
        await wire.data(
            SUBMIT,
            {
                **body,
                "side": "sell",
                "type": "limit",
                "size": "0.01",
                "price": "70000",
                "clientOrderId": "Sell1",
            },
        )
    )["order_id"]
    assert wire.sandbox.account().balances["margin:BTC_USDT", "BTC"].frozen == Decimal("0.01")
    await wire.data("/spot/v3/cancel_order", {"symbol": "BTC_USDT", "order_id": resting})
    assert wire.sandbox.account().balances["margin:BTC_USDT", "BTC"].frozen == 0
