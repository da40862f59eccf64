"""The fast way of reading a socket gives what the library alone gives, whatever comes, however it is cut."""

from __future__ import annotations

import asyncio
import itertools
import logging
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.frames import Frame
from websockets.http11 import Response
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from bitmart_async.websocket import over_websockets
from bitmart_async.websocket.over_websockets import _Fast, _Plain, _splitter
from bitmart_async.websocket.splitter import Splitter, library_is_as_expected
from bitmart_async.websocket.transport import MOST_FRAME_BYTES, SocketClosed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bitmart_async.websocket.transport import Transport

_silent = logging.Logger("splitter", level=logging.CRITICAL + 1)


def _frame(first: int, payload: bytes = b"", *, width: int = 0, mask: bool = False, size: int = -1) -> bytes:
    """A frame as bytes; ``width`` forces the length field, ``size`` lets it lie."""
    size = len(payload) if size < 0 else size
    if width == 8 or size > 0xFFFF:
        head = bytes((first, 127 | mask << 7)) + struct.pack("!Q", size)
    elif width == 2 or (not width and size > 125):
        head = bytes((first, 126 | mask << 7)) + struct.pack("!H", size)
    else:
        head = bytes((first, size | mask << 7))
    return head + (b"\1\2\3\4" if mask else b"") + payload


class _Socket(asyncio.Transport):
    """A transport that keeps what is written, and whether the peer is held back."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.held_back = self.closing = False

    def write(self, data: Any) -> None:
        self.written += data

    def pause_reading(self) -> None:
        self.held_back = True

    def resume_reading(self) -> None:
        self.held_back = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.written += b"<eof>"

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.closing = True


def _spoken(written: bytes) -> list[tuple[Any, ...]]:
    """The frames a client wrote, unmasked."""
    body = written.removesuffix(b"<eof>")
    server = ServerProtocol(state=State.OPEN, logger=_silent)
    server.receive_data(body)
    frames = [event for event in server.events_received() if isinstance(event, Frame)]
    return [(frame.opcode, bytes(frame.data)) for frame in frames] + [("eof", body != written)]


@dataclass
class _Seen:
    """All that a program can tell of a socket's life."""

    messages: list[bytes] = field(default_factory=list)
    ended: str = ""
    code: int | None = None
    reason: str | None = None
    cause: str = ""
    spoken: list[tuple[Any, ...]] = field(default_factory=list)


async def _read_all(transport: Transport, stops: Sequence[int], seen: _Seen) -> None:
    """Read a socket to its end, and stop now and then."""
    waits = list(stops)

    def take(batch: list[bytes]) -> int | None:
        assert batch
        for taken, message in enumerate(batch, 1):
            assert type(message) is bytes
            seen.messages.append(message)
            if waits and len(seen.messages) % waits[0] == 0:
                return taken
        return None

    try:
        while True:
            await transport.read(take)
            for _ in range(waits.pop(0) if waits else 0):
                await asyncio.sleep(0)
    except SocketClosed as closed:
        seen.ended = str(closed)


async def _live(
    kind: type[ClientConnection],
    chunks: Sequence[bytes],
    end: str,
    stops: Sequence[int],
    pauses: Sequence[int],
) -> _Seen:
    """Feed a socket that somebody reads, who stops now and then, until its end."""
    async with asyncio.timeout(20):  # a wait for ever is a failure, not a test that hangs
        return await _lived(kind, chunks, end, stops, pauses)


async def _lived(
    kind: type[ClientConnection],
    chunks: Sequence[bytes],
    end: str,
    stops: Sequence[int],
    pauses: Sequence[int],
) -> _Seen:
    connection = kind(
        ClientProtocol(
            parse_uri("ws://localhost/"), state=State.OPEN, max_size=MOST_FRAME_BYTES, logger=_silent
        ),
        ping_interval=None,
        max_queue=4,
    )
    socket = _Socket()
    connection.connection_made(socket)
    connection.response = Response(101, "", Headers())
    transport = _Fast(connection) if isinstance(connection, Splitter) else _Plain(connection)
    seen = _Seen()
    reader = asyncio.create_task(_read_all(transport, stops, seen))
    for number, chunk in enumerate(chunks):
        for _ in range(pauses[number % len(pauses)]):
            await asyncio.sleep(0)
        while socket.held_back:  # noqa: ASYNC110 - as a kernel would, it only waits
            await asyncio.sleep(0)
        if socket.closing:
            break
        connection.data_received(chunk)
    for _ in range(pauses[0]):
        await asyncio.sleep(0)
    if end == "eof":
        connection.eof_received()
    connection.connection_lost(ConnectionResetError("reset") if end == "reset" else None)
    await reader
    seen.code, seen.reason = connection.close_code, connection.close_reason
    seen.cause = repr(connection.protocol.parser_exc)
    seen.spoken = _spoken(bytes(socket.written))
    return seen


def _both(data: bytes, cuts: Sequence[int], end: str, stops: Sequence[int], pauses: Sequence[int]) -> _Seen:
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(data)}), len(data)]
    chunks = [data[start:stop] for start, stop in itertools.pairwise(edges) if stop > start]
    plain = _runner.run(_live(ClientConnection, chunks, end, stops, pauses))
    fast = _runner.run(_live(Splitter, chunks, end, stops, pauses))
    assert fast == plain
    return fast


_runner: asyncio.Runner


@pytest.fixture(autouse=True, scope="module")
def _one_loop() -> Iterator[None]:
    global _runner
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as _runner:
        yield


_payloads = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([0, 1, 125, 126, 127, 128, 0xFFFF, 0x10000]).map(lambda size: b"x" * size),
    st.sampled_from([b"\xff\xfe", "é".encode()[:1], b'{"table":"spot/ticker","data":[]}']),
)
_whole = st.builds(
    _frame, st.sampled_from([0x81, 0x82]), _payloads, width=st.sampled_from([0, 0, 0, 2, 8])
).filter(bool)
_control = st.builds(_frame, st.sampled_from([0x89, 0x8A]), st.binary(max_size=20))
_message_in_fragments = st.lists(_payloads, min_size=1, max_size=4).flatmap(
    lambda parts: st.lists(_control, max_size=len(parts), min_size=len(parts)).map(
        lambda controls: b"".join(
            _frame((0 if place else 1) | (0x80 if place == len(parts) - 1 else 0), part) + control
            for place, (part, control) in enumerate(zip(parts, controls, strict=True))
        )
    )
)
_odd = st.one_of(
    st.builds(_frame, st.integers(0, 255), st.binary(max_size=130)),
    st.builds(_frame, st.sampled_from([0x81, 0x82, 0x89]), st.binary(max_size=130), mask=st.just(True)),
    st.builds(_frame, st.sampled_from([0xC1, 0xA1, 0x91, 0xF2, 0xC9]), st.binary(max_size=20)),
    st.builds(
        _frame,
        st.sampled_from([0x81, 0x01, 0x82, 0x80]),
        st.binary(max_size=9),
        width=st.just(8),
        size=st.sampled_from([MOST_FRAME_BYTES + 1, 1 << 31, (1 << 64) - 1, MOST_FRAME_BYTES]),
    ),
    st.builds(_frame, st.sampled_from([0x01, 0x02, 0x00, 0x80]), st.binary(max_size=20)),
    st.builds(_frame, st.just(0x89), st.binary(min_size=126, max_size=130)),
    st.binary(max_size=12),
)
_close = st.builds(
    _frame,
    st.just(0x88),
    st.one_of(
        st.just(b""),
        st.just(b"\x03"),
        st.builds(
            lambda code, reason: struct.pack("!H", code) + reason,
            st.sampled_from([1000, 1001, 1005, 1006, 1008, 1012, 2999, 4001, 999]),
            st.sampled_from([b"", b"so be it", b"\xff"]),
        ),
    ),
)
_stream = st.lists(
    st.one_of(_whole, _whole, _whole, _whole, _control, _message_in_fragments, _odd, _close), max_size=12
).map(b"".join)
_ends = st.sampled_from(["eof", "lost", "reset"])
_small = st.lists(st.integers(1, 3), max_size=6)
_rests = st.lists(st.integers(0, 3), min_size=1, max_size=4)


@settings(
    max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(data=_stream, cuts=st.lists(st.integers(0, 400), max_size=12), end=_ends, stops=_small, pauses=_rests)
@example(data=b"", cuts=[], end="eof", stops=[], pauses=[0])
@example(
    data=_frame(0x81, b"a") + b"\x89\x00" + _frame(0x81, b"b"), cuts=[4], end="eof", stops=[1, 1], pauses=[0]
)
@example(data=b"\x00\x01\x81\x00", cuts=[2], end="eof", stops=[], pauses=[1])
def test_any_stream_reads_the_same_on_both_ways(
    data: bytes, cuts: list[int], end: str, stops: list[int], pauses: list[int]
) -> None:
    """Messages, their order, how it ended, close code, reason and cause, and what was answered on the wire."""
    _both(data, cuts, end, stops, pauses)


_EVERYTHING = (
    _frame(0x81, b"one")
    + _frame(0x82, b"two" * 50)
    + b"\x89\x02hi"
    + _frame(0x01, b"th")
    + b"\x8a\x00"
    + _frame(0x80, b"ree")
    + _frame(0x81, b"\xff\xfe four", width=8)
    + _frame(0x81, b"five", width=2)
    + _frame(0x88, b"\x03\xe8bye")
    + _frame(0x81, b"too late")
)


@pytest.mark.parametrize("end", ["eof", "reset"])
def test_every_cut_of_one_stream(end: str) -> None:
    """Cut once at every place, and byte by byte: five messages, one pong, the goodbye."""
    for cut in range(len(_EVERYTHING)):
        seen = _both(_EVERYTHING, [cut], end, [], [1])
        assert seen.messages == [b"one", b"two" * 50, b"three", b"\xff\xfe four", b"five"]
        assert (seen.code, seen.reason) == (1000, "bye")
    _both(_EVERYTHING, range(len(_EVERYTHING)), end, [1, 2, 1], [0, 1])


def test_a_stream_that_ends_anywhere() -> None:
    """A cut frame, header or message is no message on either way."""
    for length in range(len(_EVERYTHING)):
        _both(_EVERYTHING[:length], [7, 60], "lost", [2, 1], [1, 0])


def test_the_largest_message_passes_and_one_byte_more_does_not() -> None:
    """4 MiB in many pieces; beyond it the connection ends with 1009 before the message is there."""
    largest = _frame(0x82, b"x" * MOST_FRAME_BYTES)
    cuts = range(0, len(largest), 65536)
    assert len(_both(largest + _frame(0x81, b"on"), cuts, "eof", [], [0]).messages) == 2
    seen = _both(_frame(0x81, b"x") + _frame(0x82, b"x" * (MOST_FRAME_BYTES + 1))[:20], [], "eof", [], [1])
    assert seen.messages == [b"x"]
    assert seen.spoken[0][1][:2] == struct.pack("!H", 1009)


def test_a_head_that_comes_alone_is_the_beginning_of_a_frame() -> None:
    """A ping or a fragment cut behind its head: what follows is its payload, even where it looks like frames."""
    inside = _frame(0x81, b"invented")
    for head in (b"\x89", b"\x02"):
        data = head + bytes((len(inside),)) + inside + (b"\x80\x00" if head == b"\x02" else b"")
        seen = _both(data, [2], "eof", [], [1])
        assert seen.messages == ([inside] if head == b"\x02" else [])


def test_after_a_ping_and_a_fragment_the_fast_way_goes_on() -> None:
    """What the library had to do costs that frame and no more."""

    async def scenario(odd: bytes) -> None:
        splitter = Splitter(
            ClientProtocol(parse_uri("ws://localhost/"), state=State.OPEN, logger=_silent), ping_interval=None
        )
        splitter.connection_made(_Socket())
        splitter.response = Response(101, "", Headers())
        got: list[bytes] = []

        def take(batch: list[bytes]) -> None:
            got.extend(batch)

        reader = asyncio.create_task(_Fast(splitter).read(take))
        await asyncio.sleep(0)
        assert splitter.fast
        splitter.data_received(_frame(0x81, b"a") + odd + _frame(0x81, b"z"))
        assert not splitter.fast
        for _ in range(9):
            await asyncio.sleep(0)
        assert splitter.fast
        assert (got[0], got[-1]) == (b"a", b"z")
        splitter.connection_lost(None)
        with pytest.raises(SocketClosed):
            await reader

    for odd in (b"\x89\x00", b"\x8a\x01x", _frame(0x01, b"m") + b"\x89\x00" + _frame(0x80, b"n")):
        _runner.run(scenario(odd))


def test_what_a_reader_raises_ends_his_read_and_nobody_elses() -> None:
    """An error in ``take`` comes out of read(), from a batch that came and from one that was held."""

    async def scenario(splitter: Splitter, fail: Callable[[], None]) -> None:
        splitter.connection_made(_Socket())
        splitter.response = Response(101, "", Headers())
        transport, got = _Fast(splitter), []

        def take(batch: list[bytes]) -> int | None:
            got.append(batch[0])
            if batch[0] == b"bad":
                fail()
            return 1

        reader = asyncio.create_task(transport.read(take))
        await asyncio.sleep(0)
        splitter.data_received(_frame(0x81, b"good") + _frame(0x81, b"bad") + _frame(0x81, b"rest"))
        await reader
        with pytest.raises(ZeroDivisionError):
            await transport.read(take)
        reader = asyncio.create_task(transport.read(take))
        await asyncio.sleep(0)
        splitter.data_received(_frame(0x81, b"bad"))
        with pytest.raises(ZeroDivisionError):
            await reader
        splitter.connection_lost(None)

    async def both() -> None:
        protocol = ClientProtocol(parse_uri("ws://localhost/"), state=State.OPEN, logger=_silent)
        await scenario(Splitter(protocol, ping_interval=None), lambda: print(1 // 0))

    _runner.run(both())


def test_a_changed_library_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """When an inner name means something else, every socket is read by the library alone."""

    async def check() -> bool:
        return library_is_as_expected(_silent)

    assert _runner.run(check())

    def fewer(self: ClientConnection, data: bytes) -> None:
        self.protocol.receive_data(data)
        self.protocol.reader.buffer = bytearray()  # as a parser with a buffer of its own would leave it
        for event in self.protocol.events_received():
            self.process_event(event)

    monkeypatch.setattr(ClientConnection, "data_received", fewer)
    assert not _runner.run(check())
    monkeypatch.undo()
    monkeypatch.setattr("websockets.protocol.Protocol.events_received", None)
    assert not _runner.run(check())
    monkeypatch.undo()
    monkeypatch.setattr("bitmart_async.websocket.splitter.library_is_as_expected", lambda _: False)
    _splitter.cache_clear()
    try:
        assert over_websockets._splitter() is None
    finally:
        _splitter.cache_clear()
