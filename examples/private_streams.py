"""Own orders and balances as they change: a market order, seen on the private stream."""

import asyncio

from bitmart_async import RestClient, WebsocketClient, topics
from bitmart_async.sandbox import Sandbox


async def main() -> None:
    async with Sandbox(seed=1) as sandbox:
        where = sandbox.client_options
        async with RestClient(**where) as rest, WebsocketClient(**where) as ws:
            orders = await ws.subscribe(topics.spot.orders())
            await ws.subscribe(
                topics.spot.balance(),
                handler=lambda update: print(
                    "balance", [(row.ccy, row.av_bal) for row in update.data.balance_details]
                ),
            )
            ack = await rest.submit_spot_order_v2("BTC_USDT", side="buy", type="market", notional="250")
            async for update in orders:
                order = update.data
                print(f"order {order.order_id}: {order.order_state}, {order.filled_size} filled")
                if order.order_id == ack.order_id and str(order.order_state) not in (
                    "new",
                    "partially_filled",
                ):
                    break


asyncio.run(main())
