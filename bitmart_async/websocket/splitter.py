"""A connection of the library ``websockets`` that cuts whole data frames off before the library sees them.

See :mod:`~bitmart_async.websocket.over_websockets` for when and why. This module imports the library, so
it is itself imported at the first connect.
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.http11 import Response
from websockets.protocol import State
from websockets.streams import StreamReader
from websockets.uri import parse_uri

from bitmart_async.websocket.transport import MOST_FRAME_BYTES

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

__all__ = ["Splitter", "library_is_as_expected"]

_TEXT, _BINARY = 0x81, 0x82
"""First byte of a final frame without reserved bits."""
_TWO_BYTES, _EIGHT_BYTES = 126, 127
"""Second byte of an unmasked frame whose length follows in so many bytes."""
_USUAL, _USUAL_HEAD = 0x817E, 4
"""How nearly every frame begins: text, its length in two bytes; and the size of that head."""
_two_words = struct.Struct(">HH").unpack_from

_BETWEEN_FRAMES = StreamReader.at_eof.__code__
"""What the library's parser runs while it waits for the first byte of a frame."""
_READ_BYTES = 64 * 1024
"""At once from a socket. asyncio's 256 KiB are fresh pages of the kernel every time, which costs more than all of
the splitting; blocks of this size are used again."""


class Splitter(ClientConnection):
    """Reads like its base until somebody reads by :meth:`split_for`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._unfinished = "current_size" if hasattr(self.protocol, "current_size") else "cur_size"
        """Where the library counts the bytes of an unfinished message; websockets 15 has the older name."""
        self.fast = False
        """Whether bytes are split here; else the library has them."""
        self.held: list[bytes] = []
        """Messages split and not taken: older than anything in ``_parts`` and in the library."""
        self._parts: list[bytes] = []
        """Bytes not yet split: the beginning of a frame, or all that came while nobody took."""
        self._have = self._need = 0
        """Bytes in ``_parts``, and how many complete the frame they begin with, as far as is known."""
        self._take: Callable[[list[bytes]], int | None] | None = None
        self._stopped: asyncio.Future[bool] | None = None
        self._holding = False
        """Whether the peer is held back."""

    def idle(self) -> bool:
        """Whether the library has nothing: the next byte begins a frame, and no message is under way."""
        protocol, messages = self.protocol, self.recv_messages
        return bool(
            protocol.state is State.OPEN
            and not protocol.reader.buffer
            and _innermost(protocol.parser) is _BETWEEN_FRAMES  # else it has taken the head of a frame
            and getattr(protocol, self._unfinished) is None
            and not protocol.events
            and not messages.frames.queue
            and not messages.paused
        )

    async def split_for(self, take: Callable[[list[bytes]], int | None]) -> bool:
        """Split what comes for ``take``. True: it stopped. False: the library has the socket now."""
        self.fast = True
        self._take = take
        stopped: asyncio.Future[bool] = self.loop.create_future()
        self._stopped = stopped
        try:
            if self._have:
                self._split(self._joined())
            if not stopped.done() and self._holding:
                self._holding = False
                self.transport.resume_reading()
            return await stopped
        finally:
            self._take = self._stopped = None

    def let_go(self) -> None:
        """What nobody takes goes to the library, which has the socket then."""
        if self._holding:
            self._hand_over()

    # What the event loop calls ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        if isinstance(getattr(transport, "max_size", None), int):  # asyncio's own; others read as they like
            transport.max_size = _READ_BYTES  # type: ignore[attr-defined]
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if not self.fast:
            super().data_received(data)
            return
        if self._have:
            self._parts.append(data)
            self._have += len(data)
            if self._have < self._need and self._take is not None:
                return
            if self._take is not None:
                self._split(self._joined())
                return
        elif self._take is not None:
            self._split(data)
            return
        else:
            self._keep(data, 0)
        if not self._holding:
            self._holding = True
            self.transport.pause_reading()

    def eof_received(self) -> None:
        """The peer sends no more."""
        self._hand_over()
        super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self._hand_over()
        super().connection_lost(exc)

    # The work --------------------------------------------------------------------------------------

    def _split(self, data: bytes) -> None:
        """Cut the whole data frames off ``data`` and have them taken; keep or hand over what is left."""
        frames: list[bytes] = []
        at, end, need, foreign = 0, len(data), 0, False
        while True:
            while end - at >= _USUAL_HEAD:
                head, size = _two_words(data, at)
                stop = at + _USUAL_HEAD + size
                if head != _USUAL or stop > end:
                    break
                frames.append(data[at + _USUAL_HEAD : stop])
                at = stop
            if at == end:
                break
            start, stop = _extent(data, at, end)
            foreign, need = not stop, stop - at
            if foreign or stop > end:
                break
            frames.append(data[start:stop])
            at = stop
        if at < end and not foreign:
            self._keep(data[at:] if at else data, need)
        if frames:
            self._offer(frames)
        if foreign:
            self._keep(data[at:], 0)
            self._hand_over()

    def _offer(self, frames: list[bytes]) -> None:
        take, stopped = self._take, self._stopped
        assert take is not None
        assert stopped is not None
        try:
            taken = take(frames)
        except BaseException as error:  # whatever it is belongs to whoever reads
            self._take = None
            if not stopped.done():
                stopped.set_exception(error)
            return
        if taken is not None:
            self.held = frames[taken:]
            self._take = None
            if not stopped.done():
                stopped.set_result(True)

    def _keep(self, data: bytes, need: int) -> None:
        self._parts.append(data)
        self._have, self._need = len(data), need

    def _joined(self) -> bytes:
        parts = self._parts
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        self._parts, self._have = [], 0
        return data

    def _hand_over(self) -> None:
        """From here on the library reads, beginning with what is not split yet."""
        if not self.fast:
            return
        self.fast = False
        self._take = None
        if self._holding:
            self._holding = False
            self.transport.resume_reading()  # the library holds back by its own measure
        if self._have:
            super().data_received(self._joined())
        if self._stopped is not None and not self._stopped.done():
            self._stopped.set_result(False)


def _extent(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Where the message in the data frame at ``at`` starts and stops.

    A stop beyond ``end`` says that bytes are missing, at least so many; (0, 0) that it is no frame to be cut here.
    """
    if end - at < 2:
        return 0, at + 2
    head, size, start = data[at], data[at + 1], at + 2
    if size in (_TWO_BYTES, _EIGHT_BYTES):
        start += 2 if size == _TWO_BYTES else 8
        if end < start:
            return 0, start
        size = int.from_bytes(data[at + 2 : start])
    elif size > _EIGHT_BYTES:  # masked
        return 0, 0
    if head not in (_TEXT, _BINARY) or size > MOST_FRAME_BYTES:
        return 0, 0
    return start, start + size


def _innermost(generator: object) -> object:
    """The code that a chain of generators waits in."""
    while (inner := getattr(generator, "gi_yieldfrom", None)) is not None:
        generator = inner
    return getattr(generator, "gi_code", None)


class _NoSocket(asyncio.Transport):
    """Stands for a socket while the library is tried."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: object) -> None:
        assert isinstance(data, bytes)
        self.written.append(data)

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass


def _received(connection: Splitter) -> bytes:
    """The queued message of a connection."""
    getting = connection.recv_messages.get(False)
    try:
        getting.send(None)
    except StopIteration as got:
        return bytes(got.value)
    getting.close()
    raise LookupError("no message is queued")


def library_is_as_expected(logger: logging.Logger) -> bool:
    """Whether :meth:`Splitter.idle` tells the truth with the library that is installed; tried with real frames."""
    try:
        return _tried(logger)
    except Exception:
        return False


def _tried(logger: logging.Logger) -> bool:
    connection = Splitter(
        ClientProtocol(parse_uri("ws://localhost/"), state=State.OPEN, logger=logger),
        max_queue=2,
        close_timeout=None,
    )
    transport = _NoSocket()
    connection.connection_made(transport)
    connection.response = Response(101, "", Headers())  # the handshake is over

    def after(data: bytes) -> bool:
        connection.data_received(data)
        return connection.idle()

    good = connection.idle()
    good &= not after(b"\x81\x02") and not after(b"h")  # an unfinished frame
    good &= not after(b"i") and _received(connection) == b"hi" and connection.idle()
    good &= not after(b"\x01\x01y")  # an unfinished message
    good &= not after(b"\x80\x01o") and _received(connection) == b"yo" and connection.idle()
    good &= after(b"\x89\x00") and len(transport.written) == 1  # a ping is answered and leaves nothing
    for _ in range(4):
        good &= not after(b"\x82\x00")  # more than max_queue: the library holds the peer back
    good &= [_received(connection) for _ in range(4)] == [b""] * 4 and connection.idle()
    return good and not after(b"\x88\x02\x03\xe8")  # the goodbye
