"""What a local order book costs: ``python -m benchmarks.books``.

CPU per update of 20 levels on a book of 100 (spot) and of 50 (futures) levels a side, for three ways to hold
the levels, and for OrderBook with all its checks; then the cost of reads, and the memory of 100 books.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import time
from bisect import bisect_left, insort
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitmart_async.book import OrderBook
from bitmart_async.models.enums import BookFrame
from bitmart_async.models.streams_futures import FuturesDepthIncrease, FuturesStreamLevel
from bitmart_async.models.streams_spot import SpotDepthIncrease
from bitmart_async.websocket.events import Update
from bitmart_async.websocket.topics import parse

if TYPE_CHECKING:
    from collections.abc import Callable

Levels = list[tuple[float, float]]
SPOT, FUTURES = "spot/depth/increase100:BTC_USDT", "futures/depthIncrease50:BTCUSDT"


def market(
    window: int, updates: int, fresh: float, seed: int = 1
) -> tuple[Levels, Levels, list[tuple[Levels, Levels]]]:
    """A book, and updates of 20 levels, of which a share comes or goes and the rest changes its size."""
    chance = random.Random(seed)
    asks = {round(100 + n / 100, 2): chance.randint(1, 999) / 100 for n in range(1, window + 1)}
    bids = {round(100 - n / 100, 2): chance.randint(1, 999) / 100 for n in range(1, window + 1)}
    start = list(asks.items()), list(bids.items())
    made: list[tuple[Levels, Levels]] = []
    for _ in range(updates):
        sides: list[Levels] = []
        for side, sign in ((asks, 1), (bids, -1)):
            change: dict[float, float] = {}
            swaps = round(10 * fresh / 2)
            for price in chance.sample(list(side), swaps):
                change[price] = 0.0
                del side[price]
            while len(side) < window:
                price = round(100 + sign * chance.randint(1, window + window // 3) / 100, 2)
                if price not in side and price not in change:
                    side[price] = change[price] = chance.randint(1, 999) / 100
            for price in chance.sample([one for one in side if one not in change], 10 - 2 * swaps):
                side[price] = change[price] = chance.randint(1, 999) / 100
            sides.append(list(change.items()))
        made.append((sides[0], sides[1]))
    return *start, made


class SortedPrices:
    """A dict, and a sorted list of its prices; what OrderBook does."""

    def __init__(self, asks: Levels, bids: Levels) -> None:
        self.sides = [dict(asks), dict(bids)]
        self.prices = [sorted(side) for side in self.sides]

    def apply(self, asks: Levels, bids: Levels) -> bool:
        for side, prices, levels in zip(self.sides, self.prices, (asks, bids), strict=True):
            for price, size in levels:
                if size:
                    if price not in side:
                        insort(prices, price)
                    side[price] = size
                elif side.pop(price, None) is not None:
                    del prices[bisect_left(prices, price)]
        return self.prices[1][-1] < self.prices[0][0]


class SearchedBest:
    """Dicts alone; the best price is searched after each update."""

    def __init__(self, asks: Levels, bids: Levels) -> None:
        self.sides = [dict(asks), dict(bids)]

    def apply(self, asks: Levels, bids: Levels) -> bool:
        for side, levels in zip(self.sides, (asks, bids), strict=True):
            for price, size in levels:
                if size:
                    side[price] = size
                else:
                    side.pop(price, None)
        return max(self.sides[1]) < min(self.sides[0])


class LazilySorted(SortedPrices):
    """A dict, and its prices sorted again after each update that changed them."""

    def apply(self, asks: Levels, bids: Levels) -> bool:
        for number, levels in enumerate((asks, bids)):
            side, touched = self.sides[number], False
            for price, size in levels:
                if size:
                    touched = touched or price not in side
                    side[price] = size
                elif side.pop(price, None) is not None:
                    touched = True
            if touched:
                self.prices[number] = sorted(side)
        return self.prices[1][-1] < self.prices[0][0]


def frames(
    topic: str, start: tuple[Levels, Levels], changes: list[tuple[Levels, Levels]]
) -> list[Update[Any]]:
    """The same as the client hands it on."""
    parsed, made = parse(topic), []
    for version, (asks, bids) in enumerate([start, *changes], 1):
        kind = BookFrame.UPDATE if version > 1 else BookFrame.SNAPSHOT
        what: dict[str, Any] = {"symbol": parsed.symbol, "ms_t": 1, "version": version, "type": kind}
        data: SpotDepthIncrease | FuturesDepthIncrease
        if topic == SPOT:
            data = SpotDepthIncrease(asks=asks, bids=bids, **what)
        else:
            sides = [[FuturesStreamLevel(*level) for level in side] for side in (asks, bids)]
            data = FuturesDepthIncrease(asks=sides[0], bids=sides[1], **what)
        made.append(Update(topic, parsed.channel, parsed.market, parsed.symbol, data, 0, b""))
    return made


def cost(run: Callable[[], Callable[[], None]], count: int, rounds: int = 7) -> float:
    """CPU microseconds each, best of some rounds; ``run`` prepares and gives what is timed."""
    best = float("inf")
    for _ in range(rounds):
        timed = run()
        gc.disable()
        began = time.process_time()
        timed()
        best = min(best, time.process_time() - began)
        gc.enable()
    return best / count * 1e6


def structures(window: int, count: int) -> None:
    print(f"\n20 levels on {window} a side, CPU microseconds; share of levels that come or go:")
    print(f"{'':>16}" + "".join(f"{fresh:>9.0%}" for fresh in (0.0, 0.2, 0.4, 0.8)))
    for kind in (SortedPrices, SearchedBest, LazilySorted):
        row = []
        for fresh in (0.0, 0.2, 0.4, 0.8):
            asks, bids, changes = market(window, count, fresh)

            def run(
                kind: Any = kind, asks: Levels = asks, bids: Levels = bids, changes: Any = changes
            ) -> Any:
                apply = kind(asks, bids).apply

                def timed() -> None:
                    for one in changes:
                        apply(*one)

                return timed

            row.append(cost(run, count))
        print(f"{kind.__name__:>16}" + "".join(f"{value:9.2f}" for value in row))
    for topic in (SPOT, FUTURES):
        row = []
        for fresh in (0.0, 0.2, 0.4, 0.8):
            *start, changes = market(window if topic == SPOT else 50, count, fresh)
            updates = frames(topic, (start[0], start[1]), changes)

            def serve(topic: str = topic, updates: list[Update[Any]] = updates) -> Any:
                book = OrderBook(topic)
                book.apply(updates[0])

                def timed() -> None:
                    apply = book.apply
                    for update in updates[1:]:
                        apply(update)
                    assert book.last_version == len(updates), book.trouble

                return timed

            row.append(cost(serve, count))
        print(f"{'book ' + topic.partition('/')[0]:>16}" + "".join(f"{value:9.2f}" for value in row))


def reads(count: int) -> None:
    asks, bids, _ = market(100, 0, 0.0)
    book = OrderBook(SPOT)
    book.apply(frames(SPOT, (asks, bids), [])[0])
    print("\nreads, CPU microseconds:")
    cases: dict[str, Callable[[], object]] = {
        "best_bid": lambda: book.best_bid,
        "mid": lambda: book.mid,
        "spread": lambda: book.spread,
        "imbalance(5)": book.imbalance,
        "asks (100)": lambda: book.asks,
        "depth(within=)": lambda: book.depth("asks", within=0.2),
        "snapshot()": book.snapshot,
    }
    for name, read in cases.items():

        def run(read: Callable[[], object] = read) -> Any:
            def timed() -> None:
                for _ in range(count):
                    read()

            return timed

        print(f"{name:>16}{cost(run, count, 3):9.2f}")


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def memory() -> None:
    asks, bids, _ = market(100, 0, 0.0)
    raw = frames(SPOT, (asks, bids), [])[0].data
    gc.collect()
    before, books = resident(), []
    for number in range(100):
        book = OrderBook(f"spot/depth/increase100:S{number}_USDT")
        shift = number / 1000  # own numbers, as books have
        levels = [[(price + shift, size + shift) for price, size in side] for side in (raw.asks, raw.bids)]
        book.apply(frames_of(book, levels[0], levels[1]))
        books.append(book)
    gc.collect()
    print(f"\n100 books of 100 levels a side: {(resident() - before) / 2**20:.1f} MiB resident")


def frames_of(book: OrderBook, asks: Levels, bids: Levels) -> Update[Any]:
    topic = book.topic
    data = SpotDepthIncrease(
        symbol=topic.symbol, asks=asks, bids=bids, ms_t=1, version=1, type=BookFrame.SNAPSHOT
    )
    return Update(topic.text, topic.channel, topic.market, topic.symbol, data, 0, b"")


async def live(seconds: float) -> None:
    """One hundred live books against the sandbox in this process."""
    from bitmart_async import WebsocketClient
    from bitmart_async.sandbox import Sandbox

    async with Sandbox(rate_limits=False, symbols="all") as sandbox:
        before = resident()
        async with WebsocketClient(environment=sandbox.environment) as ws:
            contracts = (await _contracts(sandbox))[:12]
            names = [
                f"futures/depthIncrease{levels}:{symbol}{speed}"
                for symbol in contracts
                for levels in (5, 20, 50)
                for speed in ("", "@100ms", "@200ms")
            ][:100]
            began = time.perf_counter()
            books = await asyncio.gather(*(ws.order_book(name) for name in names))
            await asyncio.gather(*(book.ready(timeout=30) for book in books))
            print(
                f"\n{len(books)} live books ready in {time.perf_counter() - began:.2f} s (sandbox in this process)"
            )
            await asyncio.sleep(seconds)
            grown = (resident() - before) / 2**20
            print(
                f"after {seconds:g} s: {sum(book.resyncs for book in books)} resyncs, {grown:.1f} MiB more, both sides"
            )


async def _contracts(sandbox: Any) -> list[str]:
    from bitmart_async import FuturesClientV2

    async with FuturesClientV2(environment=sandbox.environment) as futures:
        details = await futures.get_futures_contract_details()
        return [contract.symbol for contract in details.symbols]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--updates", type=int, default=3000)
    arguments.add_argument(
        "--live", type=float, default=5.0, help="seconds for 100 live books; 0: leave it out"
    )
    given = arguments.parse_args()
    memory()
    structures(100, given.updates)
    reads(given.updates)
    if given.live:
        asyncio.run(live(given.live))


if __name__ == "__main__":
    main()
