"""A websocket server that speaks both dialects of the exchange, and misbehaves by script.

A test gives ``reply``, which sees each message before the server answers it: it returns None for the
usual answer, or the frames to send instead (none: silence). It may also close or abort the session.
Everything a client sends is kept per session, in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import logging
import socket
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode

from bitmart_async.environments import local
from bitmart_async.websocket.client import WebsocketClient
from tests.conftest import KEYS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from typing import Self

    from websockets.asyncio.server import Server
    from websockets.http11 import Request, Response

    from bitmart_async.environments import Environment

Frame: TypeAlias = str | bytes | dict[str, Any]
"""Text, a binary frame, or an object to be sent as JSON text."""


_silent = logging.Logger("scripted", level=logging.CRITICAL + 1)
FAST = {
    "connect_timeout": 2.0,
    "login_timeout": 1.0,
    "ack_timeout": 0.5,
    "ping_interval": 5.0,
    "pong_timeout": 2.0,
    "reconnect_delay": (0.01, 0.05),
    "linger": 5.0,
}
"""Times for tests; a test that is about one of them gives its own."""


async def until(condition: Callable[[], object], timeout: float = 5.0) -> None:
    """Wait until a condition holds; TimeoutError when it never does."""
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110 - a condition of any kind has no event
            await asyncio.sleep(0.002)


def streams(server: ScriptedServer, **options: Any) -> WebsocketClient:
    """A client for a scripted server, with short times and keys."""
    return WebsocketClient(**{"environment": server.environment, **KEYS, **FAST, **options})


def our_tasks() -> list[str]:
    """Names of the library's tasks that are still alive."""
    return sorted(task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("bitmart"))


@dataclass(frozen=True)
class Message:
    """What a client sent."""

    text: str
    operation: str
    """login, subscribe, unsubscribe, request, ping; empty when it is none of them."""
    args: tuple[str, ...] = ()


@dataclass
class Session:
    """One socket as the server sees it."""

    name: str
    """spot_public, spot_private, futures_public, futures_private."""
    connection: ServerConnection = field(repr=False)
    number: int
    """Counts the sessions of this name, from 1."""
    messages: list[Message] = field(default_factory=list)
    topics: dict[str, int] = field(default_factory=dict)
    """What the server holds for it; the value counts how often it was asked for."""
    closed: bool = False

    @property
    def spot(self) -> bool:
        return self.name.startswith("spot")

    def sent(self, operation: str) -> list[Message]:
        """Messages of an operation, in order."""
        return [message for message in self.messages if message.operation == operation]

    @property
    def operations(self) -> list[str]:
        """What came, in order, pings left out."""
        return [message.operation for message in self.messages if message.operation != "ping"]

    async def send(self, *frames: Frame) -> None:
        with contextlib.suppress(ConnectionClosed):
            for frame in frames:
                await self.connection.send(
                    json.dumps(frame, separators=(",", ":")) if isinstance(frame, dict) else frame
                )

    async def send_in_fragments(self, text: str, size: int) -> None:
        """As one message of several websocket fragments."""
        await self.connection.send([text[at : at + size] for at in range(0, len(text), size)])

    async def send_in_bytes(self, text: str) -> None:
        """Byte by byte on the TCP level."""
        wire = self.connection.transport
        wire.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in WireFrame(Opcode.TEXT, text.encode()).serialize(mask=False):
            wire.write(bytes([byte]))
            await asyncio.sleep(0)

    def send_at_once(self, *texts: str) -> None:
        """Whole messages in one write, so that they arrive together."""
        frames = (WireFrame(Opcode.TEXT, text.encode()).serialize(mask=False) for text in texts)
        self.connection.transport.write(b"".join(frames))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self.connection.close(code, reason)

    def abort(self) -> None:
        """End with a reset, without a goodbye."""
        wire = self.connection.transport
        sock = wire.get_extra_info("socket")
        if sock is not None and not wire.is_closing():
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wire.abort()

    def abort_in_frame(self, text: str, sent: int) -> None:
        """Send the first bytes of a frame, then reset."""
        self.connection.transport.write(WireFrame(Opcode.TEXT, text.encode()).serialize(mask=False)[:sent])
        self.abort()

    def ack(self, operation: str, topic: str) -> dict[str, Any]:
        """The acknowledgement of a topic in this market's form."""
        if self.spot:
            return {"event": operation, "topic": topic}
        return {
            "action": operation,
            "group": topic,
            "success": True,
            "request": {"action": operation, "args": [topic]},
        }

    def logged_in(self) -> dict[str, Any]:
        return {"event": "login"} if self.spot else {"action": "access", "success": True}

    def pong(self) -> Frame:
        return "pong" if self.spot else {"group": "System", "data": "pong+e0d8adb4"}

    def usual(self, message: Message) -> list[Frame]:
        """What an exchange in good health answers; keeps the topics."""
        if message.operation == "ping":
            return [self.pong()]
        if message.operation == "login":
            return [self.logged_in()]
        if message.operation in ("subscribe", "unsubscribe"):
            for topic in message.args:
                if message.operation == "subscribe":
                    self.topics[topic] = self.topics.get(topic, 0) + 1
                else:
                    self.topics.pop(topic, None)
            return [self.ack(message.operation, topic) for topic in message.args]
        return []


Reply: TypeAlias = "Callable[[Session, Message], Sequence[Frame] | Awaitable[Sequence[Frame] | None] | None]"


class ScriptedServer:
    """Spot and futures streams on two ports.

    Args:
        reply: See the module's text.
        opened: Called with each new session before it is read.
        handshake: HTTP status (and maybe body) to refuse the nth connect (from 1) with; None lets it in.
        rest: Port of a REST server for the environment.
    """

    def __init__(
        self,
        reply: Reply | None = None,
        *,
        opened: Callable[[Session], Awaitable[None]] | None = None,
        handshake: Callable[[int], int | tuple[int, str] | None] | None = None,
        rest: int = 9,
    ) -> None:
        self.reply = reply
        self.opened = opened
        self.handshake = handshake
        self.sessions: list[Session] = []
        self.connects = 0
        self._rest = rest
        self._servers: list[Server] = []

    @property
    def environment(self) -> Environment:
        spot, futures = (server.sockets[0].getsockname()[1] for server in self._servers)
        return local(
            spot_rest=self._rest, futures_rest=self._rest, spot_streams=spot, futures_streams=futures
        )

    def of(self, name: str) -> list[Session]:
        """The sessions of one kind, in order."""
        return [session for session in self.sessions if session.name == name]

    def last(self, name: str = "") -> Session:
        return [session for session in self.sessions if session.name.startswith(name)][-1]

    async def session(self, name: str, number: int = 1) -> Session:
        """Wait for the nth session of a kind."""
        await until(lambda: len(self.of(name)) >= number)
        return self.of(name)[number - 1]

    async def __aenter__(self) -> Self:
        for market in ("spot", "futures"):
            self._servers.append(
                await serve(
                    self._handler(market),
                    "127.0.0.1",
                    0,
                    process_request=self._upgrade,
                    compression=None,
                    ping_interval=None,
                    close_timeout=0.2,
                    logger=_silent,
                )
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in self.sessions:
            session.connection.transport.abort()
        for server in self._servers:
            server.close()
            await server.wait_closed()

    def _upgrade(self, connection: ServerConnection, request: Request) -> Response | None:
        self.connects += 1
        answer = self.handshake(self.connects) if self.handshake is not None else None
        if answer is None:
            return None
        status, body = (answer, "") if isinstance(answer, int) else answer
        return connection.respond(status, body)

    def _handler(self, market: str) -> Callable[[ServerConnection], Awaitable[None]]:
        async def serve_one(connection: ServerConnection) -> None:
            assert connection.request is not None
            private = connection.request.path.startswith("/user")
            name = f"{market}_{'private' if private else 'public'}"
            session = Session(name, connection, len(self.of(name)) + 1)
            self.sessions.append(session)
            with contextlib.suppress(ConnectionClosed):
                if self.opened is not None:
                    await self.opened(session)
                async for text in connection:
                    await self._answer(session, _parse(text if isinstance(text, str) else text.decode()))
            session.closed = True

        return serve_one

    async def _answer(self, session: Session, message: Message) -> None:
        session.messages.append(message)
        answer = self.reply(session, message) if self.reply is not None else None
        if inspect.isawaitable(answer):
            answer = await answer
        await session.send(*(session.usual(message) if answer is None else answer))


def _parse(text: str) -> Message:
    if not text.startswith("{"):
        return Message(text, text)
    body = json.loads(text)
    operation = body.get("op") or body.get("action") or ""
    return Message(text, "login" if operation == "access" else operation, tuple(body.get("args", ())))


@contextlib.asynccontextmanager
async def serving(
    reply: Reply | None = None,
    *,
    client: dict[str, Any] | None = None,
    **options: Any,
) -> AsyncIterator[tuple[ScriptedServer, WebsocketClient]]:
    """A scripted server and a client of it; nothing of the client is left afterwards."""
    async with ScriptedServer(reply, **options) as server:
        async with streams(server, **(client or {})) as ws:
            yield server, ws
        assert our_tasks() == []


def ticker(symbol: str = "BTC_USDT", last: str = "1") -> str:
    """A data frame of spot/ticker."""
    data = {
        "symbol": symbol,
        "last_price": last,
        "open_24h": "1",
        "high_24h": "1",
        "low_24h": "1",
        "base_volume_24h": "1",
        "quote_volume_24h": "1",
        "fluctuation": "0",
        "bid_px": "1",
        "bid_sz": "1",
        "ask_px": "1",
        "ask_sz": "1",
        "ms_t": 1709024652967,
    }
    return json.dumps({"data": [data], "table": "spot/ticker"}, separators=(",", ":"))


def trades(symbol: str, *sizes: str) -> str:
    """A data frame of spot/trade, one trade per size."""
    rows = [
        {"symbol": symbol, "price": "1", "side": "buy", "size": size, "ms_t": 1542337219120} for size in sizes
    ]
    return json.dumps({"table": "spot/trade", "data": rows}, separators=(",", ":"))


def futures_ticker(symbol: str = "BTCUSDT", last: str = "1", group: str = "") -> str:
    """A data frame of futures/ticker."""
    data = {"symbol": symbol, "last_price": last, "volume_24": "1", "range": "0"}
    return json.dumps({"data": data, "group": group or f"futures/ticker:{symbol}"}, separators=(",", ":"))


def own_order(number: int, table: str = "spot/user/orders") -> str:
    """A private data frame about an order of that id."""
    row = {
        "symbol": "BTC_USDT",
        "side": "buy",
        "type": "limit",
        "price": "1",
        "size": "1",
        "filled_size": "0",
        "filled_notional": "0",
        "ms_t": "1",
        "order_id": str(number),
    }
    return json.dumps({"data": [row], "table": table}, separators=(",", ":"))
