"""One contender of the stream benchmark, in a process of its own.

``python -m benchmarks.stream_client KIND PORT`` connects to the server, prints ``up``, and then answers
each command on its standard input:

* ``{"do": "count", "market": m, "frames": n, "elements": e}``: prints ``ready``, waits until all of it has
  been handed over, and answers with the CPU seconds (user and system) of this process and the seconds
  between the first and the last frame;
* ``{"do": "clock", ...}``: the same, and answers with the moment each frame reached the handler;
* ``{"do": "memory"}``: answers with the resident size.
"""

from __future__ import annotations

import abc
import asyncio
import dataclasses
import json
import os
import resource
import sys
import time
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from benchmarks import frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitmart_async import WebsocketClient
    from bitmart_async.websocket.events import Update

MARKETS = ("spot", "futures")


def topics_of(market: str) -> list[str]:
    return list(frames.mixed(market, 1).topics)


def url(port: int, who: str, market: str) -> str:
    return f"ws://127.0.0.1:{port}/api?protocol=1.1&who={who}_{market}"


class Contender(abc.ABC):
    """Counts what it is handed. A subclass connects, and calls :meth:`count` or its like per frame."""

    per_element = False
    """Whether it is called per element rather than per frame."""

    def __init__(self, port: int, who: str) -> None:
        self.port = port
        self.who = who
        self.left = 0
        self.done: asyncio.Future[None] | None = None
        self.stamps: list[int] | None = None

    @abc.abstractmethod
    async def start(self) -> None:
        """Connect both markets."""

    def count(self, _: object = None) -> None:
        """One frame or element has been handed over."""
        if self.stamps is not None:
            self.stamps.append(time.monotonic_ns())
        self.left -= 1
        if not self.left:
            assert self.done is not None
            self.done.set_result(None)

    def begin(self) -> None:  # noqa: B027 - most have nothing to do
        """Before a round."""

    def check(self) -> None:  # noqa: B027 - the same
        """Whatever must hold after a round."""

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await self.start()
        print("up", flush=True)
        while line := await reader.readline():
            command = json.loads(line)
            if command["do"] == "memory":
                print(json.dumps(resident()), flush=True)
                continue
            self.left = command["elements" if self.per_element else "frames"]
            self.stamps = [] if command["do"] == "clock" else None
            self.done = loop.create_future()
            self.begin()
            began = cpu()
            print("ready", flush=True)
            async with asyncio.timeout(15):
                await self.done
            spent = cpu() - began
            self.check()
            print(json.dumps({"cpu": spent, "stamps": self.stamps}), flush=True)


def cpu() -> float:
    """CPU seconds of this process, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident() -> int:
    """Bytes of memory in use."""
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# The floors ---------------------------------------------------------------------------------------


class Loop(Contender):
    """``websockets`` recv in a loop; what is done with a message is ``handle``."""

    options: ClassVar[dict[str, bool]] = {}

    async def start(self) -> None:
        from websockets.asyncio.client import connect

        self.tasks = []
        for market in MARKETS:
            socket = await connect(url(self.port, self.who, market), compression=None, max_size=4 << 20)
            self.tasks.append(asyncio.create_task(self.loop(socket, self.handler(market))))

    async def loop(self, socket: Any, handle: Callable[[bytes], object]) -> None:
        while True:
            handle(await socket.recv(**self.options))

    def handler(self, market: str) -> Callable[[bytes], object]:
        decode, count = msgspec.json.Decoder().decode, self.count

        def handle(message: bytes) -> None:
            if decode(message)["data"]:
                count()

        return handle


class TypedLoop(Loop):
    """The same as bytes, each message decoded to the types this library gives, by hand."""

    options: ClassVar[dict[str, bool]] = {"decode": False}

    def handler(self, market: str) -> Callable[[bytes], object]:
        decoders, count = typed_decoders(market), self.count
        mark = b'"table":"' if market == "spot" else b'"group":"'

        def handle(message: bytes) -> None:
            start = message.rfind(mark) + 9
            key = message[start : message.find(b'"', start)].partition(b":")[0]
            if decoders[key](message).data:
                count()

        return handle


class Picows(TypedLoop):
    """A bare ``picows`` listener and the same decode by hand: what no client in Python gets below."""

    async def start(self) -> None:
        import picows

        class Listener(picows.WSListener):
            def __init__(self, handle: Callable[[bytes], object]) -> None:
                super().__init__()
                self.handle = handle

            def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
                if frame.msg_type is picows.WSMsgType.TEXT:
                    self.handle(frame.get_payload_as_bytes())

        self.sockets = []
        for market in MARKETS:
            handle = self.handler(market)
            self.sockets.append(
                await picows.ws_connect(lambda: Listener(handle), url(self.port, self.who, market))  # noqa: B023
            )


def typed_decoders(market: str) -> dict[bytes, Callable[[bytes], Any]]:
    """A msgspec decoder per channel."""
    from bitmart_async.websocket.topics import Market, model_of

    decoders: dict[bytes, Callable[[bytes], Any]] = {}
    for channel in frames.MIXES[market]:
        model: Any = model_of(Market(market), channel)
        if market == "spot" or channel == "trade":
            data = list[model]
        elif channel.startswith("kline"):
            data = msgspec.defstruct("Items", [("symbol", str), ("items", list[_candle()])])
        else:
            data = model
        kind = msgspec.defstruct("Frame", [("data", data)])
        from bitmart_async.models.base import decode_custom

        decoder = msgspec.json.Decoder(kind, strict=False, dec_hook=decode_custom)
        decoders[f"{market}/{channel}".encode()] = decoder.decode
    return decoders


def _candle() -> Any:
    from decimal import Decimal

    return msgspec.defstruct("Candle", [*((name, Decimal) for name in "ohlcv"), ("ts", int)])


class Bare(Contender):
    """Our transport alone: messages are cut and counted."""

    name = "fast"

    async def start(self) -> None:
        from bitmart_async.websocket.sockets import open_websocket

        self.tasks = []
        for market in MARKETS:
            opened = await open_websocket(url(self.port, self.who, market), 10, transport=self.name)
            self.tasks.append(asyncio.create_task(opened.read(self.take)))

    def take(self, messages: list[bytes]) -> None:
        for _ in messages:
            self.count()


# Ours ---------------------------------------------------------------------------------------------


class Ours(Contender):
    """The library as users call it: subscribe() with a plain handler."""

    per_element = True
    hundred = False

    async def start(self) -> None:
        from bitmart_async import LIVE, WebsocketClient

        environment = dataclasses.replace(
            LIVE,
            name="benchmark",
            spot_public=url(self.port, self.who, "spot"),
            futures_public=url(self.port, self.who, "futures"),
        )
        self.ws = WebsocketClient(environment=environment, ping_interval=3600.0)
        await self.subscribe(self.ws, [*topics_of("spot"), *topics_of("futures")])

    async def subscribe(self, ws: WebsocketClient, topics: list[str]) -> None:
        await ws.subscribe(topics, handler=self.count)


class OneTopic(Ours):
    async def subscribe(self, ws: WebsocketClient, topics: list[str]) -> None:
        await ws.subscribe(list(frames.spread("spot", "ticker", 1, 1).topics), handler=self.count)


class HundredTopics(Ours):
    async def subscribe(self, ws: WebsocketClient, topics: list[str]) -> None:
        await ws.subscribe(list(frames.spread("spot", "ticker", 1, 100).topics), handler=self.count)


class Book(Ours):
    """A local book is kept from every change of the spot depth."""

    async def subscribe(self, ws: WebsocketClient, topics: list[str]) -> None:
        from bitmart_async.book import OrderBook

        chained = [topic for topic in topics if "increase" in topic]
        self.books = {topic: OrderBook(topic) for topic in chained}
        books, count = self.books, self.count

        def apply(update: Update[Any]) -> None:
            books[update.topic].apply(update)
            count()

        await ws.subscribe(chained, handler=apply)
        await ws.subscribe([topic for topic in topics if topic not in books], handler=count)

    def begin(self) -> None:
        for book in self.books.values():
            book.reset()  # each round begins with a snapshot, and with the same version

    def check(self) -> None:
        kept = [book for book in self.books.values() if book.trouble is None]
        assert len(kept) in (0, len(self.books)), self.books  # none in a round of futures


class Iterated(Ours):
    """``async for`` over one subscription of everything."""

    async def subscribe(self, ws: WebsocketClient, topics: list[str]) -> None:
        self.subscription = await ws.subscribe(topics)
        self.task = asyncio.create_task(self.iterate())

    async def iterate(self) -> None:
        count = self.count
        async for update in self.subscription:
            count(update)

    def check(self) -> None:
        assert self.subscription.dropped == 0


class Raw(Ours):
    """``raw=``: topic and bytes."""

    async def subscribe(self, ws: WebsocketClient, topics: list[str]) -> None:
        await ws.subscribe(topics, raw=self.frame)

    per_element = False

    def frame(self, topic: str, frame: bytes) -> None:
        if self.stamps is not None:
            self.stamps.append(time.monotonic_ns())
        self.left -= 1
        if not self.left:
            assert self.done is not None
            self.done.set_result(None)


class Ten(Ours):
    """Ten handlers on each topic: one counts."""

    async def subscribe(self, ws: WebsocketClient, topics: list[str]) -> None:
        for _ in range(9):
            await ws.subscribe(topics, handler=lambda update: None)
        await ws.subscribe(topics, handler=self.count)


KINDS: dict[str, type[Contender]] = {
    "floor": Loop,
    "typed floor": TypedLoop,
    "picows, typed decode by hand": Picows,
    "transport": Bare,
    "handler": Ours,
    "book": Book,
    "iterator": Iterated,
    "raw": Raw,
    "ten handlers": Ten,
    "one topic": OneTopic,
    "hundred topics": HundredTopics,
}


def main() -> None:
    kind, port = sys.argv[1], int(sys.argv[2])
    name, _, variant = kind.partition(" (")
    os.environ["BITMART_ASYNC_TRANSPORT"] = "picows" if "picows" in variant else "fast"
    contender = KINDS[name](port, spelled(kind))
    if isinstance(contender, Bare):
        contender.name = os.environ["BITMART_ASYNC_TRANSPORT"]
    if "uvloop" in variant:
        import uvloop

        uvloop.run(contender.serve())
    else:
        asyncio.run(contender.serve())


def spelled(kind: str) -> str:
    """A contender's name as it stands in a URL."""
    return "".join(letter if letter.isalnum() else "_" for letter in kind)


if __name__ == "__main__":
    main()
