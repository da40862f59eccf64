"""picows reads any stream of bytes as the library alone does, over a real socket.

What may differ, and why:

* close codes and words: it chooses its own for what it refuses, and answers a close without a code with 1000;
* a length in more bytes than needed: the library reads on, picows ends the connection, as RFC 6455 (5.2) has it.
  A ping, pong or close in fragments or beyond 125 bytes both refuse, picows at its head already, the library
  when it is complete. The library is given such a stream with an unknown opcode in that place, which both refuse
  at once;
* a fragment that makes a message too big: the library refuses it at its head, the transport when it is complete;
* behind a close frame without sense (a code nobody may send, a reason that is no UTF-8) whole messages may still
  be handed over until the socket is closed: picows reads on for a moment. They are never others than those that
  came, and never out of order;
* a reset: the kernel throws away what nobody has read yet, so that the end is always that of the server's side.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import itertools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection

from bitmart_async.websocket.transport import MOST_FRAME_BYTES

from .test_splitter import _frame, _live, _read_all, _rests, _Seen, _small, _spoken, _stream

pytest.importorskip("picows", reason="the extra `fast` is not installed")

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


_runner: asyncio.Runner
_url: str


@pytest.fixture(autouse=True, scope="module")
def _one_loop() -> Iterator[None]:
    global _runner, _url

    async def serve() -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", 0)

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as _runner:
        server = _runner.run(serve())
        _url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        yield
        server.close()
        _runner.run(server.wait_closed())


@dataclass
class _Server(asyncio.Protocol):
    """One socket, upgraded with whatever bytes are to follow."""

    last: ClassVar[_Server]
    heard: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.open, self.gone, self.may_write = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.may_write.set()
        type(self).last = self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard += data
        if self.open.is_set() or b"\r\n\r\n" not in self.heard:
            return
        head, _, rest = bytes(self.heard).partition(b"\r\n\r\n")
        key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)
        assert key is not None
        accept = hashlib.sha1(key[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(accept) + b"\r\n\r\n"
        )
        self.heard = bytearray(rest)
        self.open.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()
        self.may_write.set()

    def pause_writing(self) -> None:
        self.may_write.clear()

    def resume_writing(self) -> None:
        self.may_write.set()

    async def feed(self, chunks: Sequence[bytes], pauses: Sequence[int]) -> None:
        """Write them, with so many turns of the loop between them, and end this side."""
        await self.open.wait()
        for number, chunk in enumerate(chunks):
            for _ in range(pauses[number % len(pauses)]):
                await asyncio.sleep(0)
            await self.may_write.wait()
            if self.gone.is_set():
                return
            self.transport.write(chunk)
        if not self.transport.is_closing():
            with contextlib.suppress(OSError):  # the client has gone in this moment
                self.transport.write_eof()
        await self.gone.wait()


async def _over_picows(chunks: Sequence[bytes], stops: Sequence[int], pauses: Sequence[int]) -> _Seen:
    from bitmart_async.websocket.over_picows import open_with_picows

    async with asyncio.timeout(20):
        transport = await open_with_picows(_url, 10)
        peer = _Server.last
        feeding = asyncio.create_task(peer.feed(chunks, pauses))
        try:
            seen = _Seen()
            await _read_all(transport, stops, seen)
        finally:
            await transport.close()
            await feeding
        seen.spoken = _spoken(bytes(peer.heard))
        return seen


_UNKNOWN = b"\x83\x00"
"""A frame both refuse."""


def _frames(data: bytes) -> Iterator[tuple[int, int, int, bool]]:
    """Where a frame begins, its payload, the next one; and whether its length has no more bytes than needed."""
    place = 0
    while place + 2 <= len(data):
        size, start = data[place + 1] & 127, place + 2
        least = {126: 126, 127: 1 << 16}.get(size, 0)
        if size > 125:
            width = 2 if size == 126 else 8
            if start + width > len(data):
                yield place, len(data), len(data), True
                return
            size = int.from_bytes(data[start : start + width])
            start += width
        yield place, start, start + size, size >= least
        place = start + size


def _as_picows_reads(data: bytes) -> bytes:
    """The stream with an unknown opcode where picows refuses what the library takes, or takes at first."""
    for place, _, _, short in _frames(data):
        control = bool(data[place] & 0x08)
        if not short or (control and (not data[place] & 0x80 or data[place + 1] & 127 > 125)):
            return data[:place] + _UNKNOWN
    return data


def _behind_a_close(data: bytes) -> bytes:
    """What follows the first close, without closes."""
    frames = [data[place:after] for place, _, after, _ in _frames(data)]
    first = next((number for number, frame in enumerate(frames) if frame[0] & 15 == 8), len(frames))
    return b"".join(frame for frame in frames[first:] if frame[0] & 15 != 8)


def _chunks(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(data)}), len(data)]
    return [data[start:stop] for start, stop in itertools.pairwise(edges) if stop > start]


_LOST = "connection lost without a goodbye"


def _both(data: bytes, cuts: Sequence[int], stops: Sequence[int], pauses: Sequence[int]) -> _Seen:
    """What picows gives, held against what the library gives."""
    same = _as_picows_reads(data)
    plain = _runner.run(_live(ClientConnection, _chunks(same, cuts), "eof", stops, pauses))
    seen = _runner.run(_over_picows(_chunks(data, cuts), stops, pauses))
    cut_short = any(after > len(same) for _, _, after, _ in _frames(same))
    if not (cut_short and plain.ended.startswith("closed here with 1009")):
        assert (seen.ended == _LOST) == (plain.ended == _LOST), (plain, seen)
    known = len(plain.messages)
    assert seen.messages[:known] == plain.messages
    if more := seen.messages[known:]:
        assert plain.ended.startswith("closed here with"), plain
        behind = _runner.run(_live(ClientConnection, [_behind_a_close(same)], "eof", [], [0])).messages
        assert more == behind[: len(more)]
    if seen.ended == plain.ended == _LOST:
        assert [said for said in seen.spoken if said[0] != "eof"] == [
            said for said in plain.spoken if said[0] != "eof"
        ]
    return seen


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(data=_stream, cuts=st.lists(st.integers(0, 400), max_size=12), stops=_small, pauses=_rests)
@example(data=b"", cuts=[], stops=[], pauses=[0])
@example(data=_frame(0x81, b"a", width=2) + _frame(0x81, b"b"), cuts=[], stops=[], pauses=[0])
def test_any_stream_reads_the_same(data: bytes, cuts: list[int], stops: list[int], pauses: list[int]) -> None:
    """Messages, their order, and whether the connection lives on; and every ping is answered while it does."""
    _both(data, cuts, stops, pauses)


_USUAL = (
    _frame(0x81, b"one")
    + _frame(0x82, b"two" * 50)
    + b"\x89\x02hi"
    + _frame(0x01, b"th")
    + b"\x8a\x00"
    + _frame(0x80, b"ree")
    + _frame(0x81, b"\xff\xfe four" * 99)
    + _frame(0x88, b"\x03\xe8bye")
    + _frame(0x81, b"too late")
)


def test_every_cut_of_one_stream() -> None:
    """Cut once at every third place, and byte by byte: four messages, one pong, the goodbye."""
    for cut in range(0, len(_USUAL), 3):
        seen = _both(_USUAL, [cut], [], [1])
        assert seen.messages == [b"one", b"two" * 50, b"three", b"\xff\xfe four" * 99]
        assert seen.ended == "server closed with 1000 (bye)"
        assert seen.spoken[0][1] == b"hi"
    _both(_USUAL, range(len(_USUAL)), [1, 2, 1], [0, 1])


def test_a_stream_that_ends_anywhere() -> None:
    """A cut frame, header or message is no message."""
    for length in range(0, len(_USUAL), 5):
        _both(_USUAL[:length], [7, 60], [2, 1], [1, 0])


def test_the_largest_message_passes_and_one_byte_more_does_not() -> None:
    """4 MiB whole or in fragments; beyond it the connection ends with 1009, though all of the message came."""
    most, half = b"x" * MOST_FRAME_BYTES, b"x" * (MOST_FRAME_BYTES // 2)
    last = _frame(0x81, b"on")
    for largest in (_frame(0x82, most), _frame(0x02, half) + _frame(0x80, half)):
        seen = _both(largest + last, range(0, len(largest), 1 << 18), [], [0])
        assert seen.messages == [most, b"on"]
    for larger in (_frame(0x82, most + b"x"), _frame(0x02, half) + _frame(0x80, half + b"x")):
        seen = _both(_frame(0x81, b"x") + larger + last, range(0, len(larger), 1 << 18), [], [0])
        assert seen.messages == [b"x"]
        assert seen.ended.startswith("closed here with 1009 (")
        assert not _both(larger + last, [], [], [0]).messages


def test_what_it_refuses_is_told() -> None:
    """The close code and the reason of a refusal stand in the error."""
    for odd in (b"\x83\x00", b"\x81\x81\1\2\3\4x", b"\x09\x00", b"\x88\x01x", b"\xc1\x00"):
        seen = _both(_frame(0x81, b"good") + odd, [], [], [0])
        assert seen.messages == [b"good"]
        assert seen.ended.startswith("closed here with 1002 ("), odd
