"""An HTTP server of raw sockets that misbehaves by script.

For each (method, path) there is a queue of behaviours; the last one repeats. A behaviour is a
coroutine function that is handed the :class:`Exchange`, one request with its socket. Every request
is recorded before its behaviour runs. Not aiohttp on purpose: the client's library must not judge
itself.

    async with ScriptedServer() as server:
        server.on("GET", "/system/time", drop(), answer(ok({"server_time": 1})))
        ...
        assert server.count("GET", "/system/time") == 2
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Self

JSON = {"Content-Type": "application/json"}
HTML = {"Content-Type": "text/html; charset=UTF-8"}


def ok(data: object = None, **extra: object) -> bytes:
    """The usual envelope of a success."""
    return json.dumps({"code": 1000, "message": "OK", "trace": "trace-ok", "data": data, **extra}).encode()


def refusal(code: int, message: str = "no", **extra: object) -> bytes:
    """The usual envelope of a refusal."""
    return json.dumps({"code": code, "message": message, "trace": "trace-no", "data": {}, **extra}).encode()


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    target: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    at: float
    """Loop time of arrival."""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def json(self) -> dict[str, object]:
        parsed = json.loads(self.body)
        assert isinstance(parsed, dict)
        return parsed


@dataclass
class Exchange:
    """A request under way, for behaviours."""

    server: ScriptedServer
    seen: Seen
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """End the connection with RST."""
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def cut(self) -> None:
        """End the connection politely, in the middle of whatever was being said."""
        self.writer.close()


Behaviour: TypeAlias = "Callable[[Exchange], Awaitable[None]]"


def head(status: int, headers: Mapping[str, str], length: int | None) -> bytes:
    """Status line and headers."""
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


# Behaviours -----------------------------------------------------------------------------------------


def answer(body: bytes = b"", status: int = 200, headers: Mapping[str, str] = JSON) -> Behaviour:
    """A whole, correct answer."""

    async def behave(exchange: Exchange) -> None:
        await exchange.send(head(status, headers, len(body)) + body)

    return behave


def reply(make: Callable[[Seen], bytes], status: int = 200, headers: Mapping[str, str] = JSON) -> Behaviour:
    """A whole answer made from the request."""

    async def behave(exchange: Exchange) -> None:
        body = make(exchange.seen)
        await exchange.send(head(status, headers, len(body)) + body)

    return behave


def drop() -> Behaviour:
    """Read the request, close the connection without an answer."""

    async def behave(exchange: Exchange) -> None:
        exchange.cut()

    return behave


def reset() -> Behaviour:
    """Read the request, end the connection with RST."""

    async def behave(exchange: Exchange) -> None:
        exchange.reset()

    return behave


def never() -> Behaviour:
    """Read the request, say nothing until the other side gives up."""

    async def behave(exchange: Exchange) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await exchange.server.closing.wait()
        exchange.cut()

    return behave


def late(seconds: float, then: Behaviour) -> Behaviour:
    """Behave so, but later."""

    async def behave(exchange: Exchange) -> None:
        await asyncio.sleep(seconds)
        await then(exchange)

    return behave


def half_body(body: bytes, *, rst: bool = False) -> Behaviour:
    """Promise the whole body, send half of it, end."""

    async def behave(exchange: Exchange) -> None:
        await exchange.send(head(200, JSON, len(body)) + body[: len(body) // 2])
        if rst:
            exchange.reset()
        else:
            exchange.cut()

    return behave


def wrong_length(body: bytes, length: int) -> Behaviour:
    """Another Content-Length than the body has."""

    async def behave(exchange: Exchange) -> None:
        await exchange.send(head(200, JSON, length) + body)
        exchange.cut()

    return behave


def cut_chunk(body: bytes) -> Behaviour:
    """Chunked, ended inside of a chunk."""

    async def behave(exchange: Exchange) -> None:
        chunk = f"{len(body):x}\r\n".encode() + body[: len(body) // 2]
        await exchange.send(head(200, {**JSON, "Transfer-Encoding": "chunked"}, None) + chunk)
        exchange.cut()

    return behave


def bad_chunk(body: bytes) -> Behaviour:
    """Chunked, with a length that is no number."""

    async def behave(exchange: Exchange) -> None:
        await exchange.send(head(200, {**JSON, "Transfer-Encoding": "chunked"}, None) + b"zz\r\n" + body)
        exchange.cut()

    return behave


def chunked(body: bytes) -> Behaviour:
    """Chunked, correctly."""

    async def behave(exchange: Exchange) -> None:
        await exchange.send(
            head(200, {**JSON, "Transfer-Encoding": "chunked"}, None)
            + f"{len(body):x}\r\n".encode()
            + body
            + b"\r\n0\r\n\r\n"
        )

    return behave


def gzipped(body: bytes) -> Behaviour:
    """Compressed, correctly."""
    return answer(gzip.compress(body), headers={**JSON, "Content-Encoding": "gzip"})


def bad_gzip(body: bytes) -> Behaviour:
    """Compressed, then damaged in the middle."""
    packed = bytearray(gzip.compress(body))
    for index in range(12, len(packed) - 4):
        packed[index] ^= 0xFF
    return answer(bytes(packed), headers={**JSON, "Content-Encoding": "gzip"})


def gzip_bomb(megabytes: int) -> Behaviour:
    """A small body that inflates to so many MiB of blanks."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b" " * 2**20
    packed = b"".join([squeeze.compress(block) for _ in range(megabytes)]) + squeeze.flush()
    return answer(packed, headers={**JSON, "Content-Encoding": "gzip"})


def drip(body: bytes, every: float) -> Behaviour:
    """One byte, a pause, one byte, a pause."""

    async def behave(exchange: Exchange) -> None:
        await exchange.send(head(200, JSON, len(body)))
        for index in range(len(body)):
            await exchange.send(body[index : index + 1])
            await asyncio.sleep(every)

    return behave


def redirect(target: str, status: int = 302) -> Behaviour:
    """Send the caller elsewhere."""
    return answer(b"", status, {"Location": target})


def then_close(first: Behaviour) -> Behaviour:
    """Behave so, then close the kept-alive connection."""

    async def behave(exchange: Exchange) -> None:
        await first(exchange)
        exchange.cut()

    return behave


# The server -------------------------------------------------------------------------------------------


class ScriptedServer:
    """Listens on 127.0.0.1, port 0. Unscripted requests are answered 404 without a body."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[Seen] = []
        self.connections = 0
        self.open = 0
        """Connections open now."""
        self.closing = asyncio.Event()
        self.news = asyncio.Condition()
        self._tls = tls
        self._scripts: dict[tuple[str, str], list[Behaviour]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    def on(self, method: str, path: str, *behaviours: Behaviour) -> None:
        """Script one path anew; the last behaviour repeats."""
        self._scripts[method, path] = list(behaviours)

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def to(self, method: str, path: str) -> list[Seen]:
        """The requests of one path."""
        return [seen for seen in self.seen if (seen.method, seen.path) == (method, path)]

    def count(self, method: str, path: str) -> int:
        return len(self.to(method, path))

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for something that changes with a request or a connection; 5 s at most."""
        async with asyncio.timeout(5), self.news:
            await self.news.wait_for(lambda: bool(condition()))

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self.closing.set()
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _tell(self) -> None:
        async with self.news:
            self.news.notify_all()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.open += 1
        try:
            while (seen := await _read_request(reader)) is not None:
                self.seen.append(seen)
                await self._tell()
                script = self._scripts.get((seen.method, seen.path)) or [answer(b"", 404)]
                behaviour = script.pop(0) if len(script) > 1 else script[0]
                await self._behave_while_heard(behaviour, Exchange(self, seen, writer), reader)
                if writer.is_closing() or seen.headers.get("connection") == "close":
                    break
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # the other side left, or the server closes: not this test's matter
        finally:
            self.open -= 1
            self._tasks.discard(task)
            if self.closing.is_set():
                writer.transport.abort()
            else:
                writer.close()
                await self._tell()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _behave_while_heard(
        self,
        behaviour: Behaviour,
        exchange: Exchange,
        reader: asyncio.StreamReader,
    ) -> None:
        """Run the behaviour, but end it when the other side hangs up."""
        behaving = asyncio.ensure_future(behaviour(exchange))
        hung_up = asyncio.ensure_future(_hang_up(reader))
        try:
            await asyncio.wait({behaving, hung_up}, return_when=asyncio.FIRST_COMPLETED)
            if not behaving.done():
                raise EOFError
            await behaving
        finally:
            for task in (behaving, hung_up):
                task.cancel()
            await asyncio.gather(behaving, hung_up, return_exceptions=True)


async def _hang_up(reader: asyncio.StreamReader) -> None:
    """Ends when the other side has closed. Reads nothing: the next request is not ours to take."""
    while not reader.at_eof() and reader.exception() is None:  # noqa: ASYNC110 - streams have no such event
        await asyncio.sleep(0.01)


async def _read_request(reader: asyncio.StreamReader) -> Seen | None:
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = raw.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(method, target, headers, body, asyncio.get_running_loop().time())
