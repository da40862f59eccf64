"""Savings: interest by the day, terms that end, money that comes back."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from .life import EARN, request_no

if TYPE_CHECKING:
    from .wire import Frame, Wire

DAY = 86_400_000
PAGE = {"currentPage": 1, "sizePage": 10}


def usdt(wire: Wire, wallet: str = "spot") -> Decimal:
    return wire.sandbox.account().balances[wallet, "USDT"].available


@pytest.mark.asyncio
async def test_flexible(wire: Wire) -> None:
    """Each full day pays its interest to spot, the first 500 at the better rate; the rest comes back."""
    body: Frame = {"productId": "1001", "amount": "1000", "requestNo": request_no()}
    assert await wire.data(EARN + "saving/subscribe", body) is True
    assert (usdt(wire), usdt(wire, "earn")) == (99_000, 1_000)
    wire.sandbox.faults.skew(2 * DAY + 5)
    (position,) = (await wire.data(EARN + "saving/earn", **PAGE))["list"]
    interest = (2 * (500 * Decimal("0.08") + 500 * Decimal("0.05")) / 365).quantize(
        Decimal("1e-8"), "ROUND_DOWN"
    )
    assert Decimal(position["totalProfit"]) == interest
    assert usdt(wire) == 99_000 + interest
    await wire.data(
        EARN + "saving/redeem", {"earnId": position["earnId"], "amount": "1000", "requestNo": request_no()}
    )
    assert (usdt(wire), usdt(wire, "earn")) == (100_000 + interest, 0)
    assert await wire.data(EARN + "earn") == []
    records = await wire.data(EARN + "saving/record", **PAGE, type="interest")
    assert [Decimal(row["amount"]) for row in records["list"]] == [interest]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("wish", "earn", "products"),
    [("OFF", 0, []), ("REINVEST_FIXED", 100, ["2001"]), ("REINVEST_FLEXIBLE", 100, ["1001"])],
)
async def test_fixed_terms_end(wire: Wire, wish: str, earn: int, products: list[str]) -> None:
    """At the end the interest is paid out, and the principal goes where it was told."""
    await wire.data(
        EARN + "saving/fixed/subscribe",
        {"productId": "2001", "amount": "100", "requestNo": request_no(), "autoSubscribe": wish},
    )
    wire.sandbox.faults.skew(30 * DAY + 5)
    flexible, fixed = [
        (await wire.data(EARN + path, **PAGE))["list"] for path in ("saving/earn", "saving/fixed/earn")
    ]
    interest = (100 * Decimal("0.08") * 30 / 365).quantize(Decimal("1e-8"), "ROUND_DOWN")
    assert usdt(wire) == 100_000 - earn + interest
    assert usdt(wire, "earn") == earn
    assert [row["productId"] for row in (*flexible, *fixed)] == products


@pytest.mark.asyncio
async def test_leaving_early_and_refusals(wire: Wire) -> None:
    """Early exit costs the interest; a requestNo has twenty digits and serves once."""
    number = request_no()
    body: Frame = {"productId": "2001", "amount": "100", "requestNo": number, "autoSubscribe": "OFF"}
    path = EARN + "saving/fixed/subscribe"
    await wire.data(path, body)
    for changed, code in (
        ({}, 61004),
        ({"requestNo": "1"}, 60000),
        ({"productId": "9"}, 60000),
        ({"amount": "0.5"}, 60005),
        ({"amount": "100001"}, 60009),
        ({"amount": "0"}, 61000),
        ({"autoSubscribe": "MAYBE"}, 60000),
        ({"productId": "2002", "amount": "3"}, 60008),
    ):
        fresh = {} if not changed else {"requestNo": request_no()}
        assert await wire.refused(path, {**body, **fresh, **changed}) == (400, code), changed
    wire.sandbox.faults.skew(3 * DAY)
    (position,) = (await wire.data(EARN + "saving/fixed/earn", **PAGE))["list"]
    await wire.data(EARN + "saving/fixed/redeem", {"earnId": position["earnId"], "requestNo": request_no()})
    assert usdt(wire) == 100_000


@pytest.mark.asyncio
async def test_switches(wire: Wire) -> None:
    """One product or all of them; they are kept and read back."""
    await wire.data(EARN + "saving/subscribe/batch/operate", {"autoSubscribe": "open"})
    assert await wire.data(EARN + "saving/subscribe/batch") == {"batchSubscribeStatus": "ON"}
    await wire.data(EARN + "saving/subscribe/operate", {"productId": "1002", "autoSubscribe": "close"})
    assert await wire.data(EARN + "saving/subscribe/status", productId="1002") == {"subscribeStatus": "OFF"}
    assert await wire.data(EARN + "saving/subscribe/batch") == {"batchSubscribeStatus": "OFF"}
