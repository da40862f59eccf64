"""What the sandbox can bear: orders matched, frames pushed to 50 subscribers, and what it costs idle.

Orders go straight into the engine, two accounts trading with each other beside the seeded book, so that
every second order is a match. Frames go over real sockets to a process of their own; only this process is
counted. Figures are per second of this process's CPU time, the best of some rounds.

``python -m benchmarks.sandbox`` prints the table; ``--profile spot`` (``futures``, ``frames``) shows where
the time of one case goes.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import datetime
import json
import platform
import pstats
import sys
import time
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

from bitmart_async.sandbox import Sandbox
from bitmart_async.sandbox.contract_orders import ContractTicket
from bitmart_async.sandbox.exchange import Exchange
from bitmart_async.sandbox.market import SeededMarket
from bitmart_async.sandbox.spot_orders import SpotTicket
from bitmart_async.sandbox.wallets import free

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

SUBSCRIBERS = 50
TOPIC = "spot/trade:BTC_USDT"
READER = """
import asyncio, sys
from websockets.asyncio.client import connect

async def one(url, ready):
    async with connect(url, compression=None, ping_interval=None) as socket:
        await socket.send('{"op":"subscribe","args":["%s"]}')
        ready.append(await socket.recv())
        if len(ready) == %d:
            print("ready", flush=True)
        try:
            while True:
                await socket.recv()
        except Exception:
            return

async def main(url):
    ready = []
    await asyncio.gather(*(one(url, ready) for _ in range(%d)))

asyncio.run(main(sys.argv[1]))
""" % (TOPIC, SUBSCRIBERS, SUBSCRIBERS)  # noqa: UP031 - braces are plenty in it


def funded(exchange: Exchange) -> None:
    for account in (exchange.default, exchange.accounts[1_002]):
        for wallet in ("spot", "futures"):
            for coin in ("USDT", "BTC"):
                exchange.teller.issue(coin, 10**16, free(account.uid, wallet), exchange.now_ms())


def spot_orders(exchange: Exchange, count: int) -> None:
    """A sell that rests, a buy that takes it, and so on."""
    one, other = exchange.default, exchange.accounts[1_002]
    size, price = Decimal("0.001"), Decimal("64000.25")
    for number in range(count):
        account, side = (one, "buy") if number % 2 else (other, "sell")
        exchange.spot.submit(
            account,
            SpotTicket(symbol="BTC_USDT", side=side, type="limit", size=size, price=price),
            exchange.now_ms(),
        )


def futures_orders(exchange: Exchange, count: int) -> None:
    one, other = exchange.default, exchange.accounts[1_002]
    price = Decimal("64000.2")
    for number in range(count):
        account, side = (one, 1) if number % 2 else (other, 4)
        exchange.futures.submit(
            account,
            ContractTicket(symbol="BTCUSDT", side=side, type="limit", size=1, price=price),
            exchange.now_ms(),
        )


def engine_rate(orders: Callable[[Exchange, int], None], count: int) -> float:
    exchange = Exchange(seed=1)
    SeededMarket(exchange, 1)
    funded(exchange)
    began = time.process_time()
    orders(exchange, count)
    return count / (time.process_time() - began)


@asynccontextmanager
async def listened() -> AsyncIterator[Sandbox]:
    """A still sandbox with its subscribers connected."""
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", READER, sandbox.environment.spot_public, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None, "it is piped"
        await process.stdout.readline()
        try:
            yield sandbox
        finally:
            process.terminate()
            await process.wait()


async def push(sandbox: Sandbox, trades: int) -> None:
    """So many trades, each a frame to every subscriber."""
    exchange = sandbox._exchange
    for _ in range(trades // 10):
        spot_orders(exchange, 20)
        await asyncio.sleep(0)


async def frame_rate(trades: int) -> float:
    async with listened() as sandbox:
        funded(sandbox._exchange)
        await push(sandbox, 50)
        began = time.process_time()
        await push(sandbox, trades)
        return trades * SUBSCRIBERS / (time.process_time() - began)


async def idle_cost(seconds: float, *, symbols: str | tuple[str, ...]) -> float:
    """Percent of one core."""
    async with Sandbox(symbols=symbols):
        began = time.process_time()
        await asyncio.sleep(seconds)
        return (time.process_time() - began) / seconds * 100


async def profile_frames(profiler: cProfile.Profile, trades: int) -> None:
    async with listened() as sandbox:
        funded(sandbox._exchange)
        with profiler:
            await push(sandbox, trades)


def profile(case: str, count: int) -> None:
    profiler = cProfile.Profile()
    if case == "frames":
        asyncio.run(profile_frames(profiler, count // 4))
    else:
        exchange = Exchange(seed=1)
        SeededMarket(exchange, 1)
        funded(exchange)
        with profiler:
            (spot_orders if case == "spot" else futures_orders)(exchange, count)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(25)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of the table")
    parser.add_argument("--profile", choices=["spot", "futures", "frames"])
    options = parser.parse_args()
    count, rounds, wait = (4_000, 2, 2.0) if options.quick else (20_000, 5, 10.0)
    if options.profile:
        profile(options.profile, count)
        return
    figures = {
        "spot orders": max(engine_rate(spot_orders, count) for _ in range(rounds)),
        "futures orders": max(engine_rate(futures_orders, count) for _ in range(rounds)),
        f"frames to {SUBSCRIBERS} subscribers": max(
            asyncio.run(frame_rate(count // 4)) for _ in range(rounds)
        ),
    }
    idle = {
        "idle, 1 pair and 1 contract": asyncio.run(idle_cost(wait, symbols=("BTC_USDT", "BTCUSDT"))),
        "idle, all 24 markets": asyncio.run(idle_cost(wait, symbols="all")),
    }
    if options.json:
        print(json.dumps({name: round(value, 1) for name, value in {**figures, **idle}.items()}))
        return
    print(f"The sandbox; {datetime.datetime.now(datetime.UTC):%Y-%m-%d}, Python {platform.python_version()}")
    for name, value in figures.items():
        print(f"{name:32}{value:12,.0f} a second of CPU")
    for name, value in idle.items():
        print(f"{name:32}{value:12.1f} % of one core")


if __name__ == "__main__":
    main()
