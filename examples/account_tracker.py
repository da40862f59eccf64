"""The account as one state: orders awaited, an outage survived, every fill told once."""

import asyncio

from bitmart_async import (
    AccountGap,
    AccountTracker,
    Change,
    Filled,
    FuturesClientV2,
    FuturesSide,
    OrderNotFilled,
    RestClient,
    Resynced,
    WebsocketClient,
)
from bitmart_async.sandbox import Sandbox


def told(change: Change) -> None:
    if isinstance(change, Filled):
        how = "found by REST" if change.reconciled else "pushed"
        print(f"{change.market.value}: filled {change.fill.size} at {change.fill.price}, {how}")
    elif isinstance(change, AccountGap):
        print(f"{change.market.value}: {change.reason}")
    elif isinstance(change, Resynced) and change.found:
        print(f"{change.market.value}: complete again, {change.found} changes found")


async def main() -> None:
    async with Sandbox(seed=1, lively=False) as sandbox:
        where = sandbox.client_options
        async with (
            WebsocketClient(**where) as ws,
            RestClient(**where) as rest,
            FuturesClientV2(**where) as futures,
            AccountTracker(ws=ws, rest=rest, futures=futures, futures_symbols=["BTCUSDT"]) as tracker,
        ):
            await tracker.ready()
            tracker.on_change(told)

            opened = await futures.submit_futures_order(
                "BTCUSDT", side=FuturesSide.BUY_OPEN_LONG, size=5, type="market"
            )
            await tracker.order(opened.order_id).filled(timeout=10)
            print("positions:", [(p.symbol, p.side.value, p.size) for p in tracker.positions])

            resting = await rest.submit_spot_order_v2(
                "BTC_USDT", side="buy", type="limit", size="0.01", price="60000"
            )
            waiting = asyncio.create_task(tracker.order(resting.order_id).filled(timeout=20))
            await tracker.order(resting.order_id).known(timeout=10)
            await sandbox.faults.cut("spot_private")
            sandbox.tick("BTC_USDT", "59000.00")  # filled while nothing is connected
            print("filled after all:", (await waiting).average)

            other = await rest.submit_spot_order_v2(
                "BTC_USDT", side="buy", type="limit", size="0.01", price="40000"
            )
            await rest.cancel_spot_order_v3("BTC_USDT", order_id=other.order_id)
            try:
                await tracker.order(other.order_id).filled(timeout=10)
            except OrderNotFilled as ended:
                print("not filled:", ended.status)


asyncio.run(main())
