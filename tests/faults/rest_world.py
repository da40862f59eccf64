"""What the REST fault tests share: a client on a scripted server, and replies in the wire's shapes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from bitmart_async.ratelimit import Quota, RateLimits
from bitmart_async.rest.clients import FuturesClientV2, RestClient
from bitmart_async.rest.endpoint import Auth, Effect, Endpoint
from bitmart_async.rest.params import Whole
from tests.conftest import KEYS
from tests.scripted_http import ScriptedServer, answer, ok, refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SUBMIT = ("POST", "/spot/v2/submit_order")
FUTURES_SUBMIT = ("POST", "/contract/private/submit-order")
BATCH = ("POST", "/spot/v4/batch_orders")
CANCEL = ("POST", "/spot/v3/cancel_order")
TIME = ("GET", "/system/time")
BY_OWN_ID = ("POST", "/spot/v4/query/client-order")
BY_ID = ("POST", "/spot/v4/query/order")
OPEN = ("POST", "/spot/v4/query/open-orders")
HISTORY = ("POST", "/spot/v4/query/history-orders")
TRADES = ("POST", "/spot/v4/query/trades")

ORDER: dict[str, Any] = {
    "symbol": "ABC_USDT",
    "side": "sell",
    "type": "limit",
    "size": "1.5",
    "price": "0.00007",
}
FUTURES_ORDER: dict[str, Any] = {"symbol": "ABCUSDT", "side": 1, "type": "limit", "size": 2, "price": "7"}
TAKEN = ok({"order_id": 991})
"""The exchange took an order."""

HTML_PAGE = b"<!DOCTYPE html><html><head><title>Attention</title></head><body>blocked</body></html>"
NOT_FOUND = refusal(50005, "Order Id not found")

PING: Endpoint[object] = Endpoint(
    "test.ping", "GET", "/test/ping", Auth.NONE, Quota(100_000), returns=object, params=(Whole("n"),)
)
"""A read without a limit to speak of, for tests about something else."""
CHANGE: Endpoint[object] = Endpoint(
    "test.change", "POST", "/test/change", Auth.SIGNED, Quota(100_000), returns=object, effect=Effect.CHANGE
)
"""A change that is no order, such as a transfer."""


def spot_order(own: str, order_id: str = "991", state: str = "new") -> dict[str, object]:
    """A spot order as queries answer it."""
    return {
        "orderId": order_id,
        "clientOrderId": own,
        "symbol": "ABC_USDT",
        "side": "sell",
        "orderMode": "spot",
        "type": "limit",
        "state": state,
        "price": "0.00007",
        "priceAvg": "0",
        "size": "1.5",
        "filledSize": "0",
        "notional": "0.000105",
        "filledNotional": "0",
        "createTime": 1,
        "updateTime": 2,
    }


def spot_trade(own: str, order_id: str = "991") -> dict[str, object]:
    """A fill as queries answer it."""
    return {
        "tradeId": "3",
        "orderId": order_id,
        "clientOrderId": own,
        "symbol": "ABC_USDT",
        "side": "sell",
        "orderMode": "spot",
        "type": "limit",
        "price": "0.00007",
        "size": "1.5",
        "notional": "0.000105",
        "fee": "0",
        "feeCoinName": "USDT",
        "tradeRole": "maker",
        "createTime": 1,
        "updateTime": 1,
    }


def script_absent(server: ScriptedServer) -> None:
    """No query knows any order."""
    server.on(*BY_OWN_ID, answer(NOT_FOUND))
    server.on(*BY_ID, answer(NOT_FOUND))
    for listing in (OPEN, HISTORY, TRADES):
        server.on(*listing, answer(ok([])))


@contextlib.asynccontextmanager
async def spot(**options: Any) -> AsyncIterator[tuple[ScriptedServer, RestClient]]:
    """A server and a client with keys and short deadlines."""
    async with (
        ScriptedServer() as server,
        RestClient(**{**KEYS, "base_url": server.url, "timeout": 0.5, **options}) as client,
    ):
        yield server, client


@contextlib.asynccontextmanager
async def futures(**options: Any) -> AsyncIterator[tuple[ScriptedServer, FuturesClientV2]]:
    """The same for futures."""
    async with (
        ScriptedServer() as server,
        FuturesClientV2(**{**KEYS, "base_url": server.url, "timeout": 0.5, **options}) as client,
    ):
        yield server, client


def tight(requests: int, per: float = 2.0) -> RateLimits:
    """Limits whose default is so."""
    return RateLimits(default=Quota(requests, per))
