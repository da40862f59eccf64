"""An account that has done a bit of everything, so that no list of the sandbox is empty by accident."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from .wire import Wire

if TYPE_CHECKING:
    import aiohttp

    from bitmart_async.sandbox import Sandbox

    from .wire import Frame

TRON = "TSandboxNowhere11111111111111111111"
PLAN: Frame = {
    "symbol": "BTCUSDT",
    "side": 1,
    "leverage": "10",
    "open_type": "cross",
    "size": 1,
    "type": "limit",
    "trigger_price": "60000",
    "executive_price": "60001",
    "price_way": 2,
    "price_type": 1,
}
TRAIL: Frame = {
    "symbol": "BTCUSDT",
    "side": 1,
    "leverage": "10",
    "open_type": "cross",
    "size": 1,
    "activation_price": "50000",
    "callback_rate": "1",
    "activation_price_type": 1,
}
STOP: Frame = {
    "symbol": "BTCUSDT",
    "type": "stop_loss",
    "side": 3,
    "size": 1,
    "trigger_price": "50000",
    "executive_price": "0",
    "price_type": 1,
    "plan_category": 1,
}
ALGO: Frame = {
    "symbol": "BTC_USDT",
    "side": "buy",
    "type": "trigger",
    "trigger_price": "60000",
    "trigger_type": "limit",
    "price": "60000",
    "size": "0.001",
}
PRIVATE, SPOT_SUB, FUTURES_SUB = (
    "/contract/private/",
    "/account/sub-account/",
    "/account/contract/sub-account/",
)
ISOLATED, EARN, ALGO_PATH = "/spot/v1/margin/isolated/", "/newearn/cloud/v1/", "/spot/v4/algo/"


def request_no() -> str:
    """Twenty digits, never the same."""
    return f"{uuid.uuid4().int % 10**20:020d}"


async def live(sandbox: Sandbox, http: aiohttp.ClientSession) -> dict[str, Any]:
    """Do a bit of everything; the ids of what may be read, changed and cancelled."""
    wire = Wire(sandbox, http)
    known = await _trade(wire)
    known |= await _plan(wire)
    await _move_money(wire, Wire(sandbox, http, sub="sub1"))
    await _borrow(wire)
    known |= await _save(wire)
    known["withdrawal"] = (
        await wire.data(
            "/account/v1/withdraw/apply", {"currency": "USDT-TRC20", "amount": "20", "address": TRON}
        )
    )["withdraw_id"]
    sandbox.deposit("BTC", "0.5")
    return known


async def _trade(wire: Wire) -> dict[str, Any]:
    filled = await wire.spot("buy", size="0.01", price="64100", client_order_id="Mine1")
    resting = [await wire.spot("buy", size="0.01", price="50000") for _ in range(3)]
    await wire.contract(1, 10)
    contracts = [await wire.contract(1, 1, price="60000", preset_stop_loss_price="50000") for _ in range(4)]
    await wire.data(PRIVATE + "cancel-order", {"symbol": "BTCUSDT", "order_id": contracts[3]})
    algo = [
        (await wire.data(ALGO_PATH + "submit_order", {**ALGO, "client_order_id": f"Algo{number}"}))[
            "order_id"
        ]
        for number in range(3)
    ]
    await wire.data(
        ALGO_PATH + "cancel_order", {"symbol": "BTC_USDT", "order_id": algo[2], "type": "trigger"}
    )
    return {
        "filled": filled,
        "spot_cancel": resting[0],
        "spot_cancels": resting[1:2],
        "contract": contracts[0],
        "contract_modify": contracts[1],
        "contract_cancel": contracts[2],
        "algo": algo[0],
        "algo_cancel": algo[1],
    }


async def _plan(wire: Wire) -> dict[str, Any]:
    plans = [(await wire.data(PRIVATE + "submit-plan-order", PLAN))["order_id"] for _ in range(3)]
    stop = await wire.data(PRIVATE + "submit-tp-sl-order", STOP)
    trails = [(await wire.data(PRIVATE + "submit-trail-order", TRAIL))["order_id"] for _ in range(2)]
    await wire.data(PRIVATE + "cancel-plan-order", {"symbol": "BTCUSDT", "order_id": str(plans[2])})
    return {
        "plan": str(plans[0]),
        "plan_cancel": str(plans[1]),
        "stop": stop["order_id"],
        "trail": str(trails[0]),
    }


async def _move_money(wire: Wire, sub: Wire) -> None:
    await wire.data("/account/v1/transfer", {"currency": "USDT", "amount": "500", "type": "spot_to_fund"})
    await wire.data(
        "/account/v1/transfer-contract", {"currency": "USDT", "amount": "10", "type": "spot_to_contract"}
    )
    for path, coin in ((SPOT_SUB, "BTC"), (FUTURES_SUB, "USDT")):
        for name in ("sub1", "sub2"):
            await wire.data(
                path + "main/v1/main-to-sub",
                {"requestNo": str(uuid.uuid4()), "amount": "0.5", "currency": coin, "subAccount": name},
            )
        await sub.data(
            path + "sub/v1/sub-to-main", {"requestNo": str(uuid.uuid4()), "amount": "0.1", "currency": coin}
        )


async def _borrow(wire: Wire) -> None:
    pair = {"symbol": "BTC_USDT", "currency": "USDT"}
    await wire.data(ISOLATED + "transfer", {**pair, "amount": "1000", "side": "in"})
    await wire.data(ISOLATED + "borrow", {**pair, "amount": "2000"})
    await wire.data(ISOLATED + "repay", {**pair, "amount": "500"})


async def _save(wire: Wire) -> dict[str, Any]:
    for product in ("1001", "1002"):
        await wire.data(
            EARN + "saving/subscribe", {"productId": product, "amount": "1", "requestNo": request_no()}
        )
    for _ in range(2):
        await wire.data(
            EARN + "saving/fixed/subscribe",
            {"productId": "2001", "amount": "100", "requestNo": request_no(), "autoSubscribe": "OFF"},
        )
    flexible = await wire.data(EARN + "saving/earn", currentPage=1, sizePage=10)
    fixed = await wire.data(EARN + "saving/fixed/earn", currentPage=1, sizePage=10)
    await wire.data(
        EARN + "saving/redeem",
        {"earnId": flexible["list"][0]["earnId"], "amount": "0.5", "requestNo": request_no()},
    )
    return {
        "earn": flexible["list"][0]["earnId"],
        "fixed": fixed["list"][0]["earnId"],
        "fixed_redeem": fixed["list"][1]["earnId"],
    }
