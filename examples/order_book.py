"""Two local order books, one of each market; one loses an update and repairs itself."""

import asyncio

from bitmart_async import BookNotReady, Event, WebsocketClient, topics
from bitmart_async.sandbox import Sandbox


async def main() -> None:
    async with Sandbox(seed=1) as sandbox, WebsocketClient(environment=sandbox.environment) as ws:

        @ws.on("resync")
        def told(event: Event) -> None:
            print(event.error)

        spot = await ws.order_book(topics.spot.depth_increase("BTC_USDT"))
        futures = await ws.order_book(topics.futures.depth_increase("BTCUSDT", 50, "100ms"))
        await asyncio.gather(spot.ready(timeout=10), futures.ready(timeout=10))
        print("spot   ", spot.best_bid, spot.best_ask, "spread", spot.spread)
        print("futures", futures.best_bid, futures.best_ask, "imbalance", round(futures.imbalance(), 3))
        cost = spot.fill("buy", 0.5)
        print("0.5 BTC at", cost.average, "down to", cost.worst)

        sandbox.faults.lose(futures.topic.text)  # one update never comes
        while futures.gaps == 0:
            try:
                futures.best_bid  # a read is the truth or an error  # noqa: B018
            except BookNotReady as error:
                print(error.reason)
            await asyncio.sleep(0.02)
        await futures.ready(timeout=10)
        print("repaired at version", futures.version)


asyncio.run(main())
