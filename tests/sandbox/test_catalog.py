"""Every path of the catalog, called over HTTP with what it requires, answers in the catalog's shape.

The catalog of wire facts lies beside the repository and is not part of it; without it there is nothing to
compare with, and these tests are skipped.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio

from bitmart_async.sandbox import Sandbox
from bitmart_async.sandbox.routes import FUTURES_ROUTES, SPOT_ROUTES
from bitmart_async.sandbox.signatures import Auth

from .life import (
    ALGO,
    EARN,
    FUTURES_SUB,
    ISOLATED,
    PLAN,
    PRIVATE,
    SPOT_SUB,
    STOP,
    TRAIL,
    TRON,
    live,
    request_no,
)
from .shapes import faults
from .wire import Wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CATALOG = Path(__file__).resolve().parents[3] / "shared" / "api"
Row = dict[str, Any]
SWEEPING = ("/spot/v4/cancel_all", "/contract/private/cancel-orders")
"""Called last: they take away what others read."""


def catalog() -> list[tuple[str, Row]]:
    if not CATALOG.is_dir():
        return []
    rows = [
        (host, row)
        for host in ("spot", "futures")
        for row in json.loads((CATALOG / f"rest-{host}.json").read_text())
    ]
    return sorted(rows, key=lambda row: row[1]["path"] in SWEEPING)


ROWS = catalog()
PAGE = {"currentPage": 1, "sizePage": 10}
WEEK = {"start_time": "$week_ago", "end_time": "$now"}
PAIR = {"symbol": "BTC_USDT", "currency": "USDT", "amount": "10"}
CANDLES = {"symbol": "BTCUSDT", "start_time": "$week_ago", "end_time": "$now", "step": 60}
SUB = {"requestNo": "$uuid", "amount": "0.01", "subAccount": "sub1"}
CONTRACT = {"symbol": "BTCUSDT"}
PARAMS: dict[str, Row] = {
    **{
        f"/spot/quotation/v3/{name}": {"symbol": "BTC_USDT"}
        for name in ("ticker", "books", "trades", "klines", "lite-klines")
    },
    **{
        f"/contract/public/{name}": CONTRACT
        for name in (
            "details",
            "depth",
            "market-trade",
            "open-interest",
            "funding-rate",
            "funding-rate-v2",
            "funding-rate-history",
        )
    },
    "/contract/public/kline": CANDLES,
    "/contract/public/markprice-kline": CANDLES,
    "/account/v1/wallet": {"needUsdValuation": "true"},
    "/account/v1/deposit/address": {"currency": "USDT-TRC20"},
    "/account/v1/withdraw/charge": {"currency": "BTC"},
    "/account/v1/withdraw/apply": {"currency": "USDT-TRC20", "amount": "20", "address": TRON},
    "/account/v2/deposit-withdraw/history": {"operation_type": "withdraw", "N": 10},
    "/account/v1/deposit-withdraw/detail": {"id": "$withdrawal"},
    "/account/v1/set-deposit-account": {"account_type": "SPOT"},
    "/account/v1/transfer": {"currency": "USDT", "amount": "1", "type": "fund_to_spot"},
    "/account/v1/transfer-contract": {"currency": "USDT", "amount": "1", "type": "contract_to_spot"},
    "/account/v1/transfer-contract-list": {"page": 1, "limit": 10},
    "/spot/v1/trade_fee": {"symbol": "BTC_USDT"},
    "/spot/v2/submit_order": {
        "symbol": "BTC_USDT",
        "side": "sell",
        "type": "limit",
        "size": "0.01",
        "price": "90000",
    },
    "/spot/v4/batch_orders": {
        "symbol": "BTC_USDT",
        "orderParams": [{"side": "buy", "type": "limit", "size": "0.01", "price": "50000"}],
    },
    "/spot/v3/cancel_order": {"symbol": "BTC_USDT", "order_id": "$spot_cancel"},
    "/spot/v4/cancel_orders": {"symbol": "BTC_USDT", "orderIds": "$spot_cancels"},
    "/spot/v4/query/order": {"orderId": "$filled"},
    "/spot/v4/query/client-order": {"clientOrderId": "Mine1"},
    "/spot/v4/query/order-trades": {"orderId": "$filled"},
    "/spot/v4/algo/submit_order": ALGO,
    "/spot/v4/algo/cancel_order": {"symbol": "BTC_USDT", "order_id": "$algo_cancel", "type": "trigger"},
    "/spot/v4/algo/cancel_all": {"type": "tp/sl"},
    "/spot/v4/query/algo/order": {"orderId": "$algo"},
    "/spot/v4/query/algo/client-order": {"clientOrderId": "Algo0"},
    "/spot/v1/margin/submit_order": {"symbol": "BTC_USDT", "side": "buy", "type": "market", "notional": "50"},
    ISOLATED + "transfer": {**PAIR, "side": "in"},
    ISOLATED + "borrow": PAIR,
    ISOLATED + "repay": PAIR,
    ISOLATED + "borrow_record": {"symbol": "BTC_USDT"},
    ISOLATED + "repay_record": {"symbol": "BTC_USDT"},
    SPOT_SUB + "main/v1/sub-to-main": {**SUB, "currency": "BTC"},
    SPOT_SUB + "main/v1/main-to-sub": {**SUB, "currency": "BTC"},
    SPOT_SUB + "sub/v1/sub-to-main": {**SUB, "currency": "BTC"},
    SPOT_SUB + "main/v1/sub-to-sub": {
        "requestNo": "$uuid",
        "amount": "0.01",
        "currency": "BTC",
        "fromAccount": "sub1",
        "toAccount": "sub2",
    },
    SPOT_SUB + "main/v1/transfer-list": {"moveType": "spot to spot", "N": 10},
    SPOT_SUB + "v1/transfer-history": {"moveType": "spot to spot", "N": 10},
    SPOT_SUB + "main/v1/wallet": {"subAccount": "sub1"},
    FUTURES_SUB + "main/v1/sub-to-main": {**SUB, "currency": "USDT"},
    FUTURES_SUB + "main/v1/main-to-sub": {**SUB, "currency": "USDT"},
    FUTURES_SUB + "sub/v1/sub-to-main": {**SUB, "currency": "USDT"},
    FUTURES_SUB + "main/v1/wallet": {"subAccount": "sub1"},
    FUTURES_SUB + "main/v1/transfer-list": {"subAccount": "sub1", "limit": 10},
    FUTURES_SUB + "v1/transfer-history": {"limit": 10},
    EARN + "saving/product": PAGE,
    EARN + "saving/earn": PAGE,
    EARN + "saving/record": {**PAGE, "type": "redeem"},
    EARN + "saving/subscribe": {"productId": "1001", "amount": "1", "requestNo": "$digits"},
    EARN + "saving/redeem": {"earnId": "$earn", "amount": "0.1", "requestNo": "$digits"},
    EARN + "saving/fixed/product": PAGE,
    EARN + "saving/fixed/earn": PAGE,
    EARN + "saving/fixed/record": {**PAGE, "type": "subscribe"},
    EARN + "saving/fixed/subscribe": {
        "productId": "2002",
        "amount": "0.1",
        "requestNo": "$digits",
        "autoSubscribe": "REINVEST_FIXED",
    },
    EARN + "saving/fixed/redeem": {"earnId": "$fixed_redeem", "requestNo": "$digits"},
    EARN + "saving/fixed/subscribe/operate": {"earnId": "$fixed", "autoSubscribe": "OFF"},
    EARN + "saving/subscribe/batch/operate": {"autoSubscribe": "open"},
    EARN + "saving/subscribe/operate": {"productId": "1001", "autoSubscribe": "close"},
    EARN + "saving/subscribe/status": {"productId": "1001"},
    PRIVATE + "trade-fee-rate": CONTRACT,
    PRIVATE + "position-v2": CONTRACT,
    PRIVATE + "set-position-mode": {"position_mode": "one_way_mode"},
    PRIVATE + "submit-leverage": {**CONTRACT, "leverage": "10", "open_type": "cross"},
    PRIVATE + "submit-order": {**CONTRACT, "side": 1, "size": 1, "type": "limit", "price": "50000"},
    PRIVATE + "modify-limit-order": {**CONTRACT, "order_id": "$contract_modify", "price": "59000"},
    PRIVATE + "cancel-order": {**CONTRACT, "order_id": "$contract_cancel"},
    PRIVATE + "cancel-orders": {**CONTRACT, "symbol": "BTCUSDT"},
    PRIVATE + "cancel-all-after": {**CONTRACT, "timeout": 60},
    PRIVATE + "close-all-position": {"contractType": 2},
    PRIVATE + "order": {**CONTRACT, "order_id": "$contract"},
    PRIVATE + "order-history": CONTRACT,
    PRIVATE + "submit-plan-order": PLAN,
    PRIVATE + "modify-plan-order": {
        **CONTRACT,
        "order_id": "$plan",
        "type": "market",
        "trigger_price": "59000",
        "price_type": 2,
    },
    PRIVATE + "cancel-plan-order": {**CONTRACT, "order_id": "$plan_cancel"},
    PRIVATE + "submit-tp-sl-order": STOP,
    PRIVATE + "modify-tp-sl-order": {
        **CONTRACT,
        "order_id": "$stop",
        "trigger_price": "51000",
        "executive_price": "0",
        "price_type": 1,
    },
    PRIVATE + "modify-preset-plan-order": {
        **CONTRACT,
        "order_id": "$contract",
        "preset_take_profit_price": "70000",
    },
    PRIVATE + "submit-trail-order": TRAIL,
    PRIVATE + "cancel-trail-order": {**CONTRACT, "order_id": "$trail"},
    PRIVATE + "account/v1/transfer": {"currency": "USDT", "amount": "1", "type": "fund_to_contract"},
    PRIVATE + "affiliate/rebate-list": {"page": 1, "size": 10, "currency": "USDT"},
    PRIVATE + "affiliate/trade-list": {"page": 1, "size": 10, "user_id": 20001, "type": 1},
    PRIVATE + "affiliate/rebate-user": {"cid": 20001, **WEEK},
    PRIVATE + "affiliate/rebate-api": {"cid": 20001, **WEEK},
    PRIVATE + "affiliate/invite-check": {"cid": 20001},
    PRIVATE + "affiliate/rebate-inviteUser": {"page": 1, "size": 10, **WEEK},
    PRIVATE + "affiliate/aff-customer-info": {"userId": 20001},
    PRIVATE + "affiliate/deposit-withdrawal-list": {"page": 1, "size": 10, "cid": 20001, **WEEK},
}
OF_A_SUB = (SPOT_SUB + "sub/", FUTURES_SUB + "sub/")
MAY_BE_EMPTY = frozenset(
    {"/contract/private/auto_repayment", "/contract/private/cross_collateral/interest_log"}
)

World = tuple[Sandbox, aiohttp.ClientSession, dict[str, Any]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    async with Sandbox(seed=4, lively=False, rate_limits=False) as sandbox, aiohttp.ClientSession() as http:
        known = await live(sandbox, http)
        now_s = sandbox.now_ms() // 1_000
        yield sandbox, http, {**known, "now": now_s, "week_ago": now_s - 7 * 86_400}


def filled_in(params: Row, known: dict[str, Any]) -> Row:
    """The parameters with what only this run knows put in."""
    words = {**known, "uuid": str(uuid.uuid4()), "digits": request_no()}
    return {
        name: words[value[1:]] if isinstance(value, str) and value.startswith("$") else value
        for name, value in params.items()
    }


@pytest.mark.skipif(not ROWS, reason="the catalog of wire facts is not beside the repository")
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("host", "row"), ROWS, ids=[f"{host}:{row['path']}" for host, row in ROWS])
async def test_a_path_answers_in_its_shape(world: World, host: str, row: Row) -> None:
    """Envelope, names and JSON types are the catalog's; switched-off paths say 30031."""
    sandbox, http, known = world
    path = row["path"]
    wire = Wire(sandbox, http, sub="sub1" if path.startswith(OF_A_SUB) else None)
    params = filled_in(PARAMS.get(path, {}), known)
    if row["deprecated"]:
        status, envelope = await (
            wire.get(path, **params) if row["http"] == "GET" else wire.post(path, params)
        )
        assert (status, envelope["code"]) == (200, 30031)
        return
    assert not {p["name"] for p in row["params"] if p["required"]} - set(params), "a required parameter"
    base = {"spot": sandbox.environment.spot_rest, "futures": sandbox.environment.futures_rest}[host]
    wire.base = lambda path: base  # type: ignore[method-assign]
    status, envelope = await (wire.get(path, **params) if row["http"] == "GET" else wire.post(path, params))
    assert status == 200, envelope
    check_envelope(envelope, row["envelope"])
    assert faults(envelope["data"], row["response"]) == []
    if path not in MAY_BE_EMPTY:
        assert not has_empty_list(envelope["data"], path), envelope["data"]


def check_envelope(envelope: Row, form: str) -> None:
    if form == "string-code":
        assert envelope["code"] == "1000"
    elif form == "errno":
        assert set(envelope) == {"errno", "message", "data", "success"}
        assert envelope["errno"] == "OK"
    elif form == "uapi":
        assert set(envelope) == {"code", "msg", "data", "errorData", "success"}
        assert envelope["code"] == 1000
    else:
        assert set(envelope) == {"code", "message", "data", "trace"}
        assert envelope["code"] == 1000


def has_empty_list(data: Any, path: str) -> bool:
    """Whether a list that could show its rows shows none."""
    if isinstance(data, list):
        return not data
    if not isinstance(data, dict):
        return False
    names = {"failIds", "ip_whitelist"}
    return any(has_empty_list(value, path) for name, value in data.items() if name not in names)


@pytest.mark.skipif(not ROWS, reason="the catalog of wire facts is not beside the repository")
def test_routes_are_the_catalog() -> None:
    """Method, auth, quota and recvWindow of each route are the catalog's, and there is no route besides."""
    extra = {("spot", "/account/v1/transfer-contract"), ("spot", "/account/v1/transfer-contract-list")}
    routes = {
        (host, route.path): route
        for host, table in (("spot", SPOT_ROUTES), ("futures", FUTURES_ROUTES))
        for route in table
    }
    assert set(routes) - extra == {(host, row["path"]) for host, row in ROWS}
    assert len(ROWS) == 145
    for host, row in ROWS:
        route, limit = routes[host, row["path"]], row["rate_limit"]
        assert (route.method, route.auth) == (row["http"], Auth[row["auth"]]), row["path"]
        window = any(param["name"] == "recvWindow" for param in row["params"])
        assert route.recv_window == window, row["path"]
        mine = route.quota and {
            "requests": route.quota.calls,
            "seconds": route.quota.seconds,
            "scope": route.quota.scope,
        }
        theirs = limit and {name: limit[name] for name in ("requests", "seconds", "scope")}
        assert mine == theirs, row["path"]
