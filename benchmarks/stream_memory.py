"""Resident memory of one program with 1,000 topics and 100 books of 100 levels a side.

``python -m benchmarks.stream_memory`` prints it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gc

from benchmarks import frames
from benchmarks.stream import Process, module
from benchmarks.stream_client import resident, url
from bitmart_async import LIVE, WebsocketClient
from bitmart_async.book import OrderBook
from bitmart_async.websocket.channels import elements_of
from bitmart_async.websocket.events import Update
from bitmart_async.websocket.topics import Market

TOPICS, BOOKS = 1000, 100


async def main() -> None:
    server = Process(module("benchmarks.stream_server", "10"))
    environment = dataclasses.replace(
        LIVE, name="benchmark", spot_public=url(int(server.line()), "memory", "spot")
    )
    async with WebsocketClient(environment=environment) as ws:
        names = frames.symbols("spot", TOPICS // 4)
        channels = ("ticker", "trade", "kline1m", "depth/increase100")
        await ws.subscribe([f"spot/{channel}:{name}" for channel in channels for name in names], handler=id)
        books = {name: OrderBook(f"spot/depth/increase100:{name}") for name in names[:BOOKS]}
        source, read = frames._Market(3), elements_of(Market.SPOT, "depth/increase100").read
        for name, book in books.items():
            frame, _ = source.frame("spot", "depth/increase100", name)
            book.apply(
                Update(str(book.topic), "depth/increase100", Market.SPOT, name, read(frame)[0], 1, frame)
            )
            assert len(book.bids) == len(book.asks) == 100
        gc.collect()
        print(
            f"{TOPICS} topics and {BOOKS} books of 100 levels a side: {resident() / 1e6:.0f} MB resident (aim 80)"
        )
    server.end()


if __name__ == "__main__":
    asyncio.run(main())
