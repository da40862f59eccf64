"""A neutral websocket server for the benchmarks: frames made beforehand, written as fast as they are taken.

It knows the upgrade, pings, and the acknowledgement of a subscribe in either market's form; nothing else.
``python -m benchmarks.stream_server FRAMES`` prints its port, then obeys one JSON command a line, each
answered by one JSON line:

* ``{"do": "flood", "who": w, "script": name}`` writes a script to the socket whose URL has ``who=w``;
* ``{"do": "pace", "who": [w, ...], "script": name, "burst": n, "gap": s}`` writes it to each of these sockets, n
  frames at a time: each piece to all of them one after the other, in an order drawn anew, s seconds apart or half
  or one and a half of that. Answers with the moment of each write by socket (CLOCK_MONOTONIC, nanoseconds, taken
  before the call that writes).
"""

from __future__ import annotations

import asyncio
import base64
import gc
import hashlib
import json
import random
import re
import socket
import sys
import time
from typing import ClassVar

from benchmarks import frames

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_SLICE = 256 * 1024
LONE, BURST, BURSTS = 1000, 50, 100
"""Frames one by one, and bursts of so many frames, in a round of latencies."""
FOR_PEERS = 2000
"""Frames of a round in which other clients take part: they take long."""


def scripts(count: int) -> dict[str, frames.Script]:
    """Everything a round may consist of, by name."""
    return {
        "spot": frames.mixed("spot", count),
        "futures": frames.mixed("futures", count),
        **{f"{market} lone": frames.mixed(market, LONE, single=True) for market in frames.MIXES},
        **{f"{market} bursts": frames.mixed(market, BURST * BURSTS, single=True) for market in frames.MIXES},
        "spot peers": frames.with_end(frames.mixed("spot", FOR_PEERS)),
        "spot peers, no trades": frames.with_end(frames.mixed("spot", FOR_PEERS, without="trade")),
        "futures peers": frames.with_end(frames.mixed("futures", FOR_PEERS)),
        "spot one": frames.spread("spot", "ticker", count, 1),
        "spot hundred": frames.spread("spot", "ticker", count, 100),
    }


class Peer(asyncio.Protocol):
    """One socket."""

    known: ClassVar[dict[str, list[Peer]]] = {}

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._open = False
        self._room = asyncio.Event()
        self._room.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport.set_write_buffer_limits(high=_SLICE)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._room.set()
        for peers in self.known.values():
            if self in peers:
                peers.remove(self)

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def data_received(self, data: bytes) -> None:
        self._bytes += data
        if not self._open:
            head, found, rest = bytes(self._bytes).partition(b"\r\n\r\n")
            if not found:
                return
            self._open = True
            self._bytes = bytearray(rest)
            self._upgrade(head)
        while self._frame():
            pass

    def _upgrade(self, head: bytes) -> None:
        key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)
        who = re.search(rb"who=(\w+)", head)
        assert key is not None
        accept = base64.b64encode(hashlib.sha1(key[1] + _GUID).digest())
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        if who is not None:
            self.known.setdefault(who[1].decode(), []).append(self)

    def _frame(self) -> bool:
        """Answer one frame of the client, which is masked and small."""
        data = self._bytes
        if len(data) < 2:
            return False
        size, start = data[1] & 127, 2
        if size == 126:
            if len(data) < 4:
                return False
            size, start = int.from_bytes(data[2:4]), 4
        if len(data) < start + 4 + size:
            return False
        mask, body = data[start : start + 4], data[start + 4 : start + 4 + size]
        text = bytes(byte ^ mask[place % 4] for place, byte in enumerate(body))
        opcode = data[0] & 15
        del data[: start + 4 + size]
        if opcode == 9:
            self.transport.write(bytes((0x8A, len(text))) + text)
        elif opcode == 8:
            self.transport.write(bytes((0x88, len(text))) + text)
            self.transport.close()
        elif opcode in (1, 2):
            self._answer(text)
        return True

    def _answer(self, text: bytes) -> None:
        if text == b"ping":
            self.transport.write(frames.wire(b"pong"))
            return
        body = json.loads(text)
        operation = body.get("op") or body.get("action")
        if operation == "ping":
            self.transport.write(frames.wire(b'{"group":"System","data":"pong+1"}'))
        for topic in body.get("args", ()):
            ack = (
                {"event": operation, "topic": topic}
                if "op" in body
                else {"action": operation, "group": topic, "success": True}
            )
            self.transport.write(frames.wire(json.dumps(ack).encode()))

    async def flood(self, slices: list[bytes]) -> None:
        for piece in slices:
            self.transport.write(piece)
            await self._room.wait()


def sliced(pieces: list[bytes]) -> list[bytes]:
    """Whole frames together: a pong, which is written when a ping comes, must not stand within one."""
    slices, some, size = [], [], 0
    for piece in pieces:
        some.append(piece)
        size += len(piece)
        if size >= _SLICE:
            slices.append(b"".join(some))
            some, size = [], 0
    return [*slices, b"".join(some)]


async def pace(peers: dict[str, Peer], pieces: list[bytes], burst: int, gap: float) -> dict[str, list[int]]:
    """Write to all in turn, so that each meets the same neighbours on the machine."""
    written: dict[str, list[int]] = {who: [] for who in peers}
    whole = [
        (len(pieces[at : at + burst]), b"".join(pieces[at : at + burst]))
        for at in range(0, len(pieces), burst)
    ]
    gc.disable()
    for count, piece in whole:
        for who in random.sample(list(peers), len(peers)):
            await asyncio.sleep(gap * random.uniform(0.5, 1.5))
            now = time.monotonic_ns()
            peers[who].transport.write(piece)
            written[who] += [now] * count
    gc.enable()
    return written


async def main(count: int) -> None:
    loop = asyncio.get_running_loop()
    made = {name: script.wire() for name, script in scripts(count).items()}
    blobs = {name: sliced(pieces) for name, pieces in made.items()}
    server = await loop.create_server(Peer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        if command["do"] == "flood":
            await Peer.known[command["who"]][-1].flood(blobs[command["script"]])
            print("{}", flush=True)
        else:
            those = {who: Peer.known[who][-1] for who in command["who"]}
            written = await pace(those, made[command["script"]], command["burst"], command["gap"])
            print(json.dumps(written), flush=True)
    server.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
