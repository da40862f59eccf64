"""A past for a sandbox's account, so that commands have something to show. Public methods only."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from bitmart_async import FuturesSide, MarginMode, OrderType, Side

if TYPE_CHECKING:
    from bitmart_async import FuturesClientV2, RestClient
    from bitmart_async.cli.where import Place
    from bitmart_async.sandbox import Sandbox

__all__ = ["live_a_little"]

_PAIR, _CONTRACT = "BTC_USDT", "BTCUSDT"


async def live_a_little(place: Place, sandbox: Sandbox) -> None:
    """Trade, borrow, save, move and withdraw a little on spot and futures."""
    async with place.rest() as rest, place.futures() as futures:
        await _spot(rest)
        await _futures(futures)
        await _money(rest, futures, sandbox)


async def _spot(rest: RestClient) -> None:
    for size in ("0.010", "0.020", "0.015"):
        await rest.submit_spot_order_v2(
            _PAIR, side=Side.BUY, type=OrderType.LIMIT, size=size, price="64200.00"
        )
    await rest.submit_spot_order_v2(_PAIR, side=Side.SELL, type=OrderType.MARKET, size="0.02")
    await rest.submit_spot_order_v2(
        _PAIR, side=Side.BUY, type=OrderType.LIMIT, size="0.010", price="51000.00"
    )
    await rest.submit_spot_order_v2(
        _PAIR, side=Side.SELL, type=OrderType.LIMIT, size="0.100", price="80000.00"
    )


async def _futures(futures: FuturesClientV2) -> None:
    await futures.submit_futures_order(
        _CONTRACT, side=FuturesSide.BUY_OPEN_LONG, type="market", size=20, leverage=10,
        open_type=MarginMode.CROSS,
    )  # fmt: skip
    await futures.submit_futures_order(_CONTRACT, side=FuturesSide.SELL_CLOSE_LONG, type="market", size=5)
    await futures.submit_futures_order(
        _CONTRACT, side=FuturesSide.BUY_OPEN_LONG, size=3, price="52000.0", leverage=10,
        open_type=MarginMode.CROSS,
    )  # fmt: skip


async def _money(rest: RestClient, futures: FuturesClientV2, sandbox: Sandbox) -> None:
    sandbox.deposit("BTC", "0.5")
    await rest.submit_account_transfer_v1("USDT", amount="500", type="spot_to_fund")
    await futures.submit_futures_transfer(currency="USDT", amount="250", type="contract_to_spot")
    await rest.submit_margin_asset_transfer_v1(_PAIR, currency="USDT", amount="1000", side="in")
    await rest.margin_borrow_v1(_PAIR, currency="USDT", amount="2000")
    await rest.margin_repay_v1(_PAIR, currency="USDT", amount="500")
    await rest.submit_main_transfer_main_to_sub_v1(
        "sub1", currency="USDT", amount="75", request_no=uuid.uuid4().hex
    )
    for product in ("1001", "1002"):
        await rest.subscribe_flexible_saving(product, amount="1", request_no=_digits())
    await rest.submit_withdrawal_v1("USDT-TRC20", amount="20", address="TSandboxNowhere11111111111111111111")


def _digits() -> str:
    """Twenty digits, as savings want them."""
    return f"{uuid.uuid4().int % 10**20:020d}"
