"""Programs tested with aioresponses keep their tests."""

from __future__ import annotations

from decimal import Decimal

import pytest
from aioresponses import aioresponses

from bitmart_async.errors import RateLimited
from bitmart_async.rest.clients import RestClient
from tests.conftest import KEYS

pytestmark = pytest.mark.usefixtures("adapted_aioresponses")

HOST = "https://api-cloud.bitmart.com"


async def test_a_read_can_be_answered_by_aioresponses() -> None:
    """A user's aioresponses answer comes out of the client as the typed data."""
    with aioresponses() as mocked:
        mocked.get(
            f"{HOST}/spot/v1/trade_fee?symbol=ABC_USDT",
            payload={
                "code": 1000,
                "message": "OK",
                "trace": "t",
                "data": {
                    "symbol": "ABC_USDT",
                    "buy_taker_fee_rate": "0.0035",
                    "sell_taker_fee_rate": "0.0036",
                    "buy_maker_fee_rate": "0.0021",
                    "sell_maker_fee_rate": "0.0022",
                },
            },
        )
        async with RestClient(**KEYS) as client:
            fee = await client.get_actual_spot_trade_fee_rate_v1("ABC_USDT")
    assert fee.buy_taker_fee_rate == Decimal("0.0035")


async def test_a_refused_order_can_be_played_by_aioresponses() -> None:
    """Errors too: a 429 answered twice is RateLimited, and the client asked exactly twice."""
    with aioresponses() as mocked:
        limits = {
            "X-BM-RateLimit-Remaining": "1",
            "X-BM-RateLimit-Limit": "40",
            "X-BM-RateLimit-Reset": "0.05",
        }
        for _ in range(2):
            mocked.post(
                f"{HOST}/spot/v2/submit_order",
                status=429,
                headers=limits,
                payload={"code": 30013, "message": "slow down", "trace": "t", "data": {}},
            )
        async with RestClient(**KEYS) as client:
            with pytest.raises(RateLimited) as caught:
                await client.submit_spot_order_v2("ABC_USDT", side="sell", type="market", size=1)
        assert len([key for key, calls in mocked.requests.items() for _ in calls]) == 2
    assert caught.value.retry_after == 0.05
