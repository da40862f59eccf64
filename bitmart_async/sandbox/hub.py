"""Stream sessions and their topics: who listens to what, and how a frame reaches them.

Frames are written to the socket at once and in order, without waiting for the peer. A peer that does
not read is aborted when too much waits for it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec
from websockets.asyncio.server import ServerConnection, broadcast
from websockets.frames import Frame, Opcode
from websockets.protocol import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .accounts import Account
    from .calls import Json
    from .clock import Clock
    from .fault_script import FaultScript

__all__ = ["Hub", "Session", "encode"]

_encode = msgspec.json.encode
_BACKLOG: Final = 8 * 2**20
_RAW_DEFLATE: Final = -15


def encode(frame: Json) -> str:
    return _encode(frame).decode()


def deflate(text: str) -> bytes:
    """One complete raw DEFLATE stream, without a header."""
    packer = zlib.compressobj(wbits=_RAW_DEFLATE)
    return packer.compress(text.encode()) + packer.flush()


@dataclass(eq=False, slots=True)
class Session:
    """One stream socket from handshake to close."""

    number: int
    name: str
    address: str
    connection: ServerConnection
    opened_ms: int
    account: Account | None = None
    topics: dict[str, None] = field(default_factory=dict[str, None])
    active_ms: int = 0
    """When bytes last went either way."""
    bare_since_ms: int = 0
    """Since when it has had no topic."""
    recent: deque[int] = field(default_factory=deque[int])
    """When its last messages came."""
    held: list[str | bytes] | None = None
    """What waits while the socket is stalled; None while it is not."""
    deaf: bool = False
    """Nothing goes either way any more."""

    def send(self, frame: Json) -> None:
        self.write(encode(frame))

    def send_text(self, text: str) -> None:
        self.write(text)

    def write(self, payload: str | bytes) -> None:
        """Send, unless the socket is held, or gone: asyncio logs every write to one that is gone."""
        if self.held is None:
            if not self.connection.transport.is_closing():
                broadcast([self.connection], payload)
        elif not self.deaf:
            self.held.append(payload)

    def hold(self, *, deaf: bool) -> None:
        """Stop reading and writing; a deaf one loses what it should send."""
        self.deaf = self.deaf or deaf
        self.held = self.held or []
        self.connection.transport.pause_reading()

    def resume(self) -> None:
        """Send what waits, in order, and read again."""
        held, self.held = self.held or [], None
        for payload in held:  # the peer may have left meanwhile, which only the first write tells
            self.write(payload)
        self.connection.transport.resume_reading()

    def abort(self) -> None:
        """Close the connection without a goodbye."""
        self.connection.transport.abort()

    def reset(self) -> None:
        """Abort so that the peer sees a reset (RST) and not an orderly end of the stream."""
        peer = self.connection.transport.get_extra_info("socket")
        if peer is not None:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()


class Hub:
    """The sessions of one market's two sockets."""

    def __init__(self, market: str, faults: FaultScript, clock: Clock, *, compress: bool) -> None:
        self.market = market
        self._clock = clock
        self.sessions: dict[int, Session] = {}
        self._faults = faults
        self._compress = compress
        self._topics: dict[str, dict[Session, None]] = {}

    @property
    def topics(self) -> list[str]:
        """Topics that somebody listens to."""
        return list(self._topics)

    def listens(self, topic: str) -> bool:
        return topic in self._topics

    def add(self, session: Session) -> None:
        self.sessions[session.number] = session

    def remove(self, session: Session) -> None:
        self.sessions.pop(session.number, None)
        for topic in list(session.topics):
            self.leave(session, topic)

    def join(self, session: Session, topic: str) -> None:
        session.topics[topic] = None
        self._topics.setdefault(topic, {})[session] = None

    def leave(self, session: Session, topic: str) -> None:
        session.topics.pop(topic, None)
        if not session.topics:
            session.bare_since_ms = self._clock.gate_ms()
        listeners = self._topics.get(topic)
        if listeners is not None:
            listeners.pop(session, None)
            if not listeners:
                del self._topics[topic]

    def publish(self, topic: str, frame: Json) -> None:
        """To everybody who listens to the topic."""
        for sent in self._faults.disturbed(topic, frame):
            self._write(topic, self._topics.get(topic, ()), sent)

    def publish_to(self, uid: int, topic: str, frame: Json) -> None:
        """To the sessions of one account that listen to the topic."""
        listeners = [
            session
            for session in self._topics.get(topic, ())
            if session.account is not None and session.account.uid == uid
        ]
        for sent in self._faults.disturbed(topic, frame) if listeners else ():
            self._write(topic, listeners, sent)

    def send_data(self, session: Session, topic: str, frame: Json) -> None:
        """A data frame to one session: a snapshot."""
        self._write(topic, (session,), frame)

    def replay(self, topic: str, text: str) -> int:
        """A recorded frame as it is, to everybody who listens to its topic; says how many that is."""
        sessions = list(self._topics.get(topic, ()))
        if self._faults.is_muted(topic):
            return 0
        self._send(topic, sessions, deflate(text) if self._compress else text)
        return len(sessions)

    def _write(self, topic: str, sessions: Iterable[Session], frame: Json) -> None:
        if not sessions or self._faults.is_muted(topic):
            return
        text = encode(frame)
        self._send(topic, list(sessions), deflate(text) if self._compress else text)

    def _send(self, topic: str, sessions: list[Session], payload: str | bytes) -> None:
        late = self._faults.lags.get(topic)
        if late is None:
            self._deliver(sessions, payload)
        else:
            asyncio.get_running_loop().call_later(late, self._deliver, sessions, payload)

    def _deliver(self, sessions: list[Session], payload: str | bytes) -> None:
        """The frame is built once; a connection with an extension builds its own."""
        now_ms, wire = self._clock.gate_ms(), _frame(payload)
        for session in sessions:
            if session.held is not None:
                session.write(payload)
                continue
            session.active_ms = now_ms
            transport, protocol = session.connection.transport, session.connection.protocol
            if transport.is_closing():
                continue
            if transport.get_write_buffer_size() > _BACKLOG:
                session.abort()
            elif protocol.extensions:
                session.write(payload)
            elif protocol.state is State.OPEN:
                transport.write(wire)


def _frame(payload: str | bytes) -> bytes:
    """A whole message as a server sends it."""
    if isinstance(payload, str):
        return Frame(Opcode.TEXT, payload.encode()).serialize(mask=False)
    return Frame(Opcode.BINARY, payload).serialize(mask=False)
