"""Deposits and withdrawals, from the application to the chain that is none."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from bitmart_async.sandbox.ledger import FEES

from .life import TRON
from .wire import Wire

if TYPE_CHECKING:
    from .wire import Frame

APPLY, HISTORY = "/account/v1/withdraw/apply", "/account/v2/deposit-withdraw/history"
DETAIL = "/account/v1/deposit-withdraw/detail"
CHAIN: Frame = {"currency": "USDT-TRC20", "amount": "100", "address": TRON}


@pytest.mark.asyncio
async def test_the_life_of_a_withdrawal(wire: Wire) -> None:
    """Created, submitted, processed, done: the money is frozen until it has left, the fee is paid."""
    wanted = (await wire.data(APPLY, CHAIN))["withdraw_id"]
    seen: list[int] = []
    for age in (0, 1_000, 2_500, 5_000):
        wire.sandbox.faults.skew(age)
        record = (await wire.data(DETAIL, id=wanted))["record"]
        seen.append(record["status"])
        held = wire.sandbox.account().balances["spot", "USDT"]
        assert (held.available, held.frozen) == (99_900, 100 if record["status"] < 3 else 0)
    assert seen == [0, 1, 2, 3]
    assert (Decimal(record["arrival_amount"]), Decimal(record["fee"])) == (99, 1)
    assert record["tx_id"]
    rows = (await wire.data(HISTORY, operation_type="withdraw", N=5))["records"]
    assert rows == [record]
    assert (await wire.data(HISTORY, operation_type="deposit", N=5))["records"] == []


@pytest.mark.asyncio
async def test_a_withdrawal_to_a_neighbour(wire: Wire) -> None:
    """To another BitMart account it costs nothing and is a deposit there; both wallets can be drawn from."""
    await wire.data("/account/v1/transfer", {"currency": "USDT", "amount": "99950", "type": "spot_to_fund"})
    await wire.data(APPLY, {"currency": "USDT-TRC20", "amount": "80", "type": 1, "value": "1002"})
    wire.sandbox.faults.skew(6_000)
    await wire.data("/account/v1/wallet")
    assert wire.sandbox.account("sub1").balances["spot", "USDT"].available == 80
    held = wire.sandbox.account().balances
    assert (held["spot", "USDT"].available, held["fund", "USDT"].available) == (0, 99_920)


@pytest.mark.asyncio
async def test_the_fee_is_paid_once(wire: Wire) -> None:
    """Drawn from both wallets, spot first, a withdrawal leaves nothing frozen and costs one fee."""
    await wire.data("/account/v1/transfer", {"currency": "USDT", "amount": "99950", "type": "spot_to_fund"})
    wanted = (await wire.data(APPLY, CHAIN))["withdraw_id"]
    wire.sandbox.faults.skew(6_000)
    record = (await wire.data(DETAIL, id=wanted))["record"]
    assert (Decimal(record["arrival_amount"]), Decimal(record["fee"])) == (99, 1)
    held = wire.sandbox.account().balances
    assert [(held[name, "USDT"].available, held[name, "USDT"].frozen) for name in ("spot", "fund")] == [
        (0, 0),
        (99_900, 0),
    ]
    assert wire.sandbox._exchange.ledger.held(FEES, "USDT") == 10**8


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"currency": "NOPE"}, 400, 60002),
        ({"currency": "USDT"}, 400, 60004),
        ({"amount": "9"}, 400, 60005),
        ({"amount": "100.0000001"}, 400, 60006),
        ({"address": "T9"}, 400, 60007),
        ({"amount": "0"}, 400, 61000),
        ({"amount": "200000"}, 400, 60008),
        ({"address_memo": "x"}, 400, 60014),
        ({"amount": "7000000"}, 403, 60064),
        ({"address": ""}, 400, 60000),
        ({"address": "", "type": 1, "value": "9"}, 403, 60053),
        ({"address": "", "type": 1, "value": "1001"}, 403, 60065),
        ({"sourceAccount": "FUND"}, 400, 60008),
        ({"currency": "ETH", "address": "0x0000000000000000000000000000000000000000"}, 400, 60015),
    ],
)
async def test_refused_withdrawals(wire: Wire, changed: Frame, status: int, code: int) -> None:
    """Each rule has its code, and nothing is frozen."""
    assert await wire.refused(APPLY, {**CHAIN, **changed}) == (status, code)
    assert wire.sandbox.account().balances["spot", "USDT"].frozen == 0


@pytest.mark.asyncio
async def test_history_and_sub_accounts(wire: Wire) -> None:
    """Ninety days at most; sub-accounts neither deposit nor withdraw."""
    day, now, sub = 86_400_000, wire.sandbox.now_ms(), Wire(wire.sandbox, wire.http, sub="sub1")
    asked: Frame = {"operation_type": "withdraw", "N": 5}
    assert await wire.refused(HISTORY, **asked, startTime=now - 91 * day) == (400, 60066)
    assert await wire.refused(HISTORY, **asked, startTime=now - 99 * day, endTime=now) == (400, 60067)
    assert await wire.refused(HISTORY, operation_type="withdraw") == (400, 60000)
    assert await wire.refused(DETAIL, id="7") == (400, 60010)
    assert await sub.refused(APPLY, CHAIN) == (403, 60054)
    assert await sub.refused("/account/v1/deposit/address", currency="BTC") == (403, 60026)


@pytest.mark.asyncio
async def test_deposits(wire: Wire) -> None:
    """A deposit arrives in the wallet that was chosen for deposits, and is listed."""
    number = wire.sandbox.deposit("BTC", "0.25")
    await wire.data("/account/v1/set-deposit-account", {"account_type": "FUND"})
    assert await wire.data("/account/v1/get-deposit-account") == {"account_type": "FUND"}
    wire.sandbox.deposit("USDT-ERC20", "12")
    held = wire.sandbox.account().balances
    assert (held["spot", "BTC"].available, held["fund", "USDT"].available) == (Decimal("2.25"), 12)
    rows = (await wire.data(HISTORY, operation_type="deposit", N=5))["records"]
    assert [(row["currency"], row["status"]) for row in rows] == [("USDT-ERC20", 3), ("BTC", 3)]
    assert rows[1]["deposit_id"] == number
    assert await wire.refused("/account/v1/set-deposit-account", {"account_type": "X"}) == (400, 60001)
    with pytest.raises(KeyError):
        wire.sandbox.deposit("NOPE", "1")
    with pytest.raises(ValueError, match="not an amount"):
        wire.sandbox.deposit("BTC", "-1")


@pytest.mark.asyncio
async def test_addresses_and_charges(wire: Wire) -> None:
    """An address is always the same; the day's allowance shrinks with each withdrawal."""
    asked = [await wire.data("/account/v1/deposit/address", currency="USDT-TRC20") for _ in range(2)]
    assert asked[0] == asked[1]
    assert await wire.refused("/account/v1/deposit/address", currency="USDT") == (400, 60003)
    assert await wire.refused("/account/v1/withdraw/charge", currency="X") == (400, 60002)
    await wire.data(
        APPLY, {"currency": "BTC", "amount": "1.5", "address": "bc1qsandboxnowhere0000000000000000000000"}
    )
    left = (await wire.data("/account/v1/withdraw/charge", currency="BTC"))["today_available_withdraw_BTC"]
    assert Decimal(left) == Decimal("98.5")
    codes = (await wire.data("/account/v1/currencies", currencies="BTC,USDT-TRC20"))["currencies"]
    assert [row["currency"] for row in codes] == ["BTC", "USDT-TRC20"]
