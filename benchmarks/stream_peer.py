"""Somebody else's Python client as a contender of the stream benchmark, as its documents say it is used.

``python -I stream_peer.py KIND PORT WHO`` runs in the environment of the client, imports nothing of this
project, and obeys the commands of ``stream_client.py``. Every round ends with a ticker of a symbol of its
own, ``END``: a client that has handed that over has consumed all that came before. The answer also tells how
many updates were handed over, for one that keeps only the newest.
"""

import asyncio
import json
import os
import resource
import sys
import threading

_SYMBOLS = ("BTC", "ETH", "SOL", "XRP")
_LONGEST = 30
_out = sys.stdout
sys.stdout = sys.stderr  # whatever a client prints must not end up among the answers


def say(text):
    _out.write(text + "\n")
    _out.flush()


def url(port, who, market):
    return f"ws://127.0.0.1:{port}/api?protocol=1.1&who={who}_{market}"


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Pro:
    """ccxt.pro: a task per symbol and kind around its ``watch`` methods."""

    def __init__(self, port, who):
        self.urls = {market: url(port, who, market) for market in ("spot", "futures")}
        self.handed = 0
        self.over = None

    async def follow(self, method, *args):
        while True:
            got = await method(*args)
            self.handed += len(got) if isinstance(got, list) else 1

    async def follow_end(self, symbol):
        while True:
            await self.exchange.watch_ticker(symbol)
            if self.over is not None and not self.over.done():
                self.over.set_result(None)

    def market(self, base, kind):
        swap = kind == "swap"
        return self.exchange.safe_market_structure(
            {
                "id": f"{base}USDT" if swap else f"{base}_USDT",
                "symbol": f"{base}/USDT:USDT" if swap else f"{base}/USDT",
                "base": base,
                "quote": "USDT",
                "baseId": base,
                "quoteId": "USDT",
                "type": kind,
                "spot": not swap,
                "swap": swap,
                "contract": swap,
                "active": True,
                **(
                    {"settle": "USDT", "settleId": "USDT", "linear": True, "contractSize": 0.001}
                    if swap
                    else {}
                ),
                "precision": {"amount": 0.00001, "price": 0.01},
            }
        )

    async def start(self, tasks):
        import ccxt.pro

        ws = {"spot": {"public": self.urls["spot"]}, "swap": {"public": self.urls["futures"]}}
        self.exchange = ccxt.pro.bitmart({"enableRateLimit": False, "urls": {"api": {"ws": ws}}})
        exchange = self.exchange
        exchange.set_markets(
            [self.market(base, kind) for base in (*_SYMBOLS, "END") for kind in ("spot", "swap")]
        )
        for suffix in ("", ":USDT"):
            for base in _SYMBOLS:
                symbol = f"{base}/USDT{suffix}"
                tasks.create_task(self.follow(exchange.watch_ticker, symbol))
                tasks.create_task(self.follow(exchange.watch_order_book, symbol))
                tasks.create_task(self.follow(exchange.watch_ohlcv, symbol, "1m"))
                if suffix:  # its parser of spot trades raises: see docs/performance.md
                    tasks.create_task(self.follow(exchange.watch_trades, symbol))
            tasks.create_task(self.follow_end(f"END/USDT{suffix}"))
        while len(exchange.clients) < 2 or not all(one.isConnected for one in exchange.clients.values()):
            await asyncio.sleep(0.01)

    async def serve(self):
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        async with asyncio.TaskGroup() as tasks:
            await self.start(tasks)
            say("up")
            while await reader.readline():
                self.handed, self.over = 0, loop.create_future()
                began = cpu()
                say("ready")
                async with asyncio.timeout(_LONGEST):
                    await self.over
                say(json.dumps({"cpu": cpu() - began, "handed": self.handed}))
            os._exit(0)  # it keeps tasks and timers of its own running


class Sdk:
    """The exchange's own SDK: a socket client per market, each a thread that calls ``on_message``."""

    def __init__(self, port, who):
        self.port, self.who = port, who
        self.handed = 0
        self.over = threading.Event()

    def take(self, message):
        data = message.get("data")
        if isinstance(data, list):
            if data[0]["symbol"] == "END_USDT":
                self.over.set()
            else:
                self.handed += len(data)
        elif isinstance(data, dict):
            if data["symbol"] == "ENDUSDT":
                self.over.set()
            else:
                self.handed += 1

    def serve(self):
        from bitmart.websocket.futures_socket_client import FuturesSocketClient
        from bitmart.websocket.spot_socket_client import SpotSocketClient

        channels = {
            "spot": (
                SpotSocketClient,
                ("ticker", "depth/increase100", "depth50", "trade", "kline1m"),
                "_USDT",
            ),
            "futures": (FuturesSocketClient, ("ticker", "depth50", "trade", "klineBin1m"), "USDT"),
        }
        for market, (kind, names, quote) in channels.items():
            client = kind(url(self.port, self.who, market), on_message=self.take, ping_interval=3600)
            topics = [f"{market}/{name}:{base}{quote}" for name in names for base in _SYMBOLS]
            client.subscribe([*topics, f"{market}/ticker:END{quote}"])
        say("up")
        while sys.stdin.readline():
            self.handed = 0
            self.over.clear()
            began = cpu()
            say("ready")
            if not self.over.wait(_LONGEST):
                sys.exit("it did not hand over the last frame")
            say(json.dumps({"cpu": cpu() - began, "handed": self.handed}))
        os._exit(0)  # its threads and timers would run on


if __name__ == "__main__":
    _, _kind, _port, _who = sys.argv
    if _kind == "ccxt.pro":
        asyncio.run(Pro(_port, _who).serve())
    else:
        Sdk(_port, _who).serve()
