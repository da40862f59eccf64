"""Orders that go when the bot dies: the exchange's own timer, refreshed only while the bot is healthy."""

import asyncio

from bitmart_async import FuturesClientV2, FuturesSide, SwitchState
from bitmart_async.sandbox import Sandbox


def told(state: SwitchState) -> None:
    print("the switch is", state.value)


async def main() -> None:
    async with (
        Sandbox(seed=1, lively=False) as sandbox,
        FuturesClientV2(**sandbox.client_options) as futures,
    ):
        try:
            async with futures.dead_mans_switch("BTCUSDT", timeout=5, on_change=told):
                await futures.submit_futures_order(
                    "BTCUSDT", side=FuturesSide.BUY_OPEN_LONG, size=1, price="50000"
                )
                print("open orders:", len(await futures.get_futures_account_open_orders("BTCUSDT")))
                raise RuntimeError("the bot breaks")
        except RuntimeError as error:
            print(error)
        sandbox.faults.skew(6_000)  # six seconds later, on the exchange's clock
        left = await futures.get_futures_account_open_orders("BTCUSDT")
        print("open orders:", len(left))


asyncio.run(main())
