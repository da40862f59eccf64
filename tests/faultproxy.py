"""A TCP proxy on loopback that does to a connection what networks do.

Every flow through it is handled by the same set of toxics, which may be changed while it runs::

    async with FaultProxy(port) as proxy:
        proxy.toxics.latency = 2.0       # seconds each way, plus up to ``jitter``
        proxy.toxics.bandwidth = 2_000   # bytes per second each way
        proxy.toxics.slice = 1           # bytes per write
        proxy.toxics.blackhole = True    # sockets stay open, nothing passes
        proxy.toxics.limit_data = 100    # bytes towards the client, then it ends
        proxy.toxics.idle = 30.0         # a flow silent for so long is forgotten: nothing passes any more
        proxy.toxics.slow_close = 5.0    # the end of one side reaches the other so late
        proxy.reset()                    # RST to every client
        async with proxy.down(): ...     # connects are refused
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Self

__all__ = ["FaultProxy", "Toxics"]


@dataclass
class Toxics:
    """What is done to the bytes."""

    latency: float = 0.0
    jitter: float = 0.0
    bandwidth: float = 0.0
    slice: int = 0
    blackhole: bool = False
    limit_data: int | None = None
    idle: float = 0.0
    slow_close: float = 0.0


class _Flow:
    """One client's connection and its counterpart."""

    def __init__(self, proxy: FaultProxy, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.proxy = proxy
        self.client = client
        self.server = server
        self.moved = asyncio.get_running_loop().time()
        self.forgotten = False
        self.passed = 0

    def admits(self) -> bool:
        """Whether bytes pass now; a flow silent for too long never comes back."""
        now = asyncio.get_running_loop().time()
        idle = self.proxy.toxics.idle
        if idle and now - self.moved > idle:
            self.forgotten = True
            self.proxy.forgotten += 1
        self.moved = now
        return not (self.forgotten or self.proxy.toxics.blackhole)

    async def pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, down: bool) -> None:
        """Carry bytes one way: read at once, written when the line would have brought them."""
        queue: deque[tuple[float, bytes]] = deque()
        arrived = asyncio.Event()
        writing = asyncio.create_task(self._write(queue, arrived, sink, down=down))
        try:
            while data := await source.read(65536):
                if self.admits():
                    queue.append((self._due(queue), data))
                    arrived.set()
            await asyncio.sleep(self.proxy.toxics.slow_close)
        except OSError as ended:
            self.proxy.ends.append(type(ended).__name__)
        finally:
            queue.append((0.0, b""))
            arrived.set()
            with contextlib.suppress(OSError):
                await writing

    def _due(self, queue: deque[tuple[float, bytes]]) -> float:
        toxics = self.proxy.toxics
        due = asyncio.get_running_loop().time() + toxics.latency
        due += self.proxy.random.uniform(0.0, toxics.jitter)
        return max(due, queue[-1][0]) if queue else due  # TCP keeps the order

    async def _write(
        self,
        queue: deque[tuple[float, bytes]],
        arrived: asyncio.Event,
        sink: asyncio.StreamWriter,
        *,
        down: bool,
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while not queue:
                arrived.clear()
                await arrived.wait()
            due, data = queue.popleft()
            if not data:
                sink.close()
                return
            await asyncio.sleep(max(0.0, due - loop.time()))
            for piece in self._pieces(data, down=down):
                sink.write(piece)
                await sink.drain()
                self.moved = loop.time()
                if self.proxy.toxics.bandwidth:
                    await asyncio.sleep(len(piece) / self.proxy.toxics.bandwidth)
                elif self.proxy.toxics.slice:
                    await asyncio.sleep(0)
            limit = self.proxy.toxics.limit_data
            if down and limit is not None and self.passed >= limit:
                sink.close()
                return

    def _pieces(self, data: bytes, *, down: bool) -> list[bytes]:
        toxics = self.proxy.toxics
        if down and toxics.limit_data is not None:
            data = data[: max(0, toxics.limit_data - self.passed)]
        if down:
            self.passed += len(data)
        size = toxics.slice or (max(1, int(toxics.bandwidth / 20)) if toxics.bandwidth else len(data) or 1)
        return [data[at : at + size] for at in range(0, len(data), size)]


class FaultProxy:
    """See the module's text.

    Args:
        port: Where connections go on to, on 127.0.0.1.
        seed: Of the jitter.
    """

    def __init__(self, port: int, *, seed: int = 1) -> None:
        self.toxics = Toxics()
        self.random = random.Random(seed)
        self.connects = 0
        self.forgotten = 0
        """Bytes that came for a flow the proxy had forgotten."""
        self.ends: list[str] = []
        """How flows ended that did not end in order."""
        self.port = 0
        self._target = port
        self._server: asyncio.Server | None = None
        self._flows: dict[_Flow, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop_listening()
        tasks = list(self._flows.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    @contextlib.asynccontextmanager
    async def down(self) -> AsyncIterator[None]:
        """Nobody listens, and every flow is reset."""
        await self._stop_listening()
        self.reset()
        yield
        await self._listen()

    def reset(self) -> None:
        """End every flow with an RST to the client, and none of the goodbyes."""
        for flow in tuple(self._flows):
            peer = flow.client.get_extra_info("socket")
            if peer is not None and not flow.client.is_closing():
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            flow.client.transport.abort()
            flow.server.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connects += 1
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        flow = _Flow(self, writer, far_writer)
        task = asyncio.current_task()
        assert task is not None
        self._flows[flow] = task
        pumps = [
            asyncio.create_task(flow.pump(reader, far_writer, down=False)),
            asyncio.create_task(flow.pump(far_reader, writer, down=True)),
        ]
        try:
            await asyncio.wait(pumps)
        except asyncio.CancelledError:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        finally:
            for end in (writer, far_writer):
                end.transport.abort()
            del self._flows[flow]
