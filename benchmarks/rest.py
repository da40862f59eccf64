"""CPU time of one REST call, against a floor measured in the same run.

The floor is the least that does the same: aiohttp, hmac, a typed msgspec decode. The server runs in a
process of its own; only the CPU time of this process is counted. Rounds are shuffled, so that whatever
else the machine does falls on both; the figure is the median of the ratios of the rounds.

``python -m benchmarks.rest`` prints the table; ``--profile`` shows where the time of one case goes. With
``--quick`` the exit code is 1 when a ratio is worse than its limit.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import datetime
import gc
import hmac
import os
import platform
import pstats
import random
import statistics
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING

import aiohttp
import msgspec
from yarl import URL

from benchmarks.server import KEY, MEMO, SECRET
from bitmart_async import Endpoint, Quota, RestClient
from bitmart_async.rest.spot_market import TICKER
from bitmart_async.rest.spot_trading import SUBMIT_ORDER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

AT_ONCE = 64


def unlimited(endpoint: Endpoint) -> Endpoint:
    """The same endpoint with a quota nobody can use up, so that nothing waits."""
    return Endpoint(
        endpoint.id, endpoint.method, endpoint.path, endpoint.auth, Quota(1_000_000),
        returns=endpoint.returns,
        params=endpoint.params, effect=endpoint.effect, inner=endpoint.inner, own_id=endpoint.own_id,
        rules=endpoint.rules, guard=endpoint.guard,
    )  # fmt: skip


FREE_TICKER, FREE_ORDER = unlimited(TICKER), unlimited(SUBMIT_ORDER)


class Ours:
    """The library, called as users call it."""

    def __init__(self, url: str) -> None:
        self.client = RestClient(base_url=url, api_key=KEY, api_secret=SECRET, api_memo=MEMO)

    async def get(self) -> None:
        reply = await self.client.call(FREE_TICKER, symbol="BTC_USDT")
        assert reply.data.last == 30_000

    async def post(self) -> None:
        reply = await self.client.call(FREE_ORDER, symbol="BTC_USDT", side="buy", type="limit", size="0.01",
                                       price=Decimal("30000.5"))  # fmt: skip
        assert reply.data.order_id == "125213058731346056"

    async def close(self) -> None:
        await self.client.aclose()


class TickerData(msgspec.Struct):
    symbol: str
    last: Decimal
    v_24h: Decimal
    qv_24h: Decimal
    open_24h: Decimal
    high_24h: Decimal
    low_24h: Decimal
    fluctuation: Decimal
    bid_px: Decimal
    bid_sz: Decimal
    ask_px: Decimal
    ask_sz: Decimal
    ts: int


class Ticker(msgspec.Struct):
    code: int
    message: str
    trace: str
    data: TickerData


class OrderData(msgspec.Struct):
    order_id: str


class Order(msgspec.Struct):
    code: int
    message: str
    trace: str
    data: OrderData


class Floor:
    """The same calls by hand, as a competent program makes them: the same bytes are sent.

    What a correct client does besides is not in it: limits, the fate of orders, bounds, refusals, repeats.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=100), cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=15, connect=10),
            headers={"User-Agent": "floor", "Accept": "application/json", "Accept-Encoding": "gzip, deflate"},
        )  # fmt: skip
        self.ticker = msgspec.json.Decoder(Ticker, strict=False).decode
        self.order = msgspec.json.Decoder(Order, strict=False).decode

    async def get(self) -> None:
        async with self.session.get(self.url + "/spot/quotation/v3/ticker?symbol=BTC_USDT") as response:
            reply = self.ticker(await response.read())
        assert reply.code == 1000
        assert reply.data.last == 30_000

    def order_body(self, own_id: str) -> bytes:
        return msgspec.json.encode({
            "symbol": "BTC_USDT", "side": "buy", "type": "limit", "size": "0.01",
            "price": format(Decimal("30000.5"), "f"), "client_order_id": own_id,
        })  # fmt: skip

    def signed(self, body: bytes) -> dict[str, str]:
        now = str(int(time.time() * 1000))
        sign = hmac.digest(SECRET.encode(), f"{now}#{MEMO}#".encode() + body, "sha256").hex()
        return {
            "Content-Type": "application/json",
            "X-BM-KEY": KEY,
            "X-BM-TIMESTAMP": now,
            "X-BM-SIGN": sign,
        }

    async def post(self) -> None:
        body = self.order_body(uuid.uuid4().hex)
        async with self.session.post(
            self.url + "/spot/v2/submit_order", data=body, headers=self.signed(body)
        ) as response:
            reply = self.order(await response.read())
        assert reply.code == 1000
        assert reply.data.order_id == "125213058731346056"

    async def close(self) -> None:
        await self.session.close()


class Sharp(Floor):
    """The floor with the short cuts that ours takes and hardly a program does by hand."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.ticker_url = URL(url + "/spot/quotation/v3/ticker?symbol=BTC_USDT", encoded=True)
        self.order_url = URL(url + "/spot/v2/submit_order", encoded=True)

    async def get(self) -> None:
        response = await self.session.request("GET", self.ticker_url, allow_redirects=False)
        reply = self.ticker(await self._body(response))
        assert reply.code == 1000
        assert reply.data.last == 30_000

    async def post(self) -> None:
        body = self.order_body(os.urandom(16).hex())
        response = await self.session.request(
            "POST", self.order_url, data=body, headers=self.signed(body), allow_redirects=False
        )
        reply = self.order(await self._body(response))
        assert reply.code == 1000
        assert reply.data.order_id == "125213058731346056"

    @staticmethod
    async def _body(response: aiohttp.ClientResponse) -> bytes:
        content = response.content
        return content.read_nowait() if content.is_eof() else await response.read()


async def one_by_one(call: Callable[[], Awaitable[None]], count: int) -> None:
    for _ in range(count):
        await call()


async def at_once(call: Callable[[], Awaitable[None]], count: int) -> None:
    await asyncio.gather(*(one_by_one(call, count // AT_ONCE) for _ in range(AT_ONCE)))


CASES = {
    "GET, one by one": ("get", one_by_one, 320),
    f"GET, {AT_ONCE} at once": ("get", at_once, 640),
    "signed POST, one by one": ("post", one_by_one, 320),
    f"signed POST, {AT_ONCE} at once": ("post", at_once, 640),
}


GUARD = {
    "GET, one by one": 1.30,
    f"GET, {AT_ONCE} at once": 1.33,
    "signed POST, one by one": 1.18,
    f"signed POST, {AT_ONCE} at once": 1.23,
}
"""The ratios of docs/performance.md and a tenth: what a short run on a busy machine may show."""


async def cost(side: Ours | Floor, case: str) -> float:
    """CPU microseconds of this process per call."""
    name, way, count = CASES[case]
    call = getattr(side, name)
    gc.collect()
    began = time.process_time()
    await way(call, count)
    return (time.process_time() - began) / count * 1e6


@contextmanager
def served() -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        assert server.stdin is not None
        server.stdin.close()


async def measure(url: str, rounds: int) -> dict[str, list[tuple[float, float, float]]]:
    """Ours, the floor and the sharp floor, by case."""
    sides = {"ours": Ours(url), "floor": Floor(url), "sharp": Sharp(url)}
    found: dict[str, list[tuple[float, float, float]]] = {case: [] for case in CASES}
    try:
        for number in range(-1, rounds):  # the first round only warms up
            cases = random.sample(list(CASES), len(CASES))
            for case in cases:
                figures = {name: await cost(sides[name], case) for name in random.sample(list(sides), 3)}
                if number >= 0:
                    found[case].append((figures["ours"], figures["floor"], figures["sharp"]))
    finally:
        for side in sides.values():
            await side.close()
    return found


async def profile(url: str, case: str) -> None:
    ours = Ours(url)
    await cost(ours, case)
    with cProfile.Profile() as profiler:
        for _ in range(4):
            await cost(ours, case)
    await ours.close()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(45)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="8 rounds: some ten seconds, wider quartiles; exit code 1 when worse",
    )
    parser.add_argument("--profile", metavar="CASE", choices=list(CASES))
    given = parser.parse_args()
    with served() as url:
        if given.profile:
            asyncio.run(profile(url, given.profile))
            return
        began = time.monotonic()
        rounds = 8 if given.quick else given.rounds
        found = asyncio.run(measure(url, rounds))
    packages = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "msgspec"))
    print(f"REST, CPU time of the client per call; {datetime.datetime.now(datetime.UTC):%Y-%m-%d}")
    print(
        f"Python {platform.python_version()}, {packages}; {rounds} rounds, {time.monotonic() - began:.0f} s"
    )
    print(
        f"{'':28}{'ours us':>9}{'floor us':>10}{'ratio':>8}{'quartiles':>14}"
        f"{'to a sharp floor':>18}{'limit of --quick':>18}"
    )
    worse: list[str] = []
    for case, rows in found.items():
        ratios = [ours / floor for ours, floor, _ in rows]
        sharp = statistics.median(ours / sharp for ours, _, sharp in rows)
        low, middle, high = statistics.quantiles(ratios, n=4)
        ours, floor = (statistics.median(side) for side in zip(*(row[:2] for row in rows), strict=True))
        print(
            f"{case:28}{ours:9.0f}{floor:10.0f}{middle:8.2f}{f'{low:.2f}-{high:.2f}':>14}{sharp:18.2f}{GUARD[case]:18.2f}"
        )
        if middle > GUARD[case]:
            worse.append(f"{case} costs {middle:.2f} times the floor, more than {GUARD[case]:.2f}")
    for line in worse:
        print(f"worse than it was: {line}")
    if worse and given.quick:
        sys.exit(1)


if __name__ == "__main__":
    main()
