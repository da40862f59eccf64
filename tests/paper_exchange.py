"""An exchange without sockets, for tests in virtual time: spot's stream language over queues.

It stands under a WebsocketClient at the transport seam: ``client._access.open = exchange.open``. Every event it
publishes has a number; faults are ordered by attributes and methods.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import TYPE_CHECKING, Any

from bitmart_async.errors import StreamUnavailable
from bitmart_async.websocket.transport import SocketClosed
from tests.scripted_ws import trades

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitmart_async.websocket.client import WebsocketClient
    from tests.paper_book import PaperBook

__all__ = ["PaperExchange", "PaperSocket"]

LATENCY = 0.02


class PaperSocket:
    """One socket, from the client's side a Transport."""

    def __init__(self, exchange: PaperExchange, kind: str) -> None:
        self.kind = kind
        self.topics: set[str] = set()
        self.operations: list[str] = []
        self.messages: list[tuple[float, str]] = []
        """When what came, pings included."""
        self.stalled = False
        """Nothing passes any more in either direction, and the socket stays open."""
        self.closed = False
        self._exchange = exchange
        self._loop = asyncio.get_running_loop()
        self._line: deque[tuple[float, bytes]] = deque()
        self._frames: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None

    # The client's side

    async def read(self, take: Callable[[list[bytes]], int | None]) -> None:
        while True:
            while not self._frames:
                if self.closed:
                    raise SocketClosed("connection lost without a goodbye")
                self._waiter = self._loop.create_future()
                await self._waiter
            frames = list(self._frames)
            self._frames.clear()
            taken = take(frames)
            if taken is not None and taken < len(frames):
                self._frames.extendleft(reversed(frames[taken:]))
                return

    async def send(self, message: bytes) -> None:
        if self.closed:
            raise SocketClosed("connection lost without a goodbye")
        if not self.stalled:
            self._loop.call_later(LATENCY, self._exchange.heard, self, message)

    def abort(self) -> None:
        """End it; what is on its way is lost."""
        self.closed = True
        self._line.clear()
        self._exchange.sockets.discard(self)
        self._tell()

    async def close(self) -> None:
        self.abort()

    # The exchange's side

    def put(self, *frames: str | bytes) -> None:
        """Send frames; they arrive a little later, in order."""
        for frame in frames:
            if self.stalled or self.closed:
                return
            data = frame.encode() if isinstance(frame, str) else frame
            self._line.append((self._loop.time() + LATENCY, data))
            self._loop.call_later(LATENCY, self._arrive)

    def _arrive(self) -> None:
        if self._line:
            self._frames.append(self._line.popleft()[1])
            self._tell()

    def _tell(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class PaperExchange:
    """See the module's text."""

    def __init__(self) -> None:
        self.sockets: set[PaperSocket] = set()
        self.opened = 0
        self.ever: list[PaperSocket] = []
        self.refused = ""
        """Why every connect is refused; empty when none is."""
        self.muted: set[str] = set()
        self.swallow = 0
        """So many of the next subscribe, unsubscribe and login messages are lost."""
        self.number = 0
        self.published: list[tuple[float, str, int]] = []
        """When, on which topic, which number."""
        self.copies: dict[int, int] = {}
        """How often a number was sent beyond once."""
        self._held_back: dict[str, int] = {}
        self.books: dict[str, PaperBook] = {}
        """By topic: each brings a snapshot when it is subscribed or requested."""

    def serve(self, client: WebsocketClient) -> None:
        """Let a client meet this exchange instead of the network."""
        client._access.open = self.open  # type: ignore[method-assign]

    async def open(self, url: str, timeout: float) -> PaperSocket:
        await asyncio.sleep(LATENCY)
        if self.refused:
            raise StreamUnavailable(f"no connection: {self.refused}", endpoint=url)
        self.opened += 1
        socket = PaperSocket(self, "private" if "/user" in url else "public")
        self.ever.append(socket)
        self.sockets.add(socket)
        return socket

    def heard(self, socket: PaperSocket, message: bytes) -> None:
        if socket.closed or socket.stalled:
            return
        at = asyncio.get_running_loop().time()
        if message == b"ping":
            socket.messages.append((at, "ping"))
            socket.put("pong")
            return
        body: dict[str, Any] = json.loads(message)
        socket.messages.append((at, body["op"]))
        socket.operations.append(body["op"])
        if self.swallow:
            self.swallow -= 1
            return
        if body["op"] == "login":
            socket.put('{"event":"login"}')
        for topic in body["args"] if body["op"] in ("subscribe", "unsubscribe") else ():
            if body["op"] == "subscribe":
                socket.topics.add(topic)
            else:
                socket.topics.discard(topic)
            socket.put(json.dumps({"event": body["op"], "topic": topic}))
        for topic in body["args"] if body["op"] in ("subscribe", "request") else ():
            if topic in self.books and topic in socket.topics:
                socket.put(self.books[topic].snapshot())

    def push(self, topic: str, *frames: str) -> None:
        """Send frames to all who have a topic."""
        for socket in self.sockets:
            if topic in socket.topics:
                socket.put(*frames)

    def publish(self, topic: str, *, copies: int = 0, hold_back: bool = False) -> None:
        """Send the next number to all who have a topic; maybe again, maybe only after the one that follows."""
        self.number += 1
        if copies:
            self.copies[self.number] = copies
        if hold_back and topic not in self._held_back:
            self._held_back[topic] = self.number
            return
        self._send(topic, self.number, 1 + copies)
        if topic in self._held_back:
            self._send(topic, self._held_back.pop(topic), 1)

    def release(self) -> None:
        """Send what is held back."""
        while self._held_back:
            self._send(*self._held_back.popitem(), 1)

    def _send(self, topic: str, number: int, times: int) -> None:
        self.published.append((asyncio.get_running_loop().time(), topic, number))
        if topic in self.muted:
            return
        frames = [trades(topic.partition(":")[2], str(number))] * times
        for socket in self.sockets:
            if topic in socket.topics:
                socket.put(*frames)
