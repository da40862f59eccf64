"""A connection is cut and comes back: what a program sees of it."""

import asyncio

from bitmart_async import Event, WebsocketClient, topics
from bitmart_async.sandbox import Sandbox


async def main() -> None:
    async with (
        Sandbox(seed=1) as sandbox,
        WebsocketClient(environment=sandbox.environment, reconnect_delay=(0.1, 1.0)) as ws,
    ):
        back = asyncio.Event()

        @ws.on("reconnecting")
        def lost(event: Event) -> None:
            print(f"{event.connection} lost ({event.error}); next try in {event.delay:.2f} s")

        @ws.on("live")
        def live(event: Event) -> None:
            if event.gap is not None:
                print(f"{event.connection} live again with {', '.join(event.topics)}")
                print(f"nothing heard for {event.gap.seconds:.2f} s")
                back.set()

        trades = await ws.subscribe([topics.spot.trade("BTC_USDT")])
        await sandbox.faults.cut("spot_public")
        await back.wait()
        async for trade in trades:
            print(f"{trade.symbol}: {trade.data.side} {trade.data.size} at {trade.data.price}")
            break


asyncio.run(main())
