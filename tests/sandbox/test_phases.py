"""The end of a venue can be tried: each phase refuses what is over and still serves the rest."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from .wire import Wire, stream

if TYPE_CHECKING:
    from bitmart_async.sandbox import Sandbox

SUBMIT, CONTRACT = "/spot/v2/submit_order", "/contract/private/submit-order"
ORDER = {"symbol": "BTC_USDT", "side": "buy", "type": "limit", "size": "0.01", "price": "50000"}
LONG = {"symbol": "BTCUSDT", "side": 1, "type": "market", "size": 10, "leverage": "10", "open_type": "cross"}


async def code(wire: Wire, path: str, body: dict[str, object]) -> int:
    return int((await wire.post(path, body))[1]["code"])


@pytest.mark.asyncio
async def test_each_phase_refuses_a_bit_more(wire: Wire) -> None:
    """Deposits end first, then spot orders, then all trading; reading and cancelling work to the last."""
    sandbox = wire.sandbox
    assert sandbox.phase == "open"
    number = (await wire.post(SUBMIT, ORDER))[1]["data"]["order_id"]

    sandbox.phase = "deposits_suspended"
    with pytest.raises(RuntimeError, match="deposits_suspended"):
        sandbox.deposit("USDT-TRC20", "10")
    status, reply = await wire.get("/account/v1/deposit/address", currency="USDT-TRC20")
    assert (status, reply["code"]) == (400, 60003)
    rows = (await wire.data("/account/v1/currencies"))["currencies"]
    assert not any(row["deposit_enabled"] for row in rows)
    assert await code(wire, SUBMIT, ORDER) == 1000

    sandbox.phase = "no_new_spot_orders"
    assert await code(wire, SUBMIT, ORDER) == 51008
    assert await code(wire, "/spot/v3/cancel_order", {"symbol": "BTC_USDT", "order_id": number}) == 1000
    assert await code(wire, CONTRACT, LONG) == 1000
    away = {"currency": "USDT-TRC20", "amount": "100", "address": "TSandboxNowhere11111111111111111111"}
    assert await code(wire, "/account/v1/withdraw/apply", away) == 1000

    sandbox.phase = "trading_over"
    truth = sandbox.account()
    assert not truth.open_orders
    assert not truth.positions
    assert truth.balances["futures", "USDT"].margin == 0
    assert await code(wire, CONTRACT, LONG) == 40015
    assert (await wire.data("/contract/private/trades", symbol="BTCUSDT"))[0]["vol"] == "10"

    sandbox.phase = "open"
    assert await code(wire, SUBMIT, ORDER) == 1000
    assert sandbox.deposit("USDT-TRC20", "10")


@pytest.mark.asyncio
async def test_a_closed_venue_serves_nobody(wire: Wire) -> None:
    """Every call is a 503 with a code, every socket is cut and none is opened."""
    sandbox = wire.sandbox
    async with stream(sandbox.environment.spot_public) as socket:
        await sandbox.until(lambda seen: seen.open_sessions == 1)
        sandbox.phase = "closed"
        with pytest.raises(ConnectionClosed):
            await socket.read()
    status, reply = await wire.get("/system/time")
    assert (status, reply["code"]) == (503, 30014)
    with pytest.raises(InvalidStatus, match="503"):
        async with stream(sandbox.environment.spot_public):
            pass


@pytest.mark.asyncio
async def test_a_phase_must_exist(sandbox: Sandbox) -> None:
    """A mistyped phase is refused with the choice."""
    with pytest.raises(ValueError, match="one of open, deposits_suspended"):
        sandbox.phase = "finished"  # type: ignore[assignment]


@pytest.mark.asyncio
@pytest.mark.parametrize(("owed", "last"), [("USDT", "9000"), ("BTC", "400000")])
async def test_a_margin_account_is_liquidated(wire: Wire, owed: str, last: str) -> None:
    """When debts are nearly all there is, orders are cancelled, assets traded and debts repaid."""
    sandbox = wire.sandbox
    held = "BTC" if owed == "USDT" else "USDT"
    margin = "/spot/v1/margin/isolated/"
    moved = {"symbol": "BTC_USDT", "currency": held, "amount": "0.5" if held == "BTC" else "32000"}
    assert await code(wire, f"{margin}transfer", moved | {"side": "in"}) == 1000
    loan = {"symbol": "BTC_USDT", "currency": owed, "amount": "40000" if owed == "USDT" else "0.6"}
    assert await code(wire, f"{margin}borrow", loan) == 1000
    body = {"symbol": "BTC_USDT", "type": "market", "side": "buy", "notional": "39000"}
    if owed == "BTC":
        body = {"symbol": "BTC_USDT", "type": "market", "side": "sell", "size": "0.6"}
    assert await code(wire, "/spot/v1/margin/submit_order", body) == 1000
    sandbox.tick("BTC_USDT", last=last)
    (row,) = (await wire.data(f"{margin}account", symbol="BTC_USDT"))["symbols"]
    for side in ("base", "quote"):
        assert Decimal(row[side]["borrow_unpaid"]) == Decimal(row[side]["interest_unpaid"]) == 0
    assert row["risk_level"] == "1"
    exchange = sandbox._exchange
    assert exchange.ledger.total("BTC") == exchange.ledger.total("USDT") == 0
