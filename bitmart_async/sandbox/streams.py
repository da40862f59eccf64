"""The stream face of one market: sockets from handshake to close, under the exchange's limits.

``/api`` is the public socket, ``/user`` the private one. What is said on them is the dialect's business,
what is pushed the feed's.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

from .hub import Hub, Session
from .journal import Journal, SessionClosed, SessionOpened, StreamMessage, Watch
from .phases import reached

if TYPE_CHECKING:
    from itertools import count

    from websockets.http11 import Request as Handshake
    from websockets.http11 import Response

    from .exchange import Exchange
    from .fault_script import FaultScript

__all__ = ["FUTURES_LIMITS", "SPOT_LIMITS", "Dialect", "StreamFace", "StreamLimits"]

_DEFLATE: Final = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True, client_no_context_takeover=True
)
_PATHS: Final = {"/api": "public", "/user": "private"}

_log = logging.getLogger("bitmart_async.sandbox.websockets")
_log.setLevel(logging.WARNING)  # the library shows every frame at DEBUG, logins included


class Dialect(Protocol):
    def receive(self, session: Session, text: str) -> bool: ...
    def too_frequent(self, session: Session) -> None: ...
    def refuse_connection(self, session: Session, code: str) -> None: ...
    def topic_fault(self, topic: str) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """None where the exchange has no such limit."""

    message_bytes: int
    messages_per_10s: int | None = None
    connects_per_minute: int | None = None
    connections: dict[str, int] | None = None
    """Open at a time per address, by public and private."""
    idle_ms: int | None = None
    """Without a byte either way, the socket is aborted."""
    bare_ms: int | None = None
    """Without a topic, the socket is closed."""
    ping_s: float | None = None
    """How often the server sends protocol pings."""
    deflates: bool = False
    """Whether permessage-deflate is agreed to when a client offers it; every message on its own then."""


SPOT_LIMITS: Final = StreamLimits(
    message_bytes=4_096,
    messages_per_10s=100,
    connects_per_minute=30,
    connections={"public": 20, "private": 10},
    idle_ms=20_000,
    bare_ms=300_000,
)
FUTURES_LIMITS: Final = StreamLimits(
    message_bytes=2_048, ping_s=54, connections={"public": 500, "private": 500}, deflates=True
)


class StreamFace:
    """The stream server of one market."""

    def __init__(
        self,
        hub: Hub,
        dialect: Dialect,
        limits: StreamLimits,
        exchange: Exchange,
        faults: FaultScript,
        *,
        journal: Journal,
        watch: Watch,
        numbers: count[int],
        enforced: bool,
    ) -> None:
        self._hub = hub
        self._dialect = dialect
        self._limits = limits
        self._exchange = exchange
        self._faults = faults
        self._journal = journal
        self._watch = watch
        self._numbers = numbers
        self._enforced = enforced
        self._connects: dict[tuple[str, str], deque[int]] = {}
        self._server: Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port."""
        self._server = await serve(
            self._serve,
            host,
            port,
            process_request=self._check_handshake,
            compression=None,
            extensions=[_DEFLATE] if self._limits.deflates else None,
            max_size=self._limits.message_bytes,
            ping_interval=self._limits.ping_s,
            ping_timeout=None,
            close_timeout=0.2,
            server_header=None,
            logger=_log,
        )
        address = next(iter(self._server.sockets)).getsockname()
        return int(address[1])

    async def stop(self) -> None:
        """Abort every socket and stop listening."""
        self.cut("")
        if self._server is not None:
            self._server.close(close_connections=True)
            await self._server.wait_closed()

    def cut(self, sockets: str) -> int:
        """Abort the sockets whose name starts so; says how many."""
        victims = [session for session in self._hub.sessions.values() if session.name.startswith(sockets)]
        for session in victims:
            session.reset()
        return len(victims)

    def hold(self, sockets: str, *, deaf: bool) -> int:
        """Stall, or make deaf, the open sockets whose name starts so; says how many."""
        victims = [session for session in self._hub.sessions.values() if session.name.startswith(sockets)]
        for session in victims:
            session.hold(deaf=deaf)
        return len(victims)

    def resume(self, sockets: str) -> int:
        """Let the stalled ones among them go on."""
        stalled = [
            session
            for session in self._hub.sessions.values()
            if session.name.startswith(sockets) and session.held is not None and not session.deaf
        ]
        for session in stalled:
            session.resume()
        return len(stalled)

    def heal(self) -> None:
        """Let stalled sockets go on and cut deaf ones."""
        self.resume("")
        for session in list(self._hub.sessions.values()):
            if session.deaf:
                session.reset()

    def topic_fault(self, topic: str) -> str:
        """What is wrong with a topic's name; empty when nothing is."""
        return self._dialect.topic_fault(topic)

    @property
    def topics(self) -> list[str]:
        """What is listened to."""
        return self._hub.topics

    def sweep(self, now_ms: int) -> None:
        """Abort sockets that were silent, and close bare ones, for too long."""
        idle, bare = self._limits.idle_ms, self._limits.bare_ms
        for session in list(self._hub.sessions.values()):
            silent = idle is not None and now_ms - session.active_ms > idle
            unused = bare is not None and not session.topics and now_ms - session.bare_since_ms > bare
            if (silent or unused) and session.held is None:
                session.abort()

    # One socket

    def _check_handshake(self, connection: ServerConnection, request: Handshake) -> Response | None:
        if reached(self._exchange.phase, "closed"):
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "Service unavailable\n")
        path = urlsplit(request.path).path
        if path in _PATHS:
            return self._scripted_handshake(connection, f"{self._hub.market}_{_PATHS[path]}")
        return connection.respond(HTTPStatus.NOT_FOUND, "Not found\n")

    def _scripted_handshake(self, connection: ServerConnection, socket: str) -> Response | None:
        status = 503 if self._faults.maintenance else self._faults.take_handshake(socket)
        return None if status is None else connection.respond(status, "Refused\n")

    async def _serve(self, connection: ServerConnection) -> None:
        session = self._open(connection)
        try:
            refused = self._over_connection_limit(session)
            if refused:
                self._dialect.refuse_connection(session, refused)
                await connection.close()
                return
            await self._converse(session)
        except ConnectionClosed:
            return
        finally:
            self._close(session)

    async def _converse(self, session: Session) -> None:
        async for message in session.connection:
            gate_ms = self._exchange.clock.gate_ms()
            session.active_ms = gate_ms
            text = message if isinstance(message, str) else message.decode(errors="replace")
            self._journal.add(
                StreamMessage(
                    socket=session.name, session=session.number, text=text, at_ms=self._exchange.now_ms()
                )
            )
            self._watch.seen.sockets[session.name].messages += 1
            self._watch.changed()
            if self._too_many_messages(session, gate_ms):
                self._dialect.too_frequent(session)
                await session.connection.close()
                return
            if not self._dialect.receive(session, text):
                await session.connection.close()
                return

    def _open(self, connection: ServerConnection) -> Session:
        gate_ms = self._exchange.clock.gate_ms()
        request = connection.request
        assert request is not None, "the handshake is over"
        socket = f"{self._hub.market}_{_PATHS[urlsplit(request.path).path]}"
        peer = connection.remote_address
        session = Session(
            number=next(self._numbers),
            name=socket,
            address=str(peer[0]) if peer else "",
            connection=connection,
            opened_ms=gate_ms,
            active_ms=gate_ms,
            bare_since_ms=gate_ms,
        )
        self._hub.add(session)
        self._journal.add(
            SessionOpened(
                socket=socket,
                session=session.number,
                headers=dict(request.headers.raw_items()),
                at_ms=self._exchange.now_ms(),
            )
        )
        counters = self._watch.seen.sockets[socket]
        counters.sessions += 1
        counters.open_sessions += 1
        self._watch.changed()
        return session

    def _close(self, session: Session) -> None:
        now_ms = self._exchange.now_ms()
        self._hub.remove(session)
        self._journal.add(SessionClosed(socket=session.name, session=session.number, at_ms=now_ms))
        self._watch.seen.sockets[session.name].open_sessions -= 1
        self._watch.changed()

    def _over_connection_limit(self, session: Session) -> str:
        """The code of the limit this connection breaks, if any."""
        if not self._enforced:
            return ""
        now_ms = self._exchange.clock.gate_ms()
        kind = session.name.rpartition("_")[2]
        open_now = sum(
            other.name == session.name and other.address == session.address
            for other in self._hub.sessions.values()
        )
        if self._limits.connections is not None and open_now > self._limits.connections[kind]:
            return "94002"
        if self._limits.connects_per_minute is None:
            return ""
        recent = self._connects.setdefault((session.address, kind), deque())
        while recent and recent[0] <= now_ms - 60_000:
            recent.popleft()
        recent.append(now_ms)
        return "94001" if len(recent) > self._limits.connects_per_minute else ""

    def _too_many_messages(self, session: Session, now_ms: int) -> bool:
        limit = self._limits.messages_per_10s
        if limit is None or not self._enforced:
            return False
        while session.recent and session.recent[0] <= now_ms - 10_000:
            session.recent.popleft()
        session.recent.append(now_ms)
        return len(session.recent) > limit
