"""Sockets of the library ``picows`` (the extra ``fast``); imported at the first connect.

picows cuts and answers nothing by itself here: pings are answered, fragments put together, closes echoed and
sizes checked in :class:`_Listener`, so that they are as with the other transports. What it refuses by itself
(masked frames, unknown opcodes, lengths beyond the cap or in more bytes than needed, a close without sense)
ends the socket with its own close code and words. It reads on for a hundredth of a second then: whole messages
behind a close without sense may still be handed over, one read of them; a message beyond the cap, or
what follows it, never is.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from typing import TYPE_CHECKING

import picows
from picows import WSCloseCode, WSListener, WSMsgType

from bitmart_async._version import __version__
from bitmart_async.errors import StreamUnavailable
from bitmart_async.text import one_line
from bitmart_async.websocket.refusals import handshake_refused, not_opened
from bitmart_async.websocket.transport import MOST_FRAME_BYTES, SocketClosed

if TYPE_CHECKING:
    import ssl as _ssl
    from collections.abc import Callable

    from picows import WSFrame, WSTransport

    from bitmart_async.websocket.transport import Transport

__all__ = ["open_with_picows"]

_CLOSE_SECONDS = 1.0
_WHOLE_REASON = 500
_MOST_FRAGMENTS = 4096
_READ_BYTES = 128 * 1024
_TEXT, _BINARY = WSMsgType.TEXT, WSMsgType.BINARY
"""For every frame: finding a member of an enum by its name costs more than all else that is asked of it here."""
_silent = logging.Logger("bitmart_async.picows", level=logging.CRITICAL + 1)


class _Listener(WSListener):
    """Collects the messages of one read of the socket, and has them taken together."""

    def __init__(self) -> None:
        super().__init__()
        self.batch: list[bytes] = []
        """Whole messages, not yet taken."""
        self.fragments: list[bytes] | None = None
        self.size = 0
        self.take: Callable[[list[bytes]], int | None] | None = None
        self.stopped: asyncio.Future[None] | None = None
        self.held_back = False
        self.over = False
        self.closing = False
        """We have said goodbye, and read on until the server has."""
        self.ended = ""
        """How it ended, as far as the peer or we said."""
        self.gone = asyncio.Event()
        self.transport: WSTransport | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The upgrade is done."""
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame came."""
        if self.over:
            return
        kind = frame.msg_type
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._fail(transport, WSCloseCode.PROTOCOL_ERROR, "reserved bits must be 0")
        elif (kind is _TEXT or kind is _BINARY) and frame.fin and self.fragments is None:
            self.batch.append(frame.get_payload_as_bytes())
        else:
            self._other(transport, frame)
        if frame.last_in_buffer or self.over:
            if transport.is_close_frame_sent and not (self.closing or self.over):
                self._refused(transport)
            self.flush()

    def _refused(self, transport: WSTransport) -> None:
        """What came last in this read, or behind it, is against the protocol: picows has said goodbye."""
        self.over = True
        self.batch = list(itertools.takewhile(lambda message: len(message) <= MOST_FRAME_BYTES, self.batch))
        transport.disconnect()

    def _other(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind is WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif kind is WSMsgType.PONG:
            pass
        elif kind is WSMsgType.CLOSE:
            code, reason = int(frame.get_close_code().value), frame.get_close_message() or b""
            said = one_line(reason.decode("utf-8", "replace"), _WHOLE_REASON)
            self.over = True
            self.ended = f"server closed with {code or 1005}" + (f" ({said})" if said else "")
            if not transport.is_close_frame_sent:
                transport.send_close(frame.get_close_code() if code else WSCloseCode.OK)
            transport.disconnect()
        elif (kind is WSMsgType.CONTINUATION) == (self.fragments is None):
            self._fail(transport, WSCloseCode.PROTOCOL_ERROR, "a fragment out of order")
        else:
            parts = self.fragments = self.fragments or []
            parts.append(frame.get_payload_as_bytes())
            self.size += frame.payload_size
            if self.size > MOST_FRAME_BYTES or len(parts) > _MOST_FRAGMENTS:
                self._fail(transport, WSCloseCode.MESSAGE_TOO_BIG, "message too big")
            elif frame.fin:
                self.batch.append(b"".join(parts))
                self.fragments, self.size = None, 0

    def _fail(self, transport: WSTransport, code: WSCloseCode, why: str) -> None:
        self.over = True
        self.ended = f"closed here with {code.value} ({why})"
        transport.send_close(code, why.encode())
        transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The socket is gone."""
        self.flush()
        self.over = True
        said = transport.close_handshake.sent if transport.is_close_frame_sent else None
        if said is not None and not self.ended:
            why = one_line(said.reason or "", _WHOLE_REASON)
            self.ended = f"closed here with {int(said.code.value)}" + (f" ({why})" if why else "")
        self.gone.set()
        asyncio.get_running_loop().call_soon(_settle, transport)
        if self.stopped is not None and not self.stopped.done():
            self.stopped.set_result(None)

    def flush(self) -> None:
        """Have what has come taken; hold the peer back while nobody takes."""
        if not self.batch:
            return
        take, stopped = self.take, self.stopped
        if take is None or stopped is None:
            if not self.held_back and not self.gone.is_set() and self.transport is not None:
                self.held_back = True
                self.transport.underlying_transport.pause_reading()
            return
        frames, self.batch = self.batch, []
        try:
            taken = take(frames)
        except BaseException as error:  # whatever it is belongs to whoever reads
            self.take = None
            if not stopped.done():
                stopped.set_exception(error)
            return
        if taken is not None:
            self.batch = frames[taken:]
            self.take = None
            if not stopped.done():
                stopped.set_result(None)


def _settle(transport: WSTransport) -> None:
    """Take the error that picows keeps for ``wait_disconnected``: how the socket ended is told already.

    It is there when picows is done with the disconnect, so one step of the coroutine fetches it without a task.
    """
    waiting = transport.wait_disconnected()
    with contextlib.suppress(StopIteration, Exception):
        waiting.send(None)
    waiting.close()


class _Picows:
    def __init__(self, transport: WSTransport, listener: _Listener) -> None:
        self._transport = transport
        self._listener = listener

    async def read(self, take: Callable[[list[bytes]], int | None]) -> None:
        listener = self._listener
        stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        listener.take, listener.stopped = take, stopped
        try:
            listener.flush()
            if not stopped.done():
                if listener.gone.is_set():
                    raise SocketClosed(self._how())
                self._read_on()
            await stopped
            if listener.take is not None:  # it did not stop: the socket did
                raise SocketClosed(self._how())
        finally:
            listener.take = listener.stopped = None

    def _read_on(self) -> None:
        if self._listener.held_back:
            self._listener.held_back = False
            self._transport.underlying_transport.resume_reading()

    def _how(self) -> str:
        return self._listener.ended or "connection lost without a goodbye"

    async def send(self, message: bytes) -> None:
        if self._listener.over or self._transport.is_disconnected or self._transport.is_close_frame_sent:
            raise SocketClosed(self._how())
        self._transport.send(WSMsgType.TEXT, message)

    def abort(self) -> None:
        self._transport.disconnect(graceful=False)

    async def close(self) -> None:
        if self._listener.gone.is_set():
            return
        self._listener.closing = True
        if not self._transport.is_close_frame_sent:
            self._transport.send_close(WSCloseCode.OK)
            self._listener.ended = self._listener.ended or "closed here with 1000"
        self._read_on()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._listener.gone.wait()
        except TimeoutError:
            self.abort()


async def open_with_picows(
    url: str, timeout: float, *, ssl_context: _ssl.SSLContext | None = None, proxy: str | None = None
) -> Transport:
    """Connect, upgrade and hand over the socket, all within ``timeout`` seconds."""
    host = url.partition("?")[0]
    listener = _Listener()
    try:
        async with asyncio.timeout(timeout):
            transport, _ = await picows.ws_connect(  # pyright: ignore[reportUnknownMemberType]
                lambda: listener,
                url,
                ssl_context=ssl_context,
                websocket_handshake_timeout=None,
                logger_name=_silent,
                enable_auto_pong=False,
                max_frame_size=MOST_FRAME_BYTES,
                extra_headers={"User-Agent": f"bitmart-async/{__version__}"},
                max_redirects=0,
                read_buffer_init_size=_READ_BYTES,
                proxy=proxy,
            )
    except picows.WSHandshakeError as error:
        response, body = error.response, bytes(error.raw_body or b"")
        if response is None:
            raise StreamUnavailable(
                f"{host}: no connection ({one_line(str(error))}).", endpoint=host
            ) from None
        status, target = int(response.status), response.headers.get("Location")
        raise handshake_refused(host, status, target, body) from None
    except (OSError, picows.WSError, EOFError) as error:
        raise not_opened(host, error, timeout) from None
    if listener.transport is None:  # picows gives a socket that was lost within the upgrade as an open one
        raise StreamUnavailable(
            f"{host}: no connection (it ended within the upgrade). Check the network, the host name and the "
            f"environment's URLs.",
            endpoint=host,
        )
    return _Picows(transport, listener)
